// CellScan: the newest triples of a column in the files, laid out by slot.
//
//   MergeCursor: runs of blocks, picks ...  -> values by slot, kMissing left out
//
// Errors: of reading.  Thread: one at a time.
#pragma once

#include <memory>

#include "core/lsm/cold_source.h"
#include "core/lsm/version.h"

namespace tremula::lsm {

// Of no files (null) it reads nothing.  Borrowed: the files.
std::unique_ptr<ColdScan> make_cell_scan(ColumnId id, const ColumnFiles* files);

}  // namespace tremula::lsm
