// Reading JSON into canonical form, and -> and ->> into it.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "core/triples/value_ops.h"
#include "tests/triples/describe.h"
#include "tests/triples/sqlite_oracle.h"

using namespace tremula::triples;
using tremula::base::Arena;

namespace {

std::string parsed(std::string_view source) {
  Arena arena;
  Value value;
  return parse_json(source, arena, value) ? describe(value) : "not JSON";
}

std::string get(std::string_view json, Value path) {
  Arena arena;
  return describe(json_get(text(json), path, arena));
}

std::string get_text(std::string_view json, Value path) {
  Arena arena;
  return describe(json_get_text(text(json), path, arena));
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("JSON: scalars become values of their own kind") {
  CHECK(parsed("null") == "null");
  CHECK(parsed(" true ") == "bool true");
  CHECK(parsed("-12") == "int -12");
  CHECK(parsed("-0") == "int 0");
  CHECK(parsed("1.0") == "real 1.0");
  CHECK(parsed("1e2") == "real 100.0");
  CHECK(parsed("-0.0") == "real 0.0");
  CHECK(parsed("9223372036854775807") == "int 9223372036854775807");
  CHECK(parsed("9223372036854775808") == "real 9.223372036854776e+18");
  CHECK(parsed("-9223372036854775808") == "int -9223372036854775808");
  CHECK(parsed("123456789012345678901234567890") == "real 1.2345678901234568e+29");
  CHECK(parsed("1e999") == "real 1e999");
  CHECK(parsed("-1e999") == "real -1e999");
  CHECK(parsed("1e9999") == "not JSON");
  CHECK(parsed("\"a\\u00e9\\ud83c\\udf42\\n\"") == "text a\xc3\xa9\xf0\x9f\x8d\x82\n");
}

TEST_CASE("JSON: canonical text is compact and keeps the order of members") {
  CHECK(parsed(" { \"b\" : [ 1 , 2.50 , { } , [ ] ] ,\n\"a\" : null } ") ==
        "json {\"b\":[1,2.5,{},[]],\"a\":null}");
  CHECK(parsed("[\"\\/\\u0041\\u001f\\t\"]") == "json [\"/A\\u001f\\t\"]");
  CHECK(parsed("[1e2, 1E4000, 12345678901234567890]") ==
        "json [100.0,1e999,1.2345678901234567e+19]");
  CHECK(parsed("[[1,[2,3]],[{\"a\":[{\"b\":1}]}]]") == "json [[1,[2,3]],[{\"a\":[{\"b\":1}]}]]");
}

TEST_CASE("JSON: of equal members the last wins, in the place of the first") {
  CHECK(parsed("{\"a\":1,\"b\":2,\"a\":3}") == "json {\"a\":3,\"b\":2}");
  CHECK(parsed("{\"a\":1,\"a\":2,\"a\":3}") == "json {\"a\":3}");
  CHECK(parsed("{\"a\":1,\"\\u0061\":2}") == "json {\"a\":2}");
  CHECK(parsed("{\"x\":{\"a\":1,\"b\":[],\"a\":{\"c\":1,\"c\":2}},\"y\":0,\"x\":{\"z\":1}}") ==
        "json {\"x\":{\"z\":1},\"y\":0}");
  CHECK(parsed("[{\"a\":[1],\"b\":2,\"a\":[2]},{\"a\":1}]") ==
        "json [{\"a\":[2],\"b\":2},{\"a\":1}]");
  CHECK(parsed("{\"ab\":1,\"a\":2}") == "json {\"ab\":1,\"a\":2}");
}

TEST_CASE("JSON: nesting goes to 100 levels") {
  CHECK(parsed(nested(100)) == "json " + nested(100));
  CHECK(parsed(nested(101)) == "not JSON");
  CHECK(parsed(std::string(200'000, '[')) == "not JSON");
}

TEST_CASE("JSON: what isn't JSON is refused") {
  for (const char* bad :
       {"",        " ",           "abc", "{",       "[1,]",   "{\"a\"}",  "{a:1}",
        "'a'",     "01",          "1.",  ".5",      "+1",     "nan",      "[1] 2",
        "\"\\x\"", "\"\\ud800\"", "\"a", "// c\n1", "\"\n\"", "\"\xff\"", "\xef\xbb\xbf[1]"}) {
    CAPTURE(bad);
    CHECK(parsed(bad) == "not JSON");
  }
  CHECK(parsed(std::string_view("1\0", 2)) == "not JSON");
  CHECK(parsed(std::string_view("[1]\0x", 5)) == "not JSON");
}

TEST_CASE("-> takes keys, indexes and paths") {
  const char* json = R"({"a":{"b":[10,20.0,{"c d":"x"}],"":7},"$":1,"0":"zero","q\"":2,"n":null})";
  CHECK(get(json, text("a")) == R"(json {"b":[10,20.0,{"c d":"x"}],"":7})");
  CHECK(get(json, text("0")) == "text zero");
  CHECK(get(json, text("q\"")) == "int 2");
  CHECK(get(json, text("n")) == "null");
  CHECK(get(json, text("missing")) == "null");
  CHECK(get(json, text("a.b")) == "null");
  CHECK(get(json, text("$.a.b[0]")) == "int 10");
  CHECK(get(json, text("$.a.b[1]")) == "real 20.0");
  CHECK(get(json, text("$.a.b[#-1].\"c d\"")) == "text x");
  CHECK(get(json, text("$.a.\"\"")) == "int 7");
  CHECK(get(json, text("$.\"$\"")) == "int 1");
  CHECK(get(json, text("$")) == std::string("json ") + json);
  CHECK(get("[1,[2,3]]", integer(0)) == "int 1");
  CHECK(get("[1,[2,3]]", integer(-1)) == "json [2,3]");
  CHECK(get("[1,[2,3]]", integer(-3)) == "null");
  CHECK(get("[1,[2,3]]", integer(2)) == "null");
  CHECK(get("[1,[2,3]]", text("$[1][1]")) == "int 3");
  CHECK(get("[]", integer(0)) == "null");
  CHECK(get("{}", text("a")) == "null");
  CHECK(get("{\"a\":1}", integer(0)) == "null");
  CHECK(get("[1]", text("a")) == "null");
}

namespace {

using Rng = std::mt19937_64;

std::string random_json(Rng& rng, int depth) {
  const std::uint64_t choice = rng() % (depth > 0 ? 6 : 4);
  if (choice == 0) return std::to_string(static_cast<int>(rng() % 2000) - 1000);
  if (choice == 1) return rng() % 2 == 0 ? "\"x]\"" : "\"a, }\"";
  if (choice == 2) return "null";
  if (choice == 3) return "\"\xc3\xa9\"";
  const bool object = choice == 4;
  const char* const names[] = {"\"a\":", "\"b c\":", "\"]\":"};
  std::string out = object ? "{" : "[";
  const std::uint64_t count = rng() % 4;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    if (object) out += names[i];
    out += random_json(rng, depth - 1);
  }
  return out + (object ? "}" : "]");
}

std::string random_path(Rng& rng) {
  const char* const steps[] = {".a", ".\"b c\"", ".\"]\"", "[0]", "[1]", "[2]", "[#-1]", "[#-2]"};
  std::string out = "$";
  for (std::uint64_t n = rng() % 4; n > 0; --n) out += steps[rng() % 8];
  return out;
}

}  // namespace

TEST_CASE("->> follows paths as json_extract does in SQLite") {
  SqliteOracle oracle;
  Rng rng(7);
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string json = random_json(rng, 3);
    const std::string path = random_path(rng);
    const std::vector<Value> arguments = {text(json), text(path)};
    CAPTURE(json);
    CAPTURE(path);
    const std::string ours = get_text(json, text(path));
    REQUIRE(ours == describe(oracle.ask("json_extract(?1, ?2)", arguments)));
    hits += ours != "null";
  }
  CHECK(hits > 2'000);
}

TEST_CASE("-> of a path that isn't one, or of text that isn't JSON, is NULL") {
  for (const char* bad : {"$.", "$a", "$[", "$[]", "$[a]", "$[-1]", "$[#]", "$[#-0]", "$[1", "$..a",
                          "$.\"a", "$[99999999999999999999]", "$[#-99999999999]", "$[ 0]"}) {
    CAPTURE(bad);
    CHECK(get("[[1],{\"a\":1}]", text(bad)) == "null");
  }
  CHECK(get("not JSON", text("$")) == "null");
  CHECK(get("[1]", Value::null()) == "null");
  CHECK(get("[1]", real(0)) == "null");
  Arena arena;
  CHECK(describe(json_get(Value::null(), text("$"), arena)) == "null");
  CHECK(describe(json_get(Value::bytes_of("[1]"), integer(0), arena)) == "null");
  CHECK(describe(json_get(integer(5), text("$"), arena)) == "int 5");
  CHECK(describe(json_get(integer(5), text("a"), arena)) == "null");
  CHECK(describe(json_get(integer(5), integer(0), arena)) == "null");
}

TEST_CASE("->> gives objects and arrays as TEXT") {
  CHECK(get_text("{\"a\":[1, 2]}", text("a")) == "text [1,2]");
  CHECK(get_text("{\"a\":1}", text("a")) == "int 1");
  CHECK(get_text("{\"a\":\"\\u0001\\\"\\\\\\b\"}", text("a")) == "text \x01\"\\\b");
  CHECK(get_text("{\"a\":true}", text("a")) == "bool true");
  CHECK(get_text("{\"a\":null}", text("a")) == "null");
}

TEST_CASE("CAST to JSON parses text, and takes other values as they are") {
  Arena arena;
  CHECK(describe(cast(text("[1, 2]"), Type::kJson, arena)) == "json [1,2]");
  CHECK(describe(cast(text("oops"), Type::kJson, arena)) == "null");
  CHECK(describe(cast(text("\"a\""), Type::kJson, arena)) == "text a");
  CHECK(describe(cast(integer(1), Type::kJson, arena)) == "int 1");
  CHECK(describe(cast(Value::bytes_of("{}"), Type::kJson, arena)) == "json {}");
}
