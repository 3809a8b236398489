// Binding of selects: FROM, shape, grouping, order.
#include <algorithm>

#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"
#include "lang/treeql/rewrite.h"
#include "lang/treeql/types.h"

namespace tremula::treeql {

using ast::PropertyKind;
using base::ErrorCode;
using base::Result;
using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using dataflow::Property;
using dataflow::Select;

namespace {

base::Error literal_error(const ast::Expr& expr, std::string_view clause) {
  return error(ErrorCode::kUnsupported, expr.span,
               "a literal in " + std::string(clause) + " stands for no column: name one");
}

base::Error star_without_from(const ast::Property& star) {
  return error(ErrorCode::kSyntax, star.span, "'*' needs a FROM");
}

bool is_star_alone(const ast::Select& ast) {
  return ast.row_form && ast.shape.size() == 1 && ast.shape[0].kind == PropertyKind::kStar;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_literal(const ast::Expr& expr) {
  if (expr.kind == ast::ExprKind::kLiteral) return true;
  return expr.kind == ast::ExprKind::kUnary && expr.op == ExprOp::kNegate &&
         is_literal(*expr.arguments[0]);
}

Result<void> Binder::bind_select(const ast::Select& ast, Use use, Select& select,
                                 std::vector<std::string>* names) {
  TREMULA_TRY(check_use(ast, use));
  Scope scope;
  scope.select = &select;
  const Inside inside(*this, scope);
  TREMULA_TRY(bind_from(ast));
  if (ast.where) {
    scope.aggregate_ban = "WHERE";
    TREMULA_TRY_ASSIGN(select.where, bind_condition(*ast.where, "WHERE"));
    scope.aggregate_ban = nullptr;
  }
  select.distinct = ast.distinct;
  TREMULA_TRY(bind_shape(ast, use));
  TREMULA_TRY(bind_groups(ast));
  TREMULA_TRY(bind_order(ast));
  TREMULA_TRY_ASSIGN(select.limit, bind_limit(ast.limit));
  TREMULA_TRY_ASSIGN(select.offset, bind_limit(ast.offset));
  select.grouped = !select.group_keys.empty() || !select.aggregates.empty();
  if (select.grouped) TREMULA_TRY(rewrite_to_groups(select, scope, column_spans_));
  if (select.distinct) {
    std::vector<base::Span> spans;
    for (const ast::OrderTerm& term : ast.order) spans.push_back(term.expr->span);
    TREMULA_TRY(rewrite_to_distinct(select, spans));
  }
  if (names) *names = std::move(scope.output_names);
  make_bare(ast, use, select);
  return {};
}

// What can be told of a shape without binding it.
Result<void> Binder::check_use(const ast::Select& ast, Use use) const {
  if (use == Use::kDerived && !ast.row_form) {
    return error(ErrorCode::kSyntax, ast.shape_span,
                 "a derived table is written in row form: SELECT a, b FROM ...");
  }
  if (use != Use::kScalar && use != Use::kIn) return {};
  if (!ast.row_form) {
    return error(ErrorCode::kTypeMismatch, ast.shape_span,
                 "an object can't stand here: select one expression");
  }
  if (ast.shape.size() == 1) return {};
  return error(ErrorCode::kTypeMismatch, ast.shape[1].span,
               "one expression was expected, found " + std::to_string(ast.shape.size()));
}

// One unnamed expression prints as the bare value where the rows are inside something else.
void Binder::make_bare(const ast::Select& ast, Use use, Select& select) const {
  if (use == Use::kRows || use == Use::kDerived || !ast.row_form || ast.shape.size() != 1) return;
  if (ast.shape[0].name || ast.shape[0].kind == PropertyKind::kStar) return;
  select.shape.bare = true;
  select.shape.properties[0].name.clear();
}

Result<void> Binder::bind_from(const ast::Select& ast) {
  Scope& scope = *scope_;
  for (const ast::FromItem& item : ast.from) {
    for (const SourceScope& earlier : scope.sources) {
      if (earlier.alias != item.alias.text) continue;
      return error(ErrorCode::kAmbiguousColumn, item.alias.span,
                   "the alias " + quoted(item.alias.text) + " is used twice in this FROM");
    }
    if (scope.sources.size() == dataflow::kSourcesMax)
      return error(ErrorCode::kUnsupported, item.alias.span,
                   "more than " + std::to_string(dataflow::kSourcesMax) + " tables in one FROM");
    dataflow::Source source;
    SourceScope names;
    TREMULA_TRY(bind_source(item, source, names));
    source.join = item.join;
    scope.select->sources.push_back(std::move(source));
    scope.sources.push_back(std::move(names));
    if (!item.on) continue;
    scope.aggregate_ban = "ON";
    TREMULA_TRY_ASSIGN(scope.select->sources.back().on, bind_condition(*item.on, "ON"));
    scope.aggregate_ban = nullptr;
  }
  return {};
}

Result<void> Binder::bind_source(const ast::FromItem& item, dataflow::Source& source,
                                 SourceScope& names) {
  source.alias = names.alias = item.alias.text;
  if (!item.derived) {
    TREMULA_TRY_ASSIGN(names.table, find_table(item.table));
    source.table = names.table->type;
    source.name = names.table->name;
    return {};
  }
  source.derived = std::make_unique<Select>();
  source.name = item.alias.text;
  scope_->opaque = true;
  TREMULA_TRY(bind_select(*item.derived, Use::kDerived, *source.derived));
  scope_->opaque = false;
  for (const Property& property : source.derived->shape.properties) {
    names.columns.emplace_back(property.name, property.expr->type);
    source.columns.push_back({triples::kRowAttr, property.name});
  }
  return {};
}

Result<void> Binder::bind_shape(const ast::Select& ast, Use use) {
  Scope& scope = *scope_;
  Select& select = *scope.select;
  const bool has_effect = select.distinct || !ast.group_keys.empty() || !ast.order.empty();
  if (use == Use::kExists && is_star_alone(ast) && !has_effect) return bind_any_row(ast.shape[0]);
  TREMULA_TRY(bind_properties(ast.shape, ast.row_form, select.shape.properties,
                              scope.output_names));
  if ((use == Use::kScalar || use == Use::kIn) && select.shape.properties.size() != 1) {
    return error(ErrorCode::kTypeMismatch, ast.shape_span,
                 "one expression was expected, found " +
                     std::to_string(select.shape.properties.size()) + " columns");
  }
  return {};
}

// The shape of EXISTS (SELECT * ...): it reads no column, so that no change to one can wake it.
Result<void> Binder::bind_any_row(const ast::Property& star) {
  unsigned level = 0;
  std::uint32_t source = 0;
  if (!star.qualifier.text.empty() && !find_alias(star.qualifier, level, source)) {
    return unknown_alias(star.qualifier);
  }
  if (star.qualifier.text.empty() && scope_->sources.empty()) return star_without_from(star);
  auto one = std::make_unique<Expr>();
  one->type = triples::Type::kInt;
  one->literal = triples::OwnedValue(triples::Value::int_of(1));
  scope_->select->shape.bare = true;
  scope_->select->shape.properties.emplace_back().expr = std::move(one);
  scope_->output_names.assign(1, "1");
  return {};
}

std::string Binder::property_name(const ast::Property& property) const {
  if (property.name) return property.name->text;
  if (property.expr->kind == ast::ExprKind::kColumn) return property.expr->name.text;
  const base::Span span = property.text_span;
  return std::string(source_.substr(span.begin, span.end - span.begin));
}

Result<void> Binder::bind_properties(const std::vector<ast::Property>& properties, bool row_form,
                                     std::vector<Property>& bound,
                                     std::vector<std::string>& names) {
  std::vector<std::string> taken;
  for (const ast::Property& property : properties) {
    if (property.kind == PropertyKind::kStar) continue;
    std::string name = property_name(property);
    if (contains(taken, name)) {
      const base::Span span = property.name ? property.name->span : property.span;
      return error(ErrorCode::kAmbiguousColumn, span,
                   "the name " + quoted(name) + " stands twice in this shape");
    }
    taken.push_back(std::move(name));
  }
  for (const ast::Property& property : properties) {
    if (property.kind == PropertyKind::kStar) {
      TREMULA_TRY(bind_star(property, taken, bound, names));
      continue;
    }
    TREMULA_TRY_ASSIGN(Property value, bind_property(property, row_form));
    names.push_back(value.name);
    bound.push_back(std::move(value));
  }
  return {};
}

Result<Property> Binder::bind_property(const ast::Property& property, bool row_form) {
  Property bound;
  bound.name = property_name(property);
  const bool is_tree = !row_form && property.expr &&
                       property.expr->kind == ast::ExprKind::kSubselect;
  if (property.kind == PropertyKind::kObject) {
    bound.kind = dataflow::PropertyKind::kObject;
    std::vector<std::string> names;
    TREMULA_TRY(bind_properties(property.properties, false, bound.properties, names));
  } else if (property.kind == PropertyKind::kArray || is_tree) {
    bound.kind = is_tree ? dataflow::PropertyKind::kSingle : dataflow::PropertyKind::kArray;
    bound.select = std::make_unique<Select>();
    TREMULA_TRY(bind_select(is_tree ? *property.expr->select : *property.select,
                            is_tree ? Use::kSingle : Use::kArray, *bound.select));
  } else {
    TREMULA_TRY_ASSIGN(bound.expr, bind_expr(*property.expr));
  }
  return bound;
}

Result<void> Binder::bind_star(const ast::Property& star, std::vector<std::string>& taken,
                               std::vector<Property>& bound, std::vector<std::string>& names) {
  unsigned level = 0;
  std::uint32_t first = 0;
  Scope* scope = scope_;
  if (!star.qualifier.text.empty()) {
    scope = find_alias(star.qualifier, level, first);
    if (!scope) return unknown_alias(star.qualifier);
  } else if (scope->sources.empty()) {
    return star_without_from(star);
  }
  const std::size_t end = star.qualifier.text.empty() ? scope->sources.size() : first + 1;
  for (std::uint32_t source = first; source < end; ++source) {
    for (const std::string_view column : visible_columns(scope->sources[source])) {
      if (contains(taken, column)) continue;
      taken.emplace_back(column);
      FoundColumn found;
      find_column(scope->sources[source], column, false, found);
      Property property;
      property.name = column;
      property.expr = make_column(*scope, level, source, found, {property.name, star.span});
      names.push_back(property.name);
      bound.push_back(std::move(property));
    }
  }
  return {};
}

Result<void> Binder::bind_groups(const ast::Select& ast) {
  Scope& scope = *scope_;
  scope.sees_outputs = true;
  scope.aggregate_ban = "GROUP BY";
  for (const ast::ExprPtr& key : ast.group_keys) {
    if (is_literal(*key)) return literal_error(*key, "GROUP BY");
    TREMULA_TRY_ASSIGN(ExprPtr bound, bind_expr(*key));
    const auto& keys = scope.select->group_keys;
    const bool known = std::any_of(keys.begin(), keys.end(), [&](const ExprPtr& other) {
      return same(*other, *bound);
    });
    if (!known) scope.select->group_keys.push_back(std::move(bound));
  }
  scope.aggregate_ban = nullptr;
  if (ast.having) {
    TREMULA_TRY_ASSIGN(scope.select->having, bind_condition(*ast.having, "HAVING"));
  }
  scope.sees_outputs = false;
  return {};
}

Result<void> Binder::bind_order(const ast::Select& ast) {
  Scope& scope = *scope_;
  scope.sees_outputs = true;
  for (const ast::OrderTerm& term : ast.order) {
    const ast::Expr& key = *term.expr;
    if (is_literal(key)) return literal_error(key, "ORDER BY");
    ExprPtr bound;
    const auto& outputs = scope.output_names;
    const bool lone_name = key.kind == ast::ExprKind::kColumn && key.qualifier.text.empty();
    const auto output = std::find(outputs.begin(), outputs.end(), key.name.text);
    if (lone_name && output != outputs.end()) {
      TREMULA_TRY_ASSIGN(bound, bind_output(scope, 0, output - outputs.begin(), key.span));
    } else {
      TREMULA_TRY_ASSIGN(bound, bind_expr(key));
    }
    scope.select->order.push_back({std::move(bound), term.direction, term.nulls});
  }
  scope.sees_outputs = false;
  return {};
}

Result<ExprPtr> Binder::bind_limit(const ast::ExprPtr& limit) {
  if (!limit) return ExprPtr();
  TREMULA_TRY_ASSIGN(ExprPtr expr, bind_expr(*limit));
  if (expr->op == ExprOp::kParameter) {
    Parameter& parameter = parameters_[expr->parameter];
    if (parameter.limit_span.end == 0) parameter.limit_span = limit->span;
  }
  return expr;
}

}  // namespace tremula::treeql
