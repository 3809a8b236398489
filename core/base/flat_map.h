// FlatMap, FlatSet: hash tables in one flat array, for small keys that are looked up often.
//
//   hashes   [ 0 | 8f21 | 8f30 | 0 | ... ]      0: empty, else the top 32 bits of the key's hash
//   entries  [   | k, v | k, v |   | ... ]      linear probing; erase shifts back, no tombstones
//
//   FlatMap<Slot, Group*> groups;  groups[slot] = g;  if (Group** found = groups.find(slot)) ...
//   FlatMap<std::string, int> names;  names.find(std::string_view("x"));
//   for (auto& [key, value] : names) ...
//
// Invariants:
//   1  a power of two of places, at most 3/4 (or 7/8) of them full, after an erase at least 1/4
//      unless they are few; an entry stands between its home place and the first empty one after
//      it.
//   2  pointers to entries stay valid until the next insert or erase.
// Order of iteration: by hash, the same for the same operations in every process.
// A Hash of one's own returns 64 well mixed bits (start from hash_int, hash_combine, hash_bytes).
// With a member kDense the table is filled up to 7/8: less memory, longer searches.
// With a member type Lookup it names what keys are looked up by: a Key is made from it and compares
// with it.
// Thread: one at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/hash.h"

namespace tremula::base {

// The two halves of the product of two words: what mixes bits best for one multiplication.
inline std::uint64_t hash_fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline std::uint64_t hash_int(std::uint64_t value) {
  return hash_fold(value ^ 0x9E37'79B9'7F4A'7C15, 0xD6E8'FEB8'6659'FD93);
}
// The hash of a sequence from that of its beginning and that of its next part.
inline std::uint64_t hash_combine(std::uint64_t first, std::uint64_t second) {
  return hash_fold(first ^ 0xA076'1D64'78BD'642F, second ^ 0xE703'7ED1'A0B4'28DB);
}

// For integers, enums and pointers.
template <typename Key>
struct FlatHash {
  static_assert(std::is_integral_v<Key> || std::is_enum_v<Key> || std::is_pointer_v<Key>,
                "give FlatMap a Hash of your own for this key");
  std::uint64_t operator()(Key key) const {
    if constexpr (std::is_pointer_v<Key>) {
      return hash_int(reinterpret_cast<std::uintptr_t>(key));
    } else {
      return hash_int(static_cast<std::uint64_t>(key));
    }
  }
};

template <>
struct FlatHash<std::string> {
  using Lookup = std::string_view;
  std::uint64_t operator()(std::string_view key) const { return hash_bytes(key); }
};

template <>
struct FlatHash<std::string_view> {
  std::uint64_t operator()(std::string_view key) const { return hash_bytes(key); }
};

template <typename Key, typename Hash>
struct FlatLookup {
  using Type = Key;
};
template <typename Key, typename Hash>
requires requires { typename Hash::Lookup; }
struct FlatLookup<Key, Hash> {
  using Type = typename Hash::Lookup;
};

template <typename Key, typename Value, typename Hash = FlatHash<Key>>
class FlatMap {
 public:
  struct Entry {
    Key key;
    [[no_unique_address]] Value value;
  };
  using Lookup = typename FlatLookup<Key, Hash>::Type;

