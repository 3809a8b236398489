// Change records: written is read, as the contract shows them; what is none is corrupt, never a
// crash and never another record.
#include "core/crdt/change_record.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"
#include "tests/property/rng.h"

namespace tremula::crdt {
namespace {

using property::Rng;
using triples::AttrId;
using triples::Kind;
using triples::MergeRule;
using triples::OwnedValue;
using triples::TypeId;
using triples::Value;

const std::string kSite = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";

std::string keyed(const std::vector<Value>& values) {
  std::string key;
  for (const Value value : values) triples::encode_ordered(value, key);
  return key;
}

std::string line_of(const ChangeRecord& record) {
  std::string line;
  print_change(record, line);
  return line;
}

// "ok", or the error's message.
std::string judged(std::string_view line) {
  base::Arena arena;
  ChangeLine read;
  const auto result = parse_change(line, 7, arena, read);
  if (result.ok()) return "ok";
  CHECK(result.error().code == base::ErrorCode::kCorrupt);
  return result.error().message;
}

// What is read, printed again.
std::string reprinted(std::string_view line) {
  base::Arena arena;
  ChangeLine read;
  const auto result = parse_change(line, 1, arena, read);
  REQUIRE_MESSAGE(result.ok(), result.error().message);
  std::string text;
  if (read.is_end) {
    print_end(read.end, text);
  } else {
    print_change(read.record, text);
  }
  return text;
}

// A line with one member put in place of another.
std::string line_with(const std::string& member, const std::string& text) {
  std::string line = R"({"table":2,"key":[4],"column":2,"value":"x","cl":1,"version":17,"site":")" +
                     kSite + R"(","db_version":17,"seq":0})";
  const std::size_t begin = line.find("\"" + member + "\":") + member.size() + 3;
  std::size_t end = line.find(",\"", begin);
  if (end == std::string::npos) end = line.size() - 1;
  return line.replace(begin, end - begin, text);
}

class RandomRecord {
 public:
  explicit RandomRecord(std::uint64_t seed) : rng_(seed) {}

  const ChangeRecord& make() {
    record_ = ChangeRecord();
    record_.table = TypeId{draw_number(triples::kMaxDeclaredNumber)};
    key_.clear();
    for (int parts = rng_.between(1, 3); parts > 0; --parts) triples::encode_ordered(part(), key_);
    record_.key = key_;
    record_.cl = CausalLength{draw_long(kVersionMax)};
    record_.version = Version{draw_long(kVersionMax)};
    for (unsigned char& byte : record_.site.bytes) byte = static_cast<unsigned char>(rng_.next());
    record_.position.db_version = DbVersion{draw_long(kVersionMax)};
    record_.position.seq = static_cast<std::uint32_t>(rng_.next()) >> rng_.below(32);
    if (rng_.chance(20)) return record_;
    make_cell();
    return record_;
  }

