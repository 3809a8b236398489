#include "core/dataflow/owned_rows.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;

bool OwnedRows::exists(Slot slot, Side side) const {
  const Row* row = rows_[slot].get();
  if (row == nullptr) return false;
  return side == Side::kOld ? row->in_old : row->in_new;
}

triples::Value OwnedRows::read(Slot slot, triples::ColumnIndex column, Side side) const {
  const Row& row = *rows_[slot];
  const auto& values = side == Side::kOld && row.touched ? row.old_values : row.values;
  return values[column].value();
}

std::size_t OwnedRows::row_count(Side side) const {
  std::size_t count = 0;
  for (Slot slot = 0; slot < rows_.size(); ++slot) count += exists(slot, side);
  return count;
}

OwnedRows::Row& OwnedRows::touch(Slot slot) {
  Row& row = *rows_[slot];
  if (!row.touched) {
    row.touched = true;
    row.old_values = row.values;
    touched_.push_back(slot);
  }
  return row;
}

Slot OwnedRows::add(std::unique_ptr<Row> row) {
  if (free_.empty()) {
    rows_.push_back(std::move(row));
    return static_cast<Slot>(rows_.size() - 1);
  }
  const Slot slot = free_.back();
  free_.pop_back();
  rows_[slot] = std::move(row);
  return slot;
}

void OwnedRows::finish() {
  changes_.clear();
  for (Slot slot : touched_) {
    const Row& row = *rows_[slot];
    if (!row.in_old && !row.in_new) continue;
    triples::RowChange change{slot, row.in_old, row.in_new, 0};
    if (row.in_old && row.in_new) {
      for (std::size_t c = 0; c < row.values.size(); ++c)
        if (!identical(row.values[c].value(), row.old_values[c].value()))
          change.changed |= triples::column_bit(static_cast<triples::ColumnIndex>(c));
      if (change.changed == 0) continue;
    } else {
      change.changed = triples::kAllColumns;
    }
    changes_.push_back(change);
  }
}

void OwnedRows::settle() {
  for (Slot slot : touched_) {
    Row& row = *rows_[slot];
    row.touched = false;
    row.in_old = row.in_new;
    row.old_values.clear();
    if (row.in_new) continue;
    remove(slot);
    rows_[slot] = nullptr;
    free_.push_back(slot);
  }
  touched_.clear();
  changes_.clear();
}

std::size_t OwnedRows::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + rows_.capacity() * sizeof(rows_[0]);
  for (const auto& row : rows_)
    if (row) bytes += sizeof(Row) + row->values.capacity() * sizeof(triples::OwnedValue);
  return bytes;
}

Slot GroupTable::touch_group(std::string_view key, std::span<const triples::Value> values) {
  if (const Slot* found = slots_.find(key)) {
    touch(*found);
    return *found;
  }
  auto group = std::make_unique<Group>();
  group->key = key;
  for (triples::Value value : values) group->values.emplace_back(value);
  group->values.resize(values.size() + aggregates_.size() + dependents_);
  for (const CoreAggregate& a : aggregates_) group->accumulators.emplace_back(a.kind, a.distinct);
  for (std::size_t i = 0; i < firsts_; ++i)
    group->accumulators.emplace_back(AggregateKind::kMin, false);
  group->dependents.assign(dependents_, triples::kNoSlot);
  const Slot slot = add(std::move(group));
  slots_[key] = slot;
  touch(slot);
  return slot;
}

void GroupTable::remove(Slot slot) { slots_.erase(group(slot).key); }

std::size_t GroupTable::memory_bytes() const {
  std::size_t bytes =
      OwnedRows::memory_bytes() + sizeof(*this) - sizeof(OwnedRows) + slots_.memory_bytes();
  for (const auto& row : rows_)
    if (row)
      for (const Accumulator& a : static_cast<const Group&>(*row).accumulators)
        bytes += a.memory_bytes();
  return bytes;
}

Slot DerivedRelation::touch_row(RowId inner) {
  if (const Slot* found = slots_.find(inner)) {
    touch(*found);
    return *found;
  }
  auto row = std::make_unique<Inner>();
  row->inner = inner;
  const Slot slot = add(std::move(row));
  slots_[inner] = slot;
  touch(slot);
  return slot;
}

void DerivedRelation::remove(Slot slot) { slots_.erase(static_cast<Inner&>(row(slot)).inner); }

void DerivedRelation::settle() {
  indexes_->settle();
  OwnedRows::settle();
}

}  // namespace tremula::dataflow
