// Join plans: in which order the sources of a select are bound to rows, and how rows are found.
//
//   pull    all tuples: the source with the best access first
//   push    the tuples of one changed row: its source is pinned, the others follow along equalities
//   prefix  of a row of a LEFT JOIN's right side: the tuples of the sources before it
//   rest    from there on: that source, then those after it
//
// A LEFT JOIN's source is bound after those that its ON reads; otherwise any order gives the same
// tuples. With sub-selects in an ON the order is that of FROM (has_on_sites).
// Thread: pure functions over a Core that is being made.
#pragma once

#include "core/dataflow/template.h"

namespace tremula::dataflow {

// Fills core.equalities from the conjuncts.
void find_equalities(Core& core);

// Fills core.pull_plan, push_plans, prefix_plans, rest_plans, routes and counts_key.
// Requires: find_equalities(); the core doesn't move any more.
void build_plans(Core& core);

// Notes that each row of a full pull is asked for these, besides what filters and order read.
void note_reads(JoinPlan& plan, const std::vector<Node>& nodes);

// "key", "index", ...: how EXPLAIN names it.
const char* access_name(AccessKind kind);

}  // namespace tremula::dataflow
