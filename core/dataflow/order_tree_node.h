// The nodes of an OrderTree and how entries compare. For order_tree.cpp alone.
//
//   entry  key (<= 20 bytes, zero padded)                     | size | row
//          first 12 bytes of a longer key | pointer to all of it | size | row
//
//   leaf   previous | next | count | capacity | entries, as many as the capacity says
//   inner  count | entries below each child | children | separators (the first: not in use)
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/dataflow/order_tree.h"

namespace tremula::dataflow {

inline constexpr std::uint32_t kRootLeafMin = 4;
inline constexpr std::uint32_t kLeafCapacity = 64;
inline constexpr std::uint32_t kInnerCapacity = 32;
inline constexpr std::uint32_t kLeafMin = kLeafCapacity / 4;
inline constexpr std::uint32_t kInnerMin = kInnerCapacity / 4;
inline constexpr std::uint32_t kBuildFill = kLeafCapacity * 7 / 8;
// 2^32 entries in nodes a quarter full: 16 * 8^k.
inline constexpr unsigned kHeightMax = 12;
// Of a longer key the entry holds this much of the beginning, then a pointer to all of it.
inline constexpr std::size_t kLongPrefixBytes = OrderTree::kInlineKeyBytes - sizeof(char*);

inline std::uint64_t load_big_endian(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

inline std::uint32_t load_big_endian_32(const char* bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap32(word);
  return word;
}

// Inline bytes are padded with zeros, so that words compare as bytes do: a shorter key that is the
// beginning of a longer one pads to no more than it, and equal words are decided by the size.
struct OrderTree::Entry {
  char bytes[kInlineKeyBytes];
  std::uint32_t size;
  RowId row;

  bool is_long() const { return size > kInlineKeyBytes; }
  char* block() const {
    char* pointer = nullptr;
    std::memcpy(&pointer, bytes + kLongPrefixBytes, sizeof pointer);
    return pointer;
  }
  std::string_view key() const { return {is_long() ? block() : bytes, size}; }
};

struct OrderTree::Probe {
  std::string_view key;
  RowId row;
  std::uint64_t head = 0;
  std::uint64_t middle = 0;
  std::uint32_t tail = 0;

  Probe(std::string_view key_bytes, RowId row_id) : key(key_bytes), row(row_id) {
    char padded[kInlineKeyBytes] = {};
    key.copy(padded, kInlineKeyBytes);
    head = load_big_endian(padded);
    middle = load_big_endian(padded + 8);
    tail = load_big_endian_32(padded + 16);
  }
};

struct alignas(8) OrderTree::Leaf {
  Leaf* previous = nullptr;
  Leaf* next = nullptr;
  std::uint32_t count = 0;
  std::uint32_t capacity = 0;

  Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
  const Entry* entries() const { return reinterpret_cast<const Entry*>(this + 1); }
  static std::size_t bytes(std::uint32_t capacity) {
    return sizeof(Leaf) + capacity * sizeof(Entry);
  }
  void insert(std::uint32_t at, const Entry& entry) {
    std::memmove(entries() + at + 1, entries() + at, (count - at) * sizeof(Entry));
    entries()[at] = entry;
    ++count;
  }
  void erase(std::uint32_t at) {
    --count;
    std::memmove(entries() + at, entries() + at + 1, (count - at) * sizeof(Entry));
  }
};

// A child as its parent knows it.
struct OrderTree::Slot {
  void* child;
  std::uint32_t entries;
  Entry separator;  // of the first child of a node: not in use
};

struct OrderTree::Inner {
  std::uint32_t count = 0;
  std::uint32_t entries[kInnerCapacity];
  void* child[kInnerCapacity];
  Entry separator[kInnerCapacity];

  Slot slot(std::uint32_t at) const { return {child[at], entries[at], separator[at]}; }
  void set(std::uint32_t at, const Slot& slot) {
    child[at] = slot.child;
    entries[at] = slot.entries;
    separator[at] = slot.separator;
  }
  void insert(std::uint32_t at, const Slot& slot) {
    const std::uint32_t behind = count - at;
    std::memmove(entries + at + 1, entries + at, behind * sizeof(entries[0]));
    std::memmove(child + at + 1, child + at, behind * sizeof(child[0]));
    std::memmove(separator + at + 1, separator + at, behind * sizeof(separator[0]));
    set(at, slot);
    ++count;
  }
  void erase(std::uint32_t at) {
    --count;
    const std::uint32_t behind = count - at;
    std::memmove(entries + at, entries + at + 1, behind * sizeof(entries[0]));
    std::memmove(child + at, child + at + 1, behind * sizeof(child[0]));
    std::memmove(separator + at, separator + at + 1, behind * sizeof(separator[0]));
  }
  std::uint32_t sum(std::uint32_t end) const {
    std::uint32_t total = 0;
    for (std::uint32_t i = 0; i < end; ++i) total += entries[i];
    return total;
  }
};

// The inner nodes from the root down, each with the child that was taken.
struct OrderTree::Path {
  struct Step {
    Inner* node;
    std::uint32_t at;
  };
  std::array<Step, kHeightMax> steps;

  // How many entries stand in nodes before the path.
  std::size_t entries_before(unsigned height) const {
    std::size_t entries = 0;
    for (unsigned depth = 0; depth < height; ++depth)
      entries += steps[depth].node->sum(steps[depth].at);
    return entries;
  }
};

inline int OrderTree::compare(const Entry& entry, const Probe& probe) {
  if (const int order = entry.key().compare(probe.key); order != 0) return order;
  if (entry.row != probe.row) return entry.row < probe.row ? -1 : 1;
  return 0;
}

inline bool OrderTree::is_same(const Entry& entry, const Probe& probe) {
  return entry.row == probe.row && entry.key() == probe.key;
}

template <bool kOrEqual>
inline bool OrderTree::before(const Entry& entry, const Probe& probe) {
  const std::uint64_t head = load_big_endian(entry.bytes);
  if (head != probe.head) return head < probe.head;
  if (entry.is_long() || probe.key.size() > kInlineKeyBytes) {
    const int order = compare(entry, probe);
    return kOrEqual ? order <= 0 : order < 0;
  }
  const std::uint64_t middle = load_big_endian(entry.bytes + 8);
  if (middle != probe.middle) return middle < probe.middle;
  const std::uint32_t tail = load_big_endian_32(entry.bytes + 16);
  if (tail != probe.tail) return tail < probe.tail;
  if (entry.size != probe.key.size()) return entry.size < probe.key.size();
  return kOrEqual ? entry.row <= probe.row : entry.row < probe.row;
}

template <bool kOrEqual>
inline std::uint32_t OrderTree::count_before(const Entry* entries, std::uint32_t count,
                                             const Probe& probe) {
  const Entry* base = entries;
  std::uint32_t left = count;
  while (left > 0) {
    const std::uint32_t half = left / 2;
    if (before<kOrEqual>(base[half], probe)) {
      base += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return static_cast<std::uint32_t>(base - entries);
}

}  // namespace tremula::dataflow
