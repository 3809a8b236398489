#include "core/lsm/catalog_rows.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::ColumnDef;
using triples::Kind;
using triples::MergeRule;
using triples::OwnedValue;
using triples::Side;
using triples::Slot;
using triples::TableDef;
using triples::Type;
using triples::TypeId;
using triples::Value;

namespace {

enum TableAttr : std::uint32_t {
  kNumber = 1, kName = 2, kStrict = 3, kGeneratedKey = 101, kReserved = 102,
};
enum ColumnAttr : std::uint32_t {
  kTableNumber = 1, kColumnNumber = 2, kColumnName = 3, kType = 4, kKey = 5, kIndex = 6,
  kMerge = 7, kDeclared = 8,
  kAttr = 101, kPosition = 102, kKeyPosition = 103, kNotNull = 104, kDefault = 105,
  kReferences = 106, kMergeGiven = 107, kHidden = 108,
};

Value number(std::uint32_t n) { return Value::int_of(n); }
Value true_or_missing(bool b) { return b ? Value::boolean_of(true) : Value::missing(); }
Value text_or_missing(std::string_view t) {
  return t.empty() ? Value::missing() : Value::text_of(t);
}
std::uint32_t number_of(AttrId attr) { return static_cast<std::uint32_t>(attr); }
std::uint32_t number_of(TypeId type) { return static_cast<std::uint32_t>(type); }

// --- Where a definition's rows stand ---

std::string table_key(const TableDef& table) {
  std::string key;
  triples::encode_ordered(number(number_of(table.type)), key);
  return key;
}

// Undeclared columns have no number that anyone should see: they are told apart by name.
std::uint32_t shown_number(const ColumnDef& column) {
  return column.declared ? number_of(column.attr) : 0;
}

std::string column_key(const TableDef& table, const ColumnDef& column) {
  std::string key;
  triples::encode_ordered(number(number_of(table.type)), key);
  triples::encode_ordered(number(shown_number(column)), key);
  triples::encode_ordered(Value::text_of(column.name), key);
  return key;
}

RowTable& place_of(const TableDef& table, const CatalogTables& rows) {
  return table.dropped ? rows.hidden_tables : rows.tables;
}

RowTable& place_of(const TableDef& table, const ColumnDef& column, const CatalogTables& rows) {
  const bool is_seen = !table.dropped && column.visible && column.attr != triples::kGeneratedIdAttr;
  return is_seen ? rows.columns : rows.hidden_columns;
}

// --- Writing ---

void erase_row(RowTable& rows, std::string_view key) {
  const Slot slot = rows.find(key);
  if (slot != triples::kNoSlot && rows.exists(slot, Side::kNew)) rows.erase(slot);
}

class RowUpdate {
 public:
  RowUpdate(RowTable& rows, std::string_view key) : rows_(rows), slot_(rows.find(key)) {
    if (slot_ == triples::kNoSlot || !rows.exists(slot_, Side::kNew)) slot_ = rows.insert(key);
  }
  void set(std::uint32_t attr, Value value) {
    rows_.write(slot_, rows_.column(AttrId{attr}), value);
  }

 private:
  RowTable& rows_;
  Slot slot_;
};

std::string reserved_text(const TableDef& table) {
  std::string text;
  for (const auto& [first, last] : table.reserved) {
    if (!text.empty()) text += ',';
    text += std::to_string(first) + '-' + std::to_string(last);
  }
  return text;
}

void write_table(const TableDef& table, RowTable& rows) {
  RowUpdate row(rows, table_key(table));
  row.set(kNumber, number(number_of(table.type)));
  row.set(kName, Value::text_of(table.name));
  row.set(kStrict, Value::boolean_of(table.strict));
  row.set(kGeneratedKey, true_or_missing(table.generated_key));
  row.set(kReserved, text_or_missing(reserved_text(table)));
}

void write_column(const TableDef& table, std::size_t position, RowTable& rows) {
  const ColumnDef& column = table.columns[position];
  RowUpdate row(rows, column_key(table, column));
  row.set(kTableNumber, number(number_of(table.type)));
  row.set(kColumnNumber, number(shown_number(column)));
  row.set(kColumnName, Value::text_of(column.name));
  row.set(kType, Value::text_of(triples::type_name(column.type)));
  row.set(kKey, Value::boolean_of(column.key_position >= 0));
  row.set(kIndex, Value::boolean_of(column.indexed));
  row.set(kMerge, Value::text_of(triples::merge_rule_name(column.merge)));
  row.set(kDeclared, Value::boolean_of(column.declared));
  row.set(kAttr, number(number_of(column.attr)));
  row.set(kPosition, Value::int_of(static_cast<std::int64_t>(position)));
  row.set(kKeyPosition,
          column.key_position < 0 ? Value::missing() : Value::int_of(column.key_position));
  row.set(kNotNull, true_or_missing(column.not_null));
  row.set(kDefault, column.default_value ? column.default_value->value() : Value::missing());
  row.set(kReferences, text_or_missing(column.references));
  row.set(kMergeGiven, true_or_missing(column.merge_given));
  row.set(kHidden, true_or_missing(!column.visible));
}

using PlacedKey = std::pair<const RowTable*, std::string>;

std::vector<PlacedKey> column_rows(const TableDef& table, const CatalogTables& rows) {
  std::vector<PlacedKey> keys;
  for (const ColumnDef& column : table.columns) {
    keys.emplace_back(&place_of(table, column, rows), column_key(table, column));
  }
  return keys;
}

void erase_stale_rows(const TableDef& before, const TableDef& after, const CatalogTables& rows) {
  if (&place_of(before, rows) != &place_of(after, rows)) {
    erase_row(place_of(before, rows), table_key(before));
  }
  std::vector<PlacedKey> wanted = column_rows(after, rows);
  std::sort(wanted.begin(), wanted.end());
  for (const ColumnDef& column : before.columns) {
    RowTable& place = place_of(before, column, rows);
    const PlacedKey standing{&place, column_key(before, column)};
    if (!std::binary_search(wanted.begin(), wanted.end(), standing)) {
      erase_row(place, standing.second);
    }
  }
}

// --- Reading ---

class Row {
 public:
  Row(RowTable& rows, Slot slot) : rows_(rows), slot_(slot) {}
  Value value(std::uint32_t attr) const {
    return rows_.stored(slot_, rows_.column(AttrId{attr}));
  }
  bool is_true(std::uint32_t attr) const { return value(attr).is_true(); }
  std::int64_t integer(std::uint32_t attr, std::int64_t otherwise) const {
    const Value v = value(attr);
    return v.kind == Kind::kInt ? v.integer : otherwise;
  }
  std::string_view text(std::uint32_t attr) const {
    const Value v = value(attr);
    return v.kind == Kind::kText ? v.view() : std::string_view();
  }

