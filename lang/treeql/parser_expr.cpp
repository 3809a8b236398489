#include <algorithm>
#include <limits>

#include "lang/treeql/diagnostic.h"
#include "lang/treeql/parser.h"

namespace tremula::treeql {

using ast::ExprKind;
using ast::ExprPtr;
using base::ErrorCode;
using base::Result;
using dataflow::ExprOp;

namespace {

ExprPtr make(ExprKind kind) {
  auto expr = std::make_unique<ast::Expr>();
  expr->kind = kind;
  return expr;
}

ExprPtr make_binary(ExprOp op, ExprPtr left, ExprPtr right) {
  ExprPtr expr = make(ExprKind::kBinary);
  expr->op = op;
  expr->arguments.push_back(std::move(left));
  expr->arguments.push_back(std::move(right));
  return expr;
}

struct BinarySign {
  Symbol symbol;
  ExprOp op;
  unsigned precedence;
};
constexpr unsigned kRelational = 1;  // the loosest of those below; = and its kin bind looser
constexpr BinarySign kBinarySigns[] = {
    {Symbol::kLess, ExprOp::kLess, 1},        {Symbol::kLessEqual, ExprOp::kLessEqual, 1},
    {Symbol::kGreater, ExprOp::kGreater, 1},  {Symbol::kGreaterEqual, ExprOp::kGreaterEqual, 1},
    {Symbol::kPlus, ExprOp::kAdd, 2},         {Symbol::kMinus, ExprOp::kSubtract, 2},
    {Symbol::kStar, ExprOp::kMultiply, 3},    {Symbol::kSlash, ExprOp::kDivide, 3},
    {Symbol::kPercent, ExprOp::kModulo, 3},   {Symbol::kConcat, ExprOp::kConcat, 4},
    {Symbol::kArrow, ExprOp::kJsonGet, 4},    {Symbol::kArrowText, ExprOp::kJsonGetText, 4},
};

const BinarySign* find_sign(Symbol symbol) {
  for (const BinarySign& sign : kBinarySigns) {
    if (sign.symbol == symbol) return &sign;
  }
  return nullptr;
}

}  // namespace

// Gives the node its span and its height.
Result<ExprPtr> Parser::finish(ExprPtr expr, unsigned begin) {
  expr->span = span_from(begin);
  unsigned below = expr->select ? expr->select->height : 0;
  for (const ExprPtr& argument : expr->arguments) below = std::max(below, argument->height);
  if (expr->filter) below = std::max(below, expr->filter->height);
  for (const ast::OrderTerm& term : expr->order) below = std::max(below, term.expr->height);
  expr->height = below + 1;
  if (expr->height <= kHeightMax) return expr;
  return error(ErrorCode::kUnsupported, expr->span,
               "more than " + std::to_string(kHeightMax) + " operators on top of one another");
}

Result<ExprPtr> Parser::parse_expression() {
  TREMULA_TRY_ASSIGN(ExprPtr expr, parse_junction(ExprOp::kOr));
  tallest_ = std::max(tallest_, expr->height);
  return expr;
}

Result<ExprPtr> Parser::parse_junction(ExprOp op) {
  const bool is_or = op == ExprOp::kOr;
  const unsigned begin = token().span.begin;
  ExprPtr junction;
  while (true) {
    TREMULA_TRY_ASSIGN(ExprPtr operand, is_or ? parse_junction(ExprOp::kAnd) : parse_not());
    const bool more = accept_word(is_or ? "OR" : "AND");
    if (!junction && !more) return operand;
    if (!junction) {
      junction = make(ExprKind::kJunction);
      junction->op = op;
    }
    junction->arguments.push_back(std::move(operand));
    if (!more) return finish(std::move(junction), begin);
  }
}

Result<ExprPtr> Parser::parse_not() {
  if (!at_word("NOT")) return parse_equality();
  const unsigned begin = token().span.begin;
  TREMULA_TRY(enter());
  ++position_;
  ExprPtr negation = make(ExprKind::kUnary);
  negation->op = ExprOp::kNot;
  TREMULA_TRY_ASSIGN(ExprPtr operand, parse_not());
  negation->arguments.push_back(std::move(operand));
  leave();
  return finish(std::move(negation), begin);
}

Result<ExprPtr> Parser::parse_equality() {
  TREMULA_TRY_ASSIGN(ExprPtr left, parse_binary(kRelational));
  bool found = true;
  while (found) {
    const unsigned begin = left->span.begin;
    TREMULA_TRY_ASSIGN(left, parse_equality_tail(std::move(left), found));
    if (!found) break;
    TREMULA_TRY_ASSIGN(left, finish(std::move(left), begin));
  }
  return left;
}

// One of = != IS IN LIKE GLOB BETWEEN and its right side, if one is there.
Result<ExprPtr> Parser::parse_equality_tail(ExprPtr left, bool& found) {
  if (at(Symbol::kEqual) || at(Symbol::kNotEqual)) {
    const ExprOp op = at(Symbol::kEqual) ? ExprOp::kEqual : ExprOp::kNotEqual;
    ++position_;
    TREMULA_TRY_ASSIGN(ExprPtr right, parse_binary(kRelational));
    return make_binary(op, std::move(left), std::move(right));
  }
  if (accept_word("IS")) {
    const bool negated = accept_word("NOT");
    TREMULA_TRY_ASSIGN(ExprPtr right, parse_binary(kRelational));
    ExprPtr expr = make_binary(ExprOp::kIs, std::move(left), std::move(right));
    expr->negated = negated;
    return expr;
  }
  const bool negated = at_word("NOT");
  const Token& word = token(negated ? 1 : 0);
  const bool is_in = word.is_word("IN"), is_like = word.is_word("LIKE");
  const bool is_glob = word.is_word("GLOB"), is_between = word.is_word("BETWEEN");
  found = is_in || is_like || is_glob || is_between;
  if (!found) return left;
  position_ += negated ? 2 : 1;
  if (is_in) return parse_in(std::move(left), negated);
  if (is_between) return parse_between(std::move(left), negated);
  return parse_like(std::move(left), negated, is_glob);
}

Result<ExprPtr> Parser::parse_in(ExprPtr left, bool negated) {
  TREMULA_TRY(expect(Symbol::kLeftParen, "'(' and a list or a SELECT"));
  ExprPtr expr = make(at_word("SELECT") ? ExprKind::kInSelect : ExprKind::kInList);
  expr->negated = negated;
  expr->arguments.push_back(std::move(left));
  if (expr->kind == ExprKind::kInSelect) {
    TREMULA_TRY_ASSIGN(expr->select, parse_select());
  } else if (!at(Symbol::kRightParen)) {
    TREMULA_TRY(enter());
    do {
      TREMULA_TRY_ASSIGN(ExprPtr item, parse_expression());
      expr->arguments.push_back(std::move(item));
    } while (accept(Symbol::kComma));
    leave();
  }
  TREMULA_TRY(expect(Symbol::kRightParen, "',' or ')'"));
  return expr;
}

Result<ExprPtr> Parser::parse_like(ExprPtr left, bool negated, bool glob) {
  ExprPtr expr = make(ExprKind::kLike);
  expr->op = glob ? ExprOp::kGlob : ExprOp::kLike;
  expr->negated = negated;
  expr->arguments.push_back(std::move(left));
  TREMULA_TRY_ASSIGN(ExprPtr pattern, parse_binary(kRelational));
  expr->arguments.push_back(std::move(pattern));
  if (!glob && accept_word("ESCAPE")) {
    TREMULA_TRY_ASSIGN(ExprPtr escape, parse_binary(kRelational));
    expr->arguments.push_back(std::move(escape));
  }
  return expr;
}

Result<ExprPtr> Parser::parse_between(ExprPtr left, bool negated) {
  ExprPtr expr = make(ExprKind::kBetween);
  expr->negated = negated;
  expr->arguments.push_back(std::move(left));
  TREMULA_TRY_ASSIGN(ExprPtr low, parse_binary(kRelational));
  TREMULA_TRY(expect_word("AND"));
  TREMULA_TRY_ASSIGN(ExprPtr high, parse_binary(kRelational));
  expr->arguments.push_back(std::move(low));
  expr->arguments.push_back(std::move(high));
  return expr;
}

Result<ExprPtr> Parser::parse_binary(unsigned precedence) {
  TREMULA_TRY_ASSIGN(ExprPtr left, parse_unary());
  while (true) {
    const BinarySign* sign = find_sign(token().symbol);
    if (!sign || sign->precedence < precedence) return left;
    ++position_;
    const unsigned begin = left->span.begin;
    TREMULA_TRY_ASSIGN(ExprPtr right, parse_binary(sign->precedence + 1));
    TREMULA_TRY_ASSIGN(
        left, finish(make_binary(sign->op, std::move(left), std::move(right)), begin));
  }
}

Result<ExprPtr> Parser::parse_unary() {
  // Behind an operator NOT takes all that binds closer than itself, as in SQLite:
  // a = NOT b = c is a = (NOT (b = c)).
  if (at_word("NOT")) return parse_not();
  if (!at(Symbol::kMinus)) return parse_primary();
  const unsigned begin = token().span.begin;
  TREMULA_TRY(enter());
  ++position_;
  const bool is_least_int =
      token().kind == TokenKind::kInteger && token().text == "9223372036854775808";
  TREMULA_TRY_ASSIGN(ExprPtr operand, parse_unary());
  leave();
  if (is_least_int) {
    operand->literal = triples::OwnedValue(
        triples::Value::int_of(std::numeric_limits<std::int64_t>::min()));
    return finish(std::move(operand), begin);
  }
  ExprPtr negation = make(ExprKind::kUnary);
  negation->op = ExprOp::kNegate;
  negation->arguments.push_back(std::move(operand));
  return finish(std::move(negation), begin);
}

Result<ExprPtr> Parser::parse_primary() {
  const Token& first = token();
  if (ExprPtr literal = parse_literal()) return literal;
  if (first.kind == TokenKind::kParameter) {
    ++position_;
    ExprPtr expr = make(ExprKind::kParameter);
    expr->name = {std::string(first.text.substr(1)), first.span};
    return finish(std::move(expr), first.span.begin);
  }
  if (at(Symbol::kLeftParen)) return parse_parentheses();
  if (at_word("EXISTS")) return parse_exists();
  if (at_word("CASE")) return parse_case();
  if (at_word("CAST")) return parse_cast();
  const bool is_word = first.kind == TokenKind::kWord;
  if (is_word && !first.is_reserved() && token(1).is(Symbol::kLeftParen)) return parse_call();
  if ((is_word && !first.is_reserved()) || first.kind == TokenKind::kQuotedName) {
    return parse_column_name();
  }
  return unexpected("an expression");
}

// The literal that stands here, or null if there is none.
ExprPtr Parser::parse_literal() {
  const Token& found = token();
  ExprPtr expr = make(ExprKind::kLiteral);
  const bool is_true = at_word("TRUE");
  if (is_true || at_word("FALSE")) {
    expr->literal = triples::OwnedValue(triples::Value::boolean_of(is_true));
  } else if (found.kind == TokenKind::kText || found.kind == TokenKind::kInteger ||
             found.kind == TokenKind::kReal || found.kind == TokenKind::kBytes) {
    expr->literal = literal_value(found);
  } else if (!at_word("NULL")) {
    return nullptr;
  }
  ++position_;
  expr->span = found.span;
  return expr;
}

Result<ExprPtr> Parser::parse_parentheses() {
  const unsigned begin = token().span.begin;
  if (token(1).is_word("SELECT")) {
    ++position_;
    ExprPtr expr = make(ExprKind::kSubselect);
    TREMULA_TRY_ASSIGN(expr->select, parse_select());
    TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
    return finish(std::move(expr), begin);
  }
  TREMULA_TRY(enter());
  ++position_;
  TREMULA_TRY_ASSIGN(ExprPtr expr, parse_expression());
  TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
  leave();
  return expr;
}

Result<ExprPtr> Parser::parse_exists() {
  const unsigned begin = token().span.begin;
  TREMULA_TRY(expect_word("EXISTS"));
  TREMULA_TRY(expect(Symbol::kLeftParen, "'(' and a SELECT"));
  ExprPtr expr = make(ExprKind::kExists);
  TREMULA_TRY_ASSIGN(expr->select, parse_select());
  TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
  return finish(std::move(expr), begin);
}

Result<ExprPtr> Parser::parse_case() {
  const unsigned begin = token().span.begin;
  TREMULA_TRY(enter());
  TREMULA_TRY(expect_word("CASE"));
  ExprPtr expr = make(ExprKind::kCase);
  expr->has_base = !at_word("WHEN");
  if (expr->has_base) {
    TREMULA_TRY_ASSIGN(ExprPtr operand, parse_expression());
    expr->arguments.push_back(std::move(operand));
  }
  if (!at_word("WHEN")) return unexpected("WHEN");
  while (accept_word("WHEN")) {
    TREMULA_TRY_ASSIGN(ExprPtr when, parse_expression());
    expr->arguments.push_back(std::move(when));
    TREMULA_TRY(expect_word("THEN"));
    TREMULA_TRY_ASSIGN(ExprPtr then, parse_expression());
    expr->arguments.push_back(std::move(then));
  }
  expr->has_else = accept_word("ELSE");
  if (expr->has_else) {
    TREMULA_TRY_ASSIGN(ExprPtr otherwise, parse_expression());
    expr->arguments.push_back(std::move(otherwise));
  }
  TREMULA_TRY(expect_word("END"));
  leave();
  return finish(std::move(expr), begin);
}

Result<ExprPtr> Parser::parse_cast() {
  const unsigned begin = token().span.begin;
  TREMULA_TRY(enter());
  TREMULA_TRY(expect_word("CAST"));
  TREMULA_TRY(expect(Symbol::kLeftParen, "'('"));
  ExprPtr expr = make(ExprKind::kCast);
  TREMULA_TRY_ASSIGN(ExprPtr operand, parse_expression());
  expr->arguments.push_back(std::move(operand));
  TREMULA_TRY(expect_word("AS"));
  TREMULA_TRY_ASSIGN(expr->type, parse_type());
  TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
  leave();
  return finish(std::move(expr), begin);
}

Result<ExprPtr> Parser::parse_call() {
  const unsigned begin = token().span.begin;
  TREMULA_TRY(enter());
  ExprPtr expr = make(ExprKind::kCall);
  TREMULA_TRY_ASSIGN(expr->name, parse_name("the name of a function"));
  TREMULA_TRY(expect(Symbol::kLeftParen, "'('"));
  if (!at(Symbol::kRightParen)) TREMULA_TRY(parse_arguments(*expr));
  TREMULA_TRY(expect(Symbol::kRightParen, "',' or ')'"));
  // FILTER is no reserved word, but nothing else may stand behind an expression and before '('.
  if (at_word("FILTER") && token(1).is(Symbol::kLeftParen)) {
    position_ += 2;
    TREMULA_TRY(expect_word("WHERE"));
    TREMULA_TRY_ASSIGN(expr->filter, parse_expression());
    TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
  }
  leave();
  return finish(std::move(expr), begin);
}

Result<void> Parser::parse_arguments(ast::Expr& call) {
  if (accept(Symbol::kStar)) {
    call.star = true;
    return {};
  }
  call.distinct = accept_word("DISTINCT");
  do {
    TREMULA_TRY_ASSIGN(ExprPtr argument, parse_expression());
    call.arguments.push_back(std::move(argument));
  } while (accept(Symbol::kComma));
  if (at_word("ORDER")) {
    TREMULA_TRY_ASSIGN(call.order, parse_order());
  }
  return {};
}

Result<ExprPtr> Parser::parse_column_name() {
  const unsigned begin = token().span.begin;
  ExprPtr expr = make(ExprKind::kColumn);
  TREMULA_TRY_ASSIGN(expr->name, parse_name("a column"));
  if (accept(Symbol::kDot)) {
    expr->qualifier = std::move(expr->name);
    TREMULA_TRY_ASSIGN(expr->name, parse_any_name("the name of a column"));
  }
  return finish(std::move(expr), begin);
}

}  // namespace tremula::treeql