 private:
  void make_cell() {
    if (!is_alive(record_.cl))
      record_.cl = CausalLength{static_cast<std::uint64_t>(record_.cl) - 1};
    if (!is_alive(record_.cl)) record_.cl = CausalLength{1};
    if (rng_.chance(30)) {
      name_ = "n" + text();
      record_.column_name = name_;
    } else {
      record_.column = AttrId{draw_number(triples::kMaxDeclaredNumber)};
    }
    record_.rule = static_cast<MergeRule>(rng_.below(5));
    switch (record_.rule) {
      case MergeRule::kCounter: value_ = OwnedValue(integer()); break;
      case MergeRule::kSet:
        value_ = OwnedValue(rng_.chance(50) ? integer() : Value::text_of(text()));
        if (rng_.chance(10)) value_ = OwnedValue(Value::null());
        record_.is_removal = rng_.chance(50);
        break;
      default: value_ = OwnedValue(any_value());
    }
    record_.value = value_.value();
  }
  std::uint64_t draw_long(std::uint64_t max) {
    return std::max<std::uint64_t>(1, (rng_.next() & max) >> rng_.below(53));
  }
  std::uint32_t draw_number(std::uint32_t max) {
    return static_cast<std::uint32_t>(draw_long(max));
  }
  Value integer() {
    const auto bits = static_cast<std::int64_t>(rng_.next());
    return Value::int_of(bits >> rng_.below(64));
  }
  // Of code points of every length, with what JSON escapes.
  const std::string& text() {
    static const std::vector<std::string> kPieces = {"a",
                                                     "\"",
                                                     "\\",
                                                     "\n",
                                                     std::string(1, '\0'),
                                                     "\x1F",
                                                     "\x7F",
                                                     "\xC3\xA9",
                                                     "\xE2\x82\xAC",
                                                     "\xF0\x9F\x8E\xB5",
                                                     "{",
                                                     "]",
                                                     ",",
                                                     ":",
                                                     " ",
                                                     "\xEF\xBB\xBF"};
    std::string& made = texts_[static_cast<std::size_t>(next_text_++ % 8)];
    made.clear();
    for (int pieces = rng_.below(6); pieces > 0; --pieces) made += rng_.pick(kPieces);
    return made;
  }
  std::string_view bytes() {
    std::string& made = texts_[static_cast<std::size_t>(next_text_++ % 8)];
    made.clear();
    for (int size = rng_.below(9); size > 0; --size) made += static_cast<char>(rng_.next());
    return made;
  }
  Value part() {
    switch (rng_.below(4)) {
      case 0: return integer();
      case 1: return Value::text_of(text());
      case 2: return Value::bytes_of(bytes());
      default: return Value::boolean_of(rng_.chance(50));
    }
  }
  Value any_value() {
    static const std::vector<std::string> kJson = {"[]", "{}",
                                                   "[1,2.5,\"x\\n\",null,{\"a\":[true]}]",
                                                   "{\"json\":1,\"bytes\":\"\"}", "[1e999]"};
    const std::uint64_t bits = rng_.next();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    switch (rng_.below(8)) {
      case 0: return Value::null();
      case 1: return Value::real(number);
      case 2: return Value::real(rng_.between(-3, 3));
      case 3: return Value::json_of(rng_.pick(kJson));
      case 4: return Value::real(-std::numeric_limits<double>::infinity());
      default: return part();
    }
  }

  Rng rng_;
  ChangeRecord record_;
  std::string key_;
  std::string name_;
  OwnedValue value_;
  std::string texts_[8];
  int next_text_ = 0;
};

}  // namespace

TEST_CASE("change record: a line is as the contract shows it") {
  const std::string key = keyed({Value::int_of(4)});
  ChangeRecord record;
  record.table = TypeId{2};
  record.key = key;
  record.column = AttrId{2};
  record.value = Value::text_of("x\"y");
  record.cl = CausalLength{1};
  record.version = Version{17};
  REQUIRE(parse_site(kSite, record.site));
  record.position = {DbVersion{18}, 3};
  const std::string end =
      ",\"cl\":1,\"version\":17,\"site\":\"" + kSite + "\",\"db_version\":18,\"seq\":3}\n";
  CHECK(line_of(record) == R"({"table":2,"key":[4],"column":2,"value":"x\"y")" + end);
  record.value = Value::bytes_of("\xCA\xFE");
  CHECK(line_of(record) == R"({"table":2,"key":[4],"column":2,"value":{"bytes":"yv4="})" + end);
  record.value = Value::json_of("[1,{}]");
  CHECK(line_of(record) == R"({"table":2,"key":[4],"column":2,"value":{"json":[1,{}]})" + end);
  record.rule = MergeRule::kCounter;
  record.value = Value::int_of(-3);
  CHECK(line_of(record) == R"({"table":2,"key":[4],"column":2,"rule":"COUNTER","value":-3)" + end);
  record.rule = MergeRule::kSet;
  CHECK(line_of(record) ==
        R"({"table":2,"key":[4],"column":2,"rule":"SET","value":{"add":-3})" + end);
  record.is_removal = true;
  CHECK(line_of(record) ==
        R"({"table":2,"key":[4],"column":2,"rule":"SET","value":{"remove":-3})" + end);
  record = {
      record.table, record.key, triples::kRowAttr, "",          MergeRule::kLww, Value::null(),
      false,        record.cl,  record.version,    record.site, record.position};
  const std::string pair =
      keyed({Value::text_of("a"), Value::boolean_of(true), Value::bytes_of("\xCA\xFE")});
  record.key = pair;
  CHECK(line_of(record) ==
        R"({"table":2,"key":["a",true,{"bytes":"yv4="}],"column":null,"value":null)" + end);
  record.column_name = "mood";
  CHECK(line_of(record).find(R"("column":"mood","value":null)") != std::string::npos);
  std::string last;
  print_end({record.site, DbVersion{57}}, last);
  CHECK(last == "{\"site\":\"" + kSite + "\",\"db_version\":57}\n");
  CHECK(reprinted(last) == last);
}

