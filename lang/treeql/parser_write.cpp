#include "lang/treeql/diagnostic.h"
#include "lang/treeql/parser.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;

Result<ast::StatementVariant> Parser::parse_insert(bool upsert) {
  ast::Insert insert;
  insert.upsert = upsert;
  TREMULA_TRY(expect_word("INTO"));
  TREMULA_TRY_ASSIGN(insert.table, parse_name("the name of a table"));
  if (at(Symbol::kLeftBrace)) {
    do {
      TREMULA_TRY_ASSIGN(ast::InsertRow row, parse_insert_object());
      insert.rows.push_back(std::move(row));
    } while (accept(Symbol::kComma));
    return ast::StatementVariant(std::move(insert));
  }
  TREMULA_TRY(expect(Symbol::kLeftParen, "'{' or a list of columns in parentheses"));
  std::vector<ast::Name> columns;
  do {
    TREMULA_TRY_ASSIGN(ast::Name column, parse_name("the name of a column"));
    columns.push_back(std::move(column));
  } while (accept(Symbol::kComma));
  TREMULA_TRY(expect(Symbol::kRightParen, "',' or ')'"));
  TREMULA_TRY(expect_word("VALUES"));
  do {
    TREMULA_TRY_ASSIGN(ast::InsertRow row, parse_insert_values(columns));
    insert.rows.push_back(std::move(row));
  } while (accept(Symbol::kComma));
  return ast::StatementVariant(std::move(insert));
}

Result<ast::InsertRow> Parser::parse_insert_object() {
  ast::InsertRow row;
  const unsigned begin = token().span.begin;
  TREMULA_TRY(expect(Symbol::kLeftBrace, "'{'"));
  if (!at(Symbol::kRightBrace)) {
    do {
      TREMULA_TRY_ASSIGN(ast::Name column, parse_any_name("the name of a column"));
      TREMULA_TRY(expect(Symbol::kColon, "':' and a value"));
      TREMULA_TRY_ASSIGN(ast::ExprPtr value, parse_write_value());
      row.columns.push_back(std::move(column));
      row.values.push_back(std::move(value));
    } while (accept(Symbol::kComma));
  }
  TREMULA_TRY(expect(Symbol::kRightBrace, "',' or '}'"));
  row.span = span_from(begin);
  return row;
}

Result<ast::InsertRow> Parser::parse_insert_values(const std::vector<ast::Name>& columns) {
  ast::InsertRow row;
  row.columns = columns;
  const unsigned begin = token().span.begin;
  TREMULA_TRY(expect(Symbol::kLeftParen, "'(' and the values of a row"));
  do {
    TREMULA_TRY_ASSIGN(ast::ExprPtr value, parse_write_value());
    row.values.push_back(std::move(value));
  } while (accept(Symbol::kComma));
  TREMULA_TRY(expect(Symbol::kRightParen, "',' or ')'"));
  row.span = span_from(begin);
  if (row.values.size() == columns.size()) return row;
  return error(ErrorCode::kSyntax, row.span,
               std::to_string(row.values.size()) + " values for " +
                   std::to_string(columns.size()) + " columns");
}

Result<ast::StatementVariant> Parser::parse_update() {
  ast::Update update;
  TREMULA_TRY_ASSIGN(update.table, parse_name("the name of a table"));
  TREMULA_TRY(expect_word("SET"));
  do {
    TREMULA_TRY_ASSIGN(ast::Name column, parse_name("the name of a column"));
    TREMULA_TRY(expect(Symbol::kEqual, "'='"));
    TREMULA_TRY_ASSIGN(ast::ExprPtr value, parse_write_value());
    update.columns.push_back(std::move(column));
    update.values.push_back(std::move(value));
  } while (accept(Symbol::kComma));
  if (accept_word("WHERE")) {
    TREMULA_TRY_ASSIGN(update.where, parse_expression());
  }
  return ast::StatementVariant(std::move(update));
}

Result<ast::StatementVariant> Parser::parse_delete() {
  ast::Delete result;
  TREMULA_TRY(expect_word("FROM"));
  TREMULA_TRY_ASSIGN(result.table, parse_name("the name of a table"));
  if (accept_word("WHERE")) {
    TREMULA_TRY_ASSIGN(result.where, parse_expression());
  }
  return ast::StatementVariant(std::move(result));
}

Result<ast::ExprPtr> Parser::parse_write_value() {
  if (at(Symbol::kLeftBracket)) return parse_json_array();
  if (at(Symbol::kLeftBrace)) return parse_json_object();
  return parse_expression();
}

Result<ast::ExprPtr> Parser::parse_json_array() {
  TREMULA_TRY(enter());
  auto array = std::make_unique<ast::Expr>();
  array->kind = ast::ExprKind::kJsonArray;
  const unsigned begin = token().span.begin;
  TREMULA_TRY(expect(Symbol::kLeftBracket, "'['"));
  if (!at(Symbol::kRightBracket)) {
    do {
      TREMULA_TRY_ASSIGN(ast::ExprPtr item, parse_write_value());
      array->arguments.push_back(std::move(item));
    } while (accept(Symbol::kComma));
  }
  TREMULA_TRY(expect(Symbol::kRightBracket, "',' or ']'"));
  leave();
  return finish(std::move(array), begin);
}

Result<ast::ExprPtr> Parser::parse_json_object() {
  TREMULA_TRY(enter());
  auto object = std::make_unique<ast::Expr>();
  object->kind = ast::ExprKind::kJsonObject;
  const unsigned begin = token().span.begin;
  TREMULA_TRY(expect(Symbol::kLeftBrace, "'{'"));
  if (!at(Symbol::kRightBrace)) {
    do {
      TREMULA_TRY_ASSIGN(ast::Name name, parse_any_name("the name of a member"));
      TREMULA_TRY(expect(Symbol::kColon, "':' and a value"));
      TREMULA_TRY_ASSIGN(ast::ExprPtr value, parse_write_value());
      object->names.push_back(std::move(name));
      object->arguments.push_back(std::move(value));
    } while (accept(Symbol::kComma));
  }
  TREMULA_TRY(expect(Symbol::kRightBrace, "',' or '}'"));
  leave();
  return finish(std::move(object), begin);
}

}  // namespace tremula::treeql
