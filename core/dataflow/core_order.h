// CoreOrder: the rows of a core instance in order, on the new side.
//
//   one row    its id, in the object itself
//   few rows   their ids in order; what tells them apart is read when it is needed
//   more       an OrderTree of their keys
//
// The old side is not kept: move() notes in the deltas where each changed row stood before and
// stands now, and ChangedRanks tells the rest.
// Invariant: few() or a tree, never both; entries sorted by (order key, row id).
// Thread: the writer thread alone.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dataflow/order_tree.h"
#include "core/dataflow/step.h"

namespace tremula::dataflow {

class CoreInstance;

// A changed row with its keys.  Borrowed: of the engine's arena.
struct KeyedDelta {
  RowDelta* delta = nullptr;
  std::string_view before, after;

  bool moves() const {
    return delta->in_old != delta->in_new || (delta->in_old && before != after);
  }
};

class CoreOrder {
 public:
  CoreOrder() = default;
  ~CoreOrder() { clear(); }
  CoreOrder(const CoreOrder&) = delete;
  CoreOrder& operator=(const CoreOrder&) = delete;

  // Replaces all rows.  Cost: O(n log n).
  void build(OrderEntries& entries);
  void build_one(RowId row) { set_few({&row, 1}); }
  // Moves from the old side to the new one by what changed, and fills in the deltas' places.
  // Requires: each row once.  Cost: O(log n) a row.
  void move(const CoreInstance& core, std::span<RowDelta> deltas);

  std::size_t size() const;
  std::size_t rank(const CoreInstance& core, RowId row) const;  // Requires: the row is there
  RowId select(std::size_t index) const;                        // Requires: index < size()
  // Calls visit(row) for `count` rows from `index` on, until it returns false.
  template <typename Visitor>
  void for_each(std::size_t index, std::size_t count, Visitor&& visit) const {
    if (const OrderTree* rows = tree()) {
      for (OrderTree::Cursor at = rows->select(index); count > 0 && at.valid(); at.next(), --count)
        if (!visit(at.row())) return;
      return;
    }
    const std::span<const RowId> rows = few();
    for (std::size_t i = index; i < rows.size() && count > 0; ++i, --count)
      if (!visit(rows[i])) return;
  }

  std::size_t memory_bytes() const;  // besides this object

 private:
  struct Few;
  static constexpr std::size_t kFewMax = 32;

  OrderTree* tree() const {
    return (word_ & 1) == 0 ? nullptr : reinterpret_cast<OrderTree*>(word_ & ~std::uintptr_t{1});
  }
  std::span<const RowId> few() const;
  void set_few(std::span<const RowId> rows);
  void set_tree(OrderEntries& entries);
  void make_tree(const CoreInstance& core, std::span<const RowId> rows, triples::Side side);
  void make_few();
  void clear();
  void move_few(const CoreInstance& core, std::span<RowDelta> deltas);
  void move_tree(const CoreInstance& core, std::span<RowDelta> deltas);
  void move_one(const CoreInstance& core, RowDelta& delta);  // the same of one row

  // One row in the place of a pointer, where a pointer has its lowest bits.
  struct One {
    std::uint32_t mark;
    RowId row;
  };
  static constexpr std::uint32_t kOneMark = 2;
  static_assert(std::endian::native == std::endian::little &&
                sizeof(One) == sizeof(std::uintptr_t));
  bool is_one() const { return (word_ & 3) == kOneMark; }

  union {
    std::uintptr_t word_ = 0;  // 0: no rows; a Few; or an OrderTree with the lowest bit set
    One one_;                  // if it is marked so
  };
};

}  // namespace tremula::dataflow
