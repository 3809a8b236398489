// patch: what a step changed in a result tree, as the operations of a JSON Patch, smallest first to
// think of.
//
//   deltas of the root -> rows that left, came, moved or stayed; a row that stayed leads into its
//   children's deltas
//
// Positions come from the places of both sides; the client's document is never kept.
// Law: the operations, applied to the print of the old side, give the print of the new one.
// Thread: the writer thread alone.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "core/dataflow/array_moves.h"
#include "core/dataflow/graph.h"
#include "core/dataflow/instance.h"

namespace tremula::dataflow {

// A row of a result on one side.
struct PatchPlace {
  const BlockInstance* instance = nullptr;
  RowId row = kAllRows;
};

// Memory of making patches, so that a steady load allocates nothing.
struct PatchScratch {
  // An array that is being compared, within a row of the array of the level above.
  struct Level {
    std::vector<ArrayItem> items;
    std::vector<std::pair<PatchPlace, PatchPlace>> rows;  // parallel: old, new
    ArrayPlan plan;
  };
  std::deque<Level> levels;
  std::vector<Change> out;
  std::string path, text, other;
};

// The changes of a root's result; list and texts stand in the arena.
ChangeList make_changes(const BlockInstance& root, bool with_old, base::Arena& arena);

}  // namespace tremula::dataflow
