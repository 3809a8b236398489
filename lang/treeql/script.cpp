#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"
#include "lang/treeql/parser.h"
#include "lang/treeql/statement.h"
#include "lang/treeql/token.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;

struct Script::Impl {
  std::string text;
  unsigned position = 0;
  unsigned last_position = 0;  // of what next() gave last
};

Script::Script(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Script::~Script() = default;
Script::Script(Script&&) noexcept = default;
Script& Script::operator=(Script&&) noexcept = default;

Result<Script> Script::open(std::string text) {
  const std::size_t invalid = triples::find_invalid_utf8(text);
  if (invalid != std::string::npos) {
    return error(ErrorCode::kInvalidUtf8, {},
                 "byte " + std::to_string(invalid) + " of the script is not UTF-8");
  }
  constexpr std::size_t kBytesMax = 0xFFFF'FFF0;  // places are counted in 32 bits
  if (text.size() > kBytesMax) {
    return error(ErrorCode::kUnsupported, {}, "a script of more than 4 GiB: split it");
  }
  auto impl = std::make_unique<Impl>();
  impl->text = std::move(text);
  return Script(std::move(impl));
}

std::string_view Script::text() const { return impl_->text; }

Result<std::optional<Statement>> Script::again(const triples::Catalog& catalog) {
  impl_->position = impl_->last_position;
  return next(catalog);
}

Result<std::optional<Statement>> Script::next(const triples::Catalog& catalog) {
  impl_->last_position = impl_->position;
  Lexer lexer(impl_->text, impl_->position);
  std::vector<Token> tokens;
  do {
    tokens.push_back(lexer.next());
    // A comment that never ends would hide the rest of the script unseen.
    if (lexer.in_comment()) {
      impl_->position = lexer.offset();
      return error(ErrorCode::kSyntax, lexer.comment(), "a comment without its closing */");
    }
    if (tokens.size() == 1 && tokens[0].is(Symbol::kSemicolon)) tokens.clear();
  } while (tokens.empty() || (tokens.back().kind != TokenKind::kEnd &&
                              !tokens.back().is(Symbol::kSemicolon)));
  impl_->position = lexer.offset();
  if (tokens[0].kind == TokenKind::kEnd) return std::optional<Statement>();
  Parser parser(impl_->text, tokens);
  TREMULA_TRY_ASSIGN(const ast::Statement parsed, parser.parse_statement());
  Binder binder(catalog, impl_->text);
  TREMULA_TRY_ASSIGN(Statement bound, binder.bind(parsed));
  return std::optional<Statement>(std::move(bound));
}

bool is_incomplete(std::string_view text) {
  Lexer lexer(text);
  bool open = false;
  while (true) {
    const Token token = lexer.next();
    if (lexer.in_comment() || token.unterminated) return true;
    if (token.kind == TokenKind::kEnd) return open;
    open = !token.is(Symbol::kSemicolon);
  }
}

}  // namespace tremula::treeql