  FlatMap() = default;
  explicit FlatMap(Hash hash) : hash_(std::move(hash)) {}
  ~FlatMap() { release(); }
  FlatMap(const FlatMap&) = delete;
  FlatMap& operator=(const FlatMap&) = delete;
  FlatMap(FlatMap&& other) noexcept { swap(other); }
  FlatMap& operator=(FlatMap&& other) noexcept {
    FlatMap taken(std::move(other));
    swap(taken);
    return *this;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Of the table itself; not what keys and values own elsewhere.
  std::size_t memory_bytes() const { return capacity_ * (sizeof(Entry) + sizeof(std::uint32_t)); }

  // Returns: the value of `key`, or null.
  Value* find(const Lookup& key) {
    const std::size_t place = locate(key, short_hash(key));
    return place == kNowhere ? nullptr : &entries_[place].value;
  }
  const Value* find(const Lookup& key) const { return const_cast<FlatMap*>(this)->find(key); }
  bool contains(const Lookup& key) const { return find(key) != nullptr; }
  // Returns: the key as it was put in, or null.
  const Key* find_key(const Lookup& key) const {
    const std::size_t place = locate(key, short_hash(key));
    return place == kNowhere ? nullptr : &entries_[place].key;
  }

  // Puts `value` in if `key` is not there yet.
  // Returns: the value that is there, and whether it is the new one.
  std::pair<Value*, bool> insert(const Lookup& key, Value value) {
    const std::uint32_t hash = short_hash(key);
    if (const std::size_t place = locate(key, hash); place != kNowhere) {
      return {&entries_[place].value, false};
    }
    Entry* entry = add(hash);
    std::construct_at(entry, Entry{Key(key), std::move(value)});
    return {&entry->value, true};
  }
  // The value of `key`, made if there is none.
  Value& operator[](const Lookup& key) {
    const std::uint32_t hash = short_hash(key);
    if (const std::size_t place = locate(key, hash); place != kNowhere) {
      return entries_[place].value;
    }
    Entry* entry = add(hash);
    std::construct_at(entry, Entry{Key(key), Value()});
    return entry->value;
  }
  // Returns: whether it was there.
  bool erase(const Lookup& key) {
    const std::size_t place = locate(key, short_hash(key));
    if (place == kNowhere) return false;
    erase_at(place);
    // Once it was much larger, it gives memory back: to half full, so that it doesn't grow at once.
    if (capacity_ > kShrunkMin && size_ < capacity_ / 4) grow(capacity_ / 2);
    return true;
  }
  // Erases the entries for which `condition(key, value)` is true; asks for each once.
  template <typename Condition>
  void erase_if(Condition condition) {
    if (size_ == 0) return;
    std::size_t start = 0;
    while (hashes_[start] != 0) ++start;  // no cluster crosses an empty place, so none is cut
    for (std::size_t step = 1; step < capacity_;) {
      const std::size_t place = (start + step) & (capacity_ - 1);
      if (hashes_[place] != 0 &&
          condition(std::as_const(entries_[place].key), entries_[place].value)) {
        erase_at(place);
      } else {
        ++step;
      }
    }
  }
  // Keeps the memory.
  void clear() {
    destroy_entries();
    for (std::size_t place = 0; place < capacity_; ++place) hashes_[place] = 0;
    size_ = 0;
  }
  // Makes room for `count` entries, so that putting them in moves nothing.
  void reserve(std::size_t count) {
    std::size_t wanted = kCapacityMin;
    while (filled(wanted) < count) wanted *= 2;
    if (wanted > capacity_) grow(wanted);
  }

  template <bool kConst>
  class Iterator {
   public:
    using Owner = std::conditional_t<kConst, const FlatMap, FlatMap>;
    Iterator(Owner* owner, std::size_t place) : owner_(owner), place_(place) { skip_empty(); }
    auto& operator*() const {
      using Seen = std::conditional_t<kConst, const Entry, Entry>;
      return static_cast<Seen&>(owner_->entries_[place_]);
    }
    auto* operator->() const { return &**this; }
    Iterator& operator++() {
      ++place_;
      skip_empty();
      return *this;
    }
    bool operator==(const Iterator& other) const { return place_ == other.place_; }

   private:
    void skip_empty() {
      while (place_ < owner_->capacity_ && owner_->hashes_[place_] == 0) ++place_;
    }
    Owner* owner_;
    std::size_t place_;
  };
  // The key of an entry must not be changed.
  Iterator<false> begin() { return {this, 0}; }
  Iterator<false> end() { return {this, capacity_}; }
  Iterator<true> begin() const { return {this, 0}; }
  Iterator<true> end() const { return {this, capacity_}; }

 private:
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  static constexpr std::size_t kCapacityMin = 8;
  static constexpr std::size_t kShrunkMin = 16;

  std::uint32_t short_hash(const Lookup& key) const {
    const auto hash = static_cast<std::uint32_t>(hash_(key) >> 32);
    return hash == 0 ? 1 : hash;  // 0 marks an empty place
  }
  // How many entries fit.
  static constexpr std::size_t filled(std::size_t capacity) {
    if constexpr (requires { Hash::kDense; }) return capacity / 8 * 7;
    return capacity / 4 * 3;
  }
  std::size_t home(std::uint32_t hash) const { return hash >> shift_; }

  std::size_t locate(const Lookup& key, std::uint32_t hash) const {
    if (size_ == 0) return kNowhere;
    const std::size_t mask = capacity_ - 1;
    for (std::size_t place = home(hash); hashes_[place] != 0; place = (place + 1) & mask) {
      if (hashes_[place] == hash && entries_[place].key == key) return place;
    }
    return kNowhere;
  }
  std::size_t first_empty(std::uint32_t hash) const {
    std::size_t place = home(hash);
    while (hashes_[place] != 0) place = (place + 1) & (capacity_ - 1);
    return place;
  }
  // Returns: a place of this hash without an object in it yet.
  Entry* add(std::uint32_t hash) {
    if (size_ >= filled(capacity_)) grow(capacity_ == 0 ? kCapacityMin : capacity_ * 2);
    const std::size_t place = first_empty(hash);
    hashes_[place] = hash;
    ++size_;
    return &entries_[place];
  }
  void move_entry(Entry* from, Entry* to) {
    std::construct_at(to, std::move(*from));
    std::destroy_at(from);
  }
  void erase_at(std::size_t hole) {
    std::destroy_at(&entries_[hole]);
    const std::size_t mask = capacity_ - 1;
    for (std::size_t next = (hole + 1) & mask; hashes_[next] != 0; next = (next + 1) & mask) {
      // It may move into the hole only if its home is not behind the hole.
      if (((next - home(hashes_[next])) & mask) < ((next - hole) & mask)) continue;
      move_entry(&entries_[next], &entries_[hole]);
      hashes_[hole] = hashes_[next];
      hole = next;
    }
    hashes_[hole] = 0;
    --size_;
  }
  void grow(std::size_t capacity) {  // or shrink
    FlatMap bigger(hash_);
    bigger.hashes_ = std::make_unique<std::uint32_t[]>(capacity);
    bigger.entries_ = std::allocator<Entry>().allocate(capacity);
    bigger.capacity_ = capacity;
    bigger.shift_ = 32 - std::countr_zero(capacity);
    for (std::size_t place = 0; place < capacity_; ++place) {
      if (hashes_[place] == 0) continue;
      const std::size_t target = bigger.first_empty(hashes_[place]);
      move_entry(&entries_[place], &bigger.entries_[target]);
      bigger.hashes_[target] = hashes_[place];
      hashes_[place] = 0;
    }
    bigger.size_ = std::exchange(size_, 0);
    swap(bigger);
  }
  void destroy_entries() {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for (std::size_t place = 0; place < capacity_; ++place) {
        if (hashes_[place] != 0) std::destroy_at(&entries_[place]);
      }
    }
  }
  void release() {
    if (entries_ == nullptr) return;
    destroy_entries();
    std::allocator<Entry>().deallocate(entries_, capacity_);
  }
  void swap(FlatMap& other) noexcept {
    std::swap(hash_, other.hash_);
    std::swap(hashes_, other.hashes_);
    std::swap(entries_, other.entries_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
    std::swap(shift_, other.shift_);
  }

  [[no_unique_address]] Hash hash_;
  std::unique_ptr<std::uint32_t[]> hashes_;
  Entry* entries_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  int shift_ = 32;
};

// The keys alone; iterates over entries whose `key` is the element.
template <typename Key, typename Hash = FlatHash<Key>>
class FlatSet {
  struct Nothing {};
  using Map = FlatMap<Key, Nothing, Hash>;

 public:
  using Lookup = typename Map::Lookup;

  FlatSet() = default;
  explicit FlatSet(Hash hash) : map_(std::move(hash)) {}
  std::size_t size() const { return map_.size(); }
  bool empty() const { return map_.empty(); }
  std::size_t memory_bytes() const { return map_.memory_bytes(); }
  bool contains(const Lookup& key) const { return map_.contains(key); }
  // Returns: the key as it was put in, or null.
  const Key* find(const Lookup& key) const { return map_.find_key(key); }
  // Returns: whether it is new.
  bool insert(const Lookup& key) { return map_.insert(key, {}).second; }
  // Returns: whether it was there.
  bool erase(const Lookup& key) { return map_.erase(key); }
  template <typename Condition>
  void erase_if(Condition condition) {
    map_.erase_if([&](const Key& key, Nothing&) { return condition(key); });
  }
  void clear() { map_.clear(); }
  void reserve(std::size_t count) { map_.reserve(count); }
  auto begin() const { return map_.begin(); }
  auto end() const { return map_.end(); }

 private:
  Map map_;
};

}  // namespace tremula::base
