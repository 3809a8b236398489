// Scripts: statement by statement, and bounds on what they may do to the stack.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lang/treeql/parser.h"
#include "tests/treeql/binding.h"

namespace tremula::treeql {
namespace {

std::string repeat(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

std::string code(const std::string& script) {
  const std::string result = bound(script);
  return result.starts_with("{") ? "" : result.substr(0, result.find(' '));
}

}  // namespace

TEST_CASE("a script is bound statement by statement, and goes on behind an error") {
  CHECK(bound("SELECT 1;; ; SELECT 2 3; SELECT x; SELECT 4") ==
        "{1: 1}\nsyntax at 1:23: expected the end of the statement, found '3'\n"
        "unknown_column at 1:33: no column 'x' here: there is no FROM\n{4: 4}");
  CHECK(bound("SELECT ';' -- ;\n; SELECT 2 /* ; */") == "{';': \";\"}\n{2: 2}");
  CHECK(bound("") == "");
  CHECK(bound("-- nothing\n ;;") == "");
}

TEST_CASE("a statement is bound to the catalog of its moment") {
  triples::Catalog catalog;
  Script script = Script::open("TABLE T = 1 (A INT = 1 KEY); SELECT A FROM T").value();
  const Statement table = *script.next(catalog).value();
  catalog.put(std::get<DeclareTable>(table.body).table);
  CHECK(script.next(catalog).ok());
  CHECK_FALSE(script.next(catalog).value().has_value());
  CHECK_FALSE(script.next(catalog).value().has_value());
}

TEST_CASE("a shell is told when a statement isn't complete") {
  for (const char* text : {"SELECT 1", "SELECT 'a;", "SELECT 1; SELECT", "SELECT 1; /* ;",
                           "\"a;", "SELECT x'00"}) {
    CAPTURE(text);
    CHECK(is_incomplete(text));
  }
  for (const char* text : {"", "SELECT 1;", "SELECT 1; -- x", "-- SELECT", ";", "SELECT ';';\n"}) {
    CAPTURE(text);
    CHECK_FALSE(is_incomplete(text));
  }
}

TEST_CASE("nesting up to 100 levels is taken, beyond it is unsupported") {
  struct Nesting { const char* before; const char* open; const char* inner; const char* close; };
  for (const Nesting& n : {Nesting{"SELECT ", "(", "1", ")"}, Nesting{"SELECT ", "- ", "1", ""},
                           Nesting{"SELECT ", "NOT ", "TRUE", ""},
                           Nesting{"SELECT ", "abs(", "1", ")"},
                           Nesting{"SELECT ", "CASE WHEN TRUE THEN ", "1", " END"},
                           Nesting{"SELECT ", "(SELECT ", "1", ")"},
                           Nesting{"SELECT ", "1 IN (", "1", ") = TRUE"},
                           Nesting{"SELECT { a: ", "{ a: ", "1", "}"},
                           Nesting{"SELECT * FROM ", "(SELECT * FROM ", "Artist", ") AS d"}}) {
    const std::string after = std::string(n.before) == "SELECT { a: " ? "}" : "";
    const auto nested = [&](std::size_t depth) {
      return n.before + repeat(n.open, depth) + n.inner + repeat(n.close, depth) + after;
    };
    CAPTURE(n.open);
    const bool is_list = std::string(n.open) == "1 IN (";  // INT IN BOOL fits no type
    if (!is_list) CHECK(code(nested(kNestingMax)) == "");
    CHECK(code(nested(kNestingMax + 1)) == "unsupported");
    CHECK(code(nested(10'000)) == "unsupported");
  }
}

TEST_CASE("long chains don't recurse: AND and OR are flat, others have a bound") {
  CHECK(code("SELECT 1 WHERE TRUE" + repeat(" AND TRUE", 20'000)) == "");
  CHECK(code("SELECT 1 WHERE TRUE" + repeat(" OR 1 = 2 AND TRUE", 20'000)) == "");
  CHECK(code("SELECT 1" + repeat(" + 1", kHeightMax - 2)) == "");
  CHECK(code("SELECT 1" + repeat(" + 1", kHeightMax)) == "unsupported");
  CHECK(code("SELECT 'a'" + repeat(" || 'a'", 20'000)) == "unsupported");
  CHECK(code("SELECT " + repeat("(SELECT 1 + ", 90) + "1" + repeat(" + 1", 950) +
             repeat(")", 90)) == "unsupported");
}

TEST_CASE("constructs that mean an operand twice don't grow without bound") {
  CHECK(code("SELECT 1 BETWEEN 0 AND 1" + repeat(" BETWEEN FALSE AND TRUE", 60)) == "unsupported");
  CHECK(code("SELECT " + repeat("CASE ", 40) + "1" + repeat(" WHEN 1 THEN 1 WHEN 2 THEN 2 END",
                                                           40)) == "unsupported");
}

TEST_CASE("scripts with pieces exchanged at random never crash, and what binds is sound") {
  const std::string corpus =
      "SELECT DISTINCT { n: a.Name, t: [SELECT * FROM Album AS b WHERE b.ArtistId = a.ArtistId "
      "ORDER BY Title LIMIT 3], o: { x: (SELECT count(*) FROM Note) + 1 } } FROM Artist AS a LEFT "
      "JOIN (SELECT Plays, 'it''s' AS s FROM Album GROUP BY Plays HAVING sum(Plays) > $p) AS d ON "
      "d.Plays BETWEEN 1 AND 2 OR NOT a.Name LIKE '%x' ESCAPE '!' GROUP BY n ORDER BY n DESC NULLS "
      "LAST ; UPDATE Thing SET J = [ 1 , { a : x'CAFE' } ] WHERE CASE I WHEN -1 THEN B END IS NULL";
  std::vector<std::string> words;
  for (std::size_t at = 0; at < corpus.size();) {
    const std::size_t end = std::min(corpus.find(' ', at), corpus.size());
    words.push_back(corpus.substr(at, end - at));
    at = end + 1;
  }
  unsigned seed = 4711;
  const auto random = [&](std::size_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
  };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> mixed = words;
    for (std::size_t i = 0, changes = 1 + random(6); i < changes; ++i) {
      mixed[random(mixed.size())] = words[random(words.size())];
    }
    std::string script;
    for (const std::string& word : mixed) script += word + " ";
    CAPTURE(script);
    CHECK(bound(script.substr(0, script.size() - random(40))).find("broken:") == std::string::npos);
  }
}

}  // namespace tremula::treeql
