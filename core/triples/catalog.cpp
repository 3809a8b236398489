#include "core/triples/catalog.h"

#include <algorithm>

namespace tremula::triples {

namespace {

// A table without KEY need not carry the column that its rows are known by.
const ColumnDef& generated_id_column() {
  static const ColumnDef column = [] {
    ColumnDef id;
    id.name = "id";
    id.attr = kGeneratedIdAttr;
    id.type = Type::kInt;
    id.key_position = 0;
    id.not_null = true;
    return id;
  }();
  return column;
}

ColumnDef catalog_column(std::string name, std::uint32_t number, Type type, int key_position = -1) {
  ColumnDef column;
  column.name = std::move(name);
  column.attr = AttrId{number};
  column.type = type;
  column.key_position = key_position;
  return column;
}

template <typename Condition>
const ColumnDef* find_if(const std::vector<ColumnDef>& columns, Condition condition) {
  const auto found = std::find_if(columns.begin(), columns.end(), condition);
  return found == columns.end() ? nullptr : &*found;
}

}  // namespace

std::string_view merge_rule_name(MergeRule rule) {
  switch (rule) {
    case MergeRule::kLww: return "LWW";
    case MergeRule::kMax: return "MAX";
    case MergeRule::kMin: return "MIN";
    case MergeRule::kCounter: return "COUNTER";
    case MergeRule::kSet: return "SET";
  }
  return "";
}

const ColumnDef* TableDef::find_column(std::string_view wanted) const {
  const ColumnDef* found = find_if(columns, [wanted](const ColumnDef& column) {
    return column.declared && column.visible && column.name == wanted;
  });
  if (found == nullptr && generated_key && wanted == generated_id_column().name) {
    return find_attr(kGeneratedIdAttr);
  }
  return found;
}

const ColumnDef* TableDef::find_undeclared(std::string_view wanted) const {
  return find_if(columns, [wanted](const ColumnDef& column) {
    return !column.declared && column.visible && column.name == wanted;
  });
}

const ColumnDef* TableDef::find_attr(AttrId attr) const {
  const ColumnDef* found =
      find_if(columns, [attr](const ColumnDef& column) { return column.attr == attr; });
  if (found == nullptr && generated_key && attr == kGeneratedIdAttr) return &generated_id_column();
  return found;
}

std::vector<const ColumnDef*> TableDef::key_columns() const {
  if (generated_key) return {find_attr(kGeneratedIdAttr)};
  std::vector<const ColumnDef*> keys;
  for (const ColumnDef& column : columns) {
    if (column.visible && column.key_position >= 0) keys.push_back(&column);
  }
  std::sort(keys.begin(), keys.end(), [](const ColumnDef* a, const ColumnDef* b) {
    return a->key_position < b->key_position;
  });
  return keys;
}

Catalog::Catalog() {
  put(catalog_table_definition());
  put(catalog_column_definition());
}

const TableDef* Catalog::find(std::string_view name) const {
  const auto type = types_.find(name);
  return type == types_.end() ? nullptr : find(type->second);
}

const TableDef* Catalog::find(TypeId type) const {
  const auto table = tables_.find(type);
  return table == tables_.end() ? nullptr : &table->second;
}

void Catalog::put(TableDef table) {
  const TypeId type = table.type;
  TableDef& standing = tables_[type];
  // While tables swap their names the old one may be another's already.
  const auto named = types_.find(standing.name);
  if (named != types_.end() && named->second == type) types_.erase(named);
  standing = std::move(table);
  if (!standing.dropped) types_[standing.name] = type;
}

TableDef catalog_table_definition() {
  TableDef table;
  table.name = "tremula_table";
  table.type = kCatalogTableType;
  table.strict = true;
  table.read_only = true;
  table.columns = {catalog_column("number", 1, Type::kInt, 0),
                   catalog_column("name", 2, Type::kText),
                   catalog_column("strict", 3, Type::kBool)};
  return table;
}

TableDef catalog_column_definition() {
  TableDef table;
  table.name = "tremula_column";
  table.type = kCatalogColumnType;
  table.strict = true;
  table.read_only = true;
  table.columns = {catalog_column("table_number", 1, Type::kInt, 0),
                   catalog_column("number", 2, Type::kInt, 1),
                   catalog_column("name", 3, Type::kText, 2),
                   catalog_column("type", 4, Type::kText),
                   catalog_column("key", 5, Type::kBool),
                   catalog_column("index", 6, Type::kBool),
                   catalog_column("merge", 7, Type::kText),
                   catalog_column("declared", 8, Type::kBool)};
  return table;
}

}  // namespace tremula::triples
