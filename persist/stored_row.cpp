#include "persist/stored_row.h"

#include <optional>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/crdt/counter.h"
#include "core/crdt/set.h"
#include "core/triples/value_ops.h"

namespace tremula::persist {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::AttrId;
using triples::ColumnDef;
using triples::Kind;
using triples::MergeRule;
using triples::TypeId;
using triples::Value;

namespace {

Error damaged(const char* what) {
  return {ErrorCode::kCorrupt, std::string("what merging keeps of a row is damaged: ") + what};
}

std::string_view bytes_of(const lsm::StoredCell& cell, Value& value) {
  value = cell.value.value();
  return value.kind == Kind::kBytes ? value.view() : std::string_view();
}

// Of a counter or a set that merging has written; of others it follows from the cell.
std::optional<std::string> kept_state(const StoredRow& row, const ColumnDef& column) {
  const lsm::StoredCell* kept = row.cell(state_attr(column.attr));
  if (kept == nullptr) return std::nullopt;
  Value value;
  return std::string(bytes_of(*kept, value));
}

}  // namespace

void put_extras(std::string& out, const RowExtras& extras) {
  for (const auto& [key, bytes] : extras) {
    base::put_varint(out, key.column);
    base::put_sized(out, key.name);
    base::put_u8(out, static_cast<std::uint8_t>(key.rule));
    base::put_sized(out, bytes);
  }
}

bool read_extras(std::string_view bytes, RowExtras& extras) {
  base::ByteReader from(bytes);
  while (!from.empty()) {
    ExtraKey key;
    std::string_view name;
    std::string_view content;
    std::uint8_t rule = 0;
    if (!from.varint32(key.column) || !from.sized(name) || !from.u8(rule) ||
        rule > static_cast<std::uint8_t>(MergeRule::kSet) || !from.sized(content)) {
      return false;
    }
    key.name = name;
    key.rule = MergeRule{rule};
    const bool is_whole = key.rule == MergeRule::kCounter ? crdt::is_counter_state(content)
                          : key.rule == MergeRule::kSet   ? crdt::is_set_state(content)
                                                          : true;
    if (!is_whole) return false;
    extras[std::move(key)] = content;
  }
  return true;
}

Result<void> read_hidden_cells(StoredRow& row, const StampBook& book, std::uint64_t born) {
  Value value;
  row.state = {crdt::CausalLength{1}, book.meta_of(born)};
  if (const lsm::StoredCell* stamps = row.cell(kStampsAttr)) {
    row.has_stamps = true;
    crdt::RowStampsReader reader(bytes_of(*stamps, value));
    if (!reader.row(row.state)) return damaged("its stamps");
    for (crdt::CellStamp stamp; reader.next(stamp);) {
      const lsm::StoredCell* cell = row.cell(stamp.column);
      const auto db_version = static_cast<std::uint64_t>(stamp.meta.position.db_version);
      // A later write of this database needs no stamp, and left the old one behind.
      if (cell == nullptr || cell->version != db_version) continue;
      if (!book.sites().knows(stamp.meta.stamp.site)) return damaged("a site that is none");
      row.merged[stamp.column] = stamp.meta;
    }
    if (!reader.is_complete()) return damaged("the stamps of its cells");
  }
  if (const lsm::StoredCell* extras = row.cell(kExtrasAttr)) {
    if (!read_extras(bytes_of(*extras, value), row.extras)) return damaged("its extras");
  }
  return {};
}

Result<StoredRow> read_row(const lsm::LsmTree& tree, const StampBook& book, TypeId type,
                           std::string_view key) {
  StoredRow row;
  TREMULA_TRY_ASSIGN(const auto found, tree.find_key(type, key));
  if (!found || found->slot == triples::kNoSlot) {
    TREMULA_TRY_ASSIGN(row.state, book.grave(tree, type, key));
    const bool has_grave = row.state.cl != crdt::CausalLength{};
    if (!has_grave && found) row.state = {crdt::CausalLength{2}, book.meta_of(found->version)};
    return row;
  }
  row.slot = found->slot;
  for (const AttrId attr : tree.row_attrs(type, row.slot)) {
    TREMULA_TRY_ASSIGN(auto cell, tree.get(type, attr, row.slot));
    if (cell) row.cells.emplace(attr, std::move(*cell));
  }
  TREMULA_TRY(read_hidden_cells(row, book, found->version));
  return row;
}

crdt::Meta meta_of(const StoredRow& row, AttrId attr, const StampBook& book) {
  const auto merged = row.merged.find(attr);
  if (merged != row.merged.end()) return merged->second;
  const lsm::StoredCell* cell = row.cell(attr);
  return cell == nullptr ? crdt::Meta{} : book.meta_of(cell->version);
}

std::int64_t counter_start(const ColumnDef& column) {
  const Value value = column.default_value ? column.default_value->value() : Value::null();
  return value.kind == Kind::kInt ? value.integer : 0;
}

bool has_default(const ColumnDef& column) {
  return column.default_value && !column.default_value->value().is_null();
}

std::string counter_state_of(const StoredRow& row, const ColumnDef& column, const StampBook& book) {
  if (auto kept = kept_state(row, column)) return *std::move(kept);
  std::string state;
  const lsm::StoredCell* cell = row.cell(column.attr);
  if (cell == nullptr || cell->value.value().kind != Kind::kInt) return state;
  const std::int64_t sum =
      crdt::counter_difference(counter_start(column), cell->value.value().integer);
  crdt::merge_counter(state, {book.meta_of(cell->version), sum});
  return state;
}

std::string set_state_of(const StoredRow& row, const ColumnDef& column, const StampBook& book) {
  if (auto kept = kept_state(row, column)) return *std::move(kept);
  std::string state;
  const lsm::StoredCell* cell = row.cell(column.attr);
  if (cell == nullptr) return state;
  Value value = cell->value.value();
  if (lsm::is_removed_mark(value)) value = Value::null();
  base::Arena arena;
  std::vector<crdt::SetEntry> entries;
  const auto made =
      crdt::set_difference({}, value, true, book.meta_of(cell->version), arena, entries);
  if (made.ok()) crdt::merge_set(state, entries);  // else it isn't a set: nothing to tell
  return state;
}

std::string stamps_bytes(const crdt::RowState& state, const std::map<AttrId, crdt::Meta>& merged) {
  std::vector<crdt::CellStamp> cells;
  std::uint32_t place = 0;
  for (const auto& [attr, meta] : merged) {
    cells.push_back({attr, meta});
    // Where changes stand inside their transaction is counted when they are printed; here the
    // number is the one that takes least.
    const bool is_with_row = meta.position.db_version == state.meta.position.db_version;
    cells.back().meta.position.seq = is_with_row ? ++place : (++place, 0);
  }
  std::string bytes;
  crdt::RowState row = state;
  row.meta.position.seq = 0;
  crdt::put_row_stamps(bytes, row, cells);
  return bytes;
}

}  // namespace tremula::persist
