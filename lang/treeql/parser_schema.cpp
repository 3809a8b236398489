#include <charconv>

#include "lang/treeql/diagnostic.h"
#include "lang/treeql/parser.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using triples::MergeRule;
using triples::Type;

Result<ast::StatementVariant> Parser::parse_table() {
  ast::DeclareTable table;
  TREMULA_TRY_ASSIGN(table.name, parse_name("the name of a table"));
  TREMULA_TRY(expect(Symbol::kEqual, "'=' and the table's number"));
  TREMULA_TRY_ASSIGN(table.number, parse_number("the table's number"));
  TREMULA_TRY(expect(Symbol::kLeftParen, "'(' and the columns"));
  if (!at(Symbol::kRightParen)) {
    do {
      TREMULA_TRY(parse_table_item(table));
    } while (accept(Symbol::kComma));
  }
  TREMULA_TRY(expect(Symbol::kRightParen, "',' or ')'"));
  table.strict = accept_word("STRICT");
  return ast::StatementVariant(std::move(table));
}

Result<void> Parser::parse_table_item(ast::DeclareTable& table) {
  // KEY and RESERVED are not reserved: a column may have these names.
  if (at_word("KEY") && token(1).is(Symbol::kLeftParen)) return parse_key_clause(table);
  if (at_word("RESERVED") && token(1).kind == TokenKind::kInteger) return parse_reserved(table);
  TREMULA_TRY_ASSIGN(ast::ColumnDeclaration column, parse_column());
  table.columns.push_back(std::move(column));
  return {};
}

Result<void> Parser::parse_key_clause(ast::DeclareTable& table) {
  const base::Span span = token().span;
  TREMULA_TRY(expect_word("KEY"));
  if (!table.key.empty()) return error(ErrorCode::kSyntax, span, "a second KEY clause");
  TREMULA_TRY(expect(Symbol::kLeftParen, "'('"));
  do {
    TREMULA_TRY_ASSIGN(ast::Name name, parse_name("the name of a column"));
    table.key.push_back(std::move(name));
  } while (accept(Symbol::kComma));
  return expect(Symbol::kRightParen, "',' or ')'");
}

Result<void> Parser::parse_reserved(ast::DeclareTable& table) {
  TREMULA_TRY(expect_word("RESERVED"));
  while (true) {
    TREMULA_TRY_ASSIGN(const ast::Number first, parse_number("a column's number"));
    ast::Number last = first;
    if (accept_word("TO")) {
      TREMULA_TRY_ASSIGN(last, parse_number("a column's number"));
      if (last.value < first.value) {
        return error(ErrorCode::kSyntax, last.span, "the range ends before it begins");
      }
    }
    table.reserved.emplace_back(first, last);
    // Behind a comma comes another number, or the next item of the table.
    if (!at(Symbol::kComma) || token(1).kind != TokenKind::kInteger) return {};
    ++position_;
  }
}

Result<ast::ColumnDeclaration> Parser::parse_column() {
  ast::ColumnDeclaration column;
  TREMULA_TRY_ASSIGN(column.name, parse_name("a column, KEY (...) or RESERVED"));
  TREMULA_TRY_ASSIGN(column.type, parse_type());
  TREMULA_TRY(expect(Symbol::kEqual, "'=' and the column's number"));
  TREMULA_TRY_ASSIGN(column.number, parse_number("the column's number"));
  while (true) {
    TREMULA_TRY_ASSIGN(const bool more, parse_column_clause(column));
    if (!more) return column;
  }
}

// Returns: whether there was a clause.
Result<bool> Parser::parse_column_clause(ast::ColumnDeclaration& column) {
  const base::Span span = token().span;
  const std::string word(token().text);
  const auto once = [&](bool& flag) -> Result<bool> {
    if (flag) return error(ErrorCode::kSyntax, span, word + " is given twice");
    flag = true;
    return true;
  };
  if (accept_word("KEY")) {
    column.key_span = span;
    return once(column.key);
  }
  if (accept_word("INDEX")) return once(column.indexed);
  if (accept_word("NOT")) {
    TREMULA_TRY(expect_word("NULL"));
    return once(column.not_null);
  }
  if (accept_word("DEFAULT")) {
    bool given = column.default_literal != nullptr;
    TREMULA_TRY(once(given));
    TREMULA_TRY_ASSIGN(column.default_literal, parse_default());
    return true;
  }
  if (accept_word("REF")) {
    bool given = !column.references.empty();
    TREMULA_TRY(once(given));
    TREMULA_TRY_ASSIGN(const ast::Name name, parse_name("the name of a table"));
    column.references = name.text;
    return true;
  }
  for (const MergeRule rule : {MergeRule::kLww, MergeRule::kMax, MergeRule::kMin,
                               MergeRule::kCounter, MergeRule::kSet}) {
    constexpr std::string_view kWords[] = {"LWW", "MAX", "MIN", "COUNTER", "SET"};
    if (!accept_word(kWords[static_cast<std::size_t>(rule)])) continue;
    if (column.merge) return error(ErrorCode::kSyntax, span, "a second merge rule");
    column.merge = rule;
    column.merge_span = span;
    return true;
  }
  return false;
}

Result<ast::ExprPtr> Parser::parse_default() {
  const unsigned begin = token().span.begin;
  const bool negative = accept(Symbol::kMinus);
  const bool is_number =
      token().kind == TokenKind::kInteger || token().kind == TokenKind::kReal;
  ast::ExprPtr literal = negative && !is_number ? nullptr : parse_literal();
  if (!literal) return unexpected(negative ? "a number" : "a literal");
  if (negative) {
    auto negation = std::make_unique<ast::Expr>();
    negation->kind = ast::ExprKind::kUnary;
    negation->op = dataflow::ExprOp::kNegate;
    negation->arguments.push_back(std::move(literal));
    literal = std::move(negation);
  }
  return finish(std::move(literal), begin);
}

Result<ast::Number> Parser::parse_number(std::string_view what) {
  const Token& found = token();
  if (found.kind != TokenKind::kInteger) return unexpected(what);
  ++position_;
  ast::Number number;
  number.span = found.span;
  const char* end = found.text.data() + found.text.size();
  const auto read = std::from_chars(found.text.data(), end, number.value);
  if (read.ec == std::errc() && number.value >= 1 && number.value <= triples::kMaxDeclaredNumber) {
    return number;
  }
  return error(ErrorCode::kSyntax, found.span,
               "a number from 1 to " + std::to_string(triples::kMaxDeclaredNumber) +
                   " was expected, found " + std::string(found.text.substr(0, 40)));
}

Result<Type> Parser::parse_type() {
  if (accept_word("INT")) return Type::kInt;
  if (accept_word("REAL")) return Type::kReal;
  if (accept_word("TEXT")) return Type::kText;
  if (accept_word("BOOL")) return Type::kBool;
  if (accept_word("BYTES")) return Type::kBytes;
  if (accept_word("JSON")) return Type::kJson;
  base::Error problem = unexpected("a type: INT, REAL, TEXT, BOOL, BYTES or JSON");
  if (token().kind == TokenKind::kWord) {
    problem.message +=
        suggestion(token().text, {"INT", "REAL", "TEXT", "BOOL", "BYTES", "JSON"});
  }
  return problem;
}

}  // namespace tremula::treeql
