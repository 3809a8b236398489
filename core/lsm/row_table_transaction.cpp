// RowTable's statements and transactions: what undoes, settles and nets out.
#include <algorithm>

#include "core/base/check.h"
#include "core/lsm/row_table.h"

namespace tremula::lsm {

using triples::ColumnIndex;
using triples::ColumnMask;
using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

// What a transaction's books may keep for the next one, so that small ones allocate nothing and a
// huge one does not stay.
constexpr std::size_t kKeptBytesMax = std::size_t{1} << 18;

template <typename T>
void empty(std::vector<T>& list) {
  if (list.capacity() * sizeof(T) > kKeptBytesMax) {
    std::vector<T>().swap(list);
  } else {
    list.clear();
  }
}

template <typename T>
std::size_t bytes_of(const std::vector<T>& list) {
  return list.capacity() * sizeof(T);
}

}  // namespace

bool RowTable::touched() const { return is_touched_; }

void RowTable::begin_statement() {
  for (const Undo& step : undo_) {
    if (step.action == Action::kCell) retire(step.before);
  }
  undo_.clear();
  undo_declarations_.clear();
  ++statement_;
}

void RowTable::undo_statement() {
  for (std::size_t i = undo_.size(); i > 0; --i) undo(undo_[i - 1]);
  undo_.clear();
  TREMULA_ASSERT(undo_declarations_.empty());
  ++statement_;
}

void RowTable::undo(const Undo& step) {
  const Slot slot = step.slot;
  switch (step.action) {
    case Action::kInsertFresh:
      for (ColumnIndex column = 0; column < columns_.size(); ++column) {
        retire(stored(slot, column));
        set_cell(slot, column, Value::missing());
      }
      [[fallthrough]];
    case Action::kInsert:
      set_here(slot, false);
      --rows_;
      break;
    case Action::kErase:
      if (Touched& touched = touch(slot); touched.erasures < kErasuresMax) --touched.erasures;
      set_here(slot, true);
      ++rows_;
      break;
    case Action::kCell:
      retire(stored(slot, step.column));
      set_cell(slot, step.column, step.before);
      break;
    case Action::kFirstCell: {
      // Steps are undone in reverse, so that the cell stands last, and first in its row's chain.
      Touched& touched = touch(slot);
      const OldCell& cell = old_cells_.back();
      TREMULA_ASSERT(touched.old_cells == old_cells_.size() - 1 && cell.column == step.column);
      retire(stored(slot, step.column));
      set_cell(slot, step.column, cell.value);
      touched.old_cells = cell.next;
      // The last bit stands for many columns; a bit too many costs only a walk along the chain.
      if (step.column < 63) touched.in_chain &= ~triples::column_bit(step.column);
      old_cells_.pop_back();
      break;
    }
    case Action::kDeclare: {
      Column& column = columns_[step.column];
      const Declaration& from = *column.now;
      column.now = undo_declarations_.back();
      undo_declarations_.pop_back();
      log_readings(step.column, from, *column.now);
      return;
    }
  }
  log_write(slot);
}

void RowTable::seal() {
  changes_.clear();
  for (const Touched& touched : touched_) {
    const bool in_new = is_here(touched.slot);
    if (touched.in_old && in_new) {
      const ColumnMask changed = changed_columns(touched.slot);
      if (changed != 0) changes_.push_back({touched.slot, true, true, changed});
    } else if (touched.in_old || in_new) {
      // Its texts are freed in settle(); what lies between hides the wait for them.
      if (!in_new) prefetch_texts(touched.slot, triples::kAllColumns);
      changes_.push_back({touched.slot, touched.in_old, in_new, triples::kAllColumns});
    }
  }
  if (redeclared_.empty()) return;
  for (Slot slot = 0; slot < slot_end(); ++slot) {
    if (!is_here(slot) || is_touched(slot)) continue;
    const ColumnMask changed = changed_columns(slot);
    if (changed != 0) changes_.push_back({slot, true, true, changed});
  }
}

// Requires: the row exists on both sides.
ColumnMask RowTable::changed_columns(Slot slot) const {
  ColumnMask changed = 0;
  if (has_old_cells(slot)) {
    std::uint32_t at = touched_at(slot).old_cells;
    for (; at != kNone; at = old_cells_[at].next) {
      const ColumnIndex column = old_cells_[at].column;
      const Value before = reading(*columns_[column].old, old_cells_[at].value);
      if (!identical(before, read(slot, column, Side::kNew))) {
        changed |= triples::column_bit(column);
      }
    }
  }
  for (const ColumnIndex column : redeclared_) {
    if (!identical(read(slot, column, Side::kOld), read(slot, column, Side::kNew))) {
      changed |= triples::column_bit(column);
    }
  }
  return changed;
}

void RowTable::settle() {
  for (const Touched& touched : touched_) {
    if (!is_here(touched.slot)) release(touched.slot);
  }
  for (const OldCell& cell : old_cells_) texts_.release(cell.value);
  settle_declarations(Side::kNew);
  old_rows_ = rows_;
  forget_transaction();
}

