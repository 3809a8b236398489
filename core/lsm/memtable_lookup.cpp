// Memtable: point reads.
#include <algorithm>

#include "core/lsm/memtable.h"
#include "core/lsm/memtable_rows.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::Fate;
using triples::Slot;
using triples::TypeId;
using triples::Value;

void Memtable::State::note_key(TypeId type, std::string_view key, const KeyState& state,
                               std::uint64_t order) {
  KeyNote& note = (*keys)[{type, key}];
  if (order >= note.order) note = {state, order};
}

// Rows that were only updated here have no order: what the files say of their keys counts.
void Memtable::State::index_keys() {
  keys.emplace();
  for (const DeadKey& dead : dead_keys) {
    note_key(dead.type, dead.key, {triples::kNoSlot, dead.version}, dead.order);
  }
  for (const MemtableLine& line : lines) {
    if (line.order == 0) continue;
    const Slot lives_at = line.fate == Fate::kDeleted ? triples::kNoSlot : line.slot;
    note_key(line.type, line.key, {lives_at, line.version}, line.order);
  }
}

std::optional<KeyState> Memtable::find_key(TypeId type, std::string_view key) const {
  if (!state_->keys) state_->index_keys();
  const auto found = state_->keys->find({type, key});
  if (found == state_->keys->end()) return std::nullopt;
  return found->second.state;
}

std::optional<CellState> Memtable::get(TypeId type, AttrId attr, Slot slot) const {
  const std::uint32_t* const index = state_->line_of.find(line_id(type, slot));
  if (index == nullptr) return std::nullopt;
  const MemtableLine& line = state_->lines[*index];
  const CellState removed{Value::missing(), line.version};
  if (line.fate == Fate::kDeleted) return removed;
  const bool is_whole = line.fate == Fate::kInserted;  // nothing older of the row counts
  if (attr == triples::kRowAttr) {
    if (!is_whole) return std::nullopt;
    return CellState{Value::bytes_of(line.key), line.version};
  }
  const MemtableCell* const end = line.cell + line.cells;
  const MemtableCell* const cell =
      std::lower_bound(static_cast<const MemtableCell*>(line.cell), end, attr,
                       [](const MemtableCell& at, AttrId wanted) { return at.attr < wanted; });
  if (cell != end && cell->attr == attr) return CellState{cell->value, cell->version};
  if (is_whole) return removed;
  return std::nullopt;
}

bool Memtable::row_attrs(TypeId type, Slot slot, std::vector<AttrId>& attrs) const {
  const std::uint32_t* const index = state_->line_of.find(line_id(type, slot));
  if (index == nullptr) return false;
  const MemtableLine& line = state_->lines[*index];
  for (std::uint32_t i = 0; i < line.cells; ++i) attrs.push_back(line.cell[i].attr);
  return line.fate != Fate::kUpdated;
}

Slot Memtable::slot_end(TypeId type) const {
  Slot end = 0;
  for (const MemtableLine& line : state_->lines) {
    if (line.type == type) end = std::max(end, line.slot + 1);
  }
  return end;
}

}  // namespace tremula::lsm
