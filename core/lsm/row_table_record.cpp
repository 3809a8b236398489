// RowTable: the transaction in hand as the log keeps it.
#include "core/base/check.h"
#include "core/lsm/entry.h"
#include "core/lsm/row_table.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::ColumnIndex;
using triples::Fate;
using triples::Slot;
using triples::Value;

bool RowTable::differs() const {
  for (const Touched& touched : touched_) {
    if (touched.in_old != is_here(touched.slot)) return true;
    if (touched.in_old && differs(touched)) return true;
  }
  return false;
}

bool RowTable::differs(const Touched& touched) const {
  for (std::uint32_t at = touched.old_cells; at != kNone; at = old_cells_[at].next) {
    const OldCell& cell = old_cells_[at];
    if (!identical(cell.value, stored(touched.slot, cell.column))) return true;
  }
  return false;
}

void RowTable::record(triples::CommitWriter& to) const {
  for (const Touched& touched : touched_) {
    const bool in_new = is_here(touched.slot);
    if (touched.in_old && in_new && touched.erasures > 0 && differs(touched)) {
      // Another row of the same key, to whom merges: its life is a new one.
      to.begin_row(type_, touched.slot, Fate::kDeleted, key(touched.slot), 0);
      record_insert(touched.slot, to);
    } else if (touched.in_old && in_new) {
      record_update(touched, to);
    } else if (in_new) {
      record_insert(touched.slot, to);
    } else if (touched.in_old) {
      to.begin_row(type_, touched.slot, Fate::kDeleted, key(touched.slot), 0);
    }
  }
}

void RowTable::record_insert(Slot slot, triples::CommitWriter& to) const {
  std::size_t cells = 0;
  for (ColumnIndex column = 0; column < columns_.size(); ++column) {
    cells += stored(slot, column).is_missing() ? 0 : 1;
  }
  to.begin_row(type_, slot, Fate::kInserted, key(slot), cells);
  for (ColumnIndex column = 0; column < columns_.size(); ++column) {
    const Value value = stored(slot, column);
    if (!value.is_missing()) to.cell(attr_of(column), value);
  }
}

void RowTable::record_update(const Touched& touched, triples::CommitWriter& to) const {
  // Merging must know when a value went; the catalog isn't merged.
  const bool is_merged = static_cast<std::uint32_t>(type_) <= triples::kMaxDeclaredNumber;
  const auto for_each_changed = [&](auto visit) {
    for (std::uint32_t at = touched.old_cells; at != kNone; at = old_cells_[at].next) {
      const OldCell& cell = old_cells_[at];
      const Value value = stored(touched.slot, cell.column);
      if (identical(cell.value, value)) continue;
      visit(attr_of(cell.column), is_merged && value.is_missing() ? removed_mark() : value);
    }
  };
  std::size_t cells = 0;
  for_each_changed([&](AttrId, Value) { ++cells; });
  if (cells == 0) return;
  to.begin_row(type_, touched.slot, Fate::kUpdated, key(touched.slot), cells);
  for_each_changed([&](AttrId attr, Value value) { to.cell(attr, value); });
}

}  // namespace tremula::lsm
