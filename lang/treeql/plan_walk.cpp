#include "lang/treeql/plan_walk.h"

namespace tremula::treeql {

using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using dataflow::OrderTerm;
using dataflow::Property;
using dataflow::Select;
using dataflow::Source;

namespace {

// All columns below an expression, in a fixed order, and how many nodes there are.
class ColumnCollector : public PlanVisitor {
 public:
  bool visit(ExprPtr& expr, unsigned) override {
    ++nodes;
    if (expr->op == ExprOp::kColumn) columns.push_back(expr.get());
    return true;
  }
  std::vector<const Expr*> columns;
  std::size_t nodes = 0;
};

class LevelShifter : public PlanVisitor {
 public:
  explicit LevelShifter(unsigned levels) : levels_(levels) {}
  bool visit(ExprPtr& expr, unsigned depth) override {
    if (expr->op == ExprOp::kColumn && expr->level >= depth) expr->level += levels_;
    return true;
  }

 private:
  unsigned levels_;
};

void walk_if(ExprPtr& expr, unsigned depth, PlanVisitor& visitor) {
  if (expr) walk(expr, depth, visitor);
}

// Compares with the selects counted that lie between the roots and the nodes in hand.
class Comparison {
 public:
  explicit Comparison(unsigned shift) : shift_(shift) {}

  bool same_expr(const Expr& a, const Expr& b, unsigned depth) const {
    if (a.op != b.op || a.arguments.size() != b.arguments.size()) return false;
    if (a.op == ExprOp::kColumn) {
      const unsigned shifted = a.level < depth ? a.level : a.level + shift_;
      return shifted == b.level && a.source == b.source && a.column == b.column;
    }
    if (a.op == ExprOp::kLiteral) {
      return triples::identical(a.literal.value(), b.literal.value());
    }
    if (a.op == ExprOp::kParameter) return a.parameter == b.parameter;
    if (a.op == ExprOp::kCast && a.type != b.type) return false;
    if (a.op == ExprOp::kCall && a.function != b.function) return false;
    for (std::size_t i = 0; i < a.arguments.size(); ++i) {
      if (!same_expr(*a.arguments[i], *b.arguments[i], depth)) return false;
    }
    return a.names == b.names && same_select_or_null(a.select, b.select, depth + 1);
  }

  bool same_select(const Select& a, const Select& b, unsigned depth) const {
    if (a.sources.size() != b.sources.size() || a.distinct != b.distinct ||
        a.grouped != b.grouped || a.group_keys.size() != b.group_keys.size() ||
        a.aggregates.size() != b.aggregates.size() || !same_dependents(a, b) ||
        a.shape.bare != b.shape.bare) {
      return false;
    }
    for (std::size_t i = 0; i < a.sources.size(); ++i) {
      if (!same_source(a.sources[i], b.sources[i], depth)) return false;
    }
    for (std::size_t i = 0; i < a.group_keys.size(); ++i) {
      if (!same_expr(*a.group_keys[i], *b.group_keys[i], depth)) return false;
    }
    for (std::size_t i = 0; i < a.aggregates.size(); ++i) {
      if (!same_aggregate(a.aggregates[i], b.aggregates[i], depth)) return false;
    }
    return same_or_null(a.where, b.where, depth) && same_or_null(a.having, b.having, depth) &&
           same_order(a.order, b.order, depth) && same_or_null(a.limit, b.limit, depth) &&
           same_or_null(a.offset, b.offset, depth) &&
           same_properties(a.shape.properties, b.shape.properties, depth);
  }

  bool same_aggregate(const dataflow::Aggregate& a, const dataflow::Aggregate& b,
                      unsigned depth) const {
    return a.kind == b.kind && a.distinct == b.distinct &&
           same_or_null(a.argument, b.argument, depth) &&
           same_or_null(a.filter, b.filter, depth) &&
           same_or_null(a.separator, b.separator, depth) && same_order(a.order, b.order, depth);
  }

 private:
  bool same_or_null(const ExprPtr& a, const ExprPtr& b, unsigned depth) const {
    return a && b ? same_expr(*a, *b, depth) : !a && !b;
  }

  bool same_select_or_null(const std::unique_ptr<Select>& a, const std::unique_ptr<Select>& b,
                           unsigned depth) const {
    return a && b ? same_select(*a, *b, depth) : !a && !b;
  }

