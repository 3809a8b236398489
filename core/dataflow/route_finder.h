// RouteFinder: the route plans of a core's sources (route_plan.h), from its conditions.
//
// AND merges terms, OR gives arms, NOT is moved inwards. Of what can't be a term the instance
// decides alone. Where a source has no good term of its own, one that it is joined with by
// equality is asked, or the child of an EXISTS or IN.
// Thread: pure functions.
#pragma once

#include "core/dataflow/template.h"

namespace tremula::dataflow {

// Requires: find_equalities(); the sites' children are lowered.
RoutePlan find_route(const Core& core, std::uint32_t source);

// Whether WHERE asks sub-selects that are held for each row: these must be held for every row that
// the rest of WHERE doesn't exclude, let through or not, so no sub-select may choose the rows.
bool holds_children_by_row(const Core& core);

}  // namespace tremula::dataflow
