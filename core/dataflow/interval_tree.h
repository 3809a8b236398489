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
//   1  nodes are sorted by interval, and each interval has one node.
//   2  `widest` is what it says.
//   3  no node has a greater priority than its parent, so that a path is O(log n) long.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/dataflow/chunk_pool.h"

namespace tremula::dataflow {

// The points from `lower` on that stand below `upper`.
struct Interval {
  std::string lower;
  std::string upper;

  bool empty() const { return lower >= upper; }
  bool holds(std::string_view point) const { return lower <= point && point < upper; }
  auto operator<=>(const Interval&) const = default;
};

// An interval whose bounds stand elsewhere.
struct IntervalView {
  std::string_view lower;
  std::string_view upper;

  IntervalView(std::string_view from, std::string_view to) : lower(from), upper(to) {}
  IntervalView(const Interval& interval) : lower(interval.lower), upper(interval.upper) {}
  bool holds(std::string_view point) const { return lower <= point && point < upper; }
  auto operator<=>(const IntervalView&) const = default;
};

// An interval as a tree keeps it: short bounds, as those of numbers are, in the object itself.
class KeptInterval {
 public:
  KeptInterval() = default;
  explicit KeptInterval(const Interval& interval);
  ~KeptInterval() { forget(); }
  KeptInterval(KeptInterval&& other) noexcept { swap(other); }
  KeptInterval& operator=(KeptInterval&& other) noexcept {
    swap(other);
    return *this;
  }

  std::string_view lower() const { return {bytes(), lower_}; }
  std::string_view upper() const { return {bytes() + lower_, upper_}; }
  IntervalView view() const { return {lower(), upper()}; }
  std::size_t memory_bytes() const { return is_outside() ? size() : 0; }  // besides this object

 private:
  static constexpr std::size_t kInsideMax = 24;
  std::size_t size() const { return std::size_t{lower_} + upper_; }
  bool is_outside() const { return size() > kInsideMax; }
  const char* bytes() const { return is_outside() ? outside_ : inside_; }
  void forget() {
    if (is_outside()) delete[] outside_;
  }
  void swap(KeptInterval& other) noexcept;

  union {
    char inside_[kInsideMax] = {};
    char* outside_;
  };
  std::uint32_t lower_ = 0;  // bytes
  std::uint32_t upper_ = 0;
};

class IntervalTree {
 public:
  using Number = std::uint32_t;
  static constexpr Number kNone = ~Number{0};

  // The node of an interval, made without items if there is none.
  // Requires: the interval is not empty.  Cost: O(log n).
  Number add(const Interval& interval);
  // Requires: a node without items.  Cost: O(log n).
  void erase(Number node);
  // What is kept at a node: the user's number, kNone at first.
  Number& items(Number node) { return nodes_[node].items; }
  bool empty() const { return root_ == kNone; }

  // Calls visit(IntervalView, items) for the nodes whose interval holds `point`, in order, until it
  // returns false.
  // Returns: whether it never did.  Cost: O((1 + intervals found) * log n).
  template <typename Visitor>
  bool stab(std::string_view point, Visitor&& visit) const {
    return stab_below(root_, point, visit);
  }
  // Calls visit(items) for all nodes, in no order.
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    nodes_.for_each([&visit](const Node& node) { visit(node.items); });
  }

  std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  struct Node {
    KeptInterval interval;
    Number items = kNone;
    Number left = kNone;
    Number right = kNone;
    Number widest = kNone;  // the node that has it
  };

  template <typename Visitor>
  bool stab_below(Number at, std::string_view point, Visitor& visit) const {
    while (at != kNone) {
      const Node& node = nodes_[at];
      if (node.interval.lower().compare(point) > 0) {
        at = node.left;
        continue;
      }
      if (widest(at).compare(point) <= 0) return true;
      if (!stab_below(node.left, point, visit)) return false;
      if (node.interval.upper().compare(point) > 0 && !visit(node.interval.view(), node.items))
        return false;
      at = node.right;
    }
    return true;
  }
  std::string_view widest(Number at) const { return nodes_[nodes_[at].widest].interval.upper(); }
  Number find(const IntervalView& interval) const;
  Number make(const Interval& interval);
  void update(Number at);
  // Cuts a subtree at an interval that it doesn't hold.
  void split(Number at, const IntervalView& interval, Number& left, Number& right);
  Number merge(Number left, Number right);
  Number insert_below(Number at, Number made);
  Number erase_below(Number at, const IntervalView& interval);
  std::size_t check_below(Number at) const;

  ChunkPool<Node> nodes_;
  Number root_ = kNone;
};

}  // namespace tremula::dataflow
