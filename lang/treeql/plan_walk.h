// Walking plans: every expression of a bound plan, with the number of selects between it and where
// the walk began.
//
//   walk(select, depth)  ->  visit(expr, depth) for its own expressions and all below them,
//                            walk(inner, depth + 1) for the selects inside
//
// Thread: one at a time.
#pragma once

#include <unordered_map>

#include "core/base/result.h"
#include "core/dataflow/plan.h"

namespace tremula::treeql {

class PlanVisitor {
 public:
  virtual ~PlanVisitor() = default;
  // Called for each expression before what is below it; may replace it.
  // Returns: whether to walk on below it.
  virtual bool visit(dataflow::ExprPtr& expr, unsigned depth) = 0;
};

void walk(dataflow::ExprPtr& expr, unsigned depth, PlanVisitor& visitor);
void walk(dataflow::Select& select, unsigned depth, PlanVisitor& visitor);
void walk(std::vector<dataflow::OrderTerm>& order, unsigned depth, PlanVisitor& visitor);
void walk(std::vector<dataflow::Property>& properties, unsigned depth, PlanVisitor& visitor);

// Whether `b`, which stands `shift` selects further inside, means the same as `a`.
bool same(const dataflow::Expr& a, const dataflow::Expr& b, unsigned shift = 0);
bool same(const dataflow::Select& a, const dataflow::Select& b, unsigned shift, unsigned depth);
bool same(const dataflow::Aggregate& a, const dataflow::Aggregate& b);

// Makes the columns that leave `expr` name selects `levels` further out: it moves that far inwards.
void shift_levels(dataflow::ExprPtr& expr, unsigned levels);

// Where the columns of a plan were written, for errors found after they were bound.
using ColumnSpans = std::unordered_map<const dataflow::Expr*, base::Span>;

// A copy whose columns have the places of the original's.  Adds the number of its nodes to `nodes`.
dataflow::ExprPtr clone_with_spans(dataflow::ExprPtr& expr, ColumnSpans& spans,
                                   std::size_t& nodes);

}  // namespace tremula::treeql
