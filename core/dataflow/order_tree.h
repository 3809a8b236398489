// OrderTree: entries (key bytes, row) in order, with their number below every node: a counted B+tree.
//
//   inner  [child, count, first entry] ...        find, rank, select: one walk down
//   leaf   [key, row] ... <-> next leaf           scan: along the leaves
//
// Invariants, each tested by check_invariants():
//   T1  entries are sorted by (key bytes as memcmp, row) and unique.
//   T2  the count kept for a child is the number of entries below it.
//   T3  all leaves have the same depth; nodes other than the root are at least a quarter full.
// Keys up to kInlineKeyBytes are stored in the entry itself, longer ones in one block of their own.
// Source: Bayer, Unterauer, "Prefix B-trees" (1977) for the idea; order statistics as in Knuth 6.2.4.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace tremula::dataflow {

using RowId = std::uint32_t;

class OrderTree {
 public:
  static constexpr std::size_t kInlineKeyBytes = 20;

  struct Leaf;
  // A place in the tree, or its end.  Borrowed: valid until the next insert, erase or clear.
  class Cursor {
   public:
    bool valid() const { return leaf_ != nullptr; }
    std::string_view key() const;
    RowId row() const;
    void next();
    void previous();  // before the first: invalid

   private:
    friend class OrderTree;
    const Leaf* leaf_ = nullptr;
    std::uint32_t at_ = 0;
  };

  OrderTree();
  ~OrderTree();
  OrderTree(OrderTree&&) noexcept;
  OrderTree& operator=(OrderTree&&) noexcept;

  // Returns: false if the entry was there already / was not there.  Cost: O(log n).
  bool insert(std::string_view key, RowId row);
  bool erase(std::string_view key, RowId row);
  // Replaces the contents.  Requires: sorted by (key, row), unique.  Cost: O(n).
  void build(const std::vector<std::pair<std::string_view, RowId>>& sorted);
  void clear();

  std::size_t size() const;
  // The first entry not below (key, row).  Cost: O(log n).
  Cursor lower_bound(std::string_view key, RowId row = 0) const;
  Cursor begin() const;
  Cursor last() const;
  // The entry at `index` in order, or the end.  Cost: O(log n).
  Cursor select(std::size_t index) const;
  // How many entries stand before (key, row).  Cost: O(log n).
  std::size_t rank(std::string_view key, RowId row = 0) const;

  std::size_t memory_bytes() const;
  void check_invariants() const;  // asserts

 private:
  struct Inner;
  struct Node;
  Node* root_ = nullptr;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tremula::dataflow
