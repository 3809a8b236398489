#include "core/lsm/memtable.h"

#include <algorithm>

#include "core/lsm/memtable_rows.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::Fate;
using triples::Slot;
using triples::Value;

namespace {
constexpr std::uint32_t kCellsMin = 4;
}  // namespace

std::string_view Memtable::State::copy_text(std::string_view text) {
  arena_bytes += text.size();
  return arena.copy(text);
}

Value Memtable::State::copy(Value value) {
  value.kept_by_chunk = false;
  if (value.has_bytes()) value.data = copy_text(value.view()).data();
  return value;
}

// The cell of an attr, made if there is none; `hint` is where it stands most likely.
MemtableCell& Memtable::State::cell_of(MemtableLine& line, AttrId attr, std::uint32_t hint) {
  if (hint < line.cells && line.cell[hint].attr == attr) return line.cell[hint];
  std::uint32_t at = line.cells;
  if (line.cells > 0 && line.cell[line.cells - 1].attr >= attr) {
    const MemtableCell* const found = std::lower_bound(
        line.cell, line.cell + line.cells, attr,
        [](const MemtableCell& cell, AttrId wanted) { return cell.attr < wanted; });
    at = static_cast<std::uint32_t>(found - line.cell);
    if (found->attr == attr) return line.cell[at];
  }
  if (line.cells == line.cells_max) {
    const std::uint32_t room = std::max(kCellsMin, line.cells_max * 2);
    auto* const cells =
        reinterpret_cast<MemtableCell*>(arena.allocate(room * sizeof(MemtableCell)));
    arena_bytes += room * sizeof(MemtableCell);
    std::uninitialized_copy_n(line.cell, line.cells, cells);
    std::uninitialized_default_construct_n(cells + line.cells, room - line.cells);
    line.cell = cells;
    line.cells_max = room;
  }
  std::move_backward(line.cell + at, line.cell + line.cells, line.cell + line.cells + 1);
  ++line.cells;
  line.cell[at] = {};
  line.cell[at].attr = attr;
  return line.cell[at];
}

void Memtable::State::put_cells(MemtableLine& line, const std::vector<triples::WrittenCell>& cells,
                                std::uint64_t version) {
  if (line.cell == nullptr && !cells.empty()) {
    // Most rows are written whole and once: exactly their room.
    const auto room = static_cast<std::uint32_t>(cells.size());
    line.cell = reinterpret_cast<MemtableCell*>(arena.allocate(room * sizeof(MemtableCell)));
    arena_bytes += room * sizeof(MemtableCell);
    std::uninitialized_default_construct_n(line.cell, room);
    line.cells_max = room;
  }
  std::uint32_t hint = 0;
  for (const triples::WrittenCell& written : cells) {
    MemtableCell& cell = cell_of(line, written.attr, hint);
    cell.value = copy(written.value);
    cell.version = version;
    hint = static_cast<std::uint32_t>(&cell - line.cell) + 1;
  }
}

void Memtable::State::wipe(std::uint32_t index) {
  MemtableLine& line = lines[index];
  if (!line.is_fresh && !line.was_wiped) {
    line.was_wiped = true;
    wiped.push_back({index, line.key});
  }
  line.cells = 0;
}

// A slot gets a row again.
void Memtable::State::revive(MemtableLine& line, std::string_view key) {
  if (line.key == key) return;
  dead_keys.push_back({line.type, line.key, line.version, line.order});
  if (keys) note_key(line.type, line.key, {triples::kNoSlot, line.version}, line.order);
  line.key = copy_text(key);
}

Memtable::Memtable() : state_(std::make_unique<State>()) {}
Memtable::~Memtable() = default;

void Memtable::apply(const triples::WrittenRow& row, std::uint64_t version) {
  State& state = *state_;
  const auto [index, is_new] = state.line_of.insert(line_id(row.type, row.slot),
                                                    static_cast<std::uint32_t>(state.lines.size()));
  if (is_new) {
    MemtableLine& line = state.lines.emplace_back();
    line.type = row.type;
    line.slot = row.slot;
    line.key = state.copy_text(row.key);
    line.is_fresh = row.fate == Fate::kInserted;
  }
  MemtableLine& line = state.lines[*index];
  const bool is_dead = !is_new && line.fate == Fate::kDeleted;
  if (row.fate == Fate::kUpdated && !is_dead) {
    state.put_cells(line, row.cells, version);
    return;
  }
  if (row.fate == Fate::kDeleted || (!is_new && !is_dead)) state.wipe(*index);
  if (row.fate == Fate::kDeleted) {
    line.fate = Fate::kDeleted;
  } else {
    if (!is_new) state.revive(line, row.key);
    line.fate = Fate::kInserted;
  }
  line.version = version;
  line.order = ++state.next_order;
  if (state.keys) {
    const Slot lives_at = line.fate == Fate::kDeleted ? triples::kNoSlot : line.slot;
    state.note_key(line.type, line.key, {lives_at, version}, line.order);
  }
  state.put_cells(line, row.cells, version);
}

bool Memtable::empty() const { return state_->lines.empty(); }

std::size_t Memtable::memory_bytes() const {
  return state_->lines.size() * sizeof(MemtableLine) + state_->line_of.memory_bytes() +
         state_->wiped.size() * sizeof(State::Wiped) +
         state_->dead_keys.size() * sizeof(State::DeadKey) + state_->arena_bytes;
}

void Memtable::visit_rows(const std::function<void(const MemtableRow&)>& visit,
                          WantsType wants) const {
  MemtableRow row;
  for (const State::Wiped& wiped : state_->wiped) {
    const MemtableLine& line = state_->lines[wiped.line];
    if (wants != nullptr && !wants(line.type)) continue;
    row.type = line.type;
    row.slot = line.slot;
    row.fate = Fate::kDeleted;
    row.key = wiped.key;
    visit(row);
  }
  for (const MemtableLine& line : state_->lines) {
    if (line.fate == Fate::kDeleted || (wants != nullptr && !wants(line.type))) continue;
    row.type = line.type;
    row.slot = line.slot;
    row.fate = line.fate;
    row.key = line.key;
    row.cells.clear();
    for (std::uint32_t i = 0; i < line.cells; ++i) {
      const MemtableCell& cell = line.cell[i];
      if (line.fate == Fate::kInserted && cell.value.is_missing()) continue;
      row.cells.push_back({cell.attr, cell.value});
    }
    visit(row);
  }
}

}  // namespace tremula::lsm
