#include "core/lsm/row_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/check.h"
#include "core/base/prefetch.h"
#include "core/triples/value_ops.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::ColumnIndex;
using triples::ColumnMask;
using triples::Kind;
using triples::kNoSlot;
using triples::OwnedValue;
using triples::Side;
using triples::Slot;
using triples::Type;
using triples::TypeId;
using triples::Value;

RowTable::RowTable(TypeId type) : type_(type) {}

RowTable::~RowTable() {
  for (const OldCell& cell : old_cells_) texts_.release(cell.value);
  for (const Undo& step : undo_) texts_.release(step.before);
  for (const Value& value : replaced_) texts_.release(value);
}

TypeId RowTable::type() const { return type_; }

// --- Reading ---

Slot RowTable::slot_end() const { return static_cast<Slot>(flags_.size()); }

bool RowTable::exists(Slot slot, Side side) const {
  if (side == Side::kOld && is_touched(slot)) return (flags_[slot] & kInOld) != 0;
  return is_here(slot);
}

Value RowTable::read(Slot slot, ColumnIndex column, Side side) const {
  const Column& c = columns_[column];
  const bool is_old = side == Side::kOld;
  const Value value = is_old ? stored_of_old(slot, column) : stored(slot, column);
  const Declaration& declaration = is_old ? *c.old : *c.now;
  if (static_cast<std::uint8_t>(value.kind) == declaration.plain_kind) return value;
  return reading(declaration, value);
}

Value RowTable::reading(const Declaration& declaration, Value stored) {
  if (!declaration.visible || stored.is_null()) return Value::null();
  if (stored.is_missing()) return declaration.missing.value();
  if (declaration.type == Type::kAny) return stored;
  return triples::convert_stored(stored, declaration.type);
}

Value RowTable::stored(Slot slot, ColumnIndex column) const {
  return columns_[column].cells.get(slot);
}

Value RowTable::stored_of_old(Slot slot, ColumnIndex column) const {
  if (has_old_cells(slot)) {
    if (const OldCell* cell = find_old_cell(touched_at(slot), column)) return cell->value;
  }
  return stored(slot, column);
}

const RowTable::OldCell* RowTable::find_old_cell(const Touched& touched, ColumnIndex column) const {
  if ((touched.in_chain & triples::column_bit(column)) == 0) return nullptr;
  for (std::uint32_t at = touched.old_cells; at != kNone; at = old_cells_[at].next) {
    if (old_cells_[at].column == column) return &old_cells_[at];
  }
  return nullptr;
}

void RowTable::prefetch(Slot slot, ColumnMask columns) const {
  base::prefetch(&flags_[slot]);
  keys_.prefetch(slot);
  for (; columns != 0; columns &= columns - 1) {
    const auto column = static_cast<ColumnIndex>(std::countr_zero(columns));
    if (column >= columns_.size()) return;
    columns_[column].cells.prefetch(slot);
  }
}

void RowTable::prefetch_texts(Slot slot, ColumnMask columns) const {
  for (; columns != 0; columns &= columns - 1) {
    const auto column = static_cast<ColumnIndex>(std::countr_zero(columns));
    if (column >= columns_.size()) return;
    columns_[column].cells.prefetch_text(slot);
  }
}

std::string_view RowTable::key(Slot slot) const { return keys_.key(slot); }

std::size_t RowTable::row_count(Side side) const { return side == Side::kOld ? old_rows_ : rows_; }

std::span<const triples::RowChange> RowTable::changes() const { return changes_; }

std::span<const Slot> RowTable::write_log() const {
  write_log_shown_ = write_log_.size();
  return write_log_;
}

Slot RowTable::find(std::string_view key) const {
  const Slot slot = keys_.find(key);
  // A row that came and went within the transaction keeps its slot until the end, but is nowhere.
  if (slot != kNoSlot && !exists(slot, Side::kNew) && !exists(slot, Side::kOld)) return kNoSlot;
  return slot;
}

// --- Columns ---

ColumnIndex RowTable::column(AttrId attr) {
  const auto next = static_cast<ColumnIndex>(columns_.size());
  const auto [index, is_new] = column_of_.insert(attr, next);
  if (is_new) {
    Column& column = columns_.emplace_back(
        Column{CellColumn(attr, cold_, texts_), &undeclared_, &undeclared_, {}});
    const Slot slots = slot_end();
    column.cells.grow((slots + CellColumn::kChunkSlots - 1) / CellColumn::kChunkSlots);
  }
  return *index;
}

