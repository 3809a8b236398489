#include "core/dataflow/interval_tree.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "core/base/flat_map.h"

namespace tremula::dataflow {

namespace {

std::uint64_t priority(std::uint32_t number) { return base::hash_int(number); }

}  // namespace

KeptInterval::KeptInterval(const Interval& interval)
    : lower_(static_cast<std::uint32_t>(interval.lower.size())),
      upper_(static_cast<std::uint32_t>(interval.upper.size())) {
  if (is_outside()) outside_ = new char[size()];
  char* to = is_outside() ? outside_ : inside_;
  interval.lower.copy(to, lower_);
  interval.upper.copy(to + lower_, upper_);
}

void KeptInterval::swap(KeptInterval& other) noexcept {
  char bytes[kInsideMax];  // or a pointer
  std::memcpy(bytes, inside_, kInsideMax);
  std::memcpy(inside_, other.inside_, kInsideMax);
  std::memcpy(other.inside_, bytes, kInsideMax);
  std::swap(lower_, other.lower_);
  std::swap(upper_, other.upper_);
}

IntervalTree::Number IntervalTree::add(const Interval& interval) {
  TREMULA_ASSERT(!interval.empty());
  Number at = find(interval);
  if (at == kNone) {
    at = make(interval);
    root_ = insert_below(root_, at);
  }
  return at;
}

void IntervalTree::erase(Number at) {
  TREMULA_ASSERT(nodes_[at].items == kNone);
  root_ = erase_below(root_, nodes_[at].interval.view());
  nodes_.free(at);
}

IntervalTree::Number IntervalTree::find(const IntervalView& interval) const {
  Number at = root_;
  while (at != kNone) {
    const Node& node = nodes_[at];
    const auto order = interval <=> node.interval.view();
    if (order == 0) break;
    at = order < 0 ? node.left : node.right;
  }
  return at;
}

IntervalTree::Number IntervalTree::make(const Interval& interval) {
  const Number made = nodes_.make();
  nodes_[made].interval = KeptInterval(interval);
  nodes_[made].widest = made;
  return made;
}

void IntervalTree::update(Number at) {
  Node& node = nodes_[at];
  node.widest = at;
  for (const Number child : {node.left, node.right})
    if (child != kNone && widest(child) > widest(at)) node.widest = nodes_[child].widest;
}

void IntervalTree::split(Number at, const IntervalView& interval, Number& left, Number& right) {
  if (at == kNone) {
    left = right = kNone;
    return;
  }
  Node& node = nodes_[at];
  if (node.interval.view() < interval) {
    split(node.right, interval, node.right, right);
    left = at;
  } else {
    split(node.left, interval, left, node.left);
    right = at;
  }
  update(at);
}

IntervalTree::Number IntervalTree::merge(Number left, Number right) {
  if (left == kNone) return right;
  if (right == kNone) return left;
  const bool left_above = priority(left) > priority(right);
  const Number top = left_above ? left : right;
  if (left_above)
    nodes_[top].right = merge(nodes_[left].right, right);
  else
    nodes_[top].left = merge(left, nodes_[right].left);
  update(top);
  return top;
}

IntervalTree::Number IntervalTree::insert_below(Number at, Number made) {
  if (at == kNone) return made;
  Node& node = nodes_[at];
  if (priority(made) > priority(at)) {
    Node& top = nodes_[made];
    split(at, top.interval.view(), top.left, top.right);
    update(made);
    return made;
  }
  Number& child = nodes_[made].interval.view() < node.interval.view() ? node.left : node.right;
  child = insert_below(child, made);
  update(at);
  return at;
}

IntervalTree::Number IntervalTree::erase_below(Number at, const IntervalView& interval) {
  Node& node = nodes_[at];
  const auto order = interval <=> node.interval.view();
  if (order == 0) return merge(node.left, node.right);
  Number& child = order < 0 ? node.left : node.right;
  child = erase_below(child, interval);
  update(at);
  return at;
}

std::size_t IntervalTree::memory_bytes() const {
  std::size_t bytes = nodes_.memory_bytes();
  nodes_.for_each([&bytes](const Node& node) { bytes += node.interval.memory_bytes(); });
  return bytes;
}

void IntervalTree::check_invariants() const { TREMULA_ASSERT(check_below(root_) == nodes_.size()); }

// Returns: how many nodes there are.
std::size_t IntervalTree::check_below(Number at) const {
  if (at == kNone) return 0;
  const Node& node = nodes_[at];
  TREMULA_ASSERT(node.interval.lower() < node.interval.upper());
  std::string_view greatest = node.interval.upper();
  for (const Number child : {node.left, node.right}) {
    if (child == kNone) continue;
    TREMULA_ASSERT(priority(child) < priority(at));
    TREMULA_ASSERT((nodes_[child].interval.view() < node.interval.view()) == (child == node.left));
    greatest = std::max(greatest, widest(child));
  }
  TREMULA_ASSERT(widest(at) == greatest);
  // The neighbours in order are the ends of the paths below, where a misplaced node would stand.
  Number before = node.left;
  while (before != kNone && nodes_[before].right != kNone) before = nodes_[before].right;
  Number after = node.right;
  while (after != kNone && nodes_[after].left != kNone) after = nodes_[after].left;
  TREMULA_ASSERT(before == kNone || nodes_[before].interval.view() < node.interval.view());
  TREMULA_ASSERT(after == kNone || node.interval.view() < nodes_[after].interval.view());
  return 1 + check_below(node.left) + check_below(node.right);
}

}  // namespace tremula::dataflow
