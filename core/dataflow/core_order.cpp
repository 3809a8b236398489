#include "core/dataflow/core_order.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/base/check.h"
#include "core/dataflow/instance.h"

namespace tremula::dataflow {

using triples::Side;

struct CoreOrder::Few {
  std::uint32_t count = 0;
  std::uint32_t capacity = 0;

  RowId* rows() { return reinterpret_cast<RowId*>(this + 1); }
  static Few* make(std::size_t capacity) {
    Few* made = ::new (::operator new(sizeof(Few) + capacity * sizeof(RowId))) Few;
    made->capacity = static_cast<std::uint32_t>(capacity);
    return made;
  }
};

std::span<const RowId> CoreOrder::few() const {
  if (word_ == 0 || tree() != nullptr) return {};
  if (is_one()) return {&one_.row, 1};
  Few* few = reinterpret_cast<Few*>(word_);
  return {few->rows(), few->count};
}

void CoreOrder::clear() {
  if (OrderTree* rows = tree())
    delete rows;
  else if (word_ != 0 && !is_one())
    ::operator delete(reinterpret_cast<void*>(word_));
  word_ = 0;
}

void CoreOrder::set_few(std::span<const RowId> rows) {
  if (rows.size() == 1) {
    clear();
    one_ = {kOneMark, rows[0]};
    return;
  }
  constexpr std::size_t kStep = 4;  // what allocators round to anyway
  const std::size_t capacity = (rows.size() + kStep - 1) / kStep * kStep;
  Few* few = (word_ & 3) == 0 ? reinterpret_cast<Few*>(word_) : nullptr;
  if (few == nullptr || few->capacity != capacity) {
    clear();
    if (capacity == 0) return;
    few = Few::make(capacity);
    word_ = reinterpret_cast<std::uintptr_t>(few);
  }
  std::copy(rows.begin(), rows.end(), few->rows());
  few->count = static_cast<std::uint32_t>(rows.size());
}

void CoreOrder::build(OrderEntries& entries) {
  if (entries.size() > kFewMax) return set_tree(entries);
  clear();
  entries.sort();
  RowId rows[kFewMax];
  for (std::size_t i = 0; i < entries.size(); ++i) rows[i] = entries.row(i);
  set_few({rows, entries.size()});
}

void CoreOrder::set_tree(OrderEntries& entries) {
  entries.sort();
  auto* made = new OrderTree;
  made->build(entries);
  clear();
  word_ = reinterpret_cast<std::uintptr_t>(made) | 1;
}

void CoreOrder::make_tree(const CoreInstance& core, std::span<const RowId> rows, Side side) {
  OrderEntries entries;
  std::string& key = core.engine().key;
  for (RowId row : rows) {
    core.order_key(row, side, key);
    entries.add(key, row);
  }
  set_tree(entries);
}

void CoreOrder::move(const CoreInstance& core, std::span<RowDelta> deltas) {
  if (tree() == nullptr && few().size() + deltas.size() > kFewMax)
    make_tree(core, few(), Side::kOld);
  if (tree() == nullptr) return move_few(core, deltas);
  if (deltas.size() == 1)
    move_one(core, deltas[0]);
  else
    move_tree(core, deltas);
  if (tree()->size() <= kFewMax / 2) make_few();
}

void CoreOrder::make_few() {
  RowId rows[kFewMax];
  std::size_t count = 0;
  for (OrderTree::Cursor at = tree()->begin(); at.valid(); at.next()) rows[count++] = at.row();
  set_few({rows, count});
}

// Those that changed are taken out, then put in where they belong among those that did not.
void CoreOrder::move_few(const CoreInstance& core, std::span<RowDelta> deltas) {
  RowId rows[kFewMax];
  std::size_t count = few().size();
  std::copy(few().begin(), few().end(), rows);
  for (RowDelta& d : deltas)
    if (d.in_old)
      d.old_at = static_cast<std::uint32_t>(std::find(rows, rows + count, d.row) - rows);
  for (const RowDelta& d : deltas) {
    if (!d.in_old) continue;
    RowId* at = std::find(rows, rows + count, d.row);
    TREMULA_ASSERT(at != rows + count);
    std::copy(at + 1, rows + count, at);
    --count;
  }
  std::string key, other;
  for (const RowDelta& d : deltas) {
    if (!d.in_new) continue;
    std::size_t low = 0;
    if (count > 0) core.order_key(d.row, Side::kNew, key);
    for (std::size_t high = count; low < high;) {
      const std::size_t middle = low + (high - low) / 2;
      core.order_key(rows[middle], Side::kNew, other);
      const int order = other.compare(key);
      if (order < 0 || (order == 0 && rows[middle] < d.row))
        low = middle + 1;
      else
        high = middle;
    }
    std::copy_backward(rows + low, rows + count, rows + count + 1);
    rows[low] = d.row;
    ++count;
  }
  for (RowDelta& d : deltas)
    if (d.in_new)
      d.new_at = static_cast<std::uint32_t>(std::find(rows, rows + count, d.row) - rows);
  set_few({rows, count});
}

// Places are told by the walks that take the row out and put it in.
void CoreOrder::move_one(const CoreInstance& core, RowDelta& delta) {
  OrderTree& rows = *tree();
  std::string& key = core.engine().key;
  std::string_view before;
  std::size_t at = 0;
  if (delta.in_old) {
    core.order_key(delta.row, Side::kOld, key);
    before = core.engine().arena.copy(key);
  }
  if (delta.in_new) core.order_key(delta.row, Side::kNew, key);
  if (delta.in_old && delta.in_new && before == key) {
    delta.old_at = delta.new_at = static_cast<std::uint32_t>(rows.rank(key, delta.row));
    return;
  }
  if (delta.in_old) {
    const bool erased = rows.erase(before, delta.row, &at);
    TREMULA_ASSERT(erased);
    delta.old_at = static_cast<std::uint32_t>(at);
  }
  if (delta.in_new) {
    const bool inserted = rows.insert(key, delta.row, &at);
    TREMULA_ASSERT(inserted);
    delta.new_at = static_cast<std::uint32_t>(at);
  }
}

void CoreOrder::move_tree(const CoreInstance& core, std::span<RowDelta> deltas) {
  OrderTree& rows = *tree();
  base::Arena& arena = core.engine().arena;
  std::vector<KeyedDelta>& keyed = core.engine().keyed;
  keyed.clear();
  std::string& key = core.engine().key;
  bool moves = false;
  for (RowDelta& d : deltas) {
    KeyedDelta k{&d, {}, {}};
    if (d.in_old) {
      core.order_key(d.row, Side::kOld, key);
      k.before = arena.copy(key);
      d.old_at = static_cast<std::uint32_t>(rows.rank(k.before, d.row));
    }
    if (d.in_new) {
      core.order_key(d.row, Side::kNew, key);
      k.after = arena.copy(key);
    }
    moves = moves || k.moves();
    keyed.push_back(k);
  }
  for (const KeyedDelta& k : keyed) {
    if (!k.moves()) continue;
    if (k.delta->in_old) {
      const bool erased = rows.erase(k.before, k.delta->row);
      TREMULA_ASSERT(erased);
    }
    if (k.delta->in_new) {
      const bool inserted = rows.insert(k.after, k.delta->row);
      TREMULA_ASSERT(inserted);
    }
  }
  for (const KeyedDelta& k : keyed) {
    if (!k.delta->in_new) continue;
    k.delta->new_at =
        moves ? static_cast<std::uint32_t>(rows.rank(k.after, k.delta->row)) : k.delta->old_at;
  }
}

std::size_t CoreOrder::size() const {
  const OrderTree* rows = tree();
  return rows == nullptr ? few().size() : rows->size();
}

std::size_t CoreOrder::rank(const CoreInstance& core, RowId row) const {
  if (const OrderTree* rows = tree()) {
    std::string& key = core.engine().key;
    core.order_key(row, core.engine().present(), key);
    return rows->rank(key, row);
  }
  const std::span<const RowId> rows = few();
  return static_cast<std::size_t>(std::find(rows.begin(), rows.end(), row) - rows.begin());
}

RowId CoreOrder::select(std::size_t index) const {
  if (const OrderTree* rows = tree()) return rows->select(index).row();
  return few()[index];
}

std::size_t CoreOrder::memory_bytes() const {
  if (const OrderTree* rows = tree()) return rows->memory_bytes();
  if (word_ == 0 || is_one()) return 0;
  return sizeof(Few) + reinterpret_cast<Few*>(word_)->capacity * sizeof(RowId);
}

}  // namespace tremula::dataflow
