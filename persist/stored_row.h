// StoredRow: a row with all that merging knows of it, read from a tree.
//
//   key -> its life (key entry, row stamps, grave) and its cells, each with its stamp
//
//   COUNTER   state, or what follows from the cell: one sum, value - DEFAULT
//   SET       state, or what follows: all elements added at once
//   extras    records that the schema has no place for
//
// Thread: values; one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/result.h"
#include "core/crdt/merge.h"
#include "core/crdt/row_stamps.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/catalog.h"
#include "persist/stamp_book.h"

namespace tremula::persist {

// A column by number, or by its name if the sender had not declared it, under one rule.
struct ExtraKey {
  std::uint32_t column = 0;
  std::string name;
  triples::MergeRule rule = triples::MergeRule::kLww;
  friend auto operator<=>(const ExtraKey&, const ExtraKey&) = default;
};
// Register bytes (core/crdt/row_stamps.h), or the state of a COUNTER or SET.
//
//   extras   extra*      extra   varint column | name, sized | rule 1 byte | bytes, sized
using RowExtras = std::map<ExtraKey, std::string>;
void put_extras(std::string& out, const RowExtras& extras);
[[nodiscard]] bool read_extras(std::string_view bytes, RowExtras& extras);

struct StoredRow {
  triples::Slot slot = triples::kNoSlot;  // kNoSlot: it doesn't live here
  crdt::RowState state;                   // cl 0: never heard of
  bool has_stamps = false;
  std::map<triples::AttrId, lsm::StoredCell> cells;  // hidden ones too
  std::map<triples::AttrId, crdt::Meta> merged;      // of registers that a merge brought
  RowExtras extras;

  const lsm::StoredCell* cell(triples::AttrId attr) const {
    const auto found = cells.find(attr);
    return found == cells.end() ? nullptr : &found->second;
  }
};

// Where `type` has a row of `key`, dead or alive.  Errors: corrupt, io.
base::Result<StoredRow> read_row(const lsm::LsmTree& tree, const StampBook& book,
                                 triples::TypeId type, std::string_view key);
// Takes the hidden cells of a living row apart, once its cells are there. `born`: the db_version of
// its kRowAttr.
base::Result<void> read_hidden_cells(StoredRow& row, const StampBook& book, std::uint64_t born);

// The stamp and position of a register's cell.
crdt::Meta meta_of(const StoredRow& row, triples::AttrId attr, const StampBook& book);
// The states, made of the cell where there is none. `column`: its definition.
std::string counter_state_of(const StoredRow& row, const triples::ColumnDef& column,
                             const StampBook& book);
std::string set_state_of(const StoredRow& row, const triples::ColumnDef& column,
                         const StampBook& book);

// What a COUNTER reads without any sum.
std::int64_t counter_start(const triples::ColumnDef& column);
// The column has a DEFAULT other than NULL.
bool has_default(const triples::ColumnDef& column);

// Of a row's own record and of the registers that merges brought, as the cell kStampsAttr holds
// them.
std::string stamps_bytes(const crdt::RowState& state,
                         const std::map<triples::AttrId, crdt::Meta>& merged);

}  // namespace tremula::persist