void RowTable::rollback() {
  for (const Touched& touched : touched_) restore_old(touched);
  settle_declarations(Side::kOld);
  rows_ = old_rows_;
  forget_transaction();
}

// Moves the old cells back into their columns.
void RowTable::restore_old(const Touched& touched) {
  const Slot slot = touched.slot;
  set_here(slot, touched.in_old);
  if (!touched.in_old) {
    release(slot);
    return;
  }
  for (std::uint32_t at = touched.old_cells; at != kNone; at = old_cells_[at].next) {
    const ColumnIndex column = old_cells_[at].column;
    texts_.release(stored(slot, column));
    set_cell(slot, column, old_cells_[at].value);
  }
}

void RowTable::release(Slot slot) {
  for (Column& column : columns_) texts_.release(column.cells.take(slot));
  keys_.remove(slot);
  free_slots_.push_back(slot);
}

void RowTable::settle_declarations(Side side) {
  for (const ColumnIndex index : redeclared_) {
    Column& column = columns_[index];
    if (side == Side::kNew) {
      column.old = column.now;
    } else {
      column.now = column.old;
    }
    std::erase_if(column.declarations,
                  [&](const auto& declaration) { return declaration.get() != column.now; });
  }
}

void RowTable::forget_transaction() {
  for (const Touched& touched : touched_) {
    flags_[touched.slot] &= static_cast<std::uint8_t>(~kOfTransaction);
  }
  constexpr std::size_t kKeptMax = 256;  // clearing a table costs its capacity
  if (touch_of_.size() > kKeptMax) {
    touch_of_ = {};
  } else if (!touch_of_.empty()) {
    touch_of_.clear();
  }
  for (const Undo& step : undo_) {
    if (step.action == Action::kCell) texts_.release(step.before);
  }
  for (const Value& value : replaced_) texts_.release(value);
  empty(touched_);
  empty(old_cells_);
  empty(undo_);
  empty(undo_declarations_);
  empty(replaced_);
  empty(changes_);
  empty(write_log_);
  redeclared_.clear();
  write_log_shown_ = 0;
  statement_ = 1;
  is_touched_ = false;
}

std::size_t RowTable::memory_bytes() const {
  std::size_t bytes = sizeof *this + keys_.memory_bytes() + texts_.bytes() + bytes_of(flags_) +
                      touch_of_.memory_bytes() + bytes_of(columns_) + column_of_.memory_bytes() +
                      bytes_of(free_slots_) + bytes_of(touched_) + bytes_of(old_cells_) +
                      bytes_of(undo_) + bytes_of(replaced_) + bytes_of(changes_) +
                      bytes_of(write_log_);
  for (const Column& column : columns_) bytes += column.cells.memory_bytes();
  return bytes;
}

void RowTable::check_invariants() const {
  keys_.check_invariants();
  std::size_t rows = 0;
  std::size_t old_rows = 0;
  std::size_t slots_with_key = 0;
  for (Slot slot = 0; slot < slot_end(); ++slot) {
    rows += exists(slot, Side::kNew) ? 1 : 0;
    old_rows += exists(slot, Side::kOld) ? 1 : 0;
    if (!is_here(slot) && !is_touched(slot)) continue;
    ++slots_with_key;
    TREMULA_ASSERT(keys_.find(keys_.key(slot)) == slot);  // M1; loads every chunk of keys
  }
  TREMULA_ASSERT(rows == rows_ && old_rows == old_rows_);
  TREMULA_ASSERT(slots_with_key == keys_.size());
  TREMULA_ASSERT(free_is_stale_ || slots_with_key + free_slots_.size() == flags_.size());

  base::FlatSet<const char*> owned;  // M2
  std::size_t owned_bytes = 0;
  const auto own = [&](Value value) {
    owned_bytes += CellTexts::bytes_of(value);
    if (CellTexts::bytes_of(value) > 0) TREMULA_ASSERT(owned.insert(value.data));
  };
  for (const Column& column : columns_) {
    for (Slot slot = 0; slot < slot_end(); ++slot) own(column.cells.get(slot));
  }
  for (Slot slot = 0; slot < slot_end(); ++slot) {  // M4
    if (!is_here(slot) && !is_touched(slot)) TREMULA_ASSERT(is_empty(slot));
  }
  for (const OldCell& cell : old_cells_) own(cell.value);
  for (const Undo& step : undo_) own(step.before);
  for (const Value& value : replaced_) own(value);
  TREMULA_ASSERT(owned_bytes == texts_.bytes());

  if (is_touched_) return;  // M3
  TREMULA_ASSERT(touched_.empty() && old_cells_.empty() && undo_.empty() && replaced_.empty());
  TREMULA_ASSERT(changes_.empty() && write_log_.empty() && redeclared_.empty());
  TREMULA_ASSERT(touch_of_.empty());
  for (Slot slot = 0; slot < slot_end(); ++slot) TREMULA_ASSERT(!is_touched(slot));
  for (const Column& column : columns_) TREMULA_ASSERT(column.now == column.old);
}

}  // namespace tremula::lsm
