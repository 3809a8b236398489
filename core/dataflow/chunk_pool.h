// ChunkPool: items by number, in chunks that come and go.
//
//   chunks  [ 64 items | which are in use ] [ ... ] [ none ] [ ... ]    number = chunk * 64 + place
//
// A chunk is as large as it must be, one without items in use holds no memory, and numbers are
// given out from the lowest chunk on, so that what was once large shrinks again.
// Items move in make() alone.
// Thread: one at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace tremula::dataflow {

template <typename T>
class ChunkPool {
 public:
  using Number = std::uint32_t;

  T& operator[](Number number) { return chunks_[number / kItems].items[number % kItems]; }
  const T& operator[](Number number) const {
    return chunks_[number / kItems].items[number % kItems];
  }

  // A fresh item.
  Number make() {
    while (open_ < chunks_.size() && chunks_[open_].used == ~std::uint64_t{0}) ++open_;
    if (open_ == chunks_.size()) chunks_.emplace_back();
    Chunk& chunk = chunks_[open_];
    const auto place = static_cast<std::size_t>(std::countr_one(chunk.used));
    if (place == chunk.capacity) grow(chunk);
    chunk.used |= std::uint64_t{1} << place;
    return static_cast<Number>(open_ * kItems) + static_cast<Number>(place);
  }
  // Requires: it was made.
  void free(Number number) {
    const std::size_t at = number / kItems;
    chunks_[at].items[number % kItems] = T();
    chunks_[at].used &= ~(std::uint64_t{1} << number % kItems);
    open_ = std::min(open_, at);
    if (chunks_[at].used != 0) return;
    chunks_[at].items.reset();
    chunks_[at].capacity = 0;
    while (!chunks_.empty() && chunks_.back().used == 0) chunks_.pop_back();
    if (chunks_.size() < chunks_.capacity() / 4) {
      std::vector<Chunk> fewer;  // shrink_to_fit() does nothing without exceptions
      fewer.reserve(chunks_.size());
      std::move(chunks_.begin(), chunks_.end(), std::back_inserter(fewer));
      chunks_ = std::move(fewer);
    }
    open_ = std::min(open_, chunks_.size());
  }

  std::size_t memory_bytes() const {
    std::size_t bytes = chunks_.capacity() * sizeof(Chunk);
    for (const Chunk& chunk : chunks_) bytes += chunk.capacity * sizeof(T);
    return bytes;
  }
  std::size_t size() const {
    std::size_t used = 0;
    for (const Chunk& chunk : chunks_) used += static_cast<std::size_t>(std::popcount(chunk.used));
    return used;
  }
  // Calls visit(item) for those in use.
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const Chunk& chunk : chunks_)
      for (std::uint64_t used = chunk.used; used != 0; used &= used - 1)
        visit(chunk.items[static_cast<std::size_t>(std::countr_zero(used))]);
  }

 private:
  static constexpr std::size_t kItems = 64;
  struct Chunk {
    std::unique_ptr<T[]> items;
    std::uint64_t used = 0;
    std::size_t capacity = 0;
  };
  static void grow(Chunk& chunk) {
    constexpr std::size_t kFirst = 4;
    const std::size_t capacity = std::max(kFirst, 2 * chunk.capacity);
    auto items = std::make_unique<T[]>(capacity);
    std::move(chunk.items.get(), chunk.items.get() + chunk.capacity, items.get());
    chunk.items = std::move(items);
    chunk.capacity = capacity;
  }
  std::vector<Chunk> chunks_;
  std::size_t open_ = 0;  // chunks before it are full
};

}  // namespace tremula::dataflow
