// Rewriting to the scopes behind grouping and behind DISTINCT.
//
// A select is bound before it is known whether it is grouped: HAVING, ORDER BY and the shape name
// columns of FROM at first, and aggregates by (kAggregateSource, place in the list). Once all of it
// is bound, these are put in terms of groups, and ORDER BY of a DISTINCT select in terms of what is
// selected. See core/dataflow/plan.h for the scopes.
// Thread: one statement, one thread.
#pragma once

#include "core/base/result.h"
#include "lang/treeql/plan_walk.h"
#include "lang/treeql/scope.h"

namespace tremula::treeql {

// Requires: `select.grouped`.
// Errors:   ambiguous_column for what is neither grouped by nor depends on it.
base::Result<void> rewrite_to_groups(dataflow::Select& select, const Scope& scope,
                                     ColumnSpans& spans);

// `spans`: of the ORDER BY terms.  Errors: unsupported for what isn't selected.
base::Result<void> rewrite_to_distinct(dataflow::Select& select,
                                       const std::vector<base::Span>& spans);

}  // namespace tremula::treeql
