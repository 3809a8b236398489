#include "lang/treeql/token.h"

#include <doctest/doctest.h>

#include <string>

#include "core/triples/value_ops.h"

namespace tremula::treeql {
namespace {

// The tokens of a text: kind letter and text, "!problem" for what can't be read.
std::string tokens(const std::string& text) {
  constexpr std::string_view kLetters = ".wqtirxps!";
  Lexer lexer(text);
  std::string result;
  while (true) {
    const Token token = lexer.next();
    if (token.kind == TokenKind::kEnd) return result;
    if (!result.empty()) result += " ";
    result += kLetters[static_cast<std::size_t>(token.kind)];
    result += ":" + std::string(token.kind == TokenKind::kBad ? token.problem : token.text);
  }
}

std::string literal(const std::string& text) {
  Lexer lexer(text);
  std::string result;
  triples::print_json(literal_value(lexer.next()).value(), result);
  return result;
}

}  // namespace

TEST_CASE("lexer: words, quoted names, texts, numbers, bytes and parameters are told apart") {
  CHECK(tokens("a_1 \"a b\" 'x' 12 1.5 .5 2e10 2E-3 x'CAFE' X'' $name") ==
        "w:a_1 q:\"a b\" t:'x' i:12 r:1.5 r:.5 r:2e10 r:2E-3 x:x'CAFE' x:X'' p:$name");
}

TEST_CASE("lexer: the longest sign wins") {
  CHECK(tokens("a->>b->c-d<=e<>f!=g||h") ==
        "w:a s:->> w:b s:-> w:c s:- w:d s:<= w:e s:<> w:f s:!= w:g s:|| w:h");
}

TEST_CASE("lexer: comments and a byte order mark are white space") {
  CHECK(tokens("\xEF\xBB\xBF a -- b 'c\n/* d ; \n e */ f - -g") == "w:a w:f s:- s:- w:g");
}

TEST_CASE("lexer: what can't be read says why") {
  CHECK(tokens("12ab") == "!:a number runs into a name");
  CHECK(tokens("1.5e") == "!:a number runs into a name");
  CHECK(tokens("x'CAF'") == "!:bytes are written x'CAFE', two hexadecimal digits for each");
  CHECK(tokens("x'GG'") == "!:bytes are written x'CAFE', two hexadecimal digits for each");
  CHECK(tokens("'ab") == "!:a text without its closing '");
  CHECK(tokens("\"ab") == "!:a quoted name without its closing \"");
  CHECK(tokens("\"\"") == "!:a name can't be empty");
  CHECK(tokens("$ a") == "!:a parameter is written $name w:a");
  CHECK(tokens("a # b") == "w:a !:a character that begins nothing in TreeQL w:b");
  CHECK(tokens("\xC3\xA4 b") == "!:a character that begins nothing in TreeQL w:b");
}

TEST_CASE("lexer: a point without a digit behind it is no part of a number") {
  CHECK(tokens("1.a") == "i:1 s:. w:a");
}

TEST_CASE("lexer: keywords are known in any case, and quoted they are names") {
  Lexer lexer("sElEcT \"select\" title");
  const Token keyword = lexer.next();
  CHECK(keyword.is_word("SELECT"));
  CHECK(keyword.is_reserved());
  const Token quoted_name = lexer.next();
  CHECK_FALSE(quoted_name.is_word("SELECT"));
  CHECK_FALSE(quoted_name.is_reserved());
  CHECK_FALSE(lexer.next().is_reserved());
}

TEST_CASE("lexer: literals have their values") {
  CHECK(literal("'it''s'") == "\"it's\"");
  CHECK(literal("''''") == "\"'\"");
  CHECK(literal("9223372036854775807") == "9223372036854775807");
  CHECK(literal("9223372036854775808") == "9.223372036854776e+18");
  CHECK(literal(".5") == "0.5");
  CHECK(literal("2e3") == "2000.0");
  CHECK(literal("1e999") == "1e999");
  CHECK(literal("1e-999") == "0.0");
  CHECK(literal("x'CAfe'") == "\"yv4=\"");
}

}  // namespace tremula::treeql
