// Stamping: what merging must know of a transaction of this database, added to its record before it
// goes into the log.
//
//   record of a local transaction --stamp_record--> the same rows, and
//       a row that lives again         cl in its stamps
//       COUNTER, SET written again     the state, if the cell doesn't tell it
//       a row deleted                  the table's mark, or a grave
//       values adopted by a new name   their old stamps
//
// Only tables with SETs, dead keys or cells that merges brought need any of it (and COUNTERs, once
// the directory has a second name); the records of others pass as they are.
// Errors: corrupt, io.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/catalog.h"
#include "core/triples/commit_record.h"
#include "persist/stamp_book.h"

namespace tremula::persist {

// `tree` holds all transactions before this one, of the rows that it writes. `catalog`: of then or
// later.
// Returns: the record to log.
base::Result<std::string> stamp_record(std::string_view record, std::uint64_t db_version,
                                       const lsm::LsmTree& tree, const triples::Catalog& catalog,
                                       StampBook& book);

// Whether the record declares anything.  Errors: corrupt.
base::Result<bool> writes_catalog(std::string_view record);

// Whether stamp_record() may give anything but the record itself; true, if it declares anything.
// `row`: kept by the caller for its memory.  Cost: one look at each row, no reads.
base::Result<bool> may_stamp(std::string_view record, const triples::Catalog& catalog,
                             const StampBook& book, triples::WrittenRow& row);

}  // namespace tremula::persist
