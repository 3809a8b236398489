#include "core/dataflow/tuple_table.h"

#include <algorithm>

namespace tremula::dataflow {

using triples::Slot;

bool TupleTable::find(const Slot* tuple, RowId& row) const {
  if (refs_) {
    const Ref* found = refs_->find({this, tuple});
    if (found != nullptr) row = found->row;
    return found != nullptr;
  }
  for (row = 0; row < end_; ++row)
    if (std::equal(tuple, tuple + width_, this->tuple(row))) return true;
  return false;
}

void TupleTable::grow() {
  const std::uint32_t capacity = std::max<std::uint32_t>(2, 2 * capacity_);
  auto slots = std::make_unique<Slot[]>(std::size_t{capacity} * width_);
  std::copy(slots_.get(), slots_.get() + std::size_t{end_} * width_, slots.get());
  slots_ = std::move(slots);
  capacity_ = capacity;
}

RowId TupleTable::take_number() {
  ++used_;
  if (free_ != kNone) {
    const RowId row = free_;
    free_ = at(row)[1];
    return row;
  }
  if (end_ == capacity_) grow();
  return end_++;
}

RowId TupleTable::intern(const Slot* tuple) {
  RowId row = 0;
  if (find(tuple, row)) return row;
  row = take_number();
  std::copy(tuple, tuple + width_, at(row));
  if (refs_) {
    refs_->insert({this, tuple, row});
  } else if (used_ > kFewMax) {
    refs_ = std::make_unique<Refs>();
    for (RowId r = 0; r < end_; ++r)
      if (!is_free(r)) refs_->insert({this, this->tuple(r), r});
  }
  return row;
}

void TupleTable::release(RowId row) {
  if (row >= end_ || is_free(row)) return;
  if (refs_) refs_->erase({this, tuple(row)});
  at(row)[0] = triples::kNoSlot;
  at(row)[1] = free_;
  free_ = row;
  if (--used_ > 0) return;
  slots_.reset();
  refs_.reset();
  capacity_ = end_ = 0;
  free_ = kNone;
}

std::size_t TupleTable::memory_bytes() const {
  return sizeof(*this) + std::size_t{capacity_} * width_ * sizeof(Slot) +
         (refs_ ? sizeof(*refs_) + refs_->memory_bytes() : 0);
}

}  // namespace tremula::dataflow
