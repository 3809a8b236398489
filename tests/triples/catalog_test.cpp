#include "core/triples/catalog.h"

#include <doctest/doctest.h>

using namespace tremula::triples;

namespace {

TableDef table_def(std::string name, std::uint32_t number) {
  TableDef table;
  table.name = std::move(name);
  table.type = TypeId{number};
  return table;
}

ColumnDef column_def(std::string name, std::uint32_t number, int key_position = -1) {
  ColumnDef column;
  column.name = std::move(name);
  column.attr = AttrId{number};
  column.type = Type::kInt;
  column.key_position = key_position;
  return column;
}

std::string names(const std::vector<const ColumnDef*>& columns) {
  std::string text;
  for (const ColumnDef* column : columns) text += (text.empty() ? "" : " ") + column->name;
  return text;
}

}  // namespace

TEST_CASE("catalog: a new one holds the catalog's own tables, which nobody may write") {
  const Catalog catalog;
  REQUIRE(catalog.find("tremula_table") != nullptr);
  CHECK(catalog.find("tremula_table")->read_only);
  CHECK(names(catalog.find("tremula_table")->key_columns()) == "number");
  REQUIRE(catalog.find("tremula_column") != nullptr);
  CHECK(catalog.find("tremula_column")->type == kCatalogColumnType);
  CHECK(names(catalog.find("tremula_column")->key_columns()) == "table_number number name");
}

TEST_CASE("catalog: a renamed table is found by its new name alone") {
  Catalog catalog;
  catalog.put(table_def("Old", 1));
  catalog.put(table_def("New", 1));
  CHECK(catalog.find("Old") == nullptr);
  REQUIRE(catalog.find("New") != nullptr);
  CHECK(catalog.find("New") == catalog.find(TypeId{1}));
}

TEST_CASE("catalog: two tables can swap their names one after the other") {
  Catalog catalog;
  catalog.put(table_def("A", 1));
  catalog.put(table_def("B", 2));
  catalog.put(table_def("B", 1));
  catalog.put(table_def("A", 2));
  CHECK(catalog.find("B")->type == TypeId{1});
  CHECK(catalog.find("A")->type == TypeId{2});
}

TEST_CASE("catalog: a dropped table is known by its number only, until it is declared again") {
  Catalog catalog;
  TableDef table = table_def("T", 1);
  table.dropped = true;
  catalog.put(table);
  CHECK(catalog.find("T") == nullptr);
  REQUIRE(catalog.find(TypeId{1}) != nullptr);
  table.dropped = false;
  catalog.put(table);
  CHECK(catalog.find("T") != nullptr);
}

TEST_CASE("catalog: a copy stands for itself") {
  Catalog catalog;
  catalog.put(table_def("T", 1));
  Catalog copy = catalog;
  copy.put(table_def("U", 1));
  CHECK(catalog.find("T") != nullptr);
  CHECK(copy.find("T") == nullptr);
  CHECK(copy.find("U")->name == "U");
}

TEST_CASE("table definition: hidden and undeclared columns are not found among the declared ones") {
  TableDef table = table_def("T", 1);
  table.columns = {column_def("a", 1), column_def("gone", 2), column_def("mood", 600'000'000)};
  table.columns[1].visible = false;
  table.columns[2].declared = false;
  CHECK(table.find_column("a") == &table.columns[0]);
  CHECK(table.find_column("gone") == nullptr);
  CHECK(table.find_column("mood") == nullptr);
  CHECK(table.find_undeclared("mood") == &table.columns[2]);
  CHECK(table.find_undeclared("a") == nullptr);
  CHECK(table.find_attr(AttrId{2}) == &table.columns[1]);
  CHECK(table.find_attr(AttrId{3}) == nullptr);
}

TEST_CASE("table definition: key columns stand in the order of the KEY clause") {
  TableDef table = table_def("T", 1);
  table.columns = {column_def("a", 1, 1), column_def("b", 2), column_def("c", 3, 0)};
  CHECK(names(table.key_columns()) == "c a");
}

TEST_CASE("table definition: a table without KEY answers for its generated id") {
  TableDef table = table_def("T", 1);
  table.generated_key = true;
  table.columns = {column_def("a", 1)};
  CHECK(names(table.key_columns()) == "id");
  REQUIRE(table.find_column("id") != nullptr);
  CHECK(table.find_column("id")->attr == kGeneratedIdAttr);
  CHECK(table.find_attr(kGeneratedIdAttr)->type == Type::kInt);
  table.generated_key = false;
  CHECK(table.find_column("id") == nullptr);
}