  bool same_order(const std::vector<OrderTerm>& a, const std::vector<OrderTerm>& b,
                  unsigned depth) const {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].direction != b[i].direction || a[i].nulls != b[i].nulls) return false;
      if (!same_expr(*a[i].expr, *b[i].expr, depth)) return false;
    }
    return true;
  }

  bool same_source(const Source& a, const Source& b, unsigned depth) const {
    if (a.join != b.join || a.table != b.table || a.columns.size() != b.columns.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.columns.size(); ++i) {
      if (a.columns[i].attr != b.columns[i].attr) return false;
    }
    return same_or_null(a.on, b.on, depth) &&
           same_select_or_null(a.derived, b.derived, depth + 1);
  }

  static bool same_dependents(const Select& a, const Select& b) {
    if (a.dependents.size() != b.dependents.size()) return false;
    for (std::size_t i = 0; i < a.dependents.size(); ++i) {
      if (a.dependents[i].source != b.dependents[i].source) return false;
      if (a.dependents[i].column != b.dependents[i].column) return false;
    }
    return true;
  }

  bool same_properties(const std::vector<Property>& a, const std::vector<Property>& b,
                       unsigned depth) const {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].name != b[i].name || a[i].kind != b[i].kind ||
          !same_or_null(a[i].expr, b[i].expr, depth) ||
          !same_select_or_null(a[i].select, b[i].select, depth + 1) ||
          !same_properties(a[i].properties, b[i].properties, depth)) {
        return false;
      }
    }
    return true;
  }

  unsigned shift_;
};

}  // namespace

void walk(ExprPtr& expr, unsigned depth, PlanVisitor& visitor) {
  if (!visitor.visit(expr, depth)) return;
  for (ExprPtr& argument : expr->arguments) walk(argument, depth, visitor);
  if (expr->select) walk(*expr->select, depth + 1, visitor);
}

void walk(std::vector<OrderTerm>& order, unsigned depth, PlanVisitor& visitor) {
  for (OrderTerm& term : order) walk(term.expr, depth, visitor);
}

void walk(std::vector<Property>& properties, unsigned depth, PlanVisitor& visitor) {
  for (Property& property : properties) {
    walk_if(property.expr, depth, visitor);
    if (property.select) walk(*property.select, depth + 1, visitor);
    walk(property.properties, depth, visitor);
  }
}

void walk(Select& select, unsigned depth, PlanVisitor& visitor) {
  for (Source& source : select.sources) {
    walk_if(source.on, depth, visitor);
    if (source.derived) walk(*source.derived, depth + 1, visitor);
  }
  walk_if(select.where, depth, visitor);
  for (ExprPtr& key : select.group_keys) walk(key, depth, visitor);
  for (dataflow::Aggregate& aggregate : select.aggregates) {
    walk_if(aggregate.argument, depth, visitor);
    walk_if(aggregate.filter, depth, visitor);
    walk_if(aggregate.separator, depth, visitor);
    walk(aggregate.order, depth, visitor);
  }
  walk_if(select.having, depth, visitor);
  walk(select.order, depth, visitor);
  walk(select.shape.properties, depth, visitor);
}

bool same(const Expr& a, const Expr& b, unsigned shift) {
  return Comparison(shift).same_expr(a, b, 0);
}

bool same(const Select& a, const Select& b, unsigned shift, unsigned depth) {
  return Comparison(shift).same_select(a, b, depth);
}

bool same(const dataflow::Aggregate& a, const dataflow::Aggregate& b) {
  return Comparison(0).same_aggregate(a, b, 0);
}

void shift_levels(ExprPtr& expr, unsigned levels) {
  LevelShifter shifter(levels);
  walk(expr, 0, shifter);
}

ExprPtr clone_with_spans(ExprPtr& expr, ColumnSpans& spans, std::size_t& nodes) {
  ExprPtr copy = dataflow::clone(*expr);
  ColumnCollector originals, copies;
  walk(expr, 0, originals);
  walk(copy, 0, copies);
  for (std::size_t i = 0; i < originals.columns.size(); ++i) {
    const auto found = spans.find(originals.columns[i]);
    if (found == spans.end()) continue;
    const base::Span span = found->second;
    spans[copies.columns[i]] = span;
  }
  nodes += copies.nodes;
  return copy;
}

}  // namespace tremula::treeql
