// OrderTree: entries (key bytes, row) in order, counted below every node: a counted B+tree.
//
//   inner  [child, count, separator] ...     find, rank, select: one walk down
//   leaf   [key, row] ... <-> next leaf      scan: along the leaves
//
// Invariants, each tested by check_invariants():
//   T1  entries are sorted by (key bytes as memcmp, row) and unique.
//   T2  the count kept for a child is the number of entries below it.
//   T3  all leaves have the same depth; nodes other than the root are at least a quarter full.
//   T4  the separator of a child is above all entries before the child, and not above its own.
// Keys up to kInlineKeyBytes are stored in the entry itself, longer ones in one block of their own.
// A tree of one leaf is as large as its entries need, so that many small trees are cheap.
// Source: Bayer, Unterauer, "Prefix B-trees" (1977) for short separators; order statistics as in
// Knuth 6.2.4.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/dataflow/order_entries.h"

namespace tremula::dataflow {

class OrderTree {
 public:
  static constexpr std::size_t kInlineKeyBytes = 20;

  struct Leaf;
  // A place in the tree, or its end.  Borrowed: valid until the next insert, erase or clear.
  class Cursor {
   public:
    Cursor() = default;
    bool valid() const { return leaf_ != nullptr; }
    std::string_view key() const;
    RowId row() const;
    void next();
    void previous();  // before the first: invalid

   private:
    friend class OrderTree;
    Cursor(const Leaf* leaf, std::uint32_t at) : leaf_(leaf), at_(at) {}
    const Leaf* leaf_ = nullptr;
    std::uint32_t at_ = 0;
  };

  OrderTree();
  ~OrderTree();
  OrderTree(OrderTree&& other) noexcept;
  OrderTree& operator=(OrderTree&& other) noexcept;

  // `rank`: is told how many entries stand before it.
  // Returns: false if the entry was there already / was not there.  Cost: O(log n).
  bool insert(std::string_view key, RowId row, std::size_t* rank = nullptr);
  bool erase(std::string_view key, RowId row, std::size_t* rank = nullptr);
  // Replaces the contents.  Requires: sorted, unique.  Cost: O(n).
  void build(const OrderEntries& sorted);
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
  struct Entry;
  struct Probe;
  struct Inner;
  struct Slot;
  struct Path;
  struct Checked;

  static int compare(const Entry& entry, const Probe& probe);
  static bool is_same(const Entry& entry, const Probe& probe);
  // entry < probe, or entry <= probe.
  template <bool kOrEqual>
  static bool before(const Entry& entry, const Probe& probe);
  // How many of the sorted entries stand before the probe (or at it).
  template <bool kOrEqual>
  static std::uint32_t count_before(const Entry* entries, std::uint32_t count, const Probe& probe);

  Entry make_entry(std::string_view key, RowId row);
  Entry make_separator(const Entry& left, const Entry& right);
  void free_entry(const Entry& entry);
  Leaf* new_leaf(std::uint32_t capacity);
  void free_leaf(Leaf* leaf);
  Inner* new_inner();
  void free_inner(Inner* inner);
  void free_subtree(void* node, unsigned height);

  Leaf* descend(const Probe& probe) const;
  Leaf* descend(const Probe& probe, Path& path) const;
  Leaf* edge_leaf(bool last) const;
  void grow_root_leaf();
  void insert_splitting(Leaf* leaf, std::uint32_t at, const Entry& entry, Path& path);
  void insert_child(Path& path, Slot slot);
  void mend_leaf(Path& path);
  void mend_inner(Path& path, unsigned depth);
  void build_inner_level(std::vector<Slot>& level);
  Checked check_node(const void* node, unsigned height) const;

  void* root_ = nullptr;  // a Leaf at height 0, else an Inner
  unsigned height_ = 0;   // levels of inner nodes
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tremula::dataflow
