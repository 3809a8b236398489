// Binding of expressions: operators and their types.
#include <limits>
#include <string>

#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"
#include "lang/treeql/types.h"

namespace tremula::treeql {

using ast::ExprKind;
using base::ErrorCode;
using base::Result;
using base::Span;
using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using triples::Type;

namespace {

ExprPtr make(ExprOp op, Type type) {
  auto expr = std::make_unique<Expr>();
  expr->op = op;
  expr->type = type;
  return expr;
}

ExprPtr make(ExprOp op, Type type, ExprPtr first, ExprPtr second = nullptr) {
  ExprPtr expr = make(op, type);
  expr->arguments.push_back(std::move(first));
  if (second) expr->arguments.push_back(std::move(second));
  return expr;
}

ExprPtr negate_if(bool negated, ExprPtr expr) {
  return negated ? make(ExprOp::kNot, Type::kBool, std::move(expr)) : std::move(expr);
}

std::string named(Type type) { return std::string(triples::type_name(type)); }

base::Error mismatch(Span span, std::string message) {
  return error(ErrorCode::kTypeMismatch, span, std::move(message));
}

bool is_arithmetic(ExprOp op) { return op >= ExprOp::kAdd && op <= ExprOp::kModulo; }

}  // namespace

bool fold_negation(const triples::OwnedValue& literal, triples::OwnedValue& negated) {
  using triples::Kind;
  using triples::Value;
  const Value value = literal.value();
  const bool overflows =
      value.kind == Kind::kInt && value.integer == std::numeric_limits<std::int64_t>::min();
  if (!value.is_number() || overflows) return false;
  negated = triples::OwnedValue(value.kind == Kind::kInt ? Value::int_of(-value.integer)
                                                         : Value::real(-value.number));
  return true;
}

Result<ExprPtr> Binder::bind_expr(const ast::Expr& ast) {
  switch (ast.kind) {
    case ExprKind::kLiteral: {
      ExprPtr expr = make(ExprOp::kLiteral, type_of(ast.literal.value()));
      expr->literal = ast.literal;
      return expr;
    }
    case ExprKind::kParameter: return bind_parameter(ast.name);
    case ExprKind::kColumn: return bind_column(ast);
    case ExprKind::kUnary: return bind_unary(ast);
    case ExprKind::kBinary: return ast.op == ExprOp::kIs ? bind_is(ast) : bind_binary(ast);
    case ExprKind::kJunction: return bind_junction(ast);
    case ExprKind::kBetween: return bind_between(ast);
    case ExprKind::kInList:
    case ExprKind::kInSelect: return bind_in(ast);
    case ExprKind::kLike: return bind_like(ast);
    case ExprKind::kCase: return bind_case(ast);
    case ExprKind::kCast: return bind_cast(ast);
    case ExprKind::kCall: return bind_call(ast);
    case ExprKind::kExists: return bind_subselect(ast, Use::kExists, ExprOp::kExists);
    case ExprKind::kSubselect: return bind_subselect(ast, Use::kScalar, ExprOp::kScalar);
    case ExprKind::kJsonArray:
    case ExprKind::kJsonObject: return bind_json(ast);
  }
  return make(ExprOp::kLiteral, Type::kAny);
}

Result<ExprPtr> Binder::bind_condition(const ast::Expr& ast, std::string_view clause) {
  TREMULA_TRY_ASSIGN(ExprPtr expr, bind_expr(ast));
  if (fits_condition(expr->type)) return expr;
  return mismatch(ast.span, std::string(clause) + " needs a BOOL, found " + named(expr->type));
}

ExprPtr Binder::bind_parameter(const ast::Name& name) {
  ExprPtr expr = make(ExprOp::kParameter, Type::kAny);
  while (expr->parameter < parameters_.size() &&
         parameters_[expr->parameter].name != name.text) {
    ++expr->parameter;
  }
  if (expr->parameter == parameters_.size()) parameters_.push_back({name.text, name.span});
  return expr;
}

// A copy of an expression that a construct means more than once.
Result<ExprPtr> Binder::copy(ExprPtr& expr, Span span) {
  constexpr std::size_t kCopiedNodesMax = 1 << 18;
  ExprPtr result = clone_with_spans(expr, column_spans_, copied_nodes_);
  if (copied_nodes_ <= kCopiedNodesMax) return result;
  return error(ErrorCode::kUnsupported, span, "the expression is too complex");
}

Result<void> Binder::check_comparable(const Expr& a, const Expr& b, Span span) const {
  if (comparable(a.type, b.type)) return {};
  return mismatch(span, "can't compare " + named(a.type) + " with " + named(b.type));
}

Result<void> Binder::bind_arguments(const ast::Expr& ast, Expr& expr) {
  for (const ast::ExprPtr& argument : ast.arguments) {
    TREMULA_TRY_ASSIGN(ExprPtr bound, bind_expr(*argument));
    expr.arguments.push_back(std::move(bound));
  }
  return {};
}

Result<ExprPtr> Binder::bind_unary(const ast::Expr& ast) {
  const ast::Expr& operand = *ast.arguments[0];
  if (ast.op == ExprOp::kNot) {
    TREMULA_TRY_ASSIGN(ExprPtr condition, bind_condition(operand, "NOT"));
    return make(ExprOp::kNot, Type::kBool, std::move(condition));
  }
  TREMULA_TRY_ASSIGN(ExprPtr value, bind_expr(operand));
  if (!fits_number(value->type)) {
    return mismatch(ast.span, "'-' needs a number, found " + named(value->type));
  }
  if (value->op == ExprOp::kLiteral && fold_negation(value->literal, value->literal)) return value;
  const Type type = value->type == Type::kJson ? Type::kAny : value->type;
  return make(ExprOp::kNegate, type, std::move(value));
}

Result<ExprPtr> Binder::bind_binary(const ast::Expr& ast) {
  TREMULA_TRY_ASSIGN(ExprPtr left, bind_expr(*ast.arguments[0]));
  TREMULA_TRY_ASSIGN(ExprPtr right, bind_expr(*ast.arguments[1]));
  Type type = Type::kBool;
  if (is_arithmetic(ast.op)) {
    if (!fits_number(left->type) || !fits_number(right->type)) {
      return mismatch(ast.span, "can't compute with " + named(left->type) + " and " +
                                    named(right->type));
    }
    type = arithmetic_type(left->type, right->type);
  } else if (ast.op == ExprOp::kConcat) {
    if (!fits_text(left->type) || !fits_text(right->type)) {
      return mismatch(ast.span, "'||' needs text, found " + named(left->type) + " and " +
                                    named(right->type));
    }
    type = Type::kText;
  } else if (ast.op == ExprOp::kJsonGet || ast.op == ExprOp::kJsonGetText) {
    const bool is_path = is_dynamic(right->type) || right->type == Type::kText ||
                         right->type == Type::kInt;
    if (!is_path) {
      return mismatch(ast.arguments[1]->span,
                      "a key is TEXT or an INT, found " + named(right->type));
    }
    type = Type::kAny;
  } else {
    TREMULA_TRY(check_comparable(*left, *right, ast.span));
  }
  return make(ast.op, type, std::move(left), std::move(right));
}

Result<ExprPtr> Binder::bind_is(const ast::Expr& ast) {
  TREMULA_TRY_ASSIGN(ExprPtr left, bind_expr(*ast.arguments[0]));
  TREMULA_TRY_ASSIGN(ExprPtr right, bind_expr(*ast.arguments[1]));
  if (is_null_literal(*right)) {
    const ExprOp op = ast.negated ? ExprOp::kIsNotNull : ExprOp::kIsNull;
    return make(op, Type::kBool, std::move(left));
  }
  TREMULA_TRY(check_comparable(*left, *right, ast.span));
  const ExprOp op = ast.negated ? ExprOp::kIsNot : ExprOp::kIs;
  return make(op, Type::kBool, std::move(left), std::move(right));
}

Result<ExprPtr> Binder::bind_junction(const ast::Expr& ast) {
  ExprPtr expr = make(ast.op, Type::kBool);
  for (const ast::ExprPtr& argument : ast.arguments) {
    TREMULA_TRY_ASSIGN(ExprPtr condition,
                       bind_condition(*argument, ast.op == ExprOp::kAnd ? "AND" : "OR"));
    // Not flattened: an AND that GROUP BY names must stay one expression to be found.
    expr->arguments.push_back(std::move(condition));
  }
  return expr;
}

Result<ExprPtr> Binder::bind_between(const ast::Expr& ast) {
  TREMULA_TRY_ASSIGN(ExprPtr value, bind_expr(*ast.arguments[0]));
  TREMULA_TRY_ASSIGN(ExprPtr low, bind_expr(*ast.arguments[1]));
  TREMULA_TRY_ASSIGN(ExprPtr high, bind_expr(*ast.arguments[2]));
  TREMULA_TRY(check_comparable(*value, *low, ast.span));
  TREMULA_TRY(check_comparable(*value, *high, ast.span));
  TREMULA_TRY_ASSIGN(ExprPtr again, copy(value, ast.span));
  ExprPtr from = make(ExprOp::kGreaterEqual, Type::kBool, std::move(value), std::move(low));
  ExprPtr to = make(ExprOp::kLessEqual, Type::kBool, std::move(again), std::move(high));
  return negate_if(ast.negated,
                   make(ExprOp::kAnd, Type::kBool, std::move(from), std::move(to)));
}

Result<ExprPtr> Binder::bind_in(const ast::Expr& ast) {
  ExprPtr expr = make(ast.select ? ExprOp::kIn : ExprOp::kInList, Type::kBool);
  TREMULA_TRY(bind_arguments(ast, *expr));
  for (std::size_t i = 1; i < expr->arguments.size(); ++i) {
    TREMULA_TRY(
        check_comparable(*expr->arguments[0], *expr->arguments[i], ast.arguments[i]->span));
  }
  if (ast.select) {
    expr->select = std::make_unique<dataflow::Select>();
    TREMULA_TRY(bind_select(*ast.select, Use::kIn, *expr->select));
    const Expr& column = *expr->select->shape.properties[0].expr;
    TREMULA_TRY(check_comparable(*expr->arguments[0], column, ast.span));
  }
  return negate_if(ast.negated, std::move(expr));
}

Result<ExprPtr> Binder::bind_like(const ast::Expr& ast) {
  ExprPtr expr = make(ast.op, Type::kBool);
  TREMULA_TRY(bind_arguments(ast, *expr));
  for (std::size_t i = 0; i < expr->arguments.size(); ++i) {
    if (fits_text(expr->arguments[i]->type)) continue;
    return mismatch(ast.arguments[i]->span,
                    (ast.op == ExprOp::kLike ? "LIKE" : "GLOB") +
                        (" needs text, found " + named(expr->arguments[i]->type)));
  }
  return negate_if(ast.negated, std::move(expr));
}

Result<ExprPtr> Binder::bind_case(const ast::Expr& ast) {
  ExprPtr base;
  std::size_t at = 0;
  if (ast.has_base) {
    TREMULA_TRY_ASSIGN(base, bind_expr(*ast.arguments[at++]));
  }
  ExprPtr expr = make(ExprOp::kCase, Type::kAny);
  bool typed = false;
  const auto add_result = [&](ExprPtr result) {
    if (!is_null_literal(*result)) {
      expr->type = typed ? common_type(expr->type, result->type) : result->type;
      typed = true;
    }
    expr->arguments.push_back(std::move(result));
  };
  const std::size_t end = ast.arguments.size() - (ast.has_else ? 1 : 0);
  for (; at < end; at += 2) {
    const ast::Expr& when = *ast.arguments[at];
    ExprPtr condition;
    if (base) {
      TREMULA_TRY_ASSIGN(ExprPtr value, bind_expr(when));
      TREMULA_TRY(check_comparable(*base, *value, when.span));
      TREMULA_TRY_ASSIGN(ExprPtr again, copy(base, ast.span));
      condition = make(ExprOp::kEqual, Type::kBool, std::move(again), std::move(value));
    } else {
      TREMULA_TRY_ASSIGN(condition, bind_condition(when, "WHEN"));
    }
    expr->arguments.push_back(std::move(condition));
    TREMULA_TRY_ASSIGN(ExprPtr result, bind_expr(*ast.arguments[at + 1]));
    add_result(std::move(result));
  }
  ExprPtr otherwise = make(ExprOp::kLiteral, Type::kAny);
  if (ast.has_else) {
    TREMULA_TRY_ASSIGN(otherwise, bind_expr(*ast.arguments.back()));
  }
  add_result(std::move(otherwise));
  return expr;
}

Result<ExprPtr> Binder::bind_cast(const ast::Expr& ast) {
  TREMULA_TRY_ASSIGN(ExprPtr value, bind_expr(*ast.arguments[0]));
  return make(ExprOp::kCast, ast.type, std::move(value));
}

Result<ExprPtr> Binder::bind_subselect(const ast::Expr& ast, Use use, ExprOp op) {
  ExprPtr expr = make(op, Type::kBool);
  expr->select = std::make_unique<dataflow::Select>();
  TREMULA_TRY(bind_select(*ast.select, use, *expr->select));
  if (use == Use::kScalar) expr->type = expr->select->shape.properties[0].expr->type;
  return expr;
}

Result<ExprPtr> Binder::bind_json(const ast::Expr& ast) {
  const bool is_array = ast.kind == ExprKind::kJsonArray;
  ExprPtr expr = make(is_array ? ExprOp::kJsonArray : ExprOp::kJsonObject, Type::kJson);
  for (std::size_t i = 0; i < ast.arguments.size(); ++i) {
    TREMULA_TRY_ASSIGN(ExprPtr value, bind_expr(*ast.arguments[i]));
    if (!is_array) {
      std::size_t at = 0;
      while (at < expr->names.size() && expr->names[at] != ast.names[i].text) ++at;
      if (at < expr->names.size()) {
        expr->arguments[at] = std::move(value);  // the last duplicate wins
        continue;
      }
      expr->names.push_back(ast.names[i].text);
    }
    expr->arguments.push_back(std::move(value));
  }
  return expr;
}

}  // namespace tremula::treeql
