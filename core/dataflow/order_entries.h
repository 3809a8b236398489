// OrderEntries: the entries of an order on their way into it: gathered, then sorted once.
//
//   entries  [ first bytes of the key as a number | begin | size | row ] ...
//   bytes    keys, one behind the other
//
// An order is made of all rows of an instance, so what one costs here is most of a first result:
// nothing is allocated for a row, and the numbers decide without a look at the bytes.
// Thread: one at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace tremula::dataflow {

using RowId = std::uint32_t;

// The eight bytes of a key from `begin` on as a number that orders as they do; what is missing is
// zero.
inline std::uint64_t key_word(std::string_view key, std::size_t begin) {
  std::uint64_t word = 0;
  if (begin + 8 <= key.size()) {
    std::memcpy(&word, key.data() + begin, 8);
  } else if (begin < key.size()) {
    std::memcpy(&word, key.data() + begin, key.size() - begin);
  }
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

// The order of (key, row).
inline bool is_entry_below(std::string_view a, RowId a_row, std::string_view b, RowId b_row) {
  const int order = a.compare(b);
  return order != 0 ? order < 0 : a_row < b_row;
}

class OrderEntries {
 public:
  void add(std::string_view key, RowId row);
  void reserve(std::size_t entries, std::size_t key_bytes);
  void clear();  // gives back what is large
  // Brings them into the order of (key, row).  Cost: O(n) where the first eight bytes tell most
  // keys apart, else O(n log n).
  void sort();

  std::size_t size() const { return entries_.size(); }
  // Borrowed: until the next change.
  std::string_view key(std::size_t at) const { return key_of(entries_[at]); }
  RowId row(std::size_t at) const { return entries_[at].row; }

 private:
  struct Entry {
    std::uint64_t head;
    std::uint64_t begin;
    std::uint32_t size;
    RowId row;
  };
  std::string_view key_of(const Entry& entry) const {
    return {bytes_.data() + entry.begin, entry.size};
  }
  bool is_below(const Entry& a, const Entry& b) const;
  void sort_by_heads();

  std::vector<Entry> entries_;
  std::vector<char> bytes_;
};

}  // namespace tremula::dataflow
