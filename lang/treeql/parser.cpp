#include "lang/treeql/parser.h"

#include "lang/treeql/diagnostic.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;

namespace ast {
Expr::Expr() = default;
Expr::~Expr() = default;
}  // namespace ast

const Token& Parser::token(std::size_t ahead) const {
  const std::size_t at = position_ + ahead;
  return at < tokens_.size() ? tokens_[at] : tokens_.back();
}

bool Parser::accept(Symbol symbol) {
  if (!at(symbol)) return false;
  ++position_;
  return true;
}

bool Parser::accept_word(std::string_view word) {
  if (!at_word(word)) return false;
  ++position_;
  return true;
}

Result<void> Parser::expect(Symbol symbol, std::string_view what) {
  if (!accept(symbol)) return unexpected(what);
  return {};
}

Result<void> Parser::expect_word(std::string_view word) {
  if (!accept_word(word)) return unexpected(word);
  return {};
}

unsigned Parser::last_end() const { return position_ == 0 ? 0 : tokens_[position_ - 1].span.end; }

base::Span Parser::span_from(unsigned begin) const { return {begin, last_end()}; }

base::Error Parser::unexpected(std::string_view expected) const {
  const Token& found = token();
  if (found.kind == TokenKind::kBad) return error(ErrorCode::kSyntax, found.span, found.problem);
  const std::string wanted = "expected " + std::string(expected) + ", found ";
  if (found.kind == TokenKind::kEnd) {
    // The end is shown behind the last word, not below comments and empty lines.
    return error(ErrorCode::kSyntax, {last_end(), last_end() + 1}, wanted + "the end");
  }
  const bool is_literal = found.kind == TokenKind::kText || found.kind == TokenKind::kBytes;
  constexpr std::size_t kShownMax = 40;
  std::string shown(found.text.substr(0, kShownMax));
  if (found.text.size() > kShownMax || shown.find('\n') != std::string::npos) shown = "a text";
  return error(ErrorCode::kSyntax, found.span, wanted + (is_literal ? shown : quoted(shown)));
}

Result<ast::Name> Parser::parse_name(std::string_view what) {
  if (token().kind == TokenKind::kWord && token().is_reserved()) {
    base::Error problem = unexpected(what);
    problem.message += ", which is reserved: quote it to use it as a name";
    return problem;
  }
  return parse_any_name(what);
}

Result<ast::Name> Parser::parse_any_name(std::string_view what) {
  const Token& found = token();
  const bool is_quoted = found.kind == TokenKind::kQuotedName;
  if (!is_quoted && found.kind != TokenKind::kWord) return unexpected(what);
  ++position_;
  return ast::Name{is_quoted ? unquote(found.text, '"') : std::string(found.text), found.span};
}

Result<std::string> Parser::parse_text(std::string_view what, base::Span& span) {
  const Token& found = token();
  if (found.kind != TokenKind::kText) return unexpected(what);
  ++position_;
  span = found.span;
  return unquote(found.text, '\'');
}

Result<void> Parser::enter() {
  if (++depth_ <= kNestingMax) return {};
  return error(ErrorCode::kUnsupported, token().span,
               "nested deeper than " + std::to_string(kNestingMax) + " levels");
}

Result<ast::Statement> Parser::parse_statement() {
  ast::Statement statement;
  statement.span = token().span;
  TREMULA_TRY_ASSIGN(statement.body, parse_body());
  const bool at_end = token().kind == TokenKind::kEnd || at(Symbol::kSemicolon);
  if (!at_end) return unexpected("the end of the statement");
  return statement;
}

