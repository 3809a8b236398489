#include "core/lsm/catalog_rows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "core/triples/value_ops.h"

using namespace tremula::triples;
using tremula::lsm::CatalogTables;
using tremula::lsm::RowTable;

namespace {

struct Fixture {
  RowTable tables{kCatalogTableType};
  RowTable columns{kCatalogColumnType};
  RowTable hidden_tables{tremula::lsm::kHiddenTableType};
  RowTable hidden_columns{tremula::lsm::kHiddenColumnType};

  CatalogTables rows() { return {tables, columns, hidden_tables, hidden_columns}; }
  Catalog read() { return tremula::lsm::read_catalog(rows()); }
  void write(const Catalog& before, const TableDef& after) {
    tremula::lsm::write_catalog(before.find(after.type), after, rows());
  }
  void settle() {
    for (RowTable* table : {&tables, &columns, &hidden_tables, &hidden_columns}) table->settle();
  }
  void rollback() {
    for (RowTable* table : {&tables, &columns, &hidden_tables, &hidden_columns}) table->rollback();
  }
  // Rows entered, left and edited in the two tables that queries see.
  std::string changes() {
    int entered = 0, left = 0, edited = 0;
    for (RowTable* table : {&tables, &columns}) {
      table->seal();
      for (const RowChange& change : table->changes()) {
        (change.in_old ? change.in_new ? edited : left : entered) += 1;
      }
    }
    return "+" + std::to_string(entered) + " -" + std::to_string(left) + " ~" +
           std::to_string(edited);
  }
};

std::string show(const Catalog& catalog) {
  std::string text;
  for (const auto& [type, table] : catalog.tables()) {
    text += table.name + "=" + std::to_string(static_cast<std::uint32_t>(type));
    if (table.strict) text += " strict";
    if (table.dropped) text += " dropped";
    if (table.read_only) text += " read_only";
    if (table.generated_key) text += " generated";
    for (const auto& [first, last] : table.reserved) {
      text += " " + std::to_string(first) + ".." + std::to_string(last);
    }
    for (const ColumnDef& column : table.columns) {
      text += "\n  " + column.name + "=" + std::to_string(static_cast<std::uint32_t>(column.attr));
      text += " " + std::string(type_name(column.type)) + " " +
              std::string(merge_rule_name(column.merge)) + " " +
              std::to_string(column.key_position);
      for (const bool flag : {column.not_null, column.indexed, column.merge_given, column.visible,
                              column.declared}) {
        text += flag ? "y" : "n";
      }
      text += " ref " + column.references;
      if (column.default_value) {
        const Value value = column.default_value->value();
        text += " default " + std::string(kind_name(value.kind)) + " ";
        print_json(value, text);
      }
    }
    text += "\n";
  }
  return text;
}

TableDef album() {
  TableDef table;
  table.name = "Album";
  table.type = TypeId{2};
  table.reserved = {{7, 7}, {9, 12}};
  for (const char* name : {"AlbumId", "Title", "Plays", "mood"}) {
    ColumnDef column;
    column.name = name;
    column.attr = AttrId{static_cast<std::uint32_t>(table.columns.size() + 1)};
    column.type = Type::kInt;
    table.columns.push_back(column);
  }
  table.columns[0].key_position = 0;
  table.columns[1].type = Type::kText;
  table.columns[1].not_null = true;
  table.columns[2].merge = MergeRule::kCounter;
  table.columns[2].merge_given = true;
  table.columns[2].default_value = OwnedValue(Value::int_of(0));
  table.columns[3].declared = false;
  table.columns[3].type = Type::kAny;
  table.columns[3].attr = AttrId{kMaxDeclaredNumber + 1};
  return table;
}

TableDef random_table(std::mt19937& rng, std::uint32_t number) {
  TableDef table;
  table.type = TypeId{number};
  table.name = "T" + std::to_string(number) + "_" + std::to_string(rng() % 3);
  table.strict = rng() % 2 == 0;
  table.dropped = rng() % 4 == 0;
  table.generated_key = rng() % 3 == 0;
  if (rng() % 2 == 0) table.reserved = {{1000, 1000 + static_cast<std::uint32_t>(rng() % 9)}};
  for (std::uint32_t attr = 1; attr < 7; ++attr) {
    if (rng() % 3 == 0) continue;
    ColumnDef column;
    column.attr = AttrId{attr};
    column.declared = attr < 5;
    if (!column.declared) column.attr = AttrId{kMaxDeclaredNumber + attr};
    column.name = "c" + std::to_string(attr) + (column.declared && rng() % 4 == 0 ? "x" : "");
    column.type = static_cast<Type>(rng() % 7);
    column.merge = static_cast<MergeRule>(rng() % 5);
    column.merge_given = rng() % 2 == 0;
    column.not_null = rng() % 2 == 0;
    column.indexed = rng() % 2 == 0;
    column.visible = rng() % 4 != 0;
    column.key_position = static_cast<int>(rng() % 3) - 1;
    if (rng() % 3 == 0) column.references = "Other";
    if (rng() % 4 == 0) column.default_value = OwnedValue(Value::text_of("it's a default"));
    if (rng() % 6 == 0) column.default_value = OwnedValue(Value::null());
    table.columns.push_back(column);
  }
  std::shuffle(table.columns.begin(), table.columns.end(), rng);
  return table;
}

}  // namespace

