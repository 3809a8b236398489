// Parameter vectors: what an instance computes with, kept behind the instance in one allocation.
//
//   | instance | its parts (part_tail.h) | value value ... | bytes of the texts among them |
//
// Two vectors are equal if they print equal: 1 and 1.0 differ.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "core/base/slab_pool.h"
#include "core/triples/value.h"

namespace tremula::dataflow {

std::uint64_t hash_vector(std::span<const triples::Value> values);
bool same_vector(std::span<const triples::Value> a, std::span<const triples::Value> b);

// What the values take behind an instance.
std::size_t tail_bytes(std::span<const triples::Value> values);
// Copies the values, and their bytes behind them, to `tail`.  Requires: tail_bytes() of room.
void fill_tail(std::span<const triples::Value> values, triples::Value* tail);

// An instance of `T` with its values `tail_at` bytes from its beginning. `pool` may be null.
template <typename T, typename... Arguments>
T& make_with_tail(base::SlabPool* pool, std::size_t tail_at, std::span<const triples::Value> values,
                  Arguments&&... arguments) {
  static_assert(sizeof(T) % alignof(triples::Value) == 0);
  const std::size_t bytes = tail_at + tail_bytes(values);
  void* memory = pool == nullptr ? ::operator new(bytes) : pool->allocate(bytes);
  auto* tail = reinterpret_cast<triples::Value*>(static_cast<char*>(memory) + tail_at);
  fill_tail(values, tail);
  return *::new (memory) T(std::forward<Arguments>(arguments)...);
}
// Requires: it was made so, by the same pool.
template <typename T>
void destroy_with_tail(base::SlabPool* pool, std::size_t tail_at,
                       std::span<const triples::Value> values, T& instance) {
  const std::size_t bytes = tail_at + tail_bytes(values);
  std::destroy_at(&instance);
  if (pool == nullptr)
    ::operator delete(&instance);
  else
    pool->free(&instance, bytes);
}

}  // namespace tremula::dataflow
