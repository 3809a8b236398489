#include "core/dataflow/arrangement.h"

#include <algorithm>

#include "core/base/check.h"

namespace tremula::dataflow {
namespace {

using triples::Side;

constexpr std::size_t kNotTouched = ~std::size_t{0};
constexpr std::size_t kScannedMax = 8;  // up to so many touched rows are found by looking at all
constexpr std::size_t kSpareMax = 16;
constexpr std::size_t kSpareBytesMax = 256;
constexpr std::size_t kKeptMax = 256;  // touched rows whose memory outlives the step

template <typename T>
void forget(std::vector<T>& entries) {
  if (entries.capacity() > kKeptMax) {
    entries = std::vector<T>();
  } else {
    entries.clear();
  }
}

}  // namespace

void Arrangement::update(RowId row, std::optional<std::string_view> before,
                         std::optional<std::string_view> after) {
  if (before == after) return;
  sorted_ = false;
  // The keys may lie in the touched entry or in the tree: each is read before its place changes.
  const std::size_t at = touched_index(row);
  if (at == kNotTouched) note_first(row, before, after);
  if (before) {
    const bool erased = tree_.erase(*before, row);
    TREMULA_ASSERT(erased);
  }
  if (after) {
    const bool inserted = tree_.insert(*after, row);
    TREMULA_ASSERT(inserted);
  }
  if (at != kNotTouched) note_again(at, after);
}

void Arrangement::note_again(std::size_t at, std::optional<std::string_view> after) {
  Touched& touched = touched_[at];
  new_size_ = new_size_ - touched.new_key.has_value() + after.has_value();
  if (touched.old_key == after) {
    drop_touched(at);
  } else {
    assign(touched.new_key, after);
  }
}

void Arrangement::note_first(RowId row, std::optional<std::string_view> before,
                             std::optional<std::string_view> after) {
  Touched& touched = touched_.emplace_back();
  touched.row = row;
  assign(touched.old_key, before);
  assign(touched.new_key, after);
  old_size_ += before.has_value();
  new_size_ += after.has_value();
  const bool indexed = !index_.empty();
  if (!indexed && touched_.size() <= kScannedMax) return;
  for (std::size_t i = indexed ? touched_.size() - 1 : 0; i < touched_.size(); ++i) {
    index_[touched_[i].row] = static_cast<std::uint32_t>(i);
  }
}

std::size_t Arrangement::touched_index(RowId row) const {
  if (!index_.empty()) {
    const std::uint32_t* at = index_.find(row);
    return at == nullptr ? kNotTouched : *at;
  }
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    if (touched_[i].row == row) return i;
  }
  return kNotTouched;
}

void Arrangement::drop_touched(std::size_t at) {
  Touched& touched = touched_[at];
  old_size_ -= touched.old_key.has_value();
  new_size_ -= touched.old_key.has_value();  // the row's new key is the same
  const bool indexed = !index_.empty();
  if (indexed) index_.erase(touched.row);
  keep_memory(touched.old_key);
  keep_memory(touched.new_key);
  if (at + 1 < touched_.size()) {
    touched = std::move(touched_.back());
    if (indexed) index_[touched.row] = static_cast<std::uint32_t>(at);
  }
  touched_.pop_back();
}

