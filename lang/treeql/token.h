// Tokens: the words, literals and signs of a script, with the places where they stand.
//
//   text --Lexer::next()--> Token, Token, ..., kEnd
//
// Comments and white space never become tokens. Nothing is ever refused: what can't be read is a
// kBad token that says why, so that the parser can report the first thing that is wrong.
// Thread: values; a Lexer is used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/triples/value.h"

namespace tremula::treeql {

enum class TokenKind : std::uint8_t {
  kEnd,         // behind the last token
  kWord,        // a keyword or an unquoted name
  kQuotedName,  // "any name"
  kText,        // 'text'
  kInteger,     // digits alone; may be beyond 64 bits
  kReal,        // with a point or an exponent
  kBytes,       // x'CAFE'
  kParameter,   // $name
  kSymbol,
  kBad,         // `problem` says why
};

enum class Symbol : std::uint8_t {
  kNone, kLeftParen, kRightParen, kLeftBracket, kRightBracket, kLeftBrace, kRightBrace,
  kComma, kDot, kColon, kSemicolon, kStar, kPlus, kMinus, kSlash, kPercent, kConcat, kArrow,
  kArrowText, kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Symbol symbol = Symbol::kNone;
  bool unterminated = false;      // kBad: the text ends inside of it
  base::Span span;
  std::string_view text;          // as written. Borrowed: from the source
  const char* problem = nullptr;  // of kBad

  bool is(Symbol wanted) const { return symbol == wanted; }
  // Whether this is the unquoted word `keyword`, in any case.  Requires: `keyword` in capitals.
  bool is_word(std::string_view keyword) const;
  bool is_reserved() const;  // an unquoted word that can't be a name
};

class Lexer {
 public:
  // Borrowed: `source` must outlive the lexer and its tokens.
  explicit Lexer(std::string_view source, unsigned offset = 0) : source_(source), offset_(offset) {}
  Token next();
  unsigned offset() const { return offset_; }
  // Whether the source ended inside a block comment, and where that begins.
  bool in_comment() const { return in_comment_; }
  base::Span comment() const { return {comment_begin_, comment_begin_ + 2}; }

 private:
  char peek(unsigned ahead = 0) const;
  void skip_blank();
  Token make(TokenKind kind, unsigned begin) const;
  Token bad(unsigned begin, const char* problem, bool unterminated = false) const;
  Token lex_word(unsigned begin);
  Token lex_number(unsigned begin);
  Token lex_quoted(unsigned begin, char quote, TokenKind kind);
  Token lex_symbol(unsigned begin);

  std::string_view source_;
  unsigned offset_;
  bool in_comment_ = false;
  unsigned comment_begin_ = 0;
};

// Whether `a` and `b` are the same word but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b);

// The value of a kText, kInteger, kReal or kBytes token.  An integer beyond 64 bits is a REAL.
triples::OwnedValue literal_value(const Token& token);

// The text between the quotes of a token, a doubled `quote` standing for one.
std::string unquote(std::string_view text, char quote);

}  // namespace tremula::treeql
