#include "core/lsm/row_table.h"

#include <doctest/doctest.h>

#include <string>

#include "core/lsm/key_index.h"

using namespace tremula::triples;
using tremula::lsm::KeyIndex;
using tremula::lsm::RowTable;

namespace {

ColumnDef column_def(std::uint32_t attr, Type type) {
  ColumnDef definition;
  definition.attr = AttrId{attr};
  definition.type = type;
  return definition;
}

std::string show(Value value) {
  if (value.has_bytes()) return std::string(value.view());
  if (value.kind == Kind::kInt) return std::to_string(value.integer);
  if (value.kind == Kind::kReal) return std::to_string(value.number).substr(0, 3);
  return value.is_null() ? "null" : "other";
}

// "+key -key key:mask", in the order of changes().
std::string sealed(RowTable& table) {
  table.seal();
  std::string text;
  for (const RowChange& change : table.changes()) {
    if (!text.empty()) text += ' ';
    if (!change.in_old) text += '+';
    if (!change.in_new) text += '-';
    text += table.key(change.slot);
    if (change.in_old && change.in_new) text += ":" + std::to_string(change.changed);
  }
  return text;
}

Slot put(RowTable& table, std::string_view key, std::string_view text) {
  const Slot slot = table.insert(key);
  table.write(slot, 0, Value::text_of(text));
  return slot;
}

}  // namespace

TEST_CASE("row table: a row deleted and inserted again keeps its slot, and nets out to an edit") {
  RowTable table(TypeId{1});
  table.column(AttrId{1});
  table.column(AttrId{2});
  const Slot slot = put(table, "a", "one");
  table.write(slot, 1, Value::int_of(5));
  table.settle();

  table.erase(slot);
  CHECK(sealed(table) == "-a");
  CHECK(put(table, "a", "two") == slot);
  CHECK(sealed(table) == "a:3");
  CHECK(show(table.read(slot, 0, Side::kOld)) == "one");
  CHECK(show(table.read(slot, 1, Side::kOld)) == "5");
  CHECK(show(table.read(slot, 1, Side::kNew)) == "null");
  table.write(slot, 0, Value::text_of("one"));
  table.write(slot, 1, Value::int_of(5));
  CHECK(sealed(table) == "");
  table.check_invariants();
}

TEST_CASE("row table: a row that comes and goes in one transaction is no change") {
  RowTable table(TypeId{1});
  table.column(AttrId{1});
  const Slot slot = put(table, "a", "a text longer than any short form of it would be");
  table.erase(slot);
  CHECK(table.find("a") == kNoSlot);
  CHECK(sealed(table) == "");
  table.settle();
  CHECK(put(table, "b", "x") == slot);  // the slot is free again
  CHECK(table.find("a") == kNoSlot);
}

TEST_CASE("row table: writing what is there already is no write") {
  RowTable table(TypeId{1});
  table.column(AttrId{1});
  const Slot slot = put(table, "a", "x");
  table.settle();
  table.write(slot, 0, Value::text_of("x"));
  CHECK_FALSE(table.touched());
  CHECK(table.write_log().empty());
}

TEST_CASE("row table: an undone statement leaves what the statements before it did") {
  RowTable table(TypeId{1});
  table.column(AttrId{1});
  const Slot a = put(table, "a", "0");
  table.settle();
  table.begin_statement();
  table.write(a, 0, Value::text_of("1"));
  const Slot b = put(table, "b", "b1");
  table.begin_statement();
  table.write(a, 0, Value::text_of("2"));
  table.erase(b);
  CHECK(put(table, "b", "b2") == b);
  put(table, "c", "c2");
  table.undo_statement();
  CHECK(show(table.stored(a, 0)) == "1");
  CHECK(show(table.stored(b, 0)) == "b1");
  CHECK(table.find("c") == kNoSlot);
  CHECK(sealed(table) == "a:1 +b");
  table.rollback();
  CHECK(show(table.stored(a, 0)) == "0");
  CHECK(table.find("b") == kNoSlot);
  table.check_invariants();
}

