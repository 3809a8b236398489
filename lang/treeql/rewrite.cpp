#include "lang/treeql/rewrite.h"

#include <optional>

#include "lang/treeql/diagnostic.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using dataflow::Select;

namespace {

ExprPtr make_column(unsigned level, std::size_t column, triples::Type type) {
  auto expr = std::make_unique<Expr>();
  expr->op = ExprOp::kColumn;
  expr->type = type;
  expr->level = level;
  expr->column = static_cast<std::uint32_t>(column);
  return expr;
}

class GroupRewriter : public PlanVisitor {
 public:
  GroupRewriter(Select& select, const Scope& scope, ColumnSpans& spans)
      : select_(select), scope_(scope), spans_(spans) {
    for (std::uint32_t i = 0; i < scope.sources.size(); ++i) {
      whole_key_.push_back(groups_by_whole_key(i));
    }
  }

  bool visit(ExprPtr& expr, unsigned depth) override {
    if (problem) return false;
    for (std::size_t k = 0; k < select_.group_keys.size(); ++k) {
      if (!same(*select_.group_keys[k], *expr, depth)) continue;
      expr = make_column(depth, k, expr->type);
      return false;
    }
    if (expr->op != ExprOp::kColumn || expr->level != depth) return true;
    const std::size_t keys = select_.group_keys.size();
    if (expr->source == kAggregateSource) {
      expr = make_column(depth, keys + expr->column, expr->type);
    } else if (whole_key_[expr->source]) {
      const std::size_t at = intern_dependent(expr->source, expr->column);
      expr = make_column(depth, keys + select_.aggregates.size() + at, expr->type);
    } else {
      report(*expr);
    }
    return false;
  }

  std::optional<base::Error> problem;

 private:
  bool groups_by(std::uint32_t source, triples::AttrId attr) const {
    for (const ExprPtr& key : select_.group_keys) {
      if (key->op == ExprOp::kColumn && key->level == 0 && key->source == source &&
          select_.sources[source].columns[key->column].attr == attr) {
        return true;
      }
    }
    return false;
  }

  bool groups_by_whole_key(std::uint32_t source) const {
    const triples::TableDef* table = scope_.sources[source].table;
    if (!table) return false;
    if (table->generated_key) return groups_by(source, triples::kGeneratedIdAttr);
    for (const triples::ColumnDef& column : table->columns) {
      if (column.key_position >= 0 && !groups_by(source, column.attr)) return false;
    }
    return true;
  }

  std::size_t intern_dependent(std::uint32_t source, std::uint32_t column) {
    for (std::size_t i = 0; i < select_.dependents.size(); ++i) {
      const dataflow::Dependent& known = select_.dependents[i];
      if (known.source == source && known.column == column) return i;
    }
    select_.dependents.push_back({source, column});
    return select_.dependents.size() - 1;
  }

  void report(const Expr& column) {
    const SourceScope& source = scope_.sources[column.source];
    const std::string& name = source.table
                                  ? select_.sources[column.source].columns[column.column].name
                                  : source.columns[column.column].first;
    const auto span = spans_.find(&column);
    problem = error(ErrorCode::kAmbiguousColumn,
                    span == spans_.end() ? base::Span{} : span->second,
                    "column " + quoted(name) +
                        " has no single value here: it is neither in GROUP BY nor inside an "
                        "aggregate");
  }

  Select& select_;
  const Scope& scope_;
  ColumnSpans& spans_;
  std::vector<bool> whole_key_;
};

class DistinctRewriter : public PlanVisitor {
 public:
  explicit DistinctRewriter(const Select& select) : select_(select) {}

  bool visit(ExprPtr& expr, unsigned depth) override {
    if (missing) return false;
    const auto& properties = select_.shape.properties;
    for (std::size_t i = 0; i < properties.size(); ++i) {
      if (!is_value_of(properties[i], *expr, depth)) continue;
      expr = make_column(depth, i, expr->type);
      return false;
    }
    missing = expr->op == ExprOp::kColumn && expr->level == depth;
    return !missing;
  }

  bool missing = false;

 private:
  static bool is_value_of(const dataflow::Property& property, const Expr& expr, unsigned depth) {
    if (property.kind == dataflow::PropertyKind::kValue) return same(*property.expr, expr, depth);
    return property.kind == dataflow::PropertyKind::kSingle && expr.op == ExprOp::kScalar &&
           same(*property.select, *expr.select, depth, 1);
  }

  const Select& select_;
};

}  // namespace

Result<void> rewrite_to_groups(Select& select, const Scope& scope, ColumnSpans& spans) {
  GroupRewriter rewriter(select, scope, spans);
  walk(select.shape.properties, 0, rewriter);
  if (select.having) walk(select.having, 0, rewriter);
  walk(select.order, 0, rewriter);
  if (rewriter.problem) return std::move(*rewriter.problem);
  return {};
}

Result<void> rewrite_to_distinct(Select& select, const std::vector<base::Span>& spans) {
  for (std::size_t i = 0; i < select.order.size(); ++i) {
    DistinctRewriter rewriter(select);
    walk(select.order[i].expr, 0, rewriter);
    if (!rewriter.missing) continue;
    return error(ErrorCode::kUnsupported, spans[i],
                 "with DISTINCT, ORDER BY may only use what is selected");
  }
  return {};
}

}  // namespace tremula::treeql
