#include "core/dataflow/interval_tree.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/flat_map.h"

namespace tremula::dataflow {

namespace {

std::uint64_t priority(std::uint32_t number) { return base::hash_int(number); }

}  // namespace

IntervalTree::Number IntervalTree::add(Interval interval) {
  TREMULA_ASSERT(!interval.empty());
  Number at = find(interval);
  if (at == kNone) {
    at = make(std::move(interval));
    root_ = insert_below(root_, at);
  }
  return at;
}

void IntervalTree::erase(Number at) {
  TREMULA_ASSERT(nodes_[at].items == kNone);
  root_ = erase_below(root_, nodes_[at].interval);
  nodes_.free(at);
}

IntervalTree::Number IntervalTree::find(const Interval& interval) const {
  Number at = root_;
  while (at != kNone) {
    const Node& node = nodes_[at];
    const auto order = interval <=> node.interval;
    if (order == 0) break;
    at = order < 0 ? node.left : node.right;
  }
  return at;
}

IntervalTree::Number IntervalTree::make(Interval interval) {
  const Number made = nodes_.make();
  nodes_[made].interval = std::move(interval);
  nodes_[made].widest = made;
  return made;
}

void IntervalTree::update(Number at) {
  Node& node = nodes_[at];
  node.widest = at;
  for (const Number child : {node.left, node.right})
    if (child != kNone && widest(child) > widest(at)) node.widest = nodes_[child].widest;
}

void IntervalTree::split(Number at, const Interval& interval, Number& left, Number& right) {
  if (at == kNone) {
    left = right = kNone;
    return;
  }
  Node& node = nodes_[at];
  if (node.interval < interval) {
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
    split(at, top.interval, top.left, top.right);
    update(made);
    return made;
  }
  Number& child = nodes_[made].interval < node.interval ? node.left : node.right;
  child = insert_below(child, made);
  update(at);
  return at;
}

IntervalTree::Number IntervalTree::erase_below(Number at, const Interval& interval) {
  Node& node = nodes_[at];
  const auto order = interval <=> node.interval;
  if (order == 0) return merge(node.left, node.right);
  Number& child = order < 0 ? node.left : node.right;
  child = erase_below(child, interval);
  update(at);
  return at;
}

std::size_t IntervalTree::memory_bytes() const {
  std::size_t bytes = nodes_.memory_bytes();
  nodes_.for_each([&bytes](const Node& node) {
    for (const std::string* bound : {&node.interval.lower, &node.interval.upper})
      if (bound->capacity() >= sizeof(std::string) / 2) bytes += bound->capacity() + 1;
  });
  return bytes;
}

void IntervalTree::check_invariants() const {
  TREMULA_ASSERT(check_below(root_) == nodes_.size());
}

// Returns: how many nodes there are.
std::size_t IntervalTree::check_below(Number at) const {
  if (at == kNone) return 0;
  const Node& node = nodes_[at];
  TREMULA_ASSERT(!node.interval.empty());
  std::string_view greatest = node.interval.upper;
  for (const Number child : {node.left, node.right}) {
    if (child == kNone) continue;
    TREMULA_ASSERT(priority(child) < priority(at));
    TREMULA_ASSERT((nodes_[child].interval < node.interval) == (child == node.left));
    greatest = std::max(greatest, widest(child));
  }
  TREMULA_ASSERT(widest(at) == greatest);
  // The neighbours in order are the ends of the paths below, where a misplaced node would stand.
  Number before = node.left;
  while (before != kNone && nodes_[before].right != kNone) before = nodes_[before].right;
  Number after = node.right;
  while (after != kNone && nodes_[after].left != kNone) after = nodes_[after].left;
  TREMULA_ASSERT(before == kNone || nodes_[before].interval < node.interval);
  TREMULA_ASSERT(after == kNone || node.interval < nodes_[after].interval);
  return 1 + check_below(node.left) + check_below(node.right);
}

}  // namespace tremula::dataflow