TEST_CASE("change record: what is read is what was written, whatever it is") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    RandomRecord random(seed);
    const ChangeRecord& record = random.make();
    const std::string line = line_of(record);
    CAPTURE(line);
    base::Arena arena;
    ChangeLine read;
    const auto result = parse_change(line, 1, arena, read);
    REQUIRE_MESSAGE(result.ok(), result.error().message);
    REQUIRE(!read.is_end);
    const ChangeRecord& back = read.record;
    REQUIRE(back.table == record.table);
    REQUIRE(back.key == record.key);
    REQUIRE(back.column == record.column);
    REQUIRE(back.column_name == record.column_name);
    REQUIRE(back.rule == record.rule);
    REQUIRE(triples::identical(back.value, record.value));
    REQUIRE(back.is_removal == record.is_removal);
    REQUIRE(back.cl == record.cl);
    REQUIRE(back.version == record.version);
    REQUIRE(back.site == record.site);
    REQUIRE(back.position == record.position);
    REQUIRE(line_of(back) == line);
  }
}

TEST_CASE("change record: members in any order, with white space, as other writers put them") {
  const std::string line = " { \"seq\" : 3, \"site\":\"" + kSite +
                           "\",\t\"value\": {\"add\" : \"\\u0061\"}, \"cl\":3, \"db_version\":9, "
                           "\"rule\":\"SET\",\"version\":8,\"column\":\"\\u006dood\", "
                           "\"key\": [ 1 , \"\\ud83c\\udfb5\" ], \"table\":1 } \r";
  CHECK(reprinted(line) ==
        "{\"table\":1,\"key\":[1,\"\xF0\x9F\x8E\xB5\"],\"column\":\"mood\","
        "\"rule\":\"SET\",\"value\":{\"add\":\"a\"},\"cl\":3,\"version\":8,"
        "\"site\":\"" +
            kSite + "\",\"db_version\":9,\"seq\":3}\n");
  CHECK(reprinted(line_with("value", "{\"json\": [1, 2.50,{ }]}")).find("[1,2.5,{}]") !=
        std::string::npos);
}

