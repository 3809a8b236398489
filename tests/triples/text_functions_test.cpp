// LIKE, GLOB and the functions on texts and numbers, with SQLite as the judge.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/triples/utf8.h"
#include "core/triples/value_ops.h"
#include "tests/triples/describe.h"
#include "tests/triples/sqlite_oracle.h"

using namespace tremula::triples;
using tremula::base::Arena;

namespace {

using Rng = std::mt19937_64;

Function by_name(std::string_view name) {
  const auto all = functions();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const FunctionInfo& info) { return info.name == name; });
  REQUIRE(found != all.end());
  return found->function;
}

std::string call_by_name(std::string_view name, std::vector<Value> arguments) {
  Arena arena;
  return describe(call(by_name(name), arguments, arena));
}

std::string random_text(Rng& rng, std::span<const char* const> parts, unsigned count_max) {
  std::string out;
  for (std::uint64_t n = rng() % (count_max + 1); n > 0; --n) out += parts[rng() % parts.size()];
  return out;
}

constexpr const char* kLetters[] = {"a", "b", "B", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8d\x82"};

std::string placeholders(std::size_t count) {
  std::string out;
  for (std::size_t i = 1; i <= count; ++i) out += (i > 1 ? ", ?" : "?") + std::to_string(i);
  return out;
}

// One line for each disagreement.
void against_sqlite(SqliteOracle& oracle, std::string_view name,
                    const std::vector<Value>& arguments) {
  const std::string ours = call_by_name(name, arguments);
  const std::string sql = std::string(name) + "(" + placeholders(arguments.size()) + ")";
  const std::string theirs = describe(oracle.ask(sql, arguments));
  if (ours == theirs) return;
  std::string shown;
  for (const Value argument : arguments) shown += describe(argument) + "; ";
  FAIL_CHECK(name << '(' << shown << ") is " << ours << ", SQLite says " << theirs);
}

}  // namespace

TEST_CASE("LIKE: wildcards, case and escape as in SQLite") {
  constexpr const char* kParts[] = {"a", "A",  "b",        "%",        "_",
                                    "%", "\\", "\xc3\xa9", "\xc3\x89", "z"};
  constexpr const char* kTexts[] = {"a", "A", "b", "%", "_", "\\", "\xc3\xa9", "\xc3\x89", "z"};
  SqliteOracle oracle;
  Rng rng(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string subject = random_text(rng, kTexts, 7);
    const std::string pattern = random_text(rng, kParts, 5);
    const char* const escapes[] = {"\\", "%", "_", "a"};
    const Value escape = rng() % 2 == 0 ? Value::null() : text(escapes[rng() % 4]);
    const std::vector<Value> arguments = {text(subject), text(pattern), escape};
    const std::string sql = escape.is_null() ? "?1 LIKE ?2" : "?1 LIKE ?2 ESCAPE ?3";
    const std::string theirs = describe(oracle.ask(sql, arguments)) == "int 1" ? "true" : "false";
    const std::string ours = describe(like(text(subject), text(pattern), escape));
    CAPTURE(subject);
    CAPTURE(pattern);
    CAPTURE(describe(escape));
    REQUIRE(ours == "bool " + theirs);
  }
}

TEST_CASE("LIKE: numbers are text, NULL and a long escape give NULL") {
  CHECK(describe(like(integer(105), text("1_5"), Value::null())) == "bool true");
  CHECK(describe(like(real(1.5), text("%.5"), Value::null())) == "bool true");
  CHECK(describe(like(Value::null(), text("%"), Value::null())) == "null");
  CHECK(describe(like(text("a"), Value::null(), Value::null())) == "null");
  CHECK(describe(like(text("a"), text("a"), text("xy"))) == "null");
  CHECK(describe(like(text("a"), text("a"), text(""))) == "null");
}