std::size_t RowTable::column_count() const { return columns_.size(); }

AttrId RowTable::attr_of(ColumnIndex column) const { return columns_[column].cells.attr(); }

void RowTable::declare(const triples::ColumnDef& definition) {
  auto next = std::make_unique<Declaration>();
  next->type = definition.type;
  next->visible = definition.visible;
  if (next->visible && definition.type != Type::kAny) {
    // Type and Kind name the same things, so that one compare tells a cell that needs no reading.
    switch (definition.type) {
      case Type::kAny: break;
      case Type::kBool: next->plain_kind = static_cast<std::uint8_t>(Kind::kBool); break;
      case Type::kInt: next->plain_kind = static_cast<std::uint8_t>(Kind::kInt); break;
      case Type::kReal: next->plain_kind = static_cast<std::uint8_t>(Kind::kReal); break;
      case Type::kText: next->plain_kind = static_cast<std::uint8_t>(Kind::kText); break;
      case Type::kBytes: next->plain_kind = static_cast<std::uint8_t>(Kind::kBytes); break;
      case Type::kJson: next->plain_kind = static_cast<std::uint8_t>(Kind::kJson); break;
    }
  }
  if (definition.default_value) {
    const Value value = definition.default_value->value();
    next->missing = OwnedValue(definition.type == Type::kAny || value.is_null()
                                   ? value
                                   : triples::convert_stored(value, definition.type));
  }
  const ColumnIndex index = column(definition.attr);
  Column& column = columns_[index];
  const Declaration& before = *column.now;
  if (before.type == next->type && before.visible == next->visible &&
      identical(before.missing.value(), next->missing.value())) {
    return;
  }
  is_touched_ = true;
  note_undo(Action::kDeclare, kNoSlot, index);
  undo_declarations_.push_back(&before);
  if (std::find(redeclared_.begin(), redeclared_.end(), index) == redeclared_.end()) {
    redeclared_.push_back(index);
  }
  column.now = next.get();
  column.declarations.push_back(std::move(next));
  log_readings(index, before, *column.now);
}

// An index over the column must look again at the rows that read differently now.
void RowTable::log_readings(ColumnIndex column, const Declaration& from, const Declaration& to) {
  for (Slot slot = 0; slot < slot_end(); ++slot) {
    if (!is_here(slot)) continue;
    const Value value = stored(slot, column);
    if (!identical(reading(from, value), reading(to, value))) log_write(slot);
  }
}

// --- Writing ---

void RowTable::set_here(Slot slot, bool here) {
  flags_[slot] = static_cast<std::uint8_t>(here ? flags_[slot] | kExists : flags_[slot] & ~kExists);
}

RowTable::Touched& RowTable::touch(Slot slot) {
  if (!is_touched(slot)) {
    is_touched_ = true;
    Touched& touched = touched_.emplace_back();
    touched.slot = slot;
    touched.in_old = is_here(slot);
    flags_[slot] |= touched.in_old ? kTouched | kInOld : kTouched;
    touch_of_.insert(slot, static_cast<std::uint32_t>(touched_.size() - 1));
    return touched;
  }
  if (touched_.back().slot == slot) return touched_.back();
  return touched_[*touch_of_.find(slot)];
}

// A repeat that nobody has seen the first of yet tells nobody anything.
void RowTable::log_write(Slot slot) {
  const bool unseen = write_log_.size() > write_log_shown_;
  if (unseen && write_log_.back() == slot) return;
  write_log_.push_back(slot);
}

// Makes all slots below `end`.
void RowTable::extend_to(Slot end) {
  constexpr std::size_t kChunk = CellColumn::kChunkSlots;
  const std::size_t chunks = (std::size_t{end} + kChunk - 1) / kChunk;
  flags_.resize(end, 0);
  for (Column& column : columns_) {
    if (chunks > column.cells.chunk_count()) {
      column.cells.grow(chunks - column.cells.chunk_count());
    }
  }
}

