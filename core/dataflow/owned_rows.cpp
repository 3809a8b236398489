#include "core/dataflow/owned_rows.h"

#include <algorithm>
#include <new>

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;

void TouchedRows::clear() {
  constexpr std::size_t kKeptMax = 256;
  slots.clear();
  old_values.clear();
  changes.clear();
  if (slots.capacity() > kKeptMax) slots = {};
  if (old_values.capacity() > kKeptMax) old_values = std::vector<HeldValue>();
  if (changes.capacity() > kKeptMax) changes = {};
}

// --- OwnedRows ---

bool OwnedRows::exists(Slot slot, Side side) const {
  const Row* row = at(slot);
  if (row == nullptr) return false;
  return side == Side::kOld ? row->in_old : row->in_new;
}

triples::Value OwnedRows::read(Slot slot, triples::ColumnIndex column, Side side) const {
  const Row& row = *at(slot);
  if (side == Side::kOld && row.old_at != Row::kUntouched && row.in_old)
    return touched_->old_values[row.old_at + column].value();
  return values_of(row)[column].value();
}

std::size_t OwnedRows::row_count(Side side) const {
  std::size_t count = 0;
  for (Slot slot = 0; slot < end_; ++slot) count += exists(slot, side);
  return count;
}

std::span<const triples::RowChange> OwnedRows::changes() const {
  if (touched_ == nullptr) return {};
  return touched_->changes;
}

std::span<const Slot> OwnedRows::write_log() const {
  if (touched_ == nullptr) return {};
  return touched_->slots;
}

OwnedRows::Row& OwnedRows::touch(Slot slot) {
  Row& row = *at(slot);
  if (row.old_at != Row::kUntouched) return row;
  row.old_at = static_cast<std::uint32_t>(touched_->old_values.size());
  touched_->slots.push_back(slot);
  if (row.in_old)
    for (const HeldValue& value : values_of(row)) touched_->old_values.emplace_back(value.value());
  return row;
}

bool OwnedRows::same_values(Slot slot) const {
  const Values now = values(slot);
  const HeldValue* before = touched_->old_values.data() + at(slot)->old_at;
  for (std::size_t c = 0; c < now.size(); ++c)
    if (!identical(now[c].value(), before[c].value())) return false;
  return true;
}

Slot OwnedRows::add(Row& row) {
  const auto word = reinterpret_cast<std::uintptr_t>(&row);
  if (free_ == triples::kNoSlot) {
    if (end_ == capacity_) grow();
    words()[end_] = word;
    return end_++;
  }
  const Slot slot = free_;
  free_ = static_cast<Slot>(words()[slot] >> 1);
  words()[slot] = word;
  return slot;
}

void OwnedRows::grow() {
  const Slot capacity = std::max<Slot>(4, 2 * capacity_);
  auto* grown = new Word[capacity];
  std::copy(words(), words() + end_, grown);
  if (capacity_ > 1) delete[] many_;
  many_ = grown;
  capacity_ = capacity;
}

void OwnedRows::destroy_all() {
  for (Slot slot = 0; slot < end_; ++slot)
    if (Row* row = at(slot)) destroy(*row);
  if (capacity_ > 1) delete[] many_;
  capacity_ = 1;
  end_ = 0;
}

void OwnedRows::finish() {
  if (touched_ == nullptr) return;
  touched_->changes.clear();
  for (Slot slot : touched_->slots) {
    const Row& row = *at(slot);
    if (!row.in_old && !row.in_new) continue;
    triples::RowChange change{slot, row.in_old, row.in_new, 0};
    if (row.in_old && row.in_new) {
      const Values now = values_of(row);
      const HeldValue* before = touched_->old_values.data() + row.old_at;
      for (std::size_t c = 0; c < now.size(); ++c)
        if (!identical(now[c].value(), before[c].value()))
          change.changed |= triples::column_bit(static_cast<triples::ColumnIndex>(c));
      if (change.changed == 0) continue;
    } else {
      change.changed = triples::kAllColumns;
    }
    touched_->changes.push_back(change);
  }
}

void OwnedRows::settle() {
  if (touched_ == nullptr) return;
  for (Slot slot : touched_->slots) {
    Row& row = *at(slot);
    row.old_at = Row::kUntouched;
    row.in_old = row.in_new;
    if (row.in_new) continue;
    remove(slot);
    destroy(row);
    words()[slot] = Word{free_} << 1 | 1;
    free_ = slot;
  }
  touched_->clear();
  touched_ = nullptr;
}

std::size_t OwnedRows::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + (capacity_ > 1 ? capacity_ * sizeof(Word) : 0);
  for (Slot slot = 0; slot < end_; ++slot) {
    const Row* row = at(slot);
    if (row == nullptr) continue;
    bytes += row_bytes_ + value_count_ * sizeof(HeldValue);
    for (const HeldValue& value : values_of(*row)) bytes += value.memory_bytes();
  }
  return bytes;
}

// --- GroupTable ---

