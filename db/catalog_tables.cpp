#include "db/catalog_tables.h"

#include "core/base/check.h"
#include "core/triples/value_ops.h"

namespace tremula::db {

using triples::ColumnDef;
using triples::OwnedValue;
using triples::TableDef;
using triples::Value;

namespace {

constexpr std::size_t kTableKeyColumns = 1;
constexpr std::size_t kColumnKeyColumns = 3;

OwnedValue number(std::uint32_t n) { return OwnedValue(Value::int_of(n)); }
OwnedValue text(std::string_view t) { return OwnedValue(Value::text_of(t)); }
OwnedValue truth(bool b) { return OwnedValue(Value::boolean_of(b)); }

std::vector<Value> key_of(const CatalogRow& row, std::size_t columns) {
  std::vector<Value> key;
  for (std::size_t i = 0; i < columns; ++i) key.push_back(row[i].second.value());
  return key;
}

bool same_key(const CatalogRow& a, const CatalogRow& b, std::size_t columns) {
  for (std::size_t i = 0; i < columns; ++i) {
    if (!identical(a[i].second.value(), b[i].second.value())) return false;
  }
  return true;
}

}  // namespace

std::vector<CatalogRow> table_rows(const TableDef* definition) {
  if (definition == nullptr || definition->dropped) return {};
  return {{{"number", number(static_cast<std::uint32_t>(definition->type))},
           {"name", text(definition->name)},
           {"strict", truth(definition->strict)}}};
}

std::vector<CatalogRow> column_rows(const TableDef* definition) {
  std::vector<CatalogRow> rows;
  if (definition == nullptr || definition->dropped) return rows;
  for (const ColumnDef& column : definition->columns) {
    if (!column.visible || column.attr == triples::kGeneratedIdAttr) continue;
    // An undeclared column has no number of its own that anyone should see: it is told by its name.
    const std::uint32_t shown = column.declared ? static_cast<std::uint32_t>(column.attr) : 0;
    rows.push_back({{"table_number", number(static_cast<std::uint32_t>(definition->type))},
                    {"number", number(shown)},
                    {"name", text(column.name)},
                    {"type", text(triples::type_name(column.type))},
                    {"key", truth(column.key_position >= 0)},
                    {"index", truth(column.indexed)},
                    {"merge", text(triples::merge_rule_name(column.merge))},
                    {"declared", truth(column.declared)}});
  }
  return rows;
}

void sync_catalog_rows(RowWriter& writer, const std::vector<CatalogRow>& before,
                       const std::vector<CatalogRow>& after) {
  const bool of_tables = writer.definition().type == triples::kCatalogTableType;
  const std::size_t key_columns = of_tables ? kTableKeyColumns : kColumnKeyColumns;
  for (const CatalogRow& row : before) {
    bool stays = false;
    for (const CatalogRow& other : after) stays = stays || same_key(row, other, key_columns);
    if (stays) continue;
    const auto slot = writer.find(key_of(row, key_columns));
    TREMULA_ASSERT(slot.ok() && slot.value() != triples::kNoSlot);
    writer.erase(slot.value());
  }
  for (const CatalogRow& row : after) {
    std::vector<Cell> cells;
    for (const auto& [name, value] : row) {
      const TargetIndex target = writer.find_target(name);
      TREMULA_ASSERT(target != kNoTarget);
      cells.push_back({.target = target, .value = value.value()});
    }
    TREMULA_ASSERT(writer.upsert(cells, {}).ok());
  }
}

ColumnDef reading_of(ColumnDef column) {
  const bool has_default = column.default_value && !column.default_value->value().is_null();
  if (column.merge == triples::MergeRule::kCounter && !has_default) {
    column.default_value = OwnedValue(Value::int_of(0));
  }
  return column;
}

bool reads_same(const ColumnDef& a, const ColumnDef& b) {
  const auto default_of = [](const ColumnDef& column) {
    return column.default_value ? column.default_value->value() : Value::null();
  };
  return a.type == b.type && a.visible == b.visible && a.merge == b.merge &&
         a.declared == b.declared && identical(default_of(a), default_of(b));
}

}  // namespace tremula::db
