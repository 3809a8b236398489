// patch: what a step changed in a result tree, as the operations of a JSON Patch, smallest first to
// think of.
//
//   deltas of the root -> rows that left, came, moved or stayed; a row that stayed leads into its
//   children's deltas
//
// Positions come from the ranks of both sides; the client's document is never kept.
// Law: the operations, applied to the print of the old side, give the print of the new one.
// Thread: the writer thread alone.
#pragma once

#include <string>
#include <vector>

#include "core/dataflow/graph.h"
#include "core/dataflow/instance.h"

namespace tremula::dataflow {

// Appends the changes of a root's result.
void make_changes(const BlockInstance& root, bool with_old, std::vector<Change>& out);

}  // namespace tremula::dataflow
