// Catalog: which tables and columns there are, by number. Names are only labels on numbers.
//
// A Catalog is a plain value: a transaction that declares tables works on a copy, and puts it in
// place at its commit. It is derived from the triples of the two catalog tables (tremula_table,
// tremula_column), which are its only storage.
// Thread: a value; share const ones.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::triples {

enum class MergeRule : std::uint8_t { kLww, kMax, kMin, kCounter, kSet };
std::string_view merge_rule_name(MergeRule rule);

struct ColumnDef {
  std::string name;
  AttrId attr{};           // a declared number, kGeneratedIdAttr, or above
                           // kMaxDeclaredNumber: undeclared
  Type type = Type::kAny;  // kAny only for undeclared columns
  int key_position = -1;   // place in the KEY clause from 0, or -1
  bool not_null = false;   // as declared; key columns are never NULL anyway
  std::optional<OwnedValue> default_value;
  bool indexed = false;
  std::string references;  // table name of REF, or empty
  MergeRule merge = MergeRule::kLww;
  bool merge_given = false;  // a merge rule was written
  bool visible = true;       // false: hidden (its number is gone from the declaration), kept
                             // for its type and rule
  bool declared = true;      // false: a lax table's undeclared column
};

struct TableDef {
  std::string name;
  TypeId type{};
  bool strict = false;
  bool dropped = false;
  bool read_only = false;      // the catalog's own
  bool generated_key = false;  // no KEY: rows have the column `id`
  std::vector<ColumnDef>
      columns;  // declared and visible ones first, in declared order, then others
  std::vector<std::pair<std::uint32_t, std::uint32_t>> reserved;  // inclusive ranges, sorted

  // A table with generated_key answers for `id` (kGeneratedIdAttr) too, whether or not `columns`
  // holds it.
  const ColumnDef* find_column(std::string_view name) const;  // declared and visible
  const ColumnDef* find_undeclared(std::string_view name) const;
  const ColumnDef* find_attr(AttrId attr) const;  // any
  // In the order of the KEY clause; the generated id alone if that.
  std::vector<const ColumnDef*> key_columns() const;
};

class Catalog {
 public:
  Catalog();  // with the two catalog tables

  const TableDef* find(std::string_view name) const;  // not dropped ones
  const TableDef* find(TypeId type) const;            // also dropped ones
  // Adds or replaces the definition of table.type.
  void put(TableDef table);
  const std::map<TypeId, TableDef>& tables() const { return tables_; }

 private:
  std::map<TypeId, TableDef> tables_;
  std::map<std::string, TypeId, std::less<>> types_;  // of those that are not dropped
};

// The definitions of the catalog's own tables, as queries see them.
TableDef catalog_table_definition();
TableDef catalog_column_definition();

}  // namespace tremula::triples
