// KeyedSlots: sets of slots, each under the bytes of a key: what an index for equality is made of.
//
//   places  [ hash, group | . | hash, group ]  -->  groups  [ key | count | up to 3 slots     ]
//                                                           [ key | count | -> block of slots ]
//   positions  by slot: where it stands in its block, if that is a large one
//
// A group's slots stand in no order, though in that of their coming as long as none goes: the last
// one moves to the place of one that goes. That is found by looking at all of a small group, and by
// `positions` in a large one. So an entry comes and goes in O(1), and in a cold group costs three
// cache misses (place, group, block), one more if it goes and the group is large.
// Invariants, tested by check_invariants():
//   P1  every group is found by its key.
//   P2  a slot stands in one group at most, once; if that is large, `positions` tells where.
//   P3  a group is large as long as its block is larger than kScannedMax.
// Thread: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/chunked.h"
#include "core/base/place_table.h"
#include "core/triples/ids.h"

namespace tremula::dataflow {

class KeyedSlots {
 public:
  using Group = std::uint32_t;
  static constexpr Group kNoGroup = 0xFFFF'FFFF;

  KeyedSlots() = default;
  ~KeyedSlots();
  KeyedSlots(const KeyedSlots&) = delete;
  KeyedSlots& operator=(const KeyedSlots&) = delete;

  using Hash = std::uint32_t;
  static Hash hash_of(std::string_view key);
  // Returns: the group of a key, or kNoGroup.  Cost: O(1).
  Group find(std::string_view key) const { return find(key, hash_of(key)); }
  Group find(std::string_view key, Hash hash) const;
  // The group of a key, made if there is none: then it is empty.
  Group find_or_make(std::string_view key) { return find_or_make(key, hash_of(key)); }
  Group find_or_make(std::string_view key, Hash hash);

  // Three steps that bring nearer what insert() and erase() will wait for, one after the other: of
  // many entries each step is waited for at once.
  void prefetch_place(Hash hash, triples::Slot slot) const;
  void prefetch_group(Hash hash) const;
  void prefetch_entry(Group group, triples::Slot slot, bool comes) const;
  std::string_view key(Group group) const { return groups_[group].key(); }
  // Borrowed: until the next change.
  std::span<const triples::Slot> slots(Group group) const { return groups_[group].slots(); }

  // Requires: the slot is in no group.
  void insert(Group group, triples::Slot slot);
  // Requires: the slot is in the group, which stays even if it is empty then.
  void erase(Group group, triples::Slot slot);
  // Gives up a group that is empty; may be asked again for one that was given up.
  // Requires: nothing was made since.
  void drop_if_empty(Group group);

  std::size_t group_count() const { return groups_.size() - free_.size(); }
  std::size_t empty_group_count() const;  // Cost: O(groups).
  std::size_t memory_bytes() const;
  void check_invariants() const;  // asserts

 private:
  static constexpr std::size_t kKeyInlineMax = 15;
  static constexpr unsigned char kKeyOutside = 0xFF;
  static constexpr unsigned char kNoKey = 0xFE;  // a group that was given up
  static constexpr std::uint32_t kInlineMax = 3;
  static constexpr std::uint32_t kBlockMin = 8;
  static constexpr std::uint32_t kScannedMax = 64;

  // Half a cache line. Key bytes, or where they are and how many; slots, or a pointer to the block
  // and how many it has room for.
  struct alignas(32) Set {
    std::array<char, kKeyInlineMax> key_bytes;
    unsigned char key_size = kNoKey;
    std::array<std::uint32_t, kInlineMax> words;
    std::uint32_t count : 31 = 0;
    std::uint32_t has_block : 1 = 0;

    std::string_view key() const;
    triples::Slot* block() const;
    void set_block(triples::Slot* block, std::uint32_t capacity);
    std::uint32_t capacity() const { return has_block != 0 ? words[2] : kInlineMax; }
    bool is_large() const { return has_block != 0 && words[2] > kScannedMax; }
    std::span<const triples::Slot> slots() const {
      return {has_block != 0 ? block() : words.data(), count};
    }
    triples::Slot* data() { return has_block != 0 ? block() : words.data(); }
  };
  static_assert(sizeof(Set) == 32);
  struct Place {
    Hash short_hash = 0;  // 0: empty
    Group group = 0;

    std::uint64_t hash() const { return wide(short_hash); }
    bool is_empty() const { return short_hash == 0; }
    bool is_moved() const { return group == kNoGroup; }
    void mark_moved() { group = kNoGroup; }
  };
  static std::uint64_t wide(Hash hash) { return std::uint64_t{hash} << 32; }

  void set_key(Set& set, std::string_view key);
  void resize_block(Set& set, std::uint32_t capacity);
  void note_positions(const Set& set);

  base::PlaceTable<Place> places_;
  base::Chunked<Set, 4> groups_;
  std::vector<Group> free_;
  // As long as the largest slot in a large group asks for.
  base::Chunked<std::uint32_t, 10> positions_;
  std::size_t outside_bytes_ = 0;  // of keys and blocks
};

}  // namespace tremula::dataflow
