// Intents: their bytes, and what doing them again gives.
#include "core/crdt/intent.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/triples/value_ops.h"

namespace tremula::crdt {
namespace {

using namespace tremula::triples;

constexpr TypeId kTable{7};
constexpr AttrId kAttr{3};

std::string json(Value value) {
  if (value.is_missing()) return "-";
  std::string text;
  print_json(value, text);
  return text;
}

// "what is stored" after one cell was written by a rule: the writer saw `seen`, base has `stored`.
std::string written(MergeRule rule, Value seen, Value value, Value stored, std::int64_t start = 0) {
  IntentWriter intents;
  intents.begin_row(kTable, IntentKind::kUpdate, 0, "k", 1);
  intents.write(kAttr, rule, seen, value, start);
  IntentReader reader(intents.view());
  IntentRow row;
  REQUIRE(reader.next(row).value());
  RowImage image;
  image.is_alive = true;
  image.set(kAttr, stored);
  (void)rebase(image, row, {});
  return json(image.get(kAttr));
}

std::string life(const RowImage& image) {
  return image.is_alive ? "alive " + json(image.get(kAttr)) : "dead";
}

IntentRow row_of(IntentKind kind, std::int64_t value) {
  IntentRow row;
  row.type = kTable;
  row.kind = kind;
  row.key = "k";
  if (kind != IntentKind::kDelete)
    row.cells.push_back({.attr = kAttr, .value = Value::int_of(value)});
  return row;
}

}  // namespace

TEST_CASE("intent: each rule moves what was meant onto what is there") {
  const auto i = [](std::int64_t n) { return Value::int_of(n); };
  CHECK(written(MergeRule::kLww, i(1), i(2), i(9)) == "2");
  CHECK(written(MergeRule::kLww, i(1), Value::missing(), i(9)) == "-");
  CHECK(written(MergeRule::kMax, i(1), i(5), i(9)) == "9");
  CHECK(written(MergeRule::kMax, i(1), i(10), i(9)) == "10");
  CHECK(written(MergeRule::kMax, i(1), Value::null(), i(9)) == "9");
  CHECK(written(MergeRule::kMax, i(1), i(-3), Value::null()) == "-3");
  CHECK(written(MergeRule::kMax, Value::missing(), Value::null(), Value::missing()) == "null");
  CHECK(written(MergeRule::kMax, i(9), Value::real(9), i(9)) == "9.0");
  CHECK(written(MergeRule::kMin, i(1), i(5), i(9)) == "5");
  CHECK(written(MergeRule::kMin, i(1), i(10), i(9)) == "9");
  CHECK(written(MergeRule::kCounter, i(1), i(4), i(9)) == "12");
  CHECK(written(MergeRule::kCounter, Value::missing(), i(14), Value::missing(), 10) == "14");
  CHECK(written(MergeRule::kCounter, Value::missing(), i(14), i(20), 10) == "24");
  CHECK(written(MergeRule::kCounter, i(0), i(1), i(std::numeric_limits<std::int64_t>::max())) ==
        std::to_string(std::numeric_limits<std::int64_t>::min()));
}

TEST_CASE("intent: a SET gets what its writer added, and loses what he took away") {
  const auto set = [](std::string_view text) { return Value::json_of(text); };
  const Value none = Value::missing();
  CHECK(written(MergeRule::kSet, set(R"(["a","b"])"), set(R"(["b","c"])"),
                set(R"(["a","b","x"])")) == R"(["b","c","x"])");
  CHECK(written(MergeRule::kSet, none, set(R"([2,"a",1])"), none) == R"([1,2,"a"])");
  CHECK(written(MergeRule::kSet, none, set("[]"), none) == "[]");
  CHECK(written(MergeRule::kSet, none, set("[]"), set("[1]")) == "[1]");
  CHECK(written(MergeRule::kSet, set("[1]"), Value::null(), set("[1]")) == "null");
  CHECK(written(MergeRule::kSet, set("[1]"), Value::null(), set("[1,2]")) == "[2]");
  CHECK(written(MergeRule::kSet, Value::null(), set("[1]"), Value::null()) == "[1]");
  CHECK(written(MergeRule::kSet, set("[1]"), set("[]"), set("[1]")) == "[]");
}

TEST_CASE("intent: an UPDATE and a DELETE hold for the life that their writer saw") {
  RowImage image;
  CHECK(!rebase(image, row_of(IntentKind::kUpdate, 1), {.seen = 9}));
  CHECK(life(image) == "dead");
  CHECK(rebase(image, row_of(IntentKind::kPut, 1), {.seen = 0, .now = 5}));
  CHECK(life(image) == "alive 1");
  CHECK(image.birth == 5);
  // Born at 5: whoever had seen less meant another row.
  CHECK(!rebase(image, row_of(IntentKind::kUpdate, 2), {.seen = 4}));
  CHECK(!rebase(image, row_of(IntentKind::kDelete, 0), {.seen = 4}));
  CHECK(life(image) == "alive 1");
  CHECK(rebase(image, row_of(IntentKind::kUpdate, 2), {.seen = 5}));
  CHECK(rebase(image, row_of(IntentKind::kUpdate, 3), {.seen = 4, .own_insert = 5}));
  CHECK(life(image) == "alive 3");
  CHECK(!rebase(image, row_of(IntentKind::kUpdate, 3), {.seen = 9}));  // it is there already
  // A put of a living row leaves it in its life.
  CHECK(rebase(image, row_of(IntentKind::kPut, 4), {.seen = 0, .now = 8}));
  CHECK(image.birth == 5);
  CHECK(rebase(image, row_of(IntentKind::kDelete, 0), {.seen = 8}));
  CHECK(life(image) == "dead");
  CHECK(!rebase(image, row_of(IntentKind::kDelete, 0), {.seen = 8}));
  // A new life has the cells of its put alone.
  image.set(AttrId{9}, Value::int_of(1));
  CHECK(rebase(image, row_of(IntentKind::kPut, 6), {.seen = 8, .now = 11}));
  CHECK(image.cells().size() == 1);
  CHECK(image.birth == 11);
  // While it is pending, what stands on it has effect.
  RowImage overlay;
  CHECK(rebase(overlay, row_of(IntentKind::kPut, 1), {}));
  CHECK(!rebase(overlay, row_of(IntentKind::kUpdate, 2), {.seen = 100}));
  CHECK(
      rebase(overlay, row_of(IntentKind::kUpdate, 2), {.seen = 0, .own_insert = kPendingVersion}));
}

TEST_CASE("intent: effects of the log, too, are done to an image") {
  RowImage image;
  WrittenRow row{kTable, 4, Fate::kInserted, "k", {{kAttr, Value::int_of(1)}}};
  apply_effect(image, row, 3);
  CHECK(life(image) == "alive 1");
  CHECK(image.birth == 3);
  row.fate = Fate::kUpdated;
  row.cells = {{kAttr, Value::missing()}, {AttrId{9}, Value::int_of(2)}};
  apply_effect(image, row, 4);
  CHECK(life(image) == "alive -");
  CHECK(image.birth == 3);
  CHECK(image.get(AttrId{9}).integer == 2);
  row.fate = Fate::kDeleted;
  row.cells.clear();
  apply_effect(image, row, 5);
  CHECK(life(image) == "dead");
  CHECK(image.cells().empty());
}

TEST_CASE("intent: bytes are read as they were written, and refused where they are broken") {
  IntentWriter intents;
  intents.begin_row(kTable, IntentKind::kPut, 0, "key", 5);
  intents.set(AttrId{1}, Value::text_of("text"));
  intents.max(AttrId{2}, Value::real(1.5));
  intents.min(AttrId{3}, Value::missing());
  intents.add(AttrId{4}, -7, 100);
  intents.elements(AttrId{5}, std::string("\2\4", 2), "");
  intents.begin_row(kTable, IntentKind::kDelete, 12, "gone", 0);
  IntentReader reader(intents.view());
  IntentRow row;
  REQUIRE(reader.next(row).value());
  CHECK(row.kind == IntentKind::kPut);
  CHECK(row.key == "key");
  REQUIRE(row.cells.size() == 5);
  CHECK(row.cells[0].value.view() == "text");
  CHECK(row.cells[1].op == CellOp::kMax);
  CHECK(row.cells[2].value.is_null());
  CHECK(row.cells[3].value.integer == -7);
  CHECK(row.cells[3].start == 100);
  CHECK(row.cells[4].added == std::string("\2\4", 2));
  REQUIRE(reader.next(row).value());
  CHECK(row.kind == IntentKind::kDelete);
  CHECK(row.own_insert == 12);
  CHECK(!reader.next(row).value());

  // Cut anywhere, or with any byte turned into any other: an error or other rows, never more.
  const std::string whole(intents.view());
  const auto read_all = [](std::string_view bytes) {
    IntentReader of(bytes);
    IntentRow each;
    for (;;) {
      const auto more = of.next(each);
      if (!more.ok()) {
        CHECK(more.error().code == base::ErrorCode::kCorrupt);
        return false;
      }
      if (!more.value()) return true;
    }
  };
  std::size_t refused = 0;
  for (std::size_t size = 1; size < whole.size(); ++size)
    refused += read_all(std::string_view(whole).substr(0, size)) ? 0 : 1;
  CHECK(refused == whole.size() - 2);  // but where the second row begins
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string turned = whole;
      turned[at] = static_cast<char>(byte);
      (void)read_all(turned);
    }
  }
  CHECK(!decode_submission("\x80").ok());
  const std::string submission =
      encode_submission({.seen = 300, .acknowledged = 2, .intents = whole});
  const auto decoded = decode_submission(submission);
  REQUIRE(decoded.ok());
  CHECK(decoded.value().seen == 300);
  CHECK(decoded.value().acknowledged == 2);
  CHECK(decoded.value().intents == whole);
}

}  // namespace tremula::crdt
