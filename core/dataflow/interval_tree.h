// IntervalTree: which of many intervals hold a point. Points and bounds are encoded values
// (key_encoding.h), compared as bytes.
//
//                 [d, g) widest k            ordered by lower, then by upper bound; `widest`: the
//                /               \           greatest upper bound of the node and all below it
//     [b, k) widest k        [e, f) widest h
//                                     \      stab(j): right of d nothing reaches j, left of it
//                              [e, h) ...    [b, k) does
//
// After "Interval trees" in Cormen, Leiserson, Rivest, Stein, Introduction to Algorithms; balanced
// as a treap, whose priorities are hashes of the nodes' numbers.
// Invariants, tested by check_invariants():
//   1  nodes are sorted by interval, each interval has one node, and each node an item at least.
//   2  `widest` is what it says.
//   3  no node has a greater priority than its parent, so that a path is O(log n) long.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::dataflow {

class CoreInstance;

// The points from `lower` on that stand below `upper`.
struct Interval {
  std::string lower;
  std::string upper;

  bool empty() const { return lower >= upper; }
  bool holds(std::string_view point) const { return lower <= point && point < upper; }
  auto operator<=>(const Interval&) const = default;
};

class IntervalTree {
 public:
  // Requires: the interval is not empty.  Cost: O(log n).
  void insert(Interval interval, CoreInstance* item);
  // Requires: the item was inserted with this interval.  Cost: O(log n + items of the interval).
  void erase(const Interval& interval, const CoreInstance* item);
  bool empty() const { return root_ == kNone; }

  // Calls visit(interval, item) for the items whose interval holds `point`, in order.
  // Cost: O((1 + intervals found) * log n).
  template <typename Visitor>
  void stab(std::string_view point, Visitor&& visit) const {
    stab_below(root_, point, visit);
  }

  std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  using Number = std::uint32_t;
  static constexpr Number kNone = ~Number{0};

  struct Node {
    Interval interval;
    std::vector<CoreInstance*> items;
    Number left = kNone;  // of a free node: the next free one
    Number right = kNone;
    Number widest = kNone;  // the node that has it
  };

  template <typename Visitor>
  void stab_below(Number at, std::string_view point, Visitor& visit) const {
    while (at != kNone) {
      const Node& node = nodes_[at];
      if (node.interval.lower.compare(point) > 0) {
        at = node.left;
        continue;
      }
      if (widest(at).compare(point) <= 0) return;
      stab_below(node.left, point, visit);
      if (node.interval.upper.compare(point) > 0)
        for (CoreInstance* item : node.items) visit(node.interval, item);
      at = node.right;
    }
  }
  std::string_view widest(Number at) const { return nodes_[nodes_[at].widest].interval.upper; }
  Number find(const Interval& interval) const;
  Number make(Interval interval);
  void update(Number at);
  // Cuts a subtree at an interval that it doesn't hold.
  void split(Number at, const Interval& interval, Number& left, Number& right);
  Number merge(Number left, Number right);
  Number insert_below(Number at, Number made);
  Number erase_below(Number at, const Interval& interval);
  std::size_t check_below(Number at) const;

  std::vector<Node> nodes_;
  Number root_ = kNone;
  Number free_ = kNone;
};

}  // namespace tremula::dataflow
