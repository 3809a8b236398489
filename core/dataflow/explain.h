// EXPLAIN: templates as a tree of operators; of a live query with what it holds.
// Thread: the writer thread alone.
#pragma once

#include "core/dataflow/instance.h"
#include "core/dataflow/plan_tree.h"

namespace tremula::dataflow {

// `instance`: of a live query, or null for the plan alone.
PlanNode explain_block(const Block& block, const BlockInstance* instance);

}  // namespace tremula::dataflow
