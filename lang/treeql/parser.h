// Parser: recursive descent over the tokens of one statement. docs/grammar.md has the grammar.
//
//   statement -> select -> expression -> binary (by precedence) -> unary -> primary
//
// Bounds of recursion, here and in all who walk the AST:
//   kNestingMax  parentheses, selects, objects, arrays, calls, CASE, NOT and minus inside one
//                another, counted from the outermost select
//   kHeightMax   operators of one expression above one another, such as a + b + c + ...
//                (AND and OR chains are flat)
// Beyond either is `unsupported`.
// Thread: one statement, one thread.
#pragma once

#include <span>
#include <string_view>

#include "core/base/result.h"
#include "lang/treeql/ast.h"
#include "lang/treeql/token.h"

namespace tremula::treeql {

inline constexpr unsigned kNestingMax = 100;
inline constexpr unsigned kHeightMax = 1000;

class Parser {
 public:
  // Requires: `tokens` end with kEnd or a semicolon, which stands nowhere else.
  // Borrowed: both must outlive the parser.
  Parser(std::string_view source, std::span<const Token> tokens)
      : source_(source), tokens_(tokens) {}

  // Errors: syntax, unsupported, limit_range.
  base::Result<ast::Statement> parse_statement();

 private:
  // parser.cpp: tokens and names
  const Token& token(std::size_t ahead = 0) const;
  bool at(Symbol symbol) const { return token().is(symbol); }
  bool at_word(std::string_view word) const { return token().is_word(word); }
  bool accept(Symbol symbol);
  bool accept_word(std::string_view word);
  base::Result<void> expect(Symbol symbol, std::string_view what);
  base::Result<void> expect_word(std::string_view word);
  base::Error unexpected(std::string_view expected) const;
  // A quoted name or a word that isn't reserved; any word.
  base::Result<ast::Name> parse_name(std::string_view what);
  base::Result<ast::Name> parse_any_name(std::string_view what);
  base::Result<std::string> parse_text(std::string_view what, base::Span& span);
  base::Result<void> enter();
  void leave() { --depth_; }
  base::Span span_from(unsigned begin) const;
  unsigned last_end() const;

  // parser.cpp: statements
  base::Result<ast::StatementVariant> parse_body();
  base::Result<ast::StatementVariant> parse_inspection();
  base::Result<ast::StatementVariant> parse_transfer();
  base::Result<ast::StatementVariant> parse_subscribe();
  base::Result<ast::StatementVariant> parse_unsubscribe();
  base::Result<ast::StatementVariant> parse_drop();

  // parser_write.cpp
  base::Result<ast::StatementVariant> parse_insert(bool upsert);
  base::Result<ast::InsertRow> parse_insert_object();
  base::Result<ast::InsertRow> parse_insert_values(const std::vector<ast::Name>& columns);
  base::Result<ast::StatementVariant> parse_update();
  base::Result<ast::StatementVariant> parse_delete();
  base::Result<ast::ExprPtr> parse_write_value();
  base::Result<ast::ExprPtr> parse_json_array();
  base::Result<ast::ExprPtr> parse_json_object();

  // parser_schema.cpp
  base::Result<ast::StatementVariant> parse_table();
  base::Result<void> parse_table_item(ast::DeclareTable& table);
  base::Result<void> parse_key_clause(ast::DeclareTable& table);
  base::Result<void> parse_reserved(ast::DeclareTable& table);
  base::Result<ast::ColumnDeclaration> parse_column();
  base::Result<bool> parse_column_clause(ast::ColumnDeclaration& column);
  base::Result<ast::ExprPtr> parse_default();
  base::Result<ast::Number> parse_number(std::string_view what);
  base::Result<triples::Type> parse_type();

  // parser_select.cpp
  base::Result<std::unique_ptr<ast::Select>> parse_select();
  base::Result<void> parse_clauses(ast::Select& select);
  base::Result<void> parse_shape(ast::Select& select);
  base::Result<std::vector<ast::Property>> parse_properties();
  base::Result<ast::Property> parse_property();
  base::Result<ast::Property> parse_named_property();
  base::Result<ast::Property> parse_row_item();
  bool at_star() const;
  base::Result<ast::Property> parse_star();
  base::Result<void> parse_from(ast::Select& select);
  base::Result<ast::FromItem> parse_from_item();
  base::Result<bool> parse_join(dataflow::JoinKind& kind);
  base::Result<std::vector<ast::OrderTerm>> parse_order();
  base::Result<ast::ExprPtr> parse_limit(std::string_view what);

  // parser_expr.cpp
  base::Result<ast::ExprPtr> parse_expression();
  base::Result<ast::ExprPtr> parse_junction(dataflow::ExprOp op);
  base::Result<ast::ExprPtr> parse_not();
  base::Result<ast::ExprPtr> parse_equality();
  base::Result<ast::ExprPtr> parse_equality_tail(ast::ExprPtr left, bool& found);
  base::Result<ast::ExprPtr> parse_in(ast::ExprPtr left, bool negated);
  base::Result<ast::ExprPtr> parse_like(ast::ExprPtr left, bool negated, bool glob);
  base::Result<ast::ExprPtr> parse_between(ast::ExprPtr left, bool negated);
  base::Result<ast::ExprPtr> parse_binary(unsigned precedence);
  base::Result<ast::ExprPtr> parse_unary();
  base::Result<ast::ExprPtr> parse_primary();
  base::Result<ast::ExprPtr> parse_parentheses();
  base::Result<ast::ExprPtr> parse_exists();
  base::Result<ast::ExprPtr> parse_case();
  base::Result<ast::ExprPtr> parse_cast();
  base::Result<ast::ExprPtr> parse_call();
  base::Result<void> parse_arguments(ast::Expr& call);
  base::Result<ast::ExprPtr> parse_column_name();
  ast::ExprPtr parse_literal();
  base::Result<ast::ExprPtr> finish(ast::ExprPtr expr, unsigned begin);

  std::string_view source_;
  std::span<const Token> tokens_;
  std::size_t position_ = 0;
  unsigned depth_ = 0;
  bool in_select_ = false;  // the outermost select is no nesting yet
  unsigned tallest_ = 0;  // of the expressions of the select in hand
};

}  // namespace tremula::treeql