GroupTable::GroupTable(const std::vector<CoreAggregate>& aggregates, std::size_t keys,
                       std::size_t dependents, std::size_t firsts)
    : OwnedRows(sizeof(Group), keys + aggregates.size() + dependents),
      aggregates_(aggregates),
      accumulator_count_(static_cast<std::uint16_t>(aggregates.size() + firsts)),
      dependent_count_(static_cast<std::uint16_t>(dependents)) {
  static_assert(sizeof(Group) % alignof(HeldValue) == 0);
  static_assert(sizeof(HeldValue) % alignof(Accumulator) == 0);
}

std::string_view GroupTable::key_of(Slot slot) const {
  const Row& row = *at(slot);
  return {reinterpret_cast<const char*>(dependents_of(row) + dependent_count_),
          static_cast<const Group&>(row).key_size};
}

std::span<Accumulator> GroupTable::accumulators(Slot slot) const {
  return {accumulators_of(*at(slot)), accumulator_count_};
}

std::span<Slot> GroupTable::dependents(Slot slot) const {
  return {dependents_of(*at(slot)), dependent_count_};
}

Slot GroupTable::find(std::string_view key) const {
  if (refs_) {
    const Ref* found = refs_->find({this, key});
    return found == nullptr ? triples::kNoSlot : found->slot;
  }
  for (Slot slot = 0; slot < slot_end(); ++slot)
    if (at(slot) != nullptr && key_of(slot) == key) return slot;
  return triples::kNoSlot;
}

GroupTable::Group& GroupTable::make(std::string_view key,
                                    std::span<const triples::Value> values) const {
  const std::size_t size = sizeof(Group) + value_count() * sizeof(HeldValue) +
                           accumulator_count_ * sizeof(Accumulator) +
                           dependent_count_ * sizeof(Slot) + key.size();
  Group& group = *::new (::operator new(size)) Group;
  group.key_size = static_cast<std::uint32_t>(key.size());
  const Values held = values_of(group);
  for (std::size_t i = 0; i < held.size(); ++i)
    ::new (&held[i]) HeldValue(i < values.size() ? values[i] : triples::Value());
  Accumulator* accumulator = accumulators_of(group);
  for (const CoreAggregate& a : aggregates_) ::new (accumulator++) Accumulator(a.kind, a.distinct);
  Accumulator* const end = accumulators_of(group) + accumulator_count_;
  while (accumulator != end) ::new (accumulator++) Accumulator(AggregateKind::kMin, false);
  Slot* const dependents = dependents_of(group);
  std::fill(dependents, dependents + dependent_count_, triples::kNoSlot);
  std::copy(key.begin(), key.end(), reinterpret_cast<char*>(dependents + dependent_count_));
  return group;
}

Slot GroupTable::touch_group(std::string_view key, std::span<const triples::Value> values) {
  Slot slot = find(key);
  if (slot == triples::kNoSlot) {
    slot = add(make(key, values));
    if (refs_) {
      refs_->insert({this, key_of(slot), slot});
    } else if (slot_end() > kFewMax) {
      refs_ = std::make_unique<Refs>();
      for (Slot s = 0; s < slot_end(); ++s)
        if (at(s) != nullptr) refs_->insert({this, key_of(s), s});
    }
  }
  touch(slot);
  return slot;
}

void GroupTable::remove(Slot slot) {
  if (refs_) refs_->erase({this, key_of(slot)});
}

void GroupTable::destroy(Row& row) const {
  for (HeldValue& value : values_of(row)) std::destroy_at(&value);
  std::destroy_n(accumulators_of(row), accumulator_count_);
  ::operator delete(static_cast<Group*>(&row));
}

std::size_t GroupTable::memory_bytes() const {
  std::size_t bytes = OwnedRows::memory_bytes() + sizeof(*this) - sizeof(OwnedRows);
  if (refs_) bytes += sizeof(*refs_) + refs_->memory_bytes();
  for (Slot slot = 0; slot < slot_end(); ++slot) {
    if (at(slot) == nullptr) continue;
    bytes += dependent_count_ * sizeof(Slot) + key_of(slot).size();
    for (const Accumulator& a : accumulators(slot)) bytes += a.memory_bytes();
  }
  return bytes;
}

// --- DerivedRelation ---

Slot DerivedRelation::touch_row(RowId inner) {
  const Slot* found = slots_.find(inner);
  Slot slot = found == nullptr ? triples::kNoSlot : *found;
  if (found == nullptr) {
    Inner& row = *::new (::operator new(sizeof(Inner) + value_count() * sizeof(HeldValue))) Inner;
    row.inner = inner;
    for (HeldValue& value : values_of(row)) ::new (&value) HeldValue;
    slot = add(row);
    slots_[inner] = slot;
  }
  touch(slot);
  return slot;
}

void DerivedRelation::remove(Slot slot) { slots_.erase(static_cast<Inner&>(row(slot)).inner); }

void DerivedRelation::destroy(Row& row) const {
  for (HeldValue& value : values_of(row)) std::destroy_at(&value);
  ::operator delete(static_cast<Inner*>(&row));
}

void DerivedRelation::settle() {
  indexes_->settle();
  OwnedRows::settle();
}

std::size_t DerivedRelation::memory_bytes() const {
  return OwnedRows::memory_bytes() + sizeof(*this) - sizeof(OwnedRows) + slots_.memory_bytes();
}

}  // namespace tremula::dataflow
