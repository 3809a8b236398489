#include <algorithm>

#include "lang/treeql/diagnostic.h"
#include "lang/treeql/parser.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;

Result<std::unique_ptr<ast::Select>> Parser::parse_select() {
  const bool nested = in_select_;
  if (nested) TREMULA_TRY(enter());
  in_select_ = true;
  auto select = std::make_unique<ast::Select>();
  const unsigned begin = token().span.begin;
  const unsigned tallest_around = tallest_;
  tallest_ = 0;
  TREMULA_TRY(expect_word("SELECT"));
  select->distinct = accept_word("DISTINCT");
  TREMULA_TRY(parse_shape(*select));
  if (accept_word("FROM")) TREMULA_TRY(parse_from(*select));
  TREMULA_TRY(parse_clauses(*select));
  select->height = tallest_ + 1;
  select->span = span_from(begin);
  tallest_ = std::max(tallest_around, select->height);
  if (select->height > kHeightMax) {
    return error(ErrorCode::kUnsupported, select->span, "the query is too complex");
  }
  if (nested) leave();
  in_select_ = nested;
  return select;
}

Result<void> Parser::parse_clauses(ast::Select& select) {
  if (accept_word("WHERE")) {
    TREMULA_TRY_ASSIGN(select.where, parse_expression());
  }
  if (accept_word("GROUP")) {
    TREMULA_TRY(expect_word("BY"));
    do {
      TREMULA_TRY_ASSIGN(ast::ExprPtr key, parse_expression());
      select.group_keys.push_back(std::move(key));
    } while (accept(Symbol::kComma));
    if (accept_word("HAVING")) {
      TREMULA_TRY_ASSIGN(select.having, parse_expression());
    }
  }
  if (at_word("HAVING")) {
    return error(ErrorCode::kSyntax, token().span, "HAVING needs a GROUP BY before it");
  }
  if (at_word("ORDER")) {
    TREMULA_TRY_ASSIGN(select.order, parse_order());
  }
  if (accept_word("LIMIT")) {
    TREMULA_TRY_ASSIGN(select.limit, parse_limit("LIMIT"));
    if (accept_word("OFFSET")) {
      TREMULA_TRY_ASSIGN(select.offset, parse_limit("OFFSET"));
    }
  }
  if (at_word("OFFSET")) {
    return error(ErrorCode::kSyntax, token().span, "OFFSET needs a LIMIT before it");
  }
  return {};
}

Result<void> Parser::parse_shape(ast::Select& select) {
  const unsigned begin = token().span.begin;
  if (accept(Symbol::kLeftBrace)) {
    TREMULA_TRY_ASSIGN(select.shape, parse_properties());
  } else {
    select.row_form = true;
    do {
      TREMULA_TRY_ASSIGN(ast::Property item, parse_row_item());
      select.shape.push_back(std::move(item));
    } while (accept(Symbol::kComma));
  }
  select.shape_span = span_from(begin);
  return {};
}

// The properties of an object and the brace that ends it.
Result<std::vector<ast::Property>> Parser::parse_properties() {
  std::vector<ast::Property> properties;
  do {
    TREMULA_TRY_ASSIGN(ast::Property property, parse_property());
    properties.push_back(std::move(property));
  } while (accept(Symbol::kComma));
  TREMULA_TRY(expect(Symbol::kRightBrace, "',' or '}'"));
  return properties;
}

Result<ast::Property> Parser::parse_property() {
  const TokenKind kind = token().kind;
  const bool at_name = kind == TokenKind::kWord || kind == TokenKind::kQuotedName;
  if (at_name && token(1).is(Symbol::kColon)) return parse_named_property();
  if (at_star()) return parse_star();
  ast::Property property;
  property.kind = ast::PropertyKind::kColumn;
  if (!at_name) return unexpected("a property: 'name: value', a column or '*'");
  if (token(1).is(Symbol::kLeftParen)) {
    return error(ErrorCode::kSyntax, token().span, "an expression inside { } needs a name: "
                                                   "write 'name: expression'");
  }
  TREMULA_TRY_ASSIGN(property.expr, parse_column_name());
  property.span = property.expr->span;
  property.text_span = property.span;
  tallest_ = std::max(tallest_, property.expr->height);
  return property;
}

Result<ast::Property> Parser::parse_named_property() {
  ast::Property property;
  const unsigned begin = token().span.begin;
  TREMULA_TRY_ASSIGN(property.name, parse_any_name("a name"));
  TREMULA_TRY(expect(Symbol::kColon, "':'"));
  const unsigned value_begin = token().span.begin;
  if (accept(Symbol::kLeftBracket)) {
    property.kind = ast::PropertyKind::kArray;
    TREMULA_TRY_ASSIGN(property.select, parse_select());
    TREMULA_TRY(expect(Symbol::kRightBracket, "']'"));
  } else if (at(Symbol::kLeftBrace)) {
    property.kind = ast::PropertyKind::kObject;
    TREMULA_TRY(enter());
    ++position_;
    TREMULA_TRY_ASSIGN(property.properties, parse_properties());
    leave();
  } else {
    TREMULA_TRY_ASSIGN(property.expr, parse_expression());
  }
  property.text_span = span_from(value_begin);
  property.span = span_from(begin);
  return property;
}

