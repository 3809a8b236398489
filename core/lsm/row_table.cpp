#include "core/lsm/row_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/check.h"
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

namespace {

bool owns_text(Value value) { return value.has_bytes() && value.size > 0; }

}  // namespace

RowTable::RowTable(TypeId type) : type_(type) {}

RowTable::~RowTable() {
  for (Column& column : columns_) {
    for (const Value& value : column.cells) free_value(value);
  }
  for (const OldCell& cell : old_cells_) free_value(cell.value);
  for (const Undo& step : undo_) free_value(step.before);
  for (const Value& value : replaced_) free_value(value);
}

TypeId RowTable::type() const { return type_; }

// --- Reading ---

Slot RowTable::slot_end() const { return static_cast<Slot>(exists_.size()); }

bool RowTable::exists(Slot slot, Side side) const {
  if (side == Side::kOld && touch_of_[slot] != 0) return touched_[touch_of_[slot] - 1].in_old;
  return exists_[slot] != 0;
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
  const std::vector<Value>& cells = columns_[column].cells;
  return slot < cells.size() ? cells[slot] : Value::missing();
}

Value RowTable::stored_of_old(Slot slot, ColumnIndex column) const {
  if (touch_of_[slot] != 0) {
    if (const OldCell* cell = find_old_cell(touched_[touch_of_[slot] - 1], column)) {
      return cell->value;
    }
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

std::string_view RowTable::key(Slot slot) const { return keys_.key(slot); }

std::size_t RowTable::row_count(Side side) const {
  return side == Side::kOld ? old_rows_ : rows_;
}

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
    Column& column = columns_.emplace_back();
    column.attr = attr;
    column.now = &undeclared_;
    column.old = &undeclared_;
  }
  return *index;
}

std::size_t RowTable::column_count() const { return columns_.size(); }

AttrId RowTable::attr_of(ColumnIndex column) const { return columns_[column].attr; }

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
  undo_.push_back({Action::kDeclare, kNoSlot, index, Value::null()});
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
  for (Slot slot = 0; slot < exists_.size(); ++slot) {
    if (exists_[slot] == 0) continue;
    const Value value = stored(slot, column);
    if (!identical(reading(from, value), reading(to, value))) log_write(slot);
  }
}

// --- Writing ---

RowTable::Touched& RowTable::touch(Slot slot) {
  if (touch_of_[slot] == 0) {
    is_touched_ = true;
    Touched& touched = touched_.emplace_back();
    touched.slot = slot;
    touched.in_old = exists_[slot] != 0;
    touch_of_[slot] = static_cast<std::uint32_t>(touched_.size());
  }
  return touched_[touch_of_[slot] - 1];
}

// A repeat that nobody has seen the first of yet tells nobody anything.
void RowTable::log_write(Slot slot) {
  const bool unseen = write_log_.size() > write_log_shown_;
  if (unseen && write_log_.back() == slot) return;
  write_log_.push_back(slot);
}

Slot RowTable::take_slot() {
  if (!free_slots_.empty()) {
    const Slot slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  TREMULA_ASSERT(exists_.size() < kNoSlot);
  exists_.push_back(0);
  touch_of_.push_back(0);
  return static_cast<Slot>(exists_.size() - 1);
}

Slot RowTable::insert(std::string_view key) {
  Slot slot = keys_.find(key);
  const bool is_new = slot == kNoSlot;
  if (is_new) {
    slot = take_slot();
    keys_.add(key, slot);
  }
  TREMULA_ASSERT(exists_[slot] == 0);
  Touched& touched = touch(slot);
  const bool is_fresh = is_new || (!touched.in_old && is_empty(slot));
  if (is_fresh) touched.fresh_statement = statement_;
  undo_.push_back(
      {is_fresh ? Action::kInsertFresh : Action::kInsert, slot, 0, Value::null()});
  exists_[slot] = 1;
  ++rows_;
  log_write(slot);
  if (!is_fresh) clear_cells(slot);
  return slot;
}

void RowTable::erase(Slot slot) {
  TREMULA_ASSERT(exists_[slot] != 0);
  touch(slot);
  undo_.push_back({Action::kErase, slot, 0, Value::null()});
  // The cells stay: they are the old side's, or what an undo brings back.
  exists_[slot] = 0;
  --rows_;
  log_write(slot);
}

void RowTable::write(Slot slot, ColumnIndex column, Value value) {
  TREMULA_ASSERT(exists_[slot] != 0);
  if (identical(stored(slot, column), value)) return;
  replace(slot, column, copy_value(value));
}

void RowTable::replace(Slot slot, ColumnIndex column, Value value) {
  Touched& touched = touch(slot);
  const Value before = stored(slot, column);
  if (touched.fresh_statement == statement_) {
    retire(before);
  } else if (touched.in_old && find_old_cell(touched, column) == nullptr) {
    old_cells_.push_back({column, touched.old_cells, before});
    touched.old_cells = static_cast<std::uint32_t>(old_cells_.size() - 1);
    touched.in_chain |= triples::column_bit(column);
    undo_.push_back({Action::kFirstCell, slot, column, Value::null()});
  } else {
    undo_.push_back({Action::kCell, slot, column, before});
  }
  set_cell(slot, column, value);
  log_write(slot);
}

void RowTable::set_cell(Slot slot, ColumnIndex column, Value value) {
  std::vector<Value>& cells = columns_[column].cells;
  if (slot >= cells.size()) {
    if (value.is_missing()) return;
    cells.resize(slot + 1, Value::missing());
  }
  cells[slot] = value;
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
  if (owns_text(value)) replaced_.push_back(value);
}

// What the allocator takes for it, near enough for the books.
std::size_t RowTable::text_bytes(Value value) {
  if (!owns_text(value)) return 0;
  return std::max<std::size_t>(32, (std::size_t{value.size} + 8 + 15) / 16 * 16);
}

Value RowTable::copy_value(Value value) {
  if (!value.has_bytes()) return value;
  if (value.size == 0) {
    value.data = "";
    return value;
  }
  char* copy = new char[value.size];
  std::memcpy(copy, value.data, value.size);
  value.data = copy;
  text_bytes_ += text_bytes(value);
  return value;
}

void RowTable::free_value(Value value) {
  if (!owns_text(value)) return;
  text_bytes_ -= text_bytes(value);
  delete[] value.data;
}

}  // namespace tremula::lsm