TEST_CASE("catalog rows: what is written is read back, whatever was there before") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 rng(seed);
    Fixture fixture;
    Catalog catalog;
    Catalog settled;
    for (int step = 0; step < 30; ++step) {
      const TableDef table = random_table(rng, 1 + rng() % 4);
      fixture.write(catalog, table);
      catalog.put(table);
      CHECK(show(fixture.read()) == show(catalog));
      if (rng() % 4 == 0) {
        fixture.settle();
        settled = catalog;
      } else if (rng() % 4 == 0) {
        fixture.rollback();
        catalog = settled;
        CHECK(show(fixture.read()) == show(catalog));
      }
    }
  }
}

TEST_CASE("catalog rows: only what differs is written") {
  Fixture fixture;
  Catalog catalog;
  const auto put = [&](const TableDef& table) {
    fixture.write(catalog, table);
    catalog.put(table);
    const std::string changes = fixture.changes();
    fixture.settle();
    return changes;
  };
  TableDef table = album();
  CHECK(put(table) == "+5 -0 ~0");
  CHECK(put(table) == "+0 -0 ~0");
  table.columns[1].indexed = true;
  CHECK(put(table) == "+0 -0 ~1");
  table.name = "Record";
  CHECK(put(table) == "+0 -0 ~1");
  table.columns[1].name = "Name";  // the name is part of the row's key
  CHECK(put(table) == "+1 -1 ~0");
  table.columns[2].visible = false;
  CHECK(put(table) == "+0 -1 ~0");
  table.dropped = true;
  CHECK(put(table) == "+0 -4 ~0");
  CHECK(fixture.tables.row_count(Side::kNew) == 0);
  CHECK(fixture.columns.row_count(Side::kNew) == 0);
  CHECK(show(fixture.read()) == show(catalog));
}

TEST_CASE("catalog rows: undeclared columns show no number, the generated id shows not at all") {
  Fixture fixture;
  TableDef table = album();
  table.generated_key = true;
  table.columns[0].attr = kGeneratedIdAttr;
  fixture.write(Catalog(), table);
  const ColumnIndex number = fixture.columns.column(AttrId{2});
  std::string numbers;
  for (Slot slot = 0; slot < fixture.columns.slot_end(); ++slot) {
    numbers += std::to_string(fixture.columns.stored(slot, number).integer) + " ";
  }
  CHECK(numbers == "2 3 0 ");
  Catalog expected;
  expected.put(table);
  CHECK(show(fixture.read()) == show(expected));
}
