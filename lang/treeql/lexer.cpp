#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "lang/treeql/token.h"

namespace tremula::treeql {
namespace {

constexpr std::array<std::string_view, 35> kReserved = {
    "SELECT", "DISTINCT", "FROM",  "WHERE", "GROUP",   "HAVING", "ORDER", "BY",     "LIMIT",
    "OFFSET", "AS",       "JOIN",  "INNER", "LEFT",    "OUTER",  "ON",    "AND",    "OR",
    "NOT",    "IN",       "IS",    "LIKE",  "BETWEEN", "GLOB",   "ESCAPE", "EXISTS", "CASE",
    "WHEN",   "THEN",     "ELSE",  "END",   "CAST",    "NULL",   "TRUE",  "FALSE"};

constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }
bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char capital = upper(c);
  return capital >= 'A' && capital <= 'F' ? capital - 'A' + 10 : -1;
}

struct Sign {
  std::string_view text;
  Symbol symbol;
};
// Longer signs stand before their beginnings.
constexpr std::array<Sign, 25> kSigns = {{
    {"->>", Symbol::kArrowText},  {"->", Symbol::kArrow},       {"||", Symbol::kConcat},
    {"!=", Symbol::kNotEqual},    {"<>", Symbol::kNotEqual},    {"<=", Symbol::kLessEqual},
    {">=", Symbol::kGreaterEqual}, {"<", Symbol::kLess},        {">", Symbol::kGreater},
    {"=", Symbol::kEqual},        {"(", Symbol::kLeftParen},    {")", Symbol::kRightParen},
    {"[", Symbol::kLeftBracket},  {"]", Symbol::kRightBracket}, {"{", Symbol::kLeftBrace},
    {"}", Symbol::kRightBrace},   {",", Symbol::kComma},        {".", Symbol::kDot},
    {":", Symbol::kColon},        {";", Symbol::kSemicolon},    {"*", Symbol::kStar},
    {"+", Symbol::kPlus},         {"-", Symbol::kMinus},        {"/", Symbol::kSlash},
    {"%", Symbol::kPercent},
}};

std::string bytes_of_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(hex_digit(digits[i]) * 16 + hex_digit(digits[i + 1])));
  }
  return bytes;
}

double real_of(std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  // from_chars doesn't tell "too large" from "too small"; strtod does.
  if (read.ec == std::errc()) return number;
  return std::strtod(std::string(text).c_str(), nullptr);
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return upper(x) == upper(y); });
}

bool Token::is_word(std::string_view keyword) const {
  return kind == TokenKind::kWord && same_word(text, keyword);
}

bool Token::is_reserved() const {
  return kind == TokenKind::kWord &&
         std::any_of(kReserved.begin(), kReserved.end(),
                     [this](std::string_view word) { return same_word(text, word); });
}

std::string unquote(std::string_view text, char quote) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    result.push_back(text[i]);
    if (text[i] == quote) ++i;
  }
  return result;
}

triples::OwnedValue literal_value(const Token& token) {
  using triples::OwnedValue;
  using triples::Value;
  if (token.kind == TokenKind::kText) {
    const std::string text = unquote(token.text, '\'');
    return OwnedValue(Value::text_of(text));
  }
  if (token.kind == TokenKind::kBytes) {
    const std::string bytes = bytes_of_hex(token.text.substr(2, token.text.size() - 3));
    return OwnedValue(Value::bytes_of(bytes));
  }
  if (token.kind == TokenKind::kInteger) {
    std::int64_t integer = 0;
    const char* end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, integer).ec == std::errc()) {
      return OwnedValue(Value::int_of(integer));
    }
  }
  return OwnedValue(Value::real(real_of(token.text)));
}

char Lexer::peek(unsigned ahead) const {
  const std::size_t at = std::size_t{offset_} + ahead;
  return at < source_.size() ? source_[at] : '\0';
}

void Lexer::skip_blank() {
  if (offset_ == 0 && source_.starts_with(kByteOrderMark)) offset_ = 3;
  while (offset_ < source_.size()) {
    if (is_blank(peek())) {
      ++offset_;
    } else if (peek() == '-' && peek(1) == '-') {
      const std::size_t end = source_.find('\n', offset_);
      offset_ = static_cast<unsigned>(end == std::string_view::npos ? source_.size() : end + 1);
    } else if (peek() == '/' && peek(1) == '*') {
      const std::size_t end = source_.find("*/", offset_ + 2);
      in_comment_ = end == std::string_view::npos;
      comment_begin_ = offset_;
      offset_ = static_cast<unsigned>(in_comment_ ? source_.size() : end + 2);
    } else {
      return;
    }
  }
}

