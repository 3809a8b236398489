// Binding of calls: scalar functions and aggregates.
#include <limits>
#include <utility>

#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"
#include "lang/treeql/token.h"
#include "lang/treeql/types.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using dataflow::Aggregate;
using dataflow::AggregateKind;
using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using triples::FunctionInfo;

namespace {

struct AggregateInfo {
  std::string_view name;
  AggregateKind kind;
  std::size_t arguments_max;
};
constexpr AggregateInfo kAggregates[] = {
    {"count", AggregateKind::kCount, 1}, {"sum", AggregateKind::kSum, 1},
    {"avg", AggregateKind::kAvg, 1},     {"min", AggregateKind::kMin, 1},
    {"max", AggregateKind::kMax, 1},     {"total", AggregateKind::kTotal, 1},
    {"group_concat", AggregateKind::kGroupConcat, 2},
};

const AggregateInfo* find_aggregate(std::string_view name) {
  for (const AggregateInfo& info : kAggregates) {
    if (same_word(info.name, name)) return &info;
  }
  return nullptr;
}

const FunctionInfo* find_function(std::string_view name) {
  for (const FunctionInfo& info : triples::functions()) {
    if (same_word(info.name, name)) return &info;
  }
  return nullptr;
}


base::Error wrong_number(const ast::Expr& ast, std::string_view name, std::size_t least,
                         std::size_t most) {
  constexpr std::size_t kMany = 64;  // more than any function with a bound takes
  std::string wanted = std::to_string(least);
  if (most > kMany) {
    wanted += " or more";
  } else if (most != least) {
    wanted += (most == least + 1 ? " or " : " to ") + std::to_string(most);
  }
  return error(ErrorCode::kSyntax, ast.name.span,
               std::string(name) + " takes " + wanted +
                   (wanted == "1" ? " argument" : " arguments") + ", found " +
                   (ast.star ? "*" : std::to_string(ast.arguments.size())));
}

}  // namespace

Result<ExprPtr> Binder::bind_call(const ast::Expr& ast) {
  const AggregateInfo* aggregate = find_aggregate(ast.name.text);
  const FunctionInfo* function = find_function(ast.name.text);
  // min and max of one value are aggregates, of several values functions.
  const bool is_function = function && (!aggregate || ast.arguments.size() > 1);
  if (is_function) return bind_function(ast, *function);
  if (aggregate) {
    const bool counts_all = aggregate->kind == AggregateKind::kCount && ast.star;
    const std::size_t count = ast.arguments.size();
    if (!counts_all && (count < 1 || count > aggregate->arguments_max)) {
      return wrong_number(ast, aggregate->name, 1, aggregate->arguments_max);
    }
    return bind_aggregate(ast, counts_all ? AggregateKind::kCountAll : aggregate->kind);
  }
  std::vector<std::string_view> candidates;
  for (const AggregateInfo& info : kAggregates) candidates.push_back(info.name);
  for (const FunctionInfo& info : triples::functions()) candidates.push_back(info.name);
  return error(ErrorCode::kUnknownFunction, ast.name.span,
               "no function " + quoted(ast.name.text) + suggestion(ast.name.text, candidates));
}

Result<ExprPtr> Binder::bind_function(const ast::Expr& ast, const FunctionInfo& info) {
  if (ast.distinct || ast.filter || !ast.order.empty()) {
    return error(ErrorCode::kSyntax, ast.name.span,
                 "DISTINCT, ORDER BY and FILTER belong to aggregates, and " +
                     std::string(info.name) + " is none");
  }
  const std::size_t count = ast.arguments.size();
  if (ast.star || count < info.arguments_min || count > info.arguments_max) {
    return wrong_number(ast, info.name, info.arguments_min, info.arguments_max);
  }
  auto expr = std::make_unique<Expr>();
  expr->op = ExprOp::kCall;
  expr->function = info.function;
  TREMULA_TRY(bind_arguments(ast, *expr));
  if (const auto problem = check_call(info.function, info.name, expr->arguments)) {
    return error(ErrorCode::kTypeMismatch, ast.arguments[problem->argument]->span,
                 problem->message);
  }
  expr->type = call_type(info.function, expr->arguments);
  return expr;
}

Result<ExprPtr> Binder::bind_aggregate(const ast::Expr& ast, AggregateKind kind) {
  if (scope_->aggregate_ban) {
    return error(ErrorCode::kUnsupported, ast.name.span,
                 "an aggregate can't stand in " + std::string(scope_->aggregate_ban));
  }
  if (!ast.order.empty() && kind != AggregateKind::kGroupConcat) {
    return error(ErrorCode::kSyntax, ast.order[0].expr->span,
                 "ORDER BY inside an aggregate is for group_concat alone");
  }
  Aggregate aggregate;
  aggregate.kind = kind;
  aggregate.distinct = ast.distinct;
  scope_->aggregate_ban = "another aggregate";
  TREMULA_TRY(bind_aggregate_parts(ast, aggregate));
  scope_->aggregate_ban = nullptr;
  auto& known = scope_->select->aggregates;
  auto expr = std::make_unique<Expr>();
  expr->op = ExprOp::kColumn;
  expr->source = kAggregateSource;
  expr->type = aggregate_type(kind, aggregate.argument ? aggregate.argument->type
                                                       : triples::Type::kAny);
  while (expr->column < known.size() && !same(known[expr->column], aggregate)) ++expr->column;
  if (expr->column == known.size()) known.push_back(std::move(aggregate));
  column_spans_[expr.get()] = ast.span;
  return expr;
}

Result<void> Binder::bind_aggregate_parts(const ast::Expr& ast, Aggregate& aggregate) {
  const AggregateKind kind = aggregate.kind;
  if (!ast.arguments.empty()) {
    TREMULA_TRY_ASSIGN(aggregate.argument, bind_expr(*ast.arguments[0]));
    const triples::Type type = aggregate.argument->type;
    const bool adds = kind == AggregateKind::kSum || kind == AggregateKind::kAvg ||
                      kind == AggregateKind::kTotal;
    const bool joins = kind == AggregateKind::kGroupConcat;
    if ((adds && !fits_number(type)) || (joins && !fits_text(type))) {
      return error(ErrorCode::kTypeMismatch, ast.arguments[0]->span,
                   ast.name.text + " needs " + (adds ? "a number" : "text") + ", found " +
                       std::string(triples::type_name(type)));
    }
  }
  if (ast.arguments.size() > 1) {
    TREMULA_TRY_ASSIGN(aggregate.separator, bind_expr(*ast.arguments[1]));
    if (!fits_text(aggregate.separator->type)) {
      return error(ErrorCode::kTypeMismatch, ast.arguments[1]->span,
                   "a separator is text, found " +
                       std::string(triples::type_name(aggregate.separator->type)));
    }
  }
  for (const ast::OrderTerm& term : ast.order) {
    if (is_literal(*term.expr)) {
      return error(ErrorCode::kUnsupported, term.expr->span, "a literal in ORDER BY is no order");
    }
    TREMULA_TRY_ASSIGN(ExprPtr key, bind_expr(*term.expr));
    aggregate.order.push_back({std::move(key), term.direction, term.nulls});
  }
  if (ast.filter) {
    TREMULA_TRY_ASSIGN(aggregate.filter, bind_condition(*ast.filter, "FILTER"));
  }
  return {};
}

}  // namespace tremula::treeql
