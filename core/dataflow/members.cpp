#include "core/dataflow/members.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/base/check.h"

namespace tremula::dataflow {

std::size_t KeyCounts::find_few(std::string_view key) const {
  const Few* all = few();
  if (all == nullptr) return kNowhere;
  for (std::size_t at = 0; at < all->used; at += entry_bytes(all->head(at).size))
    if (all->key(at) == key) return at;
  return kNowhere;
}

std::uint32_t KeyCounts::count(std::string_view key) const {
  if (const Many* all = many()) {
    const std::uint32_t* found = all->find(key);
    return found == nullptr ? 0 : *found;
  }
  if (is_one()) return one_key() == key ? one_.count : 0;
  const std::size_t at = find_few(key);
  return at == kNowhere ? 0 : few()->head(at).count;
}

std::uint32_t KeyCounts::change(std::string_view key, int by) {
  if (Many* all = many()) {
    std::uint32_t& count = (*all)[key];
    const std::uint32_t before = count;
    count += static_cast<std::uint32_t>(by);
    if (count == 0) all->erase(key);
    if (all->size() <= kFewMax / 2) make_few();
    return before;
  }
  if (is_one() && one_key() == key) {
    const std::uint32_t before = one_.count;
    const std::uint32_t count = before + static_cast<std::uint32_t>(by);
    if (count == 0) {
      word_ = 0;
      return before;
    }
    if (fits_one(key, count)) {
      one_.count = static_cast<unsigned char>(count);
      return before;
    }
  }
  if (is_one()) spread_one();
  const std::size_t at = find_few(key);
  if (at == kNowhere) {
    TREMULA_ASSERT(by > 0);
    if (few() != nullptr && few()->keys == kFewMax) {
      make_many();
      (*many())[key] = static_cast<std::uint32_t>(by);
    } else if (word_ == 0 && fits_one(key, static_cast<std::uint32_t>(by))) {
      set_one(key, static_cast<std::uint32_t>(by));
    } else {
      add_few(key, static_cast<std::uint32_t>(by));
    }
    return 0;
  }
  std::uint32_t& count = few()->head(at).count;
  const std::uint32_t before = count;
  count += static_cast<std::uint32_t>(by);
  if (count == 0) erase_few(at);
  return before;
}

void KeyCounts::set_one(std::string_view key, std::uint32_t count) {
  one_ = {};
  one_.mark = static_cast<unsigned char>(kOneMark | key.size() << 2);
  one_.count = static_cast<unsigned char>(count);
  std::copy(key.begin(), key.end(), one_.key);
}

void KeyCounts::spread_one() {
  const One one = one_;
  word_ = 0;
  add_few({one.key, std::size_t{one.mark} >> 2}, one.count);
}

// Gives the few room for `used` bytes of entries; of those that there are, what fits is kept.
void KeyCounts::resize_few(std::size_t used) {
  Few* old = few();
  auto* made = ::new (::operator new(sizeof(Few) + used)) Few;
  if (old != nullptr) {
    made->keys = old->keys;
    std::memcpy(made->bytes(), old->bytes(), std::min<std::size_t>(old->used, used));
    ::operator delete(old);
  }
  made->used = static_cast<std::uint32_t>(used);
  word_ = reinterpret_cast<std::uintptr_t>(made);
}

void KeyCounts::add_few(std::string_view key, std::uint32_t count) {
  const std::size_t at = few() == nullptr ? 0 : few()->used;
  resize_few(at + entry_bytes(key.size()));
  Few& all = *few();
  ++all.keys;
  ::new (all.bytes() + at) Head{count, static_cast<std::uint32_t>(key.size())};
  std::copy(key.begin(), key.end(), all.bytes() + at + sizeof(Head));
}

void KeyCounts::erase_few(std::size_t at) {
  Few& all = *few();
  const std::size_t end = at + entry_bytes(all.head(at).size);
  std::memmove(all.bytes() + at, all.bytes() + end, all.used - end);
  --all.keys;
  if (all.keys == 0) return clear();
  if (all.keys == 1 && fits_one(all.key(0), all.head(0).count)) {
    set_one(all.key(0), all.head(0).count);
    ::operator delete(&all);
    return;
  }
  resize_few(all.used - (end - at));
}

void KeyCounts::make_many() {
  auto made = std::make_unique<Many>();
  const Few& all = *few();
  for (std::size_t at = 0; at < all.used; at += entry_bytes(all.head(at).size))
    (*made)[all.key(at)] = all.head(at).count;
  clear();
  word_ = reinterpret_cast<std::uintptr_t>(made.release()) | 1;
}

void KeyCounts::make_few() {
  const std::unique_ptr<Many> all(many());
  word_ = 0;
  for (const auto& entry : *all) add_few(entry.key, entry.value);
}

void KeyCounts::clear() {
  if (Many* all = many())
    delete all;
  else
    ::operator delete(few());
  word_ = 0;
}

std::size_t KeyCounts::memory_bytes() const {
  if (const Many* all = many()) return sizeof(*all) + all->memory_bytes();
  const Few* all = few();
  return all == nullptr ? 0 : sizeof(*all) + all->used;
}

std::size_t Members::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + counts.memory_bytes();
  if (!parents) return bytes;
  bytes += sizeof(*parents) + parents->memory_bytes();
  for (const auto& entry : *parents) bytes += entry.value.memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