TEST_CASE("change record: a malformed line is corrupt, and the message says what and where") {
  CHECK(judged(line_with("cl", "1")) == "ok");
  CHECK(judged("") == "line 7 of the changes, byte 0: a JSON object was expected");
  CHECK(judged(line_with("cl", "1").substr(0, 40)).starts_with("line 7 of the changes, byte 40: "));
  CHECK(judged(line_with("cl", "0")) ==
        "line 7 of the changes, byte 49: \"cl\" must be a number from 1 to 9007199254740991");
  CHECK(judged(line_with("cl", "2")) ==
        "line 7 of the changes, byte 49: \"cl\" must be odd: a deleted row has no columns");
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong = {
      {"table", {"0", "-1", "01", "1.0", "1e2", "536870912", "\"2\"", "null", ""}},
      {"key",
       {"4", "[]", "[4", "[4,]", "[,4]", "[null]", "[1.5]", "[[4]]", "[4]5", "{}",
        "[{\"json\":[]}]", "[{\"bytes\":\"a\"}]"}},
      {"column", {"0", "\"\"", "true", "536870912", "\"\xFF\"", "\"\\ud800\"", "2.0"}},
      {"value",
       {"", "[1]", "{}", "{\"x\":1}", "{\"bytes\":5}", "{\"bytes\":\"y\"}", "tru", "01", "\"\xFF\"",
        "{\"json\":}", "{\"json\":[}", "{\"json\":1,\"b\":2}", "\"\x01\"", "{\"json\":[1]]}", "1 2",
        "+1", "NaN", "'x'", "{\"bytes\":\"}"}},
      {"version", {"0", "9007199254740992", "-3", "18446744073709551617"}},
      {"site",
       {"\"9f\"", "5", "\"" + std::string(32, 'G') + "\"", "\"" + std::string(32, 'A') + "\"",
        std::string(34, '0')}},
      {"db_version", {"-1", "9007199254740992"}},
      {"seq", {"-1", "4294967296", "1.5"}},
      {"cl", {"9007199254740993", "true"}},
  };
  for (const auto& [member, texts] : wrong) {
    for (const std::string& text : texts) {
      const std::string line = line_with(member, text);
      CAPTURE(line);
      CHECK(judged(line) != "ok");
    }
  }
  const std::string good = line_with("cl", "1");
  CHECK(judged(good + "x").find("goes on behind") != std::string::npos);
  CHECK(judged(good + good) != "ok");
  CHECK(judged(good.substr(0, good.size() - 1) + ",\"extra\":1}").find("no member") !=
        std::string::npos);
  CHECK(judged(good.substr(0, good.size() - 1) + ",\"cl\":1}").find("\"cl\" stands twice") !=
        std::string::npos);
  CHECK(judged(R"({"site":")" + kSite + R"(","seq":1})").find("\"table\" is missing") !=
        std::string::npos);
  CHECK(judged(line_with("value", "5,\"rule\":\"COUNTER\"")) == "ok");
  CHECK(judged(line_with("value", "null,\"rule\":\"COUNTER\"")) != "ok");
  CHECK(judged(line_with("value", "\"x\",\"rule\":\"COUNTER\"")) != "ok");
  CHECK(judged(line_with("value", "5,\"rule\":\"SUM\"")) != "ok");
  CHECK(judged(line_with("value", "5,\"rule\":MAX")) != "ok");
  CHECK(judged(line_with("value", "5,\"rule\":\"SET\"")) != "ok");
  CHECK(judged(line_with("value", "{\"add\":1.5},\"rule\":\"SET\"")) != "ok");
  CHECK(judged(line_with("value", "{\"add\":[]},\"rule\":\"SET\"")) != "ok");
  CHECK(judged(line_with("value", "{\"add\":1,\"add\":2},\"rule\":\"SET\"")) != "ok");
  CHECK(judged(line_with("value", "{\"add\":1}")) != "ok");
  CHECK(judged(line_with("column", "null")) != "ok");  // with a value
  CHECK(judged(line_with("column", "null,\"rule\":\"MAX\"")) != "ok");
}

TEST_CASE("change record: a line cut, or with a byte changed, is corrupt or another record") {
  std::size_t corrupt = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomRecord random(seed);
    Rng rng(seed);
    std::string line = line_of(random.make());
    line.pop_back();  // the line feed
    for (std::size_t size = 0; size < line.size(); size += 3) {
      REQUIRE(judged(line.substr(0, size)) != "ok");
    }
    for (int change = 0; change < 30; ++change) {
      std::string other = line;
      other[rng.next() % other.size()] = static_cast<char>(rng.next());
      CAPTURE(other);
      if (judged(other) != "ok") {
        ++corrupt;
        continue;
      }
      const std::string again = reprinted(other);
      REQUIRE(reprinted(again) == again);
    }
  }
  CHECK(corrupt > 3000);
}

}  // namespace tremula::crdt
