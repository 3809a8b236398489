#include "tests/treeql/plan_check.h"

namespace tremula::treeql {

using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using dataflow::Property;
using dataflow::PropertyKind;
using dataflow::Select;

namespace {

enum class Stage { kSources, kGroups, kDistinct, kHidden };

// A select around the expression in hand, and where in it the expression stands.
struct Frame {
  const Select* select;
  Stage stage;
  std::size_t sources_seen;
};

class PlanChecker {
 public:
  std::string problem;

  void check(const Select& select) {
    frames_.push_back({&select, Stage::kSources, 0});
    for (const dataflow::Source& source : select.sources) check_source(source);
    check(select.where);
    for (const ExprPtr& key : select.group_keys) check(key);
    for (const dataflow::Aggregate& aggregate : select.aggregates) {
      expect((aggregate.kind == dataflow::AggregateKind::kCountAll) == !aggregate.argument,
             "an aggregate's argument");
      check(aggregate.argument);
      check(aggregate.filter);
      check(aggregate.separator);
      check(aggregate.order);
    }
    for (const dataflow::Dependent& dependent : select.dependents) {
      expect(dependent.source < select.sources.size() &&
                 dependent.column < select.sources[dependent.source].columns.size(),
             "a dependent");
    }
    const bool has_groups = !select.group_keys.empty() || !select.aggregates.empty();
    expect(select.grouped == has_groups, "grouped");
    if (select.grouped) frames_.back().stage = Stage::kGroups;
    check(select.having);
    check(select.shape.properties);
    expect(!select.shape.bare || select.shape.properties.size() == 1, "a bare shape");
    if (select.distinct) frames_.back().stage = Stage::kDistinct;
    check(select.order);
    check_limit(select.limit);
    check_limit(select.offset);
    frames_.pop_back();
  }

 private:
  void expect(bool holds, const char* what) {
    if (!holds && problem.empty()) problem = std::string("broken: ") + what;
  }

  void check_source(const dataflow::Source& source) {
    if (source.derived) {
      frames_.back().stage = Stage::kHidden;
      check(*source.derived);
      frames_.back().stage = Stage::kSources;
      const auto& properties = source.derived->shape.properties;
      expect(source.columns.size() == properties.size(), "a derived table's columns");
      for (const Property& property : properties) {
        expect(property.kind == PropertyKind::kValue, "a derived table's property");
      }
    }
    ++frames_.back().sources_seen;
    check(source.on);
  }

  void check_limit(const ExprPtr& limit) {
    if (limit) expect(limit->op == ExprOp::kLiteral || limit->op == ExprOp::kParameter, "a limit");
  }

  void check(const std::vector<dataflow::OrderTerm>& order) {
    for (const dataflow::OrderTerm& term : order) check(term.expr);
  }

  void check(const std::vector<Property>& properties) {
    for (const Property& property : properties) {
      expect((property.kind == PropertyKind::kValue) == (property.expr != nullptr), "a property");
      check(property.expr);
      if (property.select) check(*property.select);
      check(property.properties);
    }
  }

  void check(const ExprPtr& expr) {
    if (!expr) return;
    if (expr->op == ExprOp::kColumn) return check_column(*expr);
    for (const ExprPtr& argument : expr->arguments) {
      expect(argument != nullptr, "an argument");
      check(argument);
    }
    if (expr->select) check(*expr->select);
    const bool one_value = expr->op == ExprOp::kScalar || expr->op == ExprOp::kIn;
    if (one_value) {
      const auto& properties = expr->select->shape.properties;
      expect(properties.size() == 1 && properties[0].kind == PropertyKind::kValue, "a scalar");
    }
  }

  void check_column(const Expr& column) {
    if (column.level >= frames_.size()) return expect(false, "a level");
    const Frame& frame = frames_[frames_.size() - 1 - column.level];
    const Select& select = *frame.select;
    const std::size_t groups =
        select.group_keys.size() + select.aggregates.size() + select.dependents.size();
    switch (frame.stage) {
      case Stage::kHidden: return expect(false, "a derived table that sees its siblings");
      case Stage::kSources:
        return expect(column.source < frame.sources_seen &&
                          column.column < select.sources[column.source].columns.size(),
                      "a column of a source");
      case Stage::kGroups:
        return expect(column.source == 0 && column.column < groups, "a column of a group");
      case Stage::kDistinct:
        return expect(column.source == 0 && column.column < select.shape.properties.size(),
                      "a selected column");
    }
  }

  std::vector<Frame> frames_;
};

struct BodyCheck {
  PlanChecker& checker;
  void operator()(const Query& query) const { checker.check(query.select); }
  void operator()(const Subscribe& subscribe) const { checker.check(subscribe.select); }
  void operator()(const Explain& explain) const { checker.check(explain.select); }
  void operator()(const Export& statement) const { checker.check(statement.select); }
  void operator()(const Update& update) const { checker.check(update.rows); }
  void operator()(const Delete& statement) const { checker.check(statement.rows); }
  void operator()(const Insert& insert) const {
    for (const InsertRow& row : insert.rows) checker.check(row.values);
  }
  template <typename Other>
  void operator()(const Other&) const {}
};

}  // namespace

std::string plan_problem(const Statement& statement) {
  PlanChecker checker;
  std::visit(BodyCheck{checker}, statement.body);
  return checker.problem;
}

}  // namespace tremula::treeql