Token Lexer::make(TokenKind kind, unsigned begin) const {
  Token token;
  token.kind = kind;
  token.span = {begin, offset_};
  token.text = source_.substr(begin, offset_ - begin);
  return token;
}

Token Lexer::bad(unsigned begin, const char* problem, bool unterminated) const {
  Token token = make(TokenKind::kBad, begin);
  token.problem = problem;
  token.unterminated = unterminated;
  return token;
}

Token Lexer::next() {
  skip_blank();
  const unsigned begin = offset_;
  if (begin >= source_.size()) return make(TokenKind::kEnd, begin);
  const char c = peek();
  if ((c == 'x' || c == 'X') && peek(1) == '\'') {
    ++offset_;
    return lex_quoted(begin, '\'', TokenKind::kBytes);
  }
  if (is_name_start(c)) return lex_word(begin);
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return lex_number(begin);
  if (c == '\'') return lex_quoted(begin, '\'', TokenKind::kText);
  if (c == '"') return lex_quoted(begin, '"', TokenKind::kQuotedName);
  if (c == '$') {
    ++offset_;
    if (!is_name_start(peek())) return bad(begin, "a parameter is written $name");
    Token token = lex_word(begin);
    token.kind = TokenKind::kParameter;
    return token;
  }
  return lex_symbol(begin);
}

Token Lexer::lex_word(unsigned begin) {
  while (is_name_part(peek())) ++offset_;
  return make(TokenKind::kWord, begin);
}

Token Lexer::lex_number(unsigned begin) {
  TokenKind kind = TokenKind::kInteger;
  while (is_digit(peek())) ++offset_;
  if (peek() == '.' && is_digit(peek(1))) {
    kind = TokenKind::kReal;
    ++offset_;
    while (is_digit(peek())) ++offset_;
  }
  const bool is_signed = peek(1) == '+' || peek(1) == '-';
  if ((peek() == 'e' || peek() == 'E') && is_digit(peek(is_signed ? 2 : 1))) {
    kind = TokenKind::kReal;
    offset_ += is_signed ? 2 : 1;
    while (is_digit(peek())) ++offset_;
  }
  if (is_name_part(peek())) {
    while (is_name_part(peek())) ++offset_;
    return bad(begin, "a number runs into a name");
  }
  return make(kind, begin);
}

Token Lexer::lex_quoted(unsigned begin, char quote, TokenKind kind) {
  ++offset_;
  const unsigned content = offset_;
  while (true) {
    const std::size_t end = source_.find(quote, offset_);
    if (end == std::string_view::npos) {
      offset_ = static_cast<unsigned>(source_.size());
      return bad(begin, quote == '"' ? "a quoted name without its closing \""
                                     : "a text without its closing '", true);
    }
    offset_ = static_cast<unsigned>(end + 1);
    if (peek() != quote) break;
    ++offset_;
  }
  const std::string_view inside = source_.substr(content, offset_ - 1 - content);
  if (kind == TokenKind::kQuotedName && inside.empty()) return bad(begin, "a name can't be empty");
  const bool is_hex = inside.size() % 2 == 0 &&
                      std::all_of(inside.begin(), inside.end(),
                                  [](char c) { return hex_digit(c) >= 0; });
  if (kind == TokenKind::kBytes && !is_hex) {
    return bad(begin, "bytes are written x'CAFE', two hexadecimal digits for each");
  }
  return make(kind, begin);
}

Token Lexer::lex_symbol(unsigned begin) {
  const std::string_view rest = source_.substr(offset_);
  for (const Sign& sign : kSigns) {
    if (!rest.starts_with(sign.text)) continue;
    offset_ += static_cast<unsigned>(sign.text.size());
    Token token = make(TokenKind::kSymbol, begin);
    token.symbol = sign.symbol;
    return token;
  }
  ++offset_;
  while ((static_cast<unsigned char>(peek()) & 0xC0) == 0x80) ++offset_;
  return bad(begin, "a character that begins nothing in TreeQL");
}

}  // namespace tremula::treeql