Result<ast::StatementVariant> Parser::parse_body() {
  using ast::StatementVariant;
  if (at_word("SELECT")) {
    TREMULA_TRY_ASSIGN(auto select, parse_select());
    return StatementVariant(ast::Query{std::move(select)});
  }
  if (accept_word("INSERT")) return parse_insert(false);
  if (accept_word("UPSERT")) return parse_insert(true);
  if (accept_word("UPDATE")) return parse_update();
  if (accept_word("DELETE")) return parse_delete();
  if (accept_word("TABLE")) return parse_table();
  if (accept_word("DROP")) return parse_drop();
  if (accept_word("SUBSCRIBE")) return parse_subscribe();
  if (accept_word("UNSUBSCRIBE")) return parse_unsubscribe();
  if (accept_word("BEGIN")) return StatementVariant(Transaction::kBegin);
  if (accept_word("COMMIT")) return StatementVariant(Transaction::kCommit);
  if (accept_word("ROLLBACK")) return StatementVariant(Transaction::kRollback);
  if (accept_word("FLUSH")) return StatementVariant(Maintenance::kFlush);
  if (accept_word("SYNC")) return StatementVariant(Maintenance::kSync);
  if (at_word("EXPLAIN") || at_word("SHOW")) return parse_inspection();
  if (at_word("IMPORT") || at_word("EXPORT")) return parse_transfer();
  base::Error problem = unexpected("a statement");
  if (token().kind == TokenKind::kWord) {
    problem.message += suggestion(
        token().text, {"SELECT", "INSERT", "UPSERT", "UPDATE", "DELETE", "TABLE", "DROP",
                       "SUBSCRIBE", "UNSUBSCRIBE", "BEGIN", "COMMIT", "ROLLBACK", "FLUSH",
                       "SYNC", "EXPLAIN", "SHOW", "IMPORT", "EXPORT"});
  }
  return problem;
}

Result<ast::StatementVariant> Parser::parse_drop() {
  TREMULA_TRY(expect_word("TABLE"));
  TREMULA_TRY_ASSIGN(ast::Name name, parse_name("the name of a table"));
  return ast::StatementVariant(ast::DropTable{std::move(name)});
}

Result<ast::StatementVariant> Parser::parse_subscribe() {
  ast::Subscribe subscribe;
  TREMULA_TRY_ASSIGN(subscribe.name, parse_name("the name of the subscription"));
  TREMULA_TRY(expect_word("AS"));
  TREMULA_TRY_ASSIGN(subscribe.select, parse_select());
  return ast::StatementVariant(std::move(subscribe));
}

Result<ast::StatementVariant> Parser::parse_unsubscribe() {
  TREMULA_TRY_ASSIGN(ast::Name name, parse_name("the name of a subscription"));
  return ast::StatementVariant(ast::Unsubscribe{std::move(name)});
}

Result<ast::StatementVariant> Parser::parse_inspection() {
  if (accept_word("EXPLAIN")) {
    if (accept_word("LIVE")) {
      TREMULA_TRY_ASSIGN(ast::Name name, parse_name("the name of a subscription"));
      return ast::StatementVariant(ast::ExplainLive{std::move(name)});
    }
    if (!at_word("SELECT")) return unexpected("SELECT or LIVE");
    TREMULA_TRY_ASSIGN(auto select, parse_select());
    return ast::StatementVariant(ast::Explain{std::move(select)});
  }
  TREMULA_TRY(expect_word("SHOW"));
  if (accept_word("TABLES")) return ast::StatementVariant(Show::kTables);
  if (accept_word("SUBSCRIPTIONS")) return ast::StatementVariant(Show::kSubscriptions);
  if (accept_word("STATS")) return ast::StatementVariant(Show::kStats);
  return unexpected("TABLES, SUBSCRIPTIONS or STATS");
}

Result<ast::StatementVariant> Parser::parse_transfer() {
  if (accept_word("IMPORT")) {
    ast::Import import;
    TREMULA_TRY_ASSIGN(import.table, parse_name("the name of a table"));
    TREMULA_TRY(expect_word("FROM"));
    TREMULA_TRY_ASSIGN(import.file, parse_text("a file in quotes", import.file_span));
    import.replace = accept_word("REPLACE");
    return ast::StatementVariant(std::move(import));
  }
  TREMULA_TRY(expect_word("EXPORT"));
  ast::Export result;
  TREMULA_TRY(expect(Symbol::kLeftParen, "'(' and a SELECT"));
  TREMULA_TRY_ASSIGN(result.select, parse_select());
  TREMULA_TRY(expect(Symbol::kRightParen, "')'"));
  TREMULA_TRY(expect_word("TO"));
  TREMULA_TRY_ASSIGN(result.file, parse_text("a file in quotes", result.file_span));
  return ast::StatementVariant(std::move(result));
}

}  // namespace tremula::treeql
