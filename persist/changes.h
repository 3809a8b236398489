// Changes: all that a directory's rows, dead ones too, tell other replicas, as change records.
//
//   tree -> rows with anything above `since` -> records -sorted by db_version, numbered-> lines
//
// `seq` is counted while printing: records of one transaction by table, row and column, the row's
// own first.
// Cost: the blocks that have anything above `since`, and those that the rows found stand in; a look
// at each row in the memtables and at each block's place. Memory for what is printed.
// Errors: corrupt, io.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/catalog.h"
#include "persist/stamp_book.h"

namespace tremula::persist {

// Calls `line` with each record above `since`, and with the closing line; with their line feeds.
// `last`: the db_version of the last transaction in the tree.
base::Result<void> print_changes(std::uint64_t since, std::uint64_t last, const lsm::LsmTree& tree,
                                 const triples::Catalog& catalog, const StampBook& book,
                                 const std::function<void(std::string_view line)>& line);

}  // namespace tremula::persist