void Arrangement::assign(Key& target, std::optional<std::string_view> key) {
  if (!key) return keep_memory(target);
  if (!target) {
    target.emplace();
    if (!spare_.empty()) {
      *target = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  target->assign(*key);
}

void Arrangement::keep_memory(Key& key) {
  if (!key) return;
  const bool on_heap = key->capacity() > std::string().capacity();
  if (on_heap && spare_.size() < kSpareMax && key->capacity() <= kSpareBytesMax) {
    spare_.push_back(std::move(*key));
  }
  key.reset();
}

void Arrangement::build(OrderEntries entries) {
  TREMULA_ASSERT(touched_.empty());
  entries.sort();
  tree_.build(entries);
}

void Arrangement::sort_by(Key Touched::*key, Order& order) const {
  order.clear();
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    if (const Key& bytes = touched_[i].*key) {
      order.push_back({key_word(*bytes, 0), key_word(*bytes, 8), static_cast<std::uint32_t>(i)});
    }
  }
  if (order.size() < 2) return;
  std::sort(order.begin(), order.end(), [this, key](const Ordered& a, const Ordered& b) {
    if (a.head != b.head) return a.head < b.head;
    if (a.middle != b.middle) return a.middle < b.middle;
    const Touched& left = touched_[a.at];
    const Touched& right = touched_[b.at];
    return is_entry_below(*(left.*key), left.row, *(right.*key), right.row);
  });
}

void Arrangement::sort_touched() const {
  if (sorted_) return;
  sort_by(&Touched::old_key, by_old_key_);
  sort_by(&Touched::new_key, by_new_key_);
  sorted_ = true;
}

// How many touched entries stand before (bound, row) in their order.
std::size_t Arrangement::count_below(const Order& order, Key Touched::*key, std::string_view bound,
                                     RowId row) const {
  const std::uint64_t head = key_word(bound, 0);
  const std::uint64_t middle = key_word(bound, 8);
  const auto found = std::partition_point(order.begin(), order.end(), [&](const Ordered& entry) {
    if (entry.head != head) return entry.head < head;
    if (entry.middle != middle) return entry.middle < middle;
    const Touched& touched = touched_[entry.at];
    return is_entry_below(*(touched.*key), touched.row, bound, row);
  });
  return static_cast<std::size_t>(found - order.begin());
}

std::size_t Arrangement::size(Side side) const {
  return side == Side::kNew ? tree_.size() : tree_.size() - new_size_ + old_size_;
}

std::size_t Arrangement::rank(std::string_view key, RowId row, Side side) const {
  const std::size_t rank = tree_.rank(key, row);
  if (is_new_side(side)) return rank;
  sort_touched();
  return rank - count_below(by_new_key_, &Touched::new_key, key, row) +
         count_below(by_old_key_, &Touched::old_key, key, row);
}

std::size_t Arrangement::tree_rank_of_new(std::size_t new_at) const {
  const Touched& touched = touched_[by_new_key_[new_at].at];
  return tree_.rank(*touched.new_key, touched.row);
}

Arrangement::Cursor Arrangement::select(std::size_t index, Side side) const {
  Cursor cursor;
  if (is_new_side(side)) {
    cursor.tree_ = tree_.select(index);
    return cursor;
  }
  if (index >= size(side)) return cursor;
  sort_touched();
  // The first touched old entry whose rank is not below the index; all before it stand before.
  std::size_t old_at = 0;
  for (std::size_t end = by_old_key_.size(); old_at < end;) {
    const std::size_t middle = old_at + (end - old_at) / 2;
    const Touched& touched = touched_[by_old_key_[middle].at];
    const std::size_t others = rank(*touched.old_key, touched.row, Side::kOld);
    if (others < index) {
      old_at = middle + 1;
    } else {
      end = middle;
    }
  }
  // So many entries that are the same on both sides stand before; in the tree, new ones do as well.
  const std::size_t same = index - old_at;
  std::size_t new_at = 0;
  for (std::size_t end = by_new_key_.size(); new_at < end;) {
    const std::size_t middle = new_at + (end - new_at) / 2;
    if (tree_rank_of_new(middle) - middle <= same) {
      new_at = middle + 1;
    } else {
      end = middle;
    }
  }
  cursor.tree_ = tree_.select(same + new_at);
  cursor.merged_ = this;
  cursor.new_at_ = new_at;
  cursor.old_at_ = old_at;
  cursor.choose();
  return cursor;
}

Arrangement::Cursor Arrangement::lower_bound(std::string_view key, RowId row, Side side) const {
  Cursor cursor;
  cursor.tree_ = tree_.lower_bound(key, row);
  if (is_new_side(side)) return cursor;
  sort_touched();
  cursor.merged_ = this;
  cursor.new_at_ = count_below(by_new_key_, &Touched::new_key, key, row);
  cursor.old_at_ = count_below(by_old_key_, &Touched::old_key, key, row);
  cursor.choose();
  return cursor;
}

// Passes what stands in the tree for the new side only, then takes the lower of both ways on.
void Arrangement::Cursor::choose() {
  const Order& by_new = merged_->by_new_key_;
  const Order& by_old = merged_->by_old_key_;
  while (new_at_ < by_new.size() && tree_.valid() &&
         merged_->touched_[by_new[new_at_].at].row == tree_.row()) {
    tree_.next();
    ++new_at_;
  }
  if (old_at_ == by_old.size()) {
    from_tree_ = true;
    if (new_at_ == by_new.size()) merged_ = nullptr;
    return;
  }
  const Touched& old = merged_->touched_[by_old[old_at_].at];
  from_tree_ = tree_.valid() && is_entry_below(tree_.key(), tree_.row(), *old.old_key, old.row);
}

std::string_view Arrangement::Cursor::key() const {
  if (from_tree_) return tree_.key();
  return *merged_->touched_[merged_->by_old_key_[old_at_].at].old_key;
}

RowId Arrangement::Cursor::row() const {
  if (from_tree_) return tree_.row();
  return merged_->touched_[merged_->by_old_key_[old_at_].at].row;
}

void Arrangement::Cursor::next() {
  if (from_tree_) {
    tree_.next();
  } else {
    ++old_at_;
  }
  if (merged_ != nullptr) choose();
}

const Arrangement::Touched* Arrangement::find_touched(RowId row) const {
  const std::size_t at = touched_index(row);
  return at == kNotTouched ? nullptr : &touched_[at];
}

void Arrangement::settle() {
  for (Touched& touched : touched_) {
    keep_memory(touched.old_key);
    keep_memory(touched.new_key);
  }
  if (touched_.capacity() > kKeptMax) {
    index_ = {};
  } else if (!index_.empty()) {
    index_.clear();
  }
  forget(touched_);
  forget(by_old_key_);
  forget(by_new_key_);
  old_size_ = 0;
  new_size_ = 0;
  sorted_ = false;
}

std::size_t Arrangement::memory_bytes() const {
  std::size_t bytes = sizeof(Arrangement) - sizeof(OrderTree) + tree_.memory_bytes() +
                      touched_.capacity() * sizeof(Touched) + index_.memory_bytes() +
                      (by_old_key_.capacity() + by_new_key_.capacity()) * sizeof(Ordered) +
                      spare_.capacity() * sizeof(std::string);
  const auto heap_bytes = [](const std::string& text) {
    return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
  };
  for (const Touched& touched : touched_) {
    if (touched.old_key) bytes += heap_bytes(*touched.old_key);
    if (touched.new_key) bytes += heap_bytes(*touched.new_key);
  }
  for (const std::string& text : spare_) bytes += heap_bytes(text);
  return bytes;
}

void Arrangement::check_invariants() const {
  tree_.check_invariants();
  const auto in_tree = [this](const std::string& key, RowId row) {
    const OrderTree::Cursor found = tree_.lower_bound(key, row);
    return found.valid() && found.key() == key && found.row() == row;
  };
  base::FlatSet<RowId> rows;
  for (OrderTree::Cursor at = tree_.begin(); at.valid(); at.next()) {
    TREMULA_ASSERT(rows.insert(at.row()));
  }
  std::size_t old_size = 0;
  std::size_t new_size = 0;
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    const Touched& touched = touched_[i];
    TREMULA_ASSERT(touched_index(touched.row) == i);
    TREMULA_ASSERT(touched.old_key != touched.new_key);
    TREMULA_ASSERT(!touched.new_key || in_tree(*touched.new_key, touched.row));
    TREMULA_ASSERT(touched.new_key || !rows.contains(touched.row));
    old_size += touched.old_key.has_value();
    new_size += touched.new_key.has_value();
  }
  TREMULA_ASSERT(old_size == old_size_ && new_size == new_size_);
  TREMULA_ASSERT(index_.empty() || index_.size() == touched_.size());
  std::size_t rank = 0;
  for (Cursor at = lower_bound({}, 0, Side::kOld); at.valid(); at.next(), ++rank) {
    TREMULA_ASSERT(this->rank(at.key(), at.row(), Side::kOld) == rank);
  }
  TREMULA_ASSERT(rank == size(Side::kOld));
}

}  // namespace tremula::dataflow