bool Parser::at_star() const {
  if (at(Symbol::kStar)) return true;
  const TokenKind kind = token().kind;
  const bool at_name = kind == TokenKind::kQuotedName ||
                       (kind == TokenKind::kWord && !token().is_reserved());
  return at_name && token(1).is(Symbol::kDot) && token(2).is(Symbol::kStar);
}

// Requires: at_star().
Result<ast::Property> Parser::parse_star() {
  ast::Property property;
  property.kind = ast::PropertyKind::kStar;
  const unsigned begin = token().span.begin;
  if (!at(Symbol::kStar)) {
    TREMULA_TRY_ASSIGN(property.qualifier, parse_name("an alias"));
    TREMULA_TRY(expect(Symbol::kDot, "'.'"));
  }
  TREMULA_TRY(expect(Symbol::kStar, "'*'"));
  property.span = span_from(begin);
  property.text_span = property.span;
  return property;
}

Result<ast::Property> Parser::parse_row_item() {
  if (at_star()) return parse_star();
  ast::Property property;
  const unsigned begin = token().span.begin;
  TREMULA_TRY_ASSIGN(property.expr, parse_expression());
  property.text_span = span_from(begin);
  if (property.expr->kind == ast::ExprKind::kColumn) property.kind = ast::PropertyKind::kColumn;
  if (accept_word("AS")) {
    TREMULA_TRY_ASSIGN(property.name, parse_name("a name"));
    property.kind = ast::PropertyKind::kValue;
  }
  property.span = span_from(begin);
  return property;
}

Result<void> Parser::parse_from(ast::Select& select) {
  TREMULA_TRY_ASSIGN(ast::FromItem first, parse_from_item());
  select.from.push_back(std::move(first));
  while (true) {
    dataflow::JoinKind kind = dataflow::JoinKind::kInner;
    TREMULA_TRY_ASSIGN(const bool joined, parse_join(kind));
    if (!joined) return {};
    TREMULA_TRY_ASSIGN(ast::FromItem item, parse_from_item());
    item.join = kind;
    TREMULA_TRY(expect_word("ON"));
    TREMULA_TRY_ASSIGN(item.on, parse_expression());
    select.from.push_back(std::move(item));
  }
}

// Returns: whether a JOIN was there.
Result<bool> Parser::parse_join(dataflow::JoinKind& kind) {
  if (accept_word("JOIN")) return true;
  if (accept_word("INNER")) {
    TREMULA_TRY(expect_word("JOIN"));
    return true;
  }
  if (!accept_word("LEFT")) return false;
  kind = dataflow::JoinKind::kLeft;
  if (!accept_word("OUTER") && !at_word("JOIN")) return unexpected("OUTER or JOIN");
  TREMULA_TRY(expect_word("JOIN"));
  return true;
}

Result<ast::FromItem> Parser::parse_from_item() {
  ast::FromItem item;
  if (accept(Symbol::kLeftParen)) {
    TREMULA_TRY_ASSIGN(item.derived, parse_select());
    TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
    if (!at_word("AS")) return unexpected("AS and a name for the derived table");
  } else {
    TREMULA_TRY_ASSIGN(item.table, parse_name("the name of a table"));
    item.alias = item.table;
  }
  if (accept_word("AS")) {
    TREMULA_TRY_ASSIGN(item.alias, parse_name("an alias"));
  }
  return item;
}

Result<std::vector<ast::OrderTerm>> Parser::parse_order() {
  TREMULA_TRY(expect_word("ORDER"));
  TREMULA_TRY(expect_word("BY"));
  std::vector<ast::OrderTerm> order;
  do {
    ast::OrderTerm term;
    TREMULA_TRY_ASSIGN(term.expr, parse_expression());
    if (accept_word("DESC")) {
      term.direction = triples::Direction::kDescending;
      term.nulls = triples::Nulls::kLast;
    } else {
      accept_word("ASC");
    }
    if (accept_word("NULLS")) {
      const bool first = accept_word("FIRST");
      if (!first && !accept_word("LAST")) return unexpected("FIRST or LAST");
      term.nulls = first ? triples::Nulls::kFirst : triples::Nulls::kLast;
    }
    order.push_back(std::move(term));
  } while (accept(Symbol::kComma));
  return order;
}

Result<ast::ExprPtr> Parser::parse_limit(std::string_view what) {
  const base::Span first = token().span;
  TREMULA_TRY_ASSIGN(ast::ExprPtr expr, parse_expression());
  const bool is_whole = expr->kind == ast::ExprKind::kLiteral &&
                        expr->literal.value().kind == triples::Kind::kInt &&
                        expr->literal.value().integer >= 0;
  if (is_whole || expr->kind == ast::ExprKind::kParameter) return expr;
  return error(ErrorCode::kLimitRange, {first.begin, last_end()},
               std::string(what) + " is a whole number from 0 or a parameter");
}

}  // namespace tremula::treeql
