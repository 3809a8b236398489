// Members: what a semi-join's child counts: how many of its rows give each key.
//
//   one short  [ mark, size | count | bytes ]                             in the object
//   few keys   [ count | size | bytes ] [ count | size | bytes ] ...     in one piece of memory
//   more       a hash table
//
// What a key counted before the step is noted at its first change, in the step's scratch.
// Invariant: a key stands here as long as its count is not 0.
// Thread: the writer thread alone.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/flat_map.h"
#include "core/dataflow/parent_list.h"

namespace tremula::dataflow {

// How often each of many keys was counted; a word while there are none.
class KeyCounts {
 public:
  KeyCounts() = default;
  ~KeyCounts() { clear(); }
  KeyCounts(const KeyCounts&) = delete;
  KeyCounts& operator=(const KeyCounts&) = delete;

  // Returns: 0 if the key was never counted.
  std::uint32_t count(std::string_view key) const;
  // Returns: the count before.  Requires: it is as great as what is taken away.
  std::uint32_t change(std::string_view key, int by);
  // Calls visit(key) for each; the key lives until the next change.
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    if (const Many* all = many()) {
      for (const auto& entry : *all) visit(std::string_view(entry.key));
    } else if (is_one()) {
      visit(one_key());
    } else if (const Few* all = few()) {
      for (std::size_t at = 0; at < all->used; at += entry_bytes(all->head(at).size))
        visit(all->key(at));
    }
  }
  std::size_t memory_bytes() const;  // besides this object

 private:
  struct Head {
    std::uint32_t count = 0;
    std::uint32_t size = 0;  // of the key
  };
  struct Few {
    std::uint32_t used = 0;  // bytes behind this
    std::uint32_t keys = 0;

    char* bytes() { return reinterpret_cast<char*>(this + 1); }
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
    Head& head(std::size_t at) { return *reinterpret_cast<Head*>(bytes() + at); }
    const Head& head(std::size_t at) const { return *reinterpret_cast<const Head*>(bytes() + at); }
    std::string_view key(std::size_t at) const {
      return {bytes() + at + sizeof(Head), head(at).size};
    }
  };
  struct One {
    unsigned char mark;  // kOneMark and four times the key's size
    unsigned char count;
    char key[6];
  };
  using Many = base::FlatMap<std::string, std::uint32_t>;
  static constexpr std::size_t kFewMax = 8;
  static constexpr std::uintptr_t kMarks = 3;
  static constexpr unsigned kOneMark = 2;
  static constexpr std::uint32_t kOneCountMax = 255;
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  static std::size_t entry_bytes(std::size_t key_size) {
    return sizeof(Head) + (key_size + alignof(Head) - 1) / alignof(Head) * alignof(Head);
  }
  Many* many() const {
    return (word_ & 1) == 0 ? nullptr : reinterpret_cast<Many*>(word_ & ~std::uintptr_t{1});
  }
  Few* few() const { return (word_ & kMarks) != 0 ? nullptr : reinterpret_cast<Few*>(word_); }
  bool is_one() const { return (word_ & kMarks) == kOneMark; }
  std::string_view one_key() const { return {one_.key, std::size_t{one_.mark} >> 2}; }
  static bool fits_one(std::string_view key, std::uint32_t count) {
    // The mark stands where the lowest bits of a pointer do.
    return std::endian::native == std::endian::little && sizeof(One) == sizeof(std::uintptr_t) &&
           key.size() <= sizeof(One::key) && count <= kOneCountMax;
  }
  void set_one(std::string_view key, std::uint32_t count);
  // Puts the one in among the few, of which there are none.
  void spread_one();
  std::size_t find_few(std::string_view key) const;
  void resize_few(std::size_t used);
  void add_few(std::string_view key, std::uint32_t count);
  void erase_few(std::size_t at);
  void make_many();
  void make_few();
  void clear();

  union {
    std::uintptr_t word_ = 0;  // 0: no keys; a Few; or a Many with the lowest bit set
    One one_;
  };
};

// Of a semi-join's child.
struct Members {
  KeyCounts counts;
  std::uint32_t nulls = 0;  // rows without a key
  std::uint32_t total = 0;  // rows
  // Rows that are listed, by what they probe with. Parents of all rows are the instance's.
  std::unique_ptr<base::FlatMap<std::string, ParentList>> parents;

  std::size_t memory_bytes() const;  // with this object
};

// What the members were before the step in hand.
struct MembersBefore {
  bool noted = false;  // else they are as they were
  std::uint32_t nulls = 0;
  std::uint32_t total = 0;
  base::FlatMap<std::string, std::uint32_t> counts;  // of keys that changed
};

}  // namespace tremula::dataflow