Slot RowTable::take_slot() {
  if (free_is_stale_ && !takes_new_slots_) list_free_slots();
  if (!free_slots_.empty() && !takes_new_slots_) {
    const Slot slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  const Slot slot = slot_end();
  TREMULA_ASSERT(slot < kNoSlot);
  flags_.push_back(0);
  if (slot % CellColumn::kChunkSlots == 0) extend_to(slot + 1);
  return slot;
}

Slot RowTable::insert(std::string_view key) {
  Slot slot = keys_.find(key);
  const bool is_new = slot == kNoSlot;
  if (is_new) {
    slot = take_slot();
    keys_.add(key, slot);
  } else {
    keys_.renew(slot);
  }
  insert_in(slot, is_new);
  return slot;
}

void RowTable::insert_at(std::string_view key, Slot slot) {
  if (slot >= slot_end()) extend_to(slot + 1);
  TREMULA_ASSERT(!is_here(slot) && !is_touched(slot));
  free_is_stale_ = true;
  keys_.add(key, slot);
  insert_in(slot, true);
}

void RowTable::list_free_slots() {
  free_is_stale_ = false;
  free_slots_.clear();
  for (Slot slot = slot_end(); slot > 0; --slot) {
    if (!is_here(slot - 1) && !is_touched(slot - 1)) free_slots_.push_back(slot - 1);
  }
}

void RowTable::insert_in(Slot slot, bool is_new) {
  TREMULA_ASSERT(!is_here(slot));
  Touched& touched = touch(slot);
  const bool is_fresh = is_new || (!touched.in_old && is_empty(slot));
  if (is_fresh) touched.fresh_statement = statement_;
  note_undo(is_fresh ? Action::kInsertFresh : Action::kInsert, slot);
  set_here(slot, true);
  ++rows_;
  log_write(slot);
  if (!is_fresh) clear_cells(slot);
}

void RowTable::erase(Slot slot) {
  TREMULA_ASSERT(is_here(slot));
  // All of it is given up when the transaction ends, and indexes ask for some before.
  for (const Column& column : columns_) column.cells.prefetch(slot);
  keys_.prefetch(slot);
  Touched& touched = touch(slot);
  if (touched.erasures < kErasuresMax) ++touched.erasures;
  note_undo(Action::kErase, slot);
  // The cells stay: they are the old side's, or what an undo brings back.
  set_here(slot, false);
  --rows_;
  log_write(slot);
}

void RowTable::write(Slot slot, ColumnIndex column, Value value) {
  TREMULA_ASSERT(is_here(slot));
  if (identical(stored(slot, column), value)) return;
  replace(slot, column, texts_.copy(value));
}

void RowTable::replace(Slot slot, ColumnIndex column, Value value) {
  Touched& touched = touch(slot);
  const Value before = stored(slot, column);
  if (touched.fresh_statement == statement_) {
    retire(before);
  } else if (touched.in_old && find_old_cell(touched, column) == nullptr) {
    OldCell& kept = old_cells_.emplace_back();
    kept.column = column;
    kept.next = touched.old_cells;
    kept.value = before;
    touched.old_cells = static_cast<std::uint32_t>(old_cells_.size() - 1);
    touched.in_chain |= triples::column_bit(column);
    flags_[slot] |= kHasOldCells;
    note_undo(Action::kFirstCell, slot, column);
  } else {
    note_undo(Action::kCell, slot, column, before);
  }
  set_cell(slot, column, value);
  log_write(slot);
}

void RowTable::set_cell(Slot slot, ColumnIndex column, Value value) {
  columns_[column].cells.set(slot, value);
}

bool RowTable::is_empty(Slot slot) const {
  for (ColumnIndex column = 0; column < columns_.size(); ++column) {
    if (!stored(slot, column).is_missing()) return false;
  }
  return true;
}

void RowTable::clear_cells(Slot slot) {
  for (ColumnIndex column = 0; column < columns_.size(); ++column) {
    if (!stored(slot, column).is_missing()) replace(slot, column, Value::missing());
  }
}

// --- Text ---

// Nothing reads it on either side any more, but somebody may still hold what was read before.
void RowTable::retire(Value value) {
  if (CellTexts::owned(value)) replaced_.push_back(value);
}

}  // namespace tremula::lsm
