#include "core/dataflow/order_entries.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tremula::dataflow {
namespace {

constexpr std::size_t kRadixMin = 128;  // fewer entries are sorted by comparing
constexpr std::size_t kKeptMax = 256;   // entries whose memory clear() keeps

}  // namespace

void OrderEntries::add(std::string_view key, RowId row) {
  entries_.push_back(
      {key_word(key, 0), bytes_.size(), static_cast<std::uint32_t>(key.size()), row});
  bytes_.insert(bytes_.end(), key.begin(), key.end());
}

void OrderEntries::reserve(std::size_t entries, std::size_t key_bytes) {
  entries_.reserve(entries);
  bytes_.reserve(key_bytes);
}

void OrderEntries::clear() {
  if (entries_.capacity() > kKeptMax || bytes_.capacity() > kKeptMax * sizeof(Entry)) {
    *this = {};
    return;
  }
  entries_.clear();
  bytes_.clear();
}

bool OrderEntries::is_below(const Entry& a, const Entry& b) const {
  if (a.head != b.head) return a.head < b.head;
  return is_entry_below(key_of(a), a.row, key_of(b), b.row);
}

void OrderEntries::sort() {
  const auto below = [this](const Entry& a, const Entry& b) { return is_below(a, b); };
  if (std::is_sorted(entries_.begin(), entries_.end(), below)) return;
  if (entries_.size() < kRadixMin) {
    std::sort(entries_.begin(), entries_.end(), below);
    return;
  }
  sort_by_heads();
  for (auto begin = entries_.begin(); begin != entries_.end();) {
    auto end = begin + 1;
    while (end != entries_.end() && end->head == begin->head) ++end;
    if (end - begin > 1) std::sort(begin, end, below);
    begin = end;
  }
}

// By radix from the lowest byte up. The bytes in which no two differ, often most, are passed over.
void OrderEntries::sort_by_heads() {
  constexpr unsigned kBytes = 8;
  std::array<std::array<std::uint32_t, 256>, kBytes> counts = {};
  for (const Entry& entry : entries_)
    for (unsigned b = 0; b < kBytes; ++b) ++counts[b][entry.head >> (8 * b) & 0xFF];
  std::vector<Entry> other(entries_.size());
  for (unsigned b = 0; b < kBytes; ++b) {
    std::array<std::uint32_t, 256>& places = counts[b];
    if (places[entries_[0].head >> (8 * b) & 0xFF] == entries_.size()) continue;
    std::uint32_t before = 0;
    for (std::uint32_t& place : places) before += std::exchange(place, before);
    for (const Entry& entry : entries_) other[places[entry.head >> (8 * b) & 0xFF]++] = entry;
    entries_.swap(other);
  }
}

}  // namespace tremula::dataflow
