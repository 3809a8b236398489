// Binding of names: aliases, columns, and the output names that ORDER BY, GROUP BY and HAVING see.
#include <algorithm>

#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;

namespace {

// "Artist", "Artist or Album": the tables in which a bare name was sought.
std::string describe(const std::vector<SourceScope>& sources) {
  std::string text;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (i > 0) text += i + 1 == sources.size() ? " or " : ", ";
    text += sources[i].table ? sources[i].table->name : sources[i].alias;
  }
  return text;
}

void add_candidates(const SourceScope& source, std::vector<std::string_view>& candidates) {
  for (const std::string_view name : visible_columns(source)) candidates.push_back(name);
  if (source.table && source.table->generated_key) candidates.push_back("id");
}

class AggregateFinder : public PlanVisitor {
 public:
  bool visit(ExprPtr& expr, unsigned depth) override {
    found |= expr->op == ExprOp::kColumn && expr->level == depth &&
             expr->source == kAggregateSource;
    return !found;
  }
  bool found = false;
};

}  // namespace

Result<ExprPtr> Binder::bind_column(const ast::Expr& ast) {
  return ast.qualifier.text.empty() ? bind_bare(ast) : bind_qualified(ast);
}

ExprPtr Binder::make_column(Scope& scope, unsigned level, std::uint32_t source,
                            const FoundColumn& found, const ast::Name& name) {
  auto expr = std::make_unique<Expr>();
  expr->op = ExprOp::kColumn;
  expr->type = found.type;
  expr->level = level;
  expr->source = source;
  const bool derived = scope.sources[source].table == nullptr;
  expr->column = intern_column(scope.select->sources[source], derived, found, name.text);
  column_spans_[expr.get()] = name.span;
  return expr;
}

// The nearest select around that has this alias, or null.
Scope* Binder::find_alias(const ast::Name& alias, unsigned& level, std::uint32_t& source) const {
  level = 0;
  for (Scope* scope = scope_; scope; scope = scope->around, ++level) {
    if (scope->opaque) continue;
    for (source = 0; source < scope->sources.size(); ++source) {
      if (scope->sources[source].alias == alias.text) return scope;
    }
  }
  return nullptr;
}

base::Error Binder::unknown_alias(const ast::Name& alias) const {
  std::vector<std::string_view> candidates;
  std::string remedy;
  for (const Scope* scope = scope_; scope; scope = scope->around) {
    if (scope->opaque) continue;
    for (const SourceScope& source : scope->sources) {
      candidates.push_back(source.alias);
      if (source.table && source.table->name == alias.text) {
        remedy = "; here its alias is " + quoted(source.alias);
      }
    }
  }
  if (remedy.empty()) remedy = suggestion(alias.text, candidates);
  return error(ErrorCode::kUnknownTable, alias.span,
               "no table or alias " + quoted(alias.text) + " here" + remedy);
}

Result<ExprPtr> Binder::bind_qualified(const ast::Expr& ast) {
  unsigned level = 0;
  std::uint32_t source = 0;
  Scope* scope = find_alias(ast.qualifier, level, source);
  if (!scope) return unknown_alias(ast.qualifier);
  const SourceScope& names = scope->sources[source];
  FoundColumn found;
  if (find_column(names, ast.name.text, true, found)) {
    return make_column(*scope, level, source, found, ast.name);
  }
  std::vector<std::string_view> candidates;
  add_candidates(names, candidates);
  return error(ErrorCode::kUnknownColumn, ast.name.span,
               "no column " + quoted(ast.name.text) + " in " +
                   (names.table ? names.table->name : names.alias) +
                   suggestion(ast.name.text, candidates));
}

Result<ExprPtr> Binder::bind_bare(const ast::Expr& ast) {
  unsigned level = 0;
  for (Scope* scope = scope_; scope; scope = scope->around, ++level) {
    if (scope->opaque) continue;
    FoundColumn found, candidate;
    std::uint32_t source = 0;
    const SourceScope* first = nullptr;
    for (std::uint32_t i = 0; i < scope->sources.size(); ++i) {
      if (!find_column(scope->sources[i], ast.name.text, false, candidate)) continue;
      if (first) {
        return error(ErrorCode::kAmbiguousColumn, ast.name.span,
                     "both " + quoted(first->alias) + " and " +
                         quoted(scope->sources[i].alias) + " have a column " +
                         quoted(ast.name.text) + ": write it with its alias");
      }
      first = &scope->sources[i];
      found = candidate;
      source = i;
    }
    if (first) return make_column(*scope, level, source, found, ast.name);
    if (!scope->sees_outputs) continue;
    const auto& outputs = scope->output_names;
    const auto output = std::find(outputs.begin(), outputs.end(), ast.name.text);
    if (output == outputs.end()) continue;
    return bind_output(*scope, level, output - outputs.begin(), ast.name.span);
  }
  return unknown_bare(ast.name);
}

base::Error Binder::unknown_bare(const ast::Name& name) const {
  std::vector<std::string_view> candidates;
  const Scope* nearest = nullptr;
  bool undeclared = false;
  for (const Scope* scope = scope_; scope; scope = scope->around) {
    if (scope->sees_outputs) {
      candidates.insert(candidates.end(), scope->output_names.begin(),
                        scope->output_names.end());
    }
    if (scope->opaque || scope->sources.empty()) continue;
    if (!nearest) nearest = scope;
    for (const SourceScope& source : scope->sources) {
      add_candidates(source, candidates);
      undeclared |= source.table && source.table->find_undeclared(name.text) != nullptr;
    }
  }
  std::string message = "no column " + quoted(name.text);
  message += nearest ? " in " + describe(nearest->sources) : " here: there is no FROM";
  message += undeclared ? "; an undeclared column is written with its alias"
                        : suggestion(name.text, candidates);
  return error(ErrorCode::kUnknownColumn, name.span, std::move(message));
}

// The value that an output name of the select `level` scopes further out stands for.
Result<ExprPtr> Binder::bind_output(Scope& scope, unsigned level, std::size_t output,
                                    base::Span span) {
  dataflow::Property& property = scope.select->shape.properties[output];
  ExprPtr result;
  if (property.kind == dataflow::PropertyKind::kValue) {
    TREMULA_TRY_ASSIGN(result, copy(property.expr, span));
  } else if (property.kind == dataflow::PropertyKind::kSingle && property.select->shape.bare) {
    auto scalar = std::make_unique<Expr>();
    scalar->op = ExprOp::kScalar;
    const dataflow::Property& value = property.select->shape.properties[0];
    if (value.expr) scalar->type = value.expr->type;
    scalar->select = std::move(property.select);
    Result<ExprPtr> copied = copy(scalar, span);
    property.select = std::move(scalar->select);
    TREMULA_TRY_ASSIGN(result, std::move(copied));
  } else {
    return error(ErrorCode::kTypeMismatch, span,
                 quoted(scope.output_names[output]) +
                     " is an object or an array, which can't be ordered or compared");
  }
  AggregateFinder finder;
  if (scope.aggregate_ban) walk(result, 0, finder);
  if (finder.found) {
    return error(ErrorCode::kUnsupported, span,
                 quoted(scope.output_names[output]) + " holds an aggregate, which can't stand in " +
                     scope.aggregate_ban);
  }
  if (level > 0) shift_levels(result, level);
  return result;
}

}  // namespace tremula::treeql
