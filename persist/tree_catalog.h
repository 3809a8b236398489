// The catalog as a tree has it, memtables too: for who orders what others declare.
//
// Errors: corrupt, io.  Thread: one at a time.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/catalog.h"

namespace tremula::persist {

// Cost: O(tables and columns, entries in the memtables).
// `record`: a commit record that is taken for applied; or nothing.
base::Result<triples::Catalog> read_tree_catalog(const lsm::LsmTree& tree,
                                                 std::string_view record = {});

}  // namespace tremula::persist