TEST_CASE("LIKE: a hostile pattern takes no time") {
  const std::string subject(20'000, 'a');
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "%a";
  CHECK(describe(like(text(subject), text(pattern + "b"), Value::null())) == "bool false");
}

TEST_CASE("GLOB: wildcards and classes as in SQLite") {
  constexpr const char* kParts[] = {"a", "b", "*", "?", "[", "]", "^", "-", "c", "\xc3\xa9", "A"};
  constexpr const char* kClasses[] = {"[a-c]", "[^a]", "[]a]", "[^]]", "[a-]",
                                      "[-a]",  "*",    "?",    "a"};
  constexpr const char* kTexts[] = {"a", "b", "c", "]", "-", "^", "[", "\xc3\xa9", "A"};
  SqliteOracle oracle;
  Rng rng(2);
  for (int i = 0; i < 40'000; ++i) {
    const std::string subject = random_text(rng, kTexts, 6);
    const std::string pattern =
        rng() % 2 == 0 ? random_text(rng, kParts, 6) : random_text(rng, kClasses, 4);
    const std::vector<Value> arguments = {text(subject), text(pattern)};
    const std::string theirs =
        describe(oracle.ask("?1 GLOB ?2", arguments)) == "int 1" ? "true" : "false";
    CAPTURE(subject);
    CAPTURE(pattern);
    REQUIRE(describe(glob(text(subject), text(pattern))) == "bool " + theirs);
  }
}

TEST_CASE("substr: every start and length as in SQLite, of text and of bytes") {
  SqliteOracle oracle;
  for (const char* subject : {"", "h\xc3\xa9llo", "abc"}) {
    for (int start = -7; start <= 7; ++start) {
      against_sqlite(oracle, "substr", {text(subject), integer(start)});
      against_sqlite(oracle, "substr", {text(subject), real(start + 0.5)});
      for (int length = -7; length <= 7; ++length) {
        against_sqlite(oracle, "substr", {text(subject), integer(start), integer(length)});
        against_sqlite(oracle, "substr",
                       {Value::bytes_of(subject), integer(start), integer(length)});
      }
    }
  }
  against_sqlite(oracle, "substr", {integer(12345), integer(2), integer(3)});
  CHECK(call_by_name("substr", {text("abc"), Value::null()}) == "null");
  CHECK(call_by_name("substr", {text("abc"), integer(2), Value::null()}) == "null");
  CHECK(call_by_name("substr", {text("abc"), text("1")}) == "null");
  CHECK(call_by_name("substr", {text("abc"), integer(INT64_MIN), integer(INT64_MAX)}) == "text ab");
  CHECK(call_by_name("substr", {text("abc"), integer(2), integer(INT64_MAX)}) == "text bc");
  CHECK(call_by_name("substr", {text("abc"), integer(2), integer(INT64_MIN)}) == "text a");
}

TEST_CASE("trim, instr, replace, upper, lower, length as in SQLite") {
  SqliteOracle oracle;
  Rng rng(3);
  constexpr const char* kSpaced[] = {" ", " ", "a", "\t", "\xc3\xa9"};
  for (int i = 0; i < 5'000; ++i) {
    const std::string subject = random_text(rng, kLetters, 8);
    const std::string spaced = random_text(rng, kSpaced, 5);
    const std::string part = random_text(rng, kLetters, 2);
    for (const char* name : {"trim", "ltrim", "rtrim"}) {
      against_sqlite(oracle, name, {text(subject), text(part)});
      against_sqlite(oracle, name, {text(spaced)});
    }
    against_sqlite(oracle, "instr", {text(subject), text(part)});
    against_sqlite(oracle, "instr", {Value::bytes_of(subject), Value::bytes_of(part)});
    against_sqlite(oracle, "replace", {text(subject), text(part), text(spaced)});
    for (const char* name : {"upper", "lower", "length"})
      against_sqlite(oracle, name, {text(subject)});
    against_sqlite(oracle, "length", {Value::bytes_of(subject)});
  }
}

TEST_CASE("text functions take numbers as text and NULL as NULL") {
  SqliteOracle oracle;
  against_sqlite(oracle, "length", {integer(-120)});
  against_sqlite(oracle, "length", {real(1.5)});
  against_sqlite(oracle, "trim", {integer(1221), integer(1)});
  against_sqlite(oracle, "upper", {real(0.5)});
  against_sqlite(oracle, "instr", {integer(12345), integer(34)});
  against_sqlite(oracle, "replace", {integer(1212), integer(1), text("x")});
  for (const char* name : {"length", "lower", "upper", "trim", "ltrim", "rtrim"}) {
    against_sqlite(oracle, name, {Value::null()});
  }
  against_sqlite(oracle, "instr", {text("a"), Value::null()});
  against_sqlite(oracle, "trim", {text("a"), Value::null()});
  against_sqlite(oracle, "replace", {text("a"), text("a"), Value::null()});
  against_sqlite(oracle, "replace", {text("a"), text(""), Value::null()});
  CHECK(call_by_name("length", {Value::boolean_of(true)}) == "int 4");
  CHECK(call_by_name("upper", {Value::bytes_of("\xff")}) == "null");
  CHECK(call_by_name("upper", {Value::bytes_of("ab")}) == "text AB");
}

TEST_CASE("round goes half away from zero on the shortest decimal form") {
  CHECK(call_by_name("round", {real(2.675), integer(2)}) == "real 2.68");
  CHECK(call_by_name("round", {real(-2.675), integer(2)}) == "real -2.68");
  CHECK(call_by_name("round", {real(1.005), integer(2)}) == "real 1.01");
  CHECK(call_by_name("round", {real(0.5)}) == "real 1.0");
  CHECK(call_by_name("round", {real(-0.5)}) == "real -1.0");
  CHECK(call_by_name("round", {real(0.49999999999999994)}) == "real 0.0");
  CHECK(call_by_name("round", {real(-0.4)}) == "real 0.0");
  CHECK(call_by_name("round", {real(999.999), integer(2)}) == "real 1000.0");
  CHECK(call_by_name("round", {real(1e-7), integer(6)}) == "real 0.0");
  CHECK(call_by_name("round", {real(5e-7), integer(6)}) == "real 1e-06");
  CHECK(call_by_name("round", {real(1e300), integer(2)}) == "real 1e+300");
  CHECK(call_by_name("round", {real(2.5), integer(-3)}) == "real 3.0");
  CHECK(call_by_name("round", {integer(5)}) == "real 5.0");
  CHECK(call_by_name("round", {integer(15), integer(-1)}) == "real 15.0");
  CHECK(call_by_name("round", {real(1.25), Value::null()}) == "null");
  CHECK(call_by_name("round", {Value::null(), integer(1)}) == "null");
  CHECK(call_by_name("round", {text("1.5")}) == "null");
  CHECK(call_by_name("round", {real(HUGE_VAL)}) == "real 1e999");
}

TEST_CASE("round agrees with SQLite where no tie is near") {
  SqliteOracle oracle;
  Rng rng(4);
  for (int i = 0; i < 5'000; ++i) {
    const double number = static_cast<double>(static_cast<int>(rng() % 2'000'001) - 1'000'000) / 7;
    against_sqlite(oracle, "round", {real(number)});
    against_sqlite(oracle, "round", {real(number), integer(static_cast<int>(rng() % 6))});
  }
}

TEST_CASE("abs, sign, min, max and the conditional functions as in SQLite") {
  SqliteOracle oracle;
  const std::vector<Value> values = {Value::null(),
                                     integer(-3),
                                     integer(3),
                                     integer(0),
                                     real(3.0),
                                     real(-2.5),
                                     text("abc"),
                                     text("abd"),
                                     real(0.0),
                                     text(""),
                                     Value::bytes_of("abc")};
  for (const Value a : values) {
    if (!a.has_bytes()) {
      against_sqlite(oracle, "abs", {a});
      against_sqlite(oracle, "sign", {a});
    }
    for (const Value b : values) {
      for (const char* name : {"min", "max", "nullif", "ifnull", "coalesce"}) {
        against_sqlite(oracle, name, {a, b});
      }
      for (const Value c : values) {
        for (const char* name : {"min", "max", "coalesce"}) against_sqlite(oracle, name, {a, b, c});
      }
    }
  }
  CHECK(call_by_name("abs", {integer(INT64_MIN)}) == "null");  // SQLite: integer overflow
  CHECK(call_by_name("abs", {text("x")}) == "null");
  CHECK(call_by_name("sign", {text("x")}) == "null");
  CHECK(call_by_name("iif", {Value::boolean_of(true), integer(1), integer(2)}) == "int 1");
  CHECK(call_by_name("iif", {Value::null(), integer(1), integer(2)}) == "int 2");
  CHECK(call_by_name("iif", {integer(1), integer(1), integer(2)}) == "int 2");
}

TEST_CASE("typeof names each kind") {
  CHECK(call_by_name("typeof", {Value::null()}) == "text null");
  CHECK(call_by_name("typeof", {Value::boolean_of(true)}) == "text bool");
  CHECK(call_by_name("typeof", {integer(1)}) == "text int");
  CHECK(call_by_name("typeof", {real(1)}) == "text real");
  CHECK(call_by_name("typeof", {text("")}) == "text text");
  CHECK(call_by_name("typeof", {Value::bytes_of("")}) == "text bytes");
  CHECK(call_by_name("typeof", {Value::json_of("[]")}) == "text json");
}

TEST_CASE("utf8: a text is ASCII unless one of its bytes is not, wherever that stands") {
  for (std::size_t size = 0; size <= 70; ++size) {
    std::string text(size, '\x7F');
    CHECK(is_ascii(text));
    for (std::size_t at = 0; at < size; ++at) {
      text[at] = '\x80';
      CHECK(!is_ascii(text));
      text[at] = 'a';
    }
  }
}
