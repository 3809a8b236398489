#include "core/dataflow/plan.h"

namespace tremula::dataflow {

Expr::Expr() = default;
Expr::~Expr() = default;

namespace {

ExprPtr clone_or_null(const ExprPtr& expr) { return expr ? clone(*expr) : nullptr; }

std::vector<OrderTerm> clone_order(const std::vector<OrderTerm>& order) {
  std::vector<OrderTerm> copy;
  for (const OrderTerm& term : order)
    copy.push_back({clone_or_null(term.expr), term.direction, term.nulls});
  return copy;
}

std::unique_ptr<Select> clone_select(const std::unique_ptr<Select>& select);

std::vector<Property> clone_properties(const std::vector<Property>& properties) {
  std::vector<Property> copy;
  for (const Property& p : properties) {
    Property q;
    q.name = p.name;
    q.kind = p.kind;
    q.expr = clone_or_null(p.expr);
    q.select = clone_select(p.select);
    q.properties = clone_properties(p.properties);
    copy.push_back(std::move(q));
  }
  return copy;
}

Aggregate clone_aggregate(const Aggregate& a) {
  Aggregate copy;
  copy.kind = a.kind;
  copy.argument = clone_or_null(a.argument);
  copy.distinct = a.distinct;
  copy.filter = clone_or_null(a.filter);
  copy.separator = clone_or_null(a.separator);
  copy.order = clone_order(a.order);
  return copy;
}

Source clone_source(const Source& s) {
  Source copy;
  copy.join = s.join;
  copy.on = clone_or_null(s.on);
  copy.table = s.table;
  copy.derived = clone_select(s.derived);
  copy.name = s.name;
  copy.alias = s.alias;
  copy.columns = s.columns;
  return copy;
}

std::unique_ptr<Select> clone_select(const std::unique_ptr<Select>& select) {
  if (!select) return nullptr;
  auto copy = std::make_unique<Select>();
  for (const Source& s : select->sources) copy->sources.push_back(clone_source(s));
  copy->where = clone_or_null(select->where);
  copy->grouped = select->grouped;
  for (const ExprPtr& key : select->group_keys) copy->group_keys.push_back(clone_or_null(key));
  for (const Aggregate& a : select->aggregates) copy->aggregates.push_back(clone_aggregate(a));
  copy->dependents = select->dependents;
  copy->having = clone_or_null(select->having);
  copy->distinct = select->distinct;
  copy->order = clone_order(select->order);
  copy->limit = clone_or_null(select->limit);
  copy->offset = clone_or_null(select->offset);
  copy->shape.bare = select->shape.bare;
  copy->shape.properties = clone_properties(select->shape.properties);
  return copy;
}

}  // namespace

ExprPtr clone(const Expr& expr) {
  auto copy = std::make_unique<Expr>();
  copy->op = expr.op;
  copy->type = expr.type;
  copy->function = expr.function;
  copy->literal = expr.literal;
  copy->parameter = expr.parameter;
  copy->level = expr.level;
  copy->source = expr.source;
  copy->column = expr.column;
  for (const ExprPtr& argument : expr.arguments) copy->arguments.push_back(clone(*argument));
  copy->names = expr.names;
  copy->select = clone_select(expr.select);
  return copy;
}

}  // namespace tremula::dataflow