 private:
  RowTable& rows_;
  Slot slot_;
};

template <typename Visitor>
void for_each_row(RowTable& rows, Visitor visit) {
  for (Slot slot = 0; slot < rows.slot_end(); ++slot) {
    if (rows.exists(slot, Side::kNew)) visit(Row(rows, slot));
  }
}

// Reads what reserved_text() wrote.
std::vector<std::pair<std::uint32_t, std::uint32_t>> parse_reserved(std::string_view text) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    std::pair<std::uint32_t, std::uint32_t> range;
    const auto first = std::from_chars(at, end, range.first);
    if (first.ec != std::errc() || first.ptr == end) break;
    const auto last = std::from_chars(first.ptr + 1, end, range.second);
    if (last.ec != std::errc()) break;
    ranges.push_back(range);
    at = last.ptr + 1;
  }
  return ranges;
}

Type parse_type(std::string_view name) {
  for (const Type type : {Type::kBool, Type::kInt, Type::kReal, Type::kText, Type::kBytes,
                          Type::kJson}) {
    if (triples::type_name(type) == name) return type;
  }
  return Type::kAny;
}

MergeRule parse_merge_rule(std::string_view name) {
  for (const MergeRule rule :
       {MergeRule::kMax, MergeRule::kMin, MergeRule::kCounter, MergeRule::kSet}) {
    if (triples::merge_rule_name(rule) == name) return rule;
  }
  return MergeRule::kLww;
}

TableDef read_table(const Row& row, bool dropped) {
  TableDef table;
  table.name = row.text(kName);
  table.type = TypeId{static_cast<std::uint32_t>(row.integer(kNumber, 0))};
  table.strict = row.is_true(kStrict);
  table.dropped = dropped;
  table.generated_key = row.is_true(kGeneratedKey);
  table.reserved = parse_reserved(row.text(kReserved));
  return table;
}

ColumnDef read_column(const Row& row) {
  ColumnDef column;
  column.name = row.text(kColumnName);
  column.attr = AttrId{static_cast<std::uint32_t>(row.integer(kAttr, 0))};
  column.type = parse_type(row.text(kType));
  column.key_position = static_cast<int>(row.integer(kKeyPosition, -1));
  column.not_null = row.is_true(kNotNull);
  const Value default_value = row.value(kDefault);
  if (!default_value.is_missing()) column.default_value = OwnedValue(default_value);
  column.indexed = row.is_true(kIndex);
  column.references = row.text(kReferences);
  column.merge = parse_merge_rule(row.text(kMerge));
  column.merge_given = row.is_true(kMergeGiven);
  column.visible = !row.is_true(kHidden);
  column.declared = row.is_true(kDeclared);
  return column;
}

struct ReadColumn {
  TypeId table{};
  std::int64_t position = 0;
  ColumnDef definition;
};

}  // namespace

void write_catalog(const TableDef* before, const TableDef& after, const CatalogTables& rows) {
  if (before != nullptr) erase_stale_rows(*before, after, rows);
  write_table(after, place_of(after, rows));
  for (std::size_t position = 0; position < after.columns.size(); ++position) {
    write_column(after, position, place_of(after, after.columns[position], rows));
  }
}

triples::Catalog read_catalog(const CatalogTables& rows) {
  std::vector<TableDef> tables;
  for_each_row(rows.tables, [&](const Row& row) { tables.push_back(read_table(row, false)); });
  for_each_row(rows.hidden_tables,
               [&](const Row& row) { tables.push_back(read_table(row, true)); });

  std::vector<ReadColumn> columns;
  const auto read = [&](const Row& row) {
    columns.push_back({TypeId{static_cast<std::uint32_t>(row.integer(kTableNumber, 0))},
                       row.integer(kPosition, 0), read_column(row)});
  };
  for_each_row(rows.columns, read);
  for_each_row(rows.hidden_columns, read);
  // Columns that two processes added at once can share a position: then the numbers decide.
  const auto place = [](const ReadColumn& column) {
    return std::tie(column.table, column.position, column.definition.attr, column.definition.name);
  };
  std::sort(columns.begin(), columns.end(),
            [&](const ReadColumn& a, const ReadColumn& b) { return place(a) < place(b); });

  triples::Catalog catalog;
  for (TableDef& table : tables) {
    auto column = std::lower_bound(
        columns.begin(), columns.end(), table.type,
        [](const ReadColumn& c, TypeId type) { return c.table < type; });
    for (; column != columns.end() && column->table == table.type; ++column) {
      table.columns.push_back(std::move(column->definition));
    }
    catalog.put(std::move(table));
  }
  return catalog;
}

}  // namespace tremula::lsm
