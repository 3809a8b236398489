#include "core/dataflow/order_tree.h"

#include <new>
#include <utility>

#include "core/base/check.h"
#include "core/dataflow/order_tree_node.h"

namespace tremula::dataflow {

OrderTree::Entry OrderTree::make_entry(std::string_view key, RowId row) {
  Entry entry = {};
  entry.size = static_cast<std::uint32_t>(key.size());
  entry.row = row;
  TREMULA_ASSERT(entry.size == key.size());
  if (!entry.is_long()) {
    key.copy(entry.bytes, key.size());
    return entry;
  }
  char* block = new char[key.size()];
  key.copy(block, key.size());
  bytes_ += key.size();
  key.copy(entry.bytes, kLongPrefixBytes);
  std::memcpy(entry.bytes + kLongPrefixBytes, &block, sizeof block);
  return entry;
}

// Above `left`, not above `right`: as much of right's key as tells it from left's.
OrderTree::Entry OrderTree::make_separator(const Entry& left, const Entry& right) {
  const std::string_view a = left.key();
  const std::string_view b = right.key();
  if (a == b) return make_entry(b, right.row);
  std::size_t common = 0;
  while (common < a.size() && common < b.size() && a[common] == b[common]) ++common;
  return make_entry(b.substr(0, common + 1), 0);
}

void OrderTree::free_entry(const Entry& entry) {
  if (!entry.is_long()) return;
  bytes_ -= entry.size;
  delete[] entry.block();
}

OrderTree::Leaf* OrderTree::new_leaf(std::uint32_t capacity) {
  Leaf* leaf = new (::operator new(Leaf::bytes(capacity))) Leaf;
  leaf->capacity = capacity;
  bytes_ += Leaf::bytes(capacity);
  return leaf;
}

void OrderTree::free_leaf(Leaf* leaf) {
  bytes_ -= Leaf::bytes(leaf->capacity);
  ::operator delete(leaf);
}

OrderTree::Inner* OrderTree::new_inner() {
  bytes_ += sizeof(Inner);
  return new Inner;
}

void OrderTree::free_inner(Inner* inner) {
  bytes_ -= sizeof(Inner);
  delete inner;
}

void OrderTree::free_subtree(void* node, unsigned height) {
  if (height == 0) {
    Leaf* leaf = static_cast<Leaf*>(node);
    for (std::uint32_t i = 0; i < leaf->count; ++i) free_entry(leaf->entries()[i]);
    free_leaf(leaf);
    return;
  }
  Inner* inner = static_cast<Inner*>(node);
  for (std::uint32_t i = 0; i < inner->count; ++i) {
    if (i > 0) free_entry(inner->separator[i]);
    free_subtree(inner->child[i], height - 1);
  }
  free_inner(inner);
}

OrderTree::OrderTree() = default;

OrderTree::~OrderTree() { clear(); }

OrderTree::OrderTree(OrderTree&& other) noexcept
    : root_(std::exchange(other.root_, nullptr)),
      height_(std::exchange(other.height_, 0)),
      size_(std::exchange(other.size_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {}

OrderTree& OrderTree::operator=(OrderTree&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(height_, other.height_);
  std::swap(size_, other.size_);
  std::swap(bytes_, other.bytes_);
  other.clear();
  return *this;
}

void OrderTree::clear() {
  if (root_ != nullptr) free_subtree(root_, height_);
  root_ = nullptr;
  height_ = 0;
  size_ = 0;
  TREMULA_ASSERT(bytes_ == 0);
}

std::size_t OrderTree::size() const { return size_; }

std::size_t OrderTree::memory_bytes() const { return sizeof(OrderTree) + bytes_; }

OrderTree::Leaf* OrderTree::descend(const Probe& probe) const {
  void* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    Inner* inner = static_cast<Inner*>(node);
    node = inner->child[count_before<true>(inner->separator + 1, inner->count - 1, probe)];
  }
  return static_cast<Leaf*>(node);
}

OrderTree::Leaf* OrderTree::descend(const Probe& probe, Path& path) const {
  void* node = root_;
  for (unsigned depth = 0; depth < height_; ++depth) {
    Inner* inner = static_cast<Inner*>(node);
    const auto at = count_before<true>(inner->separator + 1, inner->count - 1, probe);
    path.steps[depth] = {inner, at};
    node = inner->child[at];
  }
  return static_cast<Leaf*>(node);
}

OrderTree::Leaf* OrderTree::edge_leaf(bool last) const {
  void* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    Inner* inner = static_cast<Inner*>(node);
    node = inner->child[last ? inner->count - 1 : 0];
  }
  return static_cast<Leaf*>(node);
}

void OrderTree::grow_root_leaf() {
  Leaf* old = static_cast<Leaf*>(root_);
  Leaf* leaf = new_leaf(std::min(old->capacity * 2, kLeafCapacity));
  leaf->count = old->count;
  std::memcpy(leaf->entries(), old->entries(), old->count * sizeof(Entry));
  free_leaf(old);
  root_ = leaf;
}

bool OrderTree::insert(std::string_view key, RowId row, std::size_t* rank) {
  if (root_ == nullptr) root_ = new_leaf(kRootLeafMin);
  const Probe probe(key, row);
  Path path;
  Leaf* leaf = descend(probe, path);
  const std::uint32_t at = count_before<false>(leaf->entries(), leaf->count, probe);
  if (at < leaf->count && is_same(leaf->entries()[at], probe)) return false;
  const Entry entry = make_entry(key, row);
  if (rank != nullptr) *rank = path.entries_before(height_) + at;
  for (unsigned depth = 0; depth < height_; ++depth) {
    ++path.steps[depth].node->entries[path.steps[depth].at];
  }
  ++size_;
  if (leaf->count == leaf->capacity && leaf->capacity < kLeafCapacity) {
    grow_root_leaf();
    leaf = static_cast<Leaf*>(root_);
  }
  if (leaf->count < leaf->capacity) {
    leaf->insert(at, entry);
  } else {
    insert_splitting(leaf, at, entry, path);
  }
  return true;
}

void OrderTree::insert_splitting(Leaf* leaf, std::uint32_t at, const Entry& entry, Path& path) {
  // Keys that keep coming at one end of the tree (times do) leave full leaves behind.
  std::uint32_t keep = kLeafCapacity / 2;
  if (at == leaf->count && leaf->next == nullptr) keep = kLeafCapacity - kLeafMin;
  if (at == 0 && leaf->previous == nullptr) keep = kLeafMin;
  Leaf* right = new_leaf(kLeafCapacity);
  right->count = leaf->count - keep;
  std::memcpy(right->entries(), leaf->entries() + keep, right->count * sizeof(Entry));
  leaf->count = keep;
  right->previous = leaf;
  right->next = leaf->next;
  if (right->next != nullptr) right->next->previous = right;
  leaf->next = right;
  if (at <= keep) {
    leaf->insert(at, entry);
  } else {
    right->insert(at - keep, entry);
  }
  insert_child(path, {right, right->count,
                      make_separator(leaf->entries()[leaf->count - 1], right->entries()[0])});
}

// Puts a node that was split off behind the one at the path's end.
void OrderTree::insert_child(Path& path, Slot slot) {
  for (unsigned depth = height_; depth-- > 0;) {
    auto [node, at] = path.steps[depth];
    node->entries[at] -= slot.entries;
    ++at;
    if (node->count < kInnerCapacity) return node->insert(at, slot);
    std::uint32_t keep = kInnerCapacity / 2;
    if (at == node->count) keep = kInnerCapacity - kInnerMin;
    if (at == 1) keep = kInnerMin;
    Inner* right = new_inner();
    for (std::uint32_t i = keep; i < node->count; ++i) right->set(i - keep, node->slot(i));
    right->count = node->count - keep;
    node->count = keep;
    if (at <= keep) {
      node->insert(at, slot);
    } else {
      right->insert(at - keep, slot);
    }
    slot = {right, right->sum(right->count), right->separator[0]};
  }
  TREMULA_ASSERT(height_ < kHeightMax && size_ <= 0xFFFF'FFFF);
  Inner* root = new_inner();
  root->insert(0, {root_, static_cast<std::uint32_t>(size_) - slot.entries, Entry{}});
  root->insert(1, slot);
  root_ = root;
  ++height_;
}

bool OrderTree::erase(std::string_view key, RowId row, std::size_t* rank) {
  if (root_ == nullptr) return false;
  const Probe probe(key, row);
  Path path;
  Leaf* leaf = descend(probe, path);
  const std::uint32_t at = count_before<false>(leaf->entries(), leaf->count, probe);
  if (at == leaf->count || !is_same(leaf->entries()[at], probe)) return false;
  if (rank != nullptr) *rank = path.entries_before(height_) + at;
  free_entry(leaf->entries()[at]);
  leaf->erase(at);
  for (unsigned depth = 0; depth < height_; ++depth) {
    --path.steps[depth].node->entries[path.steps[depth].at];
  }
  --size_;
  if (height_ > 0 && leaf->count < kLeafMin) mend_leaf(path);
  return true;
}

// The leaf at the path's end has too few entries: joins it with a neighbour, or shares with it.
void OrderTree::mend_leaf(Path& path) {
  auto [parent, at] = path.steps[height_ - 1];
  const std::uint32_t second = at > 0 ? at : 1;
  Leaf* left = static_cast<Leaf*>(parent->child[second - 1]);
  Leaf* right = static_cast<Leaf*>(parent->child[second]);
  const std::uint32_t total = left->count + right->count;
  free_entry(parent->separator[second]);
  if (total <= kLeafCapacity * 3 / 4) {
    std::memcpy(left->entries() + left->count, right->entries(), right->count * sizeof(Entry));
    left->count = total;
    left->next = right->next;
    if (left->next != nullptr) left->next->previous = left;
    free_leaf(right);
    parent->erase(second);
    parent->entries[second - 1] = total;
    return mend_inner(path, height_ - 1);
  }
  const std::uint32_t keep = total / 2;
  if (left->count > keep) {
    const std::uint32_t moved = left->count - keep;
    std::memmove(right->entries() + moved, right->entries(), right->count * sizeof(Entry));
    std::memcpy(right->entries(), left->entries() + keep, moved * sizeof(Entry));
  } else {
    const std::uint32_t moved = keep - left->count;
    std::memcpy(left->entries() + left->count, right->entries(), moved * sizeof(Entry));
    std::memmove(right->entries(), right->entries() + moved, (total - keep) * sizeof(Entry));
  }
  left->count = keep;
  right->count = total - keep;
  parent->entries[second - 1] = left->count;
  parent->entries[second] = right->count;
  parent->separator[second] = make_separator(left->entries()[keep - 1], right->entries()[0]);
}

// The same for the inner node of the path at `depth`, if it has too few children.
void OrderTree::mend_inner(Path& path, unsigned depth) {
  Inner* node = path.steps[depth].node;
  if (depth == 0) {
    if (node->count > 1) return;
    root_ = node->child[0];
    --height_;
    return free_inner(node);
  }
  if (node->count >= kInnerMin) return;
  auto [parent, at] = path.steps[depth - 1];
  const std::uint32_t second = at > 0 ? at : 1;
  Inner* left = static_cast<Inner*>(parent->child[second - 1]);
  Inner* right = static_cast<Inner*>(parent->child[second]);
  right->separator[0] = parent->separator[second];
  std::array<Slot, 2 * kInnerCapacity> slots;
  const std::uint32_t total = left->count + right->count;
  for (std::uint32_t i = 0; i < left->count; ++i) slots[i] = left->slot(i);
  for (std::uint32_t i = 0; i < right->count; ++i) slots[left->count + i] = right->slot(i);
  const bool join = total <= kInnerCapacity * 3 / 4;
  left->count = join ? total : total / 2;
  right->count = total - left->count;
  for (std::uint32_t i = 0; i < left->count; ++i) left->set(i, slots[i]);
  for (std::uint32_t i = 0; i < right->count; ++i) right->set(i, slots[left->count + i]);
  parent->entries[second - 1] = left->sum(left->count);
  if (join) {
    free_inner(right);
    parent->erase(second);
    return mend_inner(path, depth - 1);
  }
  parent->entries[second] = right->sum(right->count);
  parent->separator[second] = right->separator[0];
}

// Gathers the nodes of a level under parents, all about equally full.
void OrderTree::build_inner_level(std::vector<Slot>& level) {
  const std::size_t parents = (level.size() + kInnerCapacity - 1) / kInnerCapacity;
  std::vector<Slot> above;
  above.reserve(parents);
  for (std::size_t parent = 0; parent < parents; ++parent) {
    const std::size_t begin = level.size() * parent / parents;
    const std::size_t end = level.size() * (parent + 1) / parents;
    Inner* inner = new_inner();
    for (std::size_t i = begin; i < end; ++i) inner->insert(inner->count, level[i]);
    above.push_back({inner, inner->sum(inner->count), inner->separator[0]});
  }
  level = std::move(above);
  ++height_;
}

void OrderTree::build(const OrderEntries& sorted) {
  clear();
  if (sorted.size() == 0) return;
  TREMULA_ASSERT(sorted.size() <= 0xFFFF'FFFF);
  const std::size_t leaves =
      sorted.size() <= kLeafCapacity ? 1 : (sorted.size() + kBuildFill - 1) / kBuildFill;
  std::vector<Slot> level;
  level.reserve(leaves);
  Leaf* previous = nullptr;
  for (std::size_t i = 0; i < leaves; ++i) {
    const std::size_t begin = sorted.size() * i / leaves;
    const std::size_t end = sorted.size() * (i + 1) / leaves;
    Leaf* leaf =
        new_leaf(leaves > 1 ? kLeafCapacity
                            : std::max(kRootLeafMin,
                                       std::bit_ceil(static_cast<std::uint32_t>(sorted.size()))));
    for (std::size_t at = begin; at < end; ++at) {
      leaf->entries()[leaf->count++] = make_entry(sorted.key(at), sorted.row(at));
    }
    leaf->previous = previous;
    Entry separator = {};
    if (previous != nullptr) {
      previous->next = leaf;
      separator = make_separator(previous->entries()[previous->count - 1], leaf->entries()[0]);
    }
    level.push_back({leaf, leaf->count, separator});
    previous = leaf;
  }
  while (level.size() > 1) build_inner_level(level);
  root_ = level[0].child;
  size_ = sorted.size();
}

OrderTree::Cursor OrderTree::lower_bound(std::string_view key, RowId row) const {
  if (size_ == 0) return {};
  const Probe probe(key, row);
  const Leaf* leaf = descend(probe);
  const std::uint32_t at = count_before<false>(leaf->entries(), leaf->count, probe);
  if (at < leaf->count) return {leaf, at};
  return {leaf->next, 0};
}

OrderTree::Cursor OrderTree::begin() const {
  return size_ == 0 ? Cursor() : Cursor(edge_leaf(false), 0);
}

OrderTree::Cursor OrderTree::last() const {
  if (size_ == 0) return {};
  const Leaf* leaf = edge_leaf(true);
  return {leaf, leaf->count - 1};
}

OrderTree::Cursor OrderTree::select(std::size_t index) const {
  if (index >= size_) return {};
  auto left = static_cast<std::uint32_t>(index);
  const void* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    const Inner* inner = static_cast<const Inner*>(node);
    std::uint32_t at = 0;
    while (left >= inner->entries[at]) left -= inner->entries[at++];
    node = inner->child[at];
  }
  return {static_cast<const Leaf*>(node), left};
}

std::size_t OrderTree::rank(std::string_view key, RowId row) const {
  if (size_ == 0) return 0;
  const Probe probe(key, row);
  std::size_t rank = 0;
  const void* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    const Inner* inner = static_cast<const Inner*>(node);
    const auto at = count_before<true>(inner->separator + 1, inner->count - 1, probe);
    rank += inner->sum(at);
    node = inner->child[at];
  }
  const Leaf* leaf = static_cast<const Leaf*>(node);
  return rank + count_before<false>(leaf->entries(), leaf->count, probe);
}

std::string_view OrderTree::Cursor::key() const { return leaf_->entries()[at_].key(); }

RowId OrderTree::Cursor::row() const { return leaf_->entries()[at_].row; }

void OrderTree::Cursor::next() {
  if (++at_ < leaf_->count) return;
  leaf_ = leaf_->next;
  at_ = 0;
}

void OrderTree::Cursor::previous() {
  if (at_ > 0) {
    --at_;
    return;
  }
  leaf_ = leaf_->previous;
  at_ = leaf_ == nullptr ? 0 : leaf_->count - 1;
}

// What a walk over a subtree found out.
struct OrderTree::Checked {
  std::uint32_t entries = 0;
  std::size_t bytes = 0;
  const Leaf* first = nullptr;
  const Leaf* last = nullptr;
};

OrderTree::Checked OrderTree::check_node(const void* node, unsigned height) const {
  const auto above = [](const Entry& a, const Entry& b) {
    return compare(b, Probe(a.key(), a.row)) < 0;
  };
  const auto block_bytes = [](const Entry& entry) { return entry.is_long() ? entry.size : 0; };
  if (height == 0) {
    const Leaf* leaf = static_cast<const Leaf*>(node);
    TREMULA_ASSERT(node == root_ || leaf->count >= kLeafMin);
    TREMULA_ASSERT(leaf->count <= leaf->capacity);
    TREMULA_ASSERT(height_ == 0 || leaf->capacity == kLeafCapacity);
    Checked checked = {leaf->count, Leaf::bytes(leaf->capacity), leaf, leaf};
    for (std::uint32_t i = 0; i < leaf->count; ++i) {
      TREMULA_ASSERT(i == 0 || above(leaf->entries()[i], leaf->entries()[i - 1]));
      checked.bytes += block_bytes(leaf->entries()[i]);
    }
    return checked;
  }
  const Inner* inner = static_cast<const Inner*>(node);
  TREMULA_ASSERT(inner->count >= (node == root_ ? 2 : kInnerMin));
  TREMULA_ASSERT(inner->count <= kInnerCapacity);
  Checked checked;
  checked.bytes = sizeof(Inner);
  for (std::uint32_t i = 0; i < inner->count; ++i) {
    const Checked child = check_node(inner->child[i], height - 1);
    TREMULA_ASSERT(child.entries == inner->entries[i]);
    if (i == 0) {
      checked.first = child.first;
    } else {
      const Entry& separator = inner->separator[i];
      TREMULA_ASSERT(above(separator, checked.last->entries()[checked.last->count - 1]));
      TREMULA_ASSERT(!above(separator, child.first->entries()[0]));
      TREMULA_ASSERT(checked.last->next == child.first && child.first->previous == checked.last);
      checked.bytes += block_bytes(separator);
    }
    checked.entries += child.entries;
    checked.bytes += child.bytes;
    checked.last = child.last;
  }
  return checked;
}

void OrderTree::check_invariants() const {
  if (root_ == nullptr) {
    TREMULA_ASSERT(size_ == 0 && height_ == 0 && bytes_ == 0);
    return;
  }
  const Checked checked = check_node(root_, height_);
  TREMULA_ASSERT(checked.entries == size_);
  TREMULA_ASSERT(checked.bytes == bytes_);
  TREMULA_ASSERT(checked.first->previous == nullptr && checked.last->next == nullptr);
}

}  // namespace tremula::dataflow