TEST_CASE("row table: a column declared anew reads by both declarations until it is settled") {
  RowTable table(TypeId{1});
  table.declare(column_def(1, Type::kInt));
  const Slot a = table.insert("a");
  table.write(a, 0, Value::int_of(1));
  table.insert("b");
  table.settle();

  ColumnDef definition = column_def(1, Type::kReal);
  definition.default_value = OwnedValue(Value::int_of(7));
  table.declare(definition);
  CHECK(show(table.read(a, 0, Side::kOld)) == "1");
  CHECK(show(table.read(a, 0, Side::kNew)) == "1.0");
  CHECK(show(table.read(table.find("b"), 0, Side::kNew)) == "7.0");
  CHECK(sealed(table) == "a:1 b:1");
  CHECK(table.write_log().size() == 2);

  SUBCASE("a rollback brings the old one back") {
    table.rollback();
    CHECK(show(table.read(a, 0, Side::kNew)) == "1");
    CHECK(show(table.read(table.find("b"), 0, Side::kNew)) == "null");
  }
  SUBCASE("settled, only the new one reads") {
    table.settle();
    CHECK(show(table.read(a, 0, Side::kOld)) == "1.0");
    CHECK(sealed(table) == "");
  }
  SUBCASE("undone, nothing differs") {
    table.undo_statement();
    CHECK(sealed(table) == "");
    CHECK(show(table.read(a, 0, Side::kNew)) == "1");
  }
  SUBCASE("a row written to read as before is no change") {
    definition.visible = false;
    table.declare(definition);
    CHECK(sealed(table) == "a:1");  // b read NULL and does again
  }
  table.check_invariants();
}

TEST_CASE("row table: a default's text stays readable when the default changes") {
  RowTable table(TypeId{1});
  ColumnDef definition = column_def(1, Type::kText);
  definition.default_value = OwnedValue(Value::text_of("short"));
  table.declare(definition);
  const Slot slot = table.insert("a");
  table.settle();
  const Value before = table.read(slot, 0, Side::kNew);
  definition.default_value = OwnedValue(Value::text_of("another"));
  table.declare(definition);
  CHECK(show(before) == "short");
  CHECK(show(table.read(slot, 0, Side::kOld)) == "short");
  CHECK(show(table.read(slot, 0, Side::kNew)) == "another");
}

TEST_CASE("row table: the log repeats a slot once somebody has seen it") {
  RowTable table(TypeId{1});
  table.column(AttrId{1});
  const Slot slot = put(table, "a", "1");
  table.write(slot, 0, Value::text_of("2"));
  CHECK(table.write_log().size() == 1);
  table.write(slot, 0, Value::text_of("3"));
  CHECK(table.write_log().size() == 2);
  table.undo_statement();
  CHECK(table.write_log().size() == 3);
}

TEST_CASE("row table: what a huge transaction took is given back when it settles") {
  RowTable table(TypeId{1});
  table.column(AttrId{1});
  std::size_t before = 0;
  for (int i = 0; i < 50'000; ++i) {
    put(table, "key number " + std::to_string(i), std::to_string(i));
    if (i == 0) before = table.memory_bytes();
  }
  const std::size_t during = table.memory_bytes();
  table.settle();
  CHECK(table.memory_bytes() < during);
  CHECK(table.memory_bytes() > before);
  for (Slot slot = 0; slot < table.slot_end(); ++slot) table.erase(slot);
  table.settle();
  CHECK(table.row_count(Side::kNew) == 0);
  table.check_invariants();
}

TEST_CASE("key index: keys of every length are found, and those removed are not") {
  tremula::lsm::ColdState cold;
  KeyIndex index(cold);
  const auto key = [](std::size_t i) { return std::string(i % 40, 'k') + std::to_string(i); };
  for (Slot slot = 0; slot < 3000; ++slot) index.add(key(slot), slot);
  const std::string_view early = index.key(7);
  for (Slot slot = 0; slot < 3000; slot += 3) index.remove(slot);
  CHECK(index.size() == 2000);
  bool all_right = true;
  for (Slot slot = 0; slot < 3000; ++slot) {
    all_right = all_right && index.find(key(slot)) == (slot % 3 == 0 ? kNoSlot : slot);
  }
  CHECK(all_right);
  CHECK(early == key(7));
  CHECK(index.find("") == kNoSlot);
  index.add("", 0);
  CHECK(index.find("") == 0);
  index.check_invariants();
}
