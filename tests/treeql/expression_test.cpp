// Expressions: precedence, lowering and types.
#include <doctest/doctest.h>

#include "tests/treeql/binding.h"

namespace tremula::treeql {
namespace {

// The plan of `text` as the WHERE of a select over Thing.
std::string where(const std::string& text) {
  const std::string plan = bound("SELECT { x: 1 } FROM Thing WHERE " + text);
  const std::size_t at = plan.find(" where ");
  return at == std::string::npos ? plan.substr(0, plan.find(' ')) : plan.substr(at + 7);
}

// The plan of `text` as a value over constants alone.
std::string value(const std::string& text) {
  const std::string plan = bound("SELECT { v: " + text + " }");
  return plan.starts_with("{v: ") ? plan.substr(4, plan.size() - 5) : plan;
}

// "" if `text` binds over Thing, else the error's code.
std::string refusal(const std::string& text) {
  const std::string plan = bound("SELECT { v: " + text + " } FROM Thing");
  return plan.starts_with("{") ? "" : plan.substr(0, plan.find(' '));
}

}  // namespace

TEST_CASE("operators bind as in SQLite") {
  CHECK(value("1 + 2 * 3 - 4") == "(- (+ 1 (* 2 3)) 4)");
  CHECK(value("2 * 3 || 4") == "type_mismatch at 1:13: can't compute with INT and TEXT");
  CHECK(value("1 < 2 = TRUE") == "(= (< 1 2) true)");
  CHECK(value("NOT 1 = 2 AND TRUE OR FALSE") == "(or (and (not (= 1 2)) true) false)");
  CHECK(value("TRUE = NOT 2 = 3 AND TRUE") == "(and (= true (not (= 2 3))) true)");
  CHECK(value("-2 * - -3") == "(* -2 3)");
  CHECK(value("$a -> 'b' ->> 0 || 'c'") == "(|| (->> (-> ?0 \"b\") 0) \"c\")");
  CHECK(value("(1 + 2) * 3") == "(* (+ 1 2) 3)");
  CHECK(value("'a' || 'b' LIKE 'c' || 'd'") ==
        "(like (|| \"a\" \"b\") (|| \"c\" \"d\"))");
}

TEST_CASE("chains of AND and OR are flat, and parentheses stay") {
  CHECK(value("TRUE AND (FALSE AND $a) AND $b") == "(and true (and false ?0) ?1)");
  CHECK(value("TRUE OR (FALSE OR $a AND $b)") == "(or true (or false (and ?0 ?1)))");
}

TEST_CASE("BETWEEN becomes two comparisons") {
  CHECK(where("I BETWEEN 1 AND 2 AND B") == "(and (and (>= @0.0.0 1) (<= @0.0.0 2)) @0.0.1)");
  CHECK(where("I NOT BETWEEN 1 AND $x") == "(not (and (>= @0.0.0 1) (<= @0.0.0 ?0)))");
}

TEST_CASE("IS NULL and IS NOT NULL have operators of their own") {
  CHECK(where("T IS NULL") == "(isnull @0.0.0)");
  CHECK(where("T IS NOT NULL") == "(notnull @0.0.0)");
  CHECK(where("T IS 'a'") == "(is @0.0.0 \"a\")");
  CHECK(where("B IS NOT TRUE") == "(isnot @0.0.0 true)");
}

TEST_CASE("NOT before IN, LIKE, GLOB and BETWEEN stands over the positive form") {
  CHECK(where("I NOT IN (1, 2)") == "(not (inlist @0.0.0 1 2))");
  CHECK(where("I IN ()") == "(inlist @0.0.0)");
  CHECK(where("T NOT LIKE 'a%' ESCAPE '!'") == "(not (like @0.0.0 \"a%\" \"!\"))");
  CHECK(where("T NOT GLOB 'a*'") == "(not (glob @0.0.0 \"a*\"))");
  CHECK(where("NOT EXISTS (SELECT 1)") == "(not (exists <1>))");
  CHECK(where("I NOT IN (SELECT ArtistId FROM Artist)") ==
        "(not (in @0.0.0 <@0.0.0> from Artist[1]))");
}

TEST_CASE("CASE with a base compares it with each WHEN, and always has an ELSE") {
  CHECK(value("CASE $a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END") ==
        "(case (= ?0 1) \"x\" (= ?0 2) \"y\" null)");
  CHECK(value("CASE WHEN TRUE THEN 1 ELSE 2 END") == "(case true 1 2)");
}

TEST_CASE("the least INT can be written") {
  CHECK(value("-9223372036854775808") == "-9223372036854775808");
  CHECK(value("- -9223372036854775808") == "(neg -9223372036854775808)");
}

TEST_CASE("parameters count by name") {
  CHECK(value("$b || $a || $b") == "(|| (|| ?0 ?1) ?0)");
}

TEST_CASE("functions and types are known in any case") {
  CHECK(value("UPPER(cast(1 as text))") == "(upper (cast:TEXT 1))");
  CHECK(value("min(1, 2)") == "(min 1 2)");
}

TEST_CASE("types that can't be compared are refused before anything runs") {
  for (const char* text : {"T > 5", "T = I", "B = 1", "I = 'a'", "Y = T", "T BETWEEN 1 AND 2",
                           "T IN ('a', 1)", "I IN (SELECT Name FROM Artist)", "T IS 5",
                           "CASE I WHEN 'a' THEN 1 END", "nullif(T, 1)", "max(I, 'a')"}) {
    CAPTURE(text);
    CHECK(refusal(text) == "type_mismatch");
  }
  for (const char* text : {"I = R", "I = $a", "J > 5", "T = J", "NULL = T", "T IN (NULL, $a)",
                           "nullif(I, R)", "max(I, R)", "B < TRUE", "Y = x'00'"}) {
    CAPTURE(text);
    CHECK(refusal(text) == "");
  }
}

TEST_CASE("types that can't be computed with are refused before anything runs") {
  for (const char* text : {"T + 1", "B + 1", "Y * 2", "-T", "T || B", "T || Y", "upper(B)",
                           "abs(T)", "round(T)", "round(R, T)", "substr(T, T)", "sum(T)", "avg(B)",
                           "group_concat(B)", "B LIKE 'a'", "T -> TRUE", "T -> 1.5"}) {
    CAPTURE(text);
    CHECK(refusal(text) == "type_mismatch");
  }
  for (const char* text : {"I + R", "J + 1", "$a + 1", "NULL + 1", "T || I", "I LIKE R",
                           "upper(I)", "length(Y)", "substr(Y, 1, 2)", "instr(Y, Y)", "sum(J)",
                           "typeof(Y)", "coalesce(T, I) + 1", "iif(B, T, I) > 5",
                           "CASE WHEN B THEN T ELSE I END * 2", "J -> I", "T ->> '$.a'"}) {
    CAPTURE(text);
    CHECK(refusal(text) == "");
  }
}

TEST_CASE("a condition is a BOOL or dynamic") {
  for (const char* text : {"I", "T", "1", "I AND B", "B OR 'a'", "NOT R", "iif(1, 2, 3) = 2",
                           "CASE WHEN I THEN TRUE END", "count(*) FILTER (WHERE I) = 1"}) {
    CAPTURE(text);
    const std::string plan = where(text);
    CHECK(plan.substr(0, plan.find(' ')) == (text[0] == 'c' ? "unsupported" : "type_mismatch"));
  }
  CHECK(where("NULL") == "null");
  CHECK(where("$p") == "?0");
  CHECK(where("J") == "@0.0.0");
  CHECK(refusal("count(*) FILTER (WHERE I)") == "type_mismatch");
}

TEST_CASE("functions tell how many arguments they take") {
  CHECK(value("substr('a')") == "syntax at 1:13: substr takes 2 or 3 arguments, found 1");
  CHECK(value("upper()") == "syntax at 1:13: upper takes 1 argument, found 0");
  CHECK(value("coalesce(1)") == "syntax at 1:13: coalesce takes 2 or more arguments, found 1");
  CHECK(value("count()") == "syntax at 1:13: count takes 1 argument, found 0");
  CHECK(value("sum(*)") == "syntax at 1:13: sum takes 1 argument, found *");
  CHECK(value("group_concat(1, 2, 3)") ==
        "syntax at 1:13: group_concat takes 1 or 2 arguments, found 3");
  CHECK(value("upper(DISTINCT 'a')") ==
        "syntax at 1:13: DISTINCT, ORDER BY and FILTER belong to aggregates, and upper is none");
}

TEST_CASE("a scalar sub-select has one expression") {
  CHECK(value("1 + (SELECT 2)") == "(+ 1 (scalar <2>))");
  CHECK(value("1 + (SELECT 2, 3)") ==
        "type_mismatch at 1:28: one expression was expected, found 2");
  CHECK(value("1 + (SELECT { a: 2 })") ==
        "type_mismatch at 1:25: an object can't stand here: select one expression");
  CHECK(value("1 IN (SELECT * FROM Artist)") ==
        "type_mismatch at 1:26: one expression was expected, found 2 columns");
  CHECK(value("(SELECT 'a') > 1") == "type_mismatch at 1:13: can't compare TEXT with INT");
}

TEST_CASE("what SQLite has and TreeQL has not is a syntax error") {
  for (const char* text : {"+1", "~1", "1 & 2", "1 << 2", "1 == 2", "I ISNULL", "I NOTNULL",
                           "T COLLATE NOCASE", "T REGEXP 'a'", "(1, 2) = (1, 2)", "1.", "x'1'"}) {
    CAPTURE(text);
    CHECK(refusal(text) == "syntax");
  }
}

}  // namespace tremula::treeql
