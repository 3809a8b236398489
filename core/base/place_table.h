// PlaceTable: open addressing that grows in steps, so that no insert pays for a rehash of all.
//
//   now     [ p | . | p | . ]            where places go
//   before  [ p | . | p ]                half as large, moved over from its end by each insert, and
//                                        given back as it shrinks: a large free() is a spike, too
//
//   struct Place { ...; std::uint64_t hash() const; };   its highest bits tell where it stands
//
// A place of zeros is empty, so that fresh memory of the system is a table already and nobody has
// to write it first.
// Invariants, tested by check_invariants():
//   1  a place stands between its home and the first empty one after it, in one of the tables.
//   2  `before` is moved over long before `now` is full.
// Thread: one at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/base/check.h"
#include "core/base/prefetch.h"

namespace tremula::base {

// Place: trivially copyable; is_empty(): all zeros; is_moved(), mark_moved(): a mark that no place
// in use has, nor an empty one.
template <typename Place>
class PlaceTable {
  static_assert(std::is_trivially_copyable_v<Place>);

 public:
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const {
    return (now_.end + before_.end) * sizeof(Place);
  }
  void prefetch(std::uint64_t hash) const {
    if (size_ == 0) return;
    base::prefetch(&now_.at(now_.home(hash)));
    if (before_.mask != 0) base::prefetch(&before_.at(before_.start(hash)));
  }
  // Returns: the place of this hash that `is_it` is true of, or null.  Borrowed: until a change.
  template <typename Condition>
  const Place* find(std::uint64_t hash, Condition&& is_it) const {
    if (size_ == 0) return nullptr;
    if (const Place* found = find_in(now_, hash, is_it)) return found;
    return before_.mask == 0 ? nullptr : find_in(before_, hash, is_it);
  }
  // Requires: it isn't there.
  void insert(Place place) {
    if (size_ >= now_.capacity() / 4 * 3) grow();
    if (before_.mask != 0) move_some();
    put(place);
    ++size_;
  }
  // Requires: what find() gave.
  void erase(const Place* found) {
    --size_;
    const Place* const begin = now_.places.get();
    const std::less<> below;
    if (below(found, begin) || !below(found, begin + now_.end))
      return const_cast<Place*>(found)->mark_moved();
    close_hole(static_cast<std::size_t>(found - begin));
  }
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const Table* table : {&now_, &before_})
      for (std::size_t at = 0; at < table->end; ++at)
        if (!table->at(at).is_empty() && !table->at(at).is_moved()) visit(table->at(at));
  }
  void check_invariants() const {
    std::size_t count = 0;
    for_each([&](const Place& place) {
      ++count;
      TREMULA_ASSERT(find(place.hash(), [&](const Place& p) { return &p == &place; }) == &place);
    });
    TREMULA_ASSERT(count == size_);
    TREMULA_ASSERT(before_.mask == 0 || size_ < now_.capacity() / 4 * 3);
  }

 private:
  static constexpr std::size_t kCapacityMin = 8;
  // Of `before`, at each insert; three of four are in use there, and as many inserts fill `now`.
  static constexpr std::size_t kMovedAtOnce = 8;
  static constexpr std::size_t kGivenBackAtOnce = 4096;

  struct Free {
    void operator()(Place* places) const { std::free(places); }
  };
  struct Table {
    std::unique_ptr<Place[], Free> places;
    std::size_t mask = 0;  // of its first size; 0: none
    std::size_t end = 0;   // there are places before this one
    int shift = 64;

    std::size_t capacity() const { return mask == 0 ? 0 : mask + 1; }
    std::size_t home(std::uint64_t hash) const { return hash >> shift; }
    // Where to look first: what stood behind the end is moved, unless it was put to the begin.
    std::size_t start(std::uint64_t hash) const {
      const std::size_t at = home(hash);
      return at < end ? at : 0;
    }
    std::size_t next(std::size_t index) const { return index + 1 < end ? index + 1 : 0; }
    Place& at(std::size_t index) const { return places[index]; }
  };

  template <typename Condition>
  static const Place* find_in(const Table& table, std::uint64_t hash, Condition&& is_it) {
    // A table that shrinks may have no empty place left.
    std::size_t left = table.end;
    for (std::size_t at = table.start(hash); left > 0 && !table.at(at).is_empty(); --left) {
      if (!table.at(at).is_moved() && is_it(table.at(at))) return &table.at(at);
      at = table.next(at);
    }
    return nullptr;
  }
  static Table make(std::size_t capacity) {
    Table made;
    made.places.reset(static_cast<Place*>(std::calloc(capacity, sizeof(Place))));
    TREMULA_ASSERT(made.places != nullptr);
    made.mask = capacity - 1;
    made.end = capacity;
    made.shift = 64 - std::countr_zero(capacity);
    return made;
  }
  void grow() {
    while (before_.mask != 0) move_some();
    const std::size_t capacity = now_.capacity() == 0 ? kCapacityMin : now_.capacity() * 2;
    before_ = std::exchange(now_, make(capacity));
  }
  // What stands at the end of one table goes to the end of the other: both are walked in order.
  void move_some() {
    const std::size_t end = before_.end - kMovedAtOnce;
    for (; before_.end > end; --before_.end) {
      const Place& place = before_.at(before_.end - 1);
      if (!place.is_empty() && !place.is_moved()) put(place);
    }
    if (end == 0)
      before_ = {};
    else if (end % kGivenBackAtOnce == 0)
      give_back();
  }
  void give_back() {
    void* const smaller = std::realloc(before_.places.get(), before_.end * sizeof(Place));
    if (smaller == nullptr) return;  // it stays as large
    static_cast<void>(before_.places.release());
    before_.places.reset(static_cast<Place*>(smaller));
  }
  void put(const Place& place) {
    std::size_t at = now_.home(place.hash());
    while (!now_.at(at).is_empty()) at = (at + 1) & now_.mask;
    now_.at(at) = place;
  }
  void close_hole(std::size_t hole) {
    const std::size_t mask = now_.mask;
    for (std::size_t next = (hole + 1) & mask; !now_.at(next).is_empty();
         next = (next + 1) & mask) {
      // It may move into the hole only if its home is not behind the hole.
      if (((next - now_.home(now_.at(next).hash())) & mask) < ((next - hole) & mask)) continue;
      now_.at(hole) = now_.at(next);
      hole = next;
    }
    std::memset(static_cast<void*>(&now_.at(hole)), 0, sizeof(Place));
  }

  Table now_;
  Table before_;
  std::size_t size_ = 0;
};

}  // namespace tremula::base
