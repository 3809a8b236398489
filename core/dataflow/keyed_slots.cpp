#include "core/dataflow/keyed_slots.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "core/base/flat_map.h"
#include "core/base/hash.h"
#include "core/base/prefetch.h"

namespace tremula::dataflow {

using triples::Slot;

std::string_view KeyedSlots::Set::key() const {
  if (key_size != kKeyOutside) return {key_bytes.data(), key_size};
  const char* data = nullptr;
  std::uint32_t size = 0;
  std::memcpy(&data, key_bytes.data(), sizeof data);
  std::memcpy(&size, key_bytes.data() + sizeof data, sizeof size);
  return {data, size};
}

Slot* KeyedSlots::Set::block() const {
  Slot* block = nullptr;
  std::memcpy(&block, words.data(), sizeof block);
  return block;
}

void KeyedSlots::Set::set_block(Slot* block, std::uint32_t capacity) {
  std::memcpy(words.data(), &block, sizeof block);
  words[2] = capacity;
  has_block = 1;
}

KeyedSlots::~KeyedSlots() {
  for (Group group = 0; group < groups_.size(); ++group) {
    const Set& set = groups_[group];
    if (set.key_size == kKeyOutside) delete[] set.key().data();
    if (set.has_block != 0) delete[] set.block();
  }
}

KeyedSlots::Hash KeyedSlots::hash_of(std::string_view key) {
  const auto hash = static_cast<Hash>(base::hash_bytes(key) >> 32);
  return hash == 0 ? 1 : hash;  // 0 marks an empty place
}

KeyedSlots::Group KeyedSlots::find(std::string_view key, Hash hash) const {
  const Place* found = places_.find(wide(hash), [&](const Place& place) {
    return place.short_hash == hash && groups_[place.group].key() == key;
  });
  return found == nullptr ? kNoGroup : found->group;
}

void KeyedSlots::prefetch_place(Hash hash, Slot slot) const {
  places_.prefetch(wide(hash));
  if (slot < positions_.size()) base::prefetch(&positions_[slot]);
}

void KeyedSlots::prefetch_group(Hash hash) const {
  const Place* found =
      places_.find(wide(hash), [&](const Place& place) { return place.short_hash == hash; });
  if (found != nullptr) base::prefetch(&groups_[found->group]);
}

void KeyedSlots::prefetch_entry(Group group, Slot slot, bool comes) const {
  const Set& set = groups_[group];
  if (set.has_block == 0) return;
  const Slot* const block = set.block();
  if (comes) return base::prefetch(block + set.count);
  base::prefetch(set.is_large() ? block + positions_[slot] : block);
  base::prefetch(block + set.count - 1);  // the last one moves to its place
}

KeyedSlots::Group KeyedSlots::find_or_make(std::string_view key, Hash hash) {
  if (const Group found = find(key, hash); found != kNoGroup) return found;
  Group group = kNoGroup;
  if (free_.empty()) {
    group = static_cast<Group>(groups_.size());
    TREMULA_ASSERT(group != kNoGroup);
    groups_.emplace_back();
  } else {
    group = free_.back();
    free_.pop_back();
  }
  set_key(groups_[group], key);
  places_.insert({hash, group});
  return group;
}

void KeyedSlots::set_key(Set& set, std::string_view key) {
  if (key.size() <= kKeyInlineMax) {
    key.copy(set.key_bytes.data(), key.size());
    set.key_size = static_cast<unsigned char>(key.size());
    return;
  }
  const auto size = static_cast<std::uint32_t>(key.size());
  TREMULA_ASSERT(size == key.size());
  char* copy = new char[size];
  key.copy(copy, size);
  outside_bytes_ += size;
  std::memcpy(set.key_bytes.data(), &copy, sizeof copy);
  std::memcpy(set.key_bytes.data() + sizeof copy, &size, sizeof size);
  set.key_size = kKeyOutside;
}

void KeyedSlots::insert(Group group, Slot slot) {
  Set& set = groups_[group];
  if (set.count == set.capacity()) {
    resize_block(set, set.has_block != 0 ? set.capacity() * 2 : kBlockMin);
  }
  set.data()[set.count] = slot;
  if (set.is_large()) {
    positions_.extend_to(slot + 1);
    positions_[slot] = set.count;
  }
  ++set.count;
}

void KeyedSlots::erase(Group group, Slot slot) {
  Set& set = groups_[group];
  Slot* const slots = set.data();
  const std::uint32_t last = set.count - 1;
  std::uint32_t at = 0;
  if (set.is_large()) {
    at = positions_[slot];
    positions_[slots[last]] = at;
  } else {
    at = static_cast<std::uint32_t>(std::find(slots, slots + last, slot) - slots);
  }
  TREMULA_ASSERT(set.count > 0 && slots[at] == slot);
  slots[at] = slots[last];
  set.count = last;
  if (set.has_block == 0) return;
  const std::uint32_t capacity = set.capacity();
  if (capacity > kBlockMin ? last <= capacity / 4 : last <= 1) resize_block(set, capacity / 2);
}

// A capacity below kBlockMin brings the slots back into the set.
void KeyedSlots::resize_block(Set& set, std::uint32_t capacity) {
  Slot* const old_block = set.has_block != 0 ? set.block() : nullptr;
  const std::uint32_t old_capacity = set.capacity();
  const bool was_large = set.is_large();
  if (capacity < kBlockMin) {
    std::copy_n(old_block, set.count, set.words.begin());
    set.has_block = 0;
  } else {
    Slot* block = new Slot[capacity];
    std::copy_n(set.data(), set.count, block);
    set.set_block(block, capacity);
    outside_bytes_ += capacity * sizeof(Slot);
  }
  if (set.is_large() && !was_large) note_positions(set);
  if (old_block == nullptr) return;
  outside_bytes_ -= old_capacity * sizeof(Slot);
  delete[] old_block;
}

void KeyedSlots::note_positions(const Set& set) {
  const std::span<const Slot> slots = set.slots();
  for (std::uint32_t i = 0; i < slots.size(); ++i) {
    positions_.extend_to(slots[i] + 1);
    positions_[slots[i]] = i;
  }
}

void KeyedSlots::drop_if_empty(Group group) {
  Set& set = groups_[group];
  if (set.count > 0 || set.key_size == kNoKey) return;
  const std::string_view key = set.key();
  const Place* place =
      places_.find(wide(hash_of(key)), [group](const Place& p) { return p.group == group; });
  TREMULA_ASSERT(place != nullptr);
  places_.erase(place);
  if (set.key_size == kKeyOutside) {
    outside_bytes_ -= key.size();
    delete[] key.data();
  }
  TREMULA_ASSERT(set.has_block == 0);
  set.key_size = kNoKey;
  free_.push_back(group);
}

std::size_t KeyedSlots::memory_bytes() const {
  return places_.memory_bytes() + groups_.memory_bytes() + free_.capacity() * sizeof(Group) +
         positions_.memory_bytes() + outside_bytes_;
}

std::size_t KeyedSlots::empty_group_count() const {
  std::size_t empty = 0;
  for (Group group = 0; group < groups_.size(); ++group) empty += groups_[group].count == 0;
  return empty - free_.size();
}

void KeyedSlots::check_invariants() const {
  places_.check_invariants();
  std::size_t outside = 0;
  places_.for_each([this](const Place& place) {
    TREMULA_ASSERT(find(key(place.group)) == place.group);  // P1
  });
  TREMULA_ASSERT(places_.size() == group_count());
  base::FlatSet<Slot> seen;
  for (Group group = 0; group < groups_.size(); ++group) {
    const Set& set = groups_[group];
    TREMULA_ASSERT(set.count <= set.capacity());
    if (set.key_size == kNoKey) {
      TREMULA_ASSERT(set.count == 0 && set.has_block == 0);
      continue;
    }
    if (set.key_size == kKeyOutside) outside += set.key().size();
    if (set.has_block != 0) outside += set.capacity() * sizeof(Slot);
    const std::span<const Slot> slots = set.slots();
    for (std::uint32_t i = 0; i < slots.size(); ++i) {
      TREMULA_ASSERT(seen.insert(slots[i]));                         // P2
      TREMULA_ASSERT(!set.is_large() || positions_[slots[i]] == i);  // P3
    }
  }
  TREMULA_ASSERT(outside == outside_bytes_);
}

}  // namespace tremula::dataflow
