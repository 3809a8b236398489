#include "core/base/slab_pool.h"

#include <cstring>
#include <vector>

#include <doctest/doctest.h>

namespace tremula::base {
namespace {

struct Object {
  unsigned char* memory = nullptr;
  std::size_t bytes = 0;
  unsigned char filled = 0;

  bool is_as_filled() const {
    for (std::size_t i = 0; i < bytes; ++i)
      if (memory[i] != filled) return false;
    return true;
  }
};

Object make(SlabPool& pool, std::size_t bytes, std::size_t number) {
  Object made{static_cast<unsigned char*>(pool.allocate(bytes)), bytes,
              static_cast<unsigned char>(number % 251)};
  std::memset(made.memory, made.filled, bytes);
  return made;
}

TEST_CASE("objects of all sizes keep what is theirs, whatever comes and goes") {
  SlabPool pool;
  std::vector<Object> held;
  std::uint64_t random = 1;
  for (std::size_t step = 0; step < 40'000; ++step) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const auto dice = static_cast<std::size_t>(random >> 33);
    if (dice % 5 < (step < 20'000 ? 3 : 2) || held.empty()) {
      held.push_back(make(pool, 1 + dice / 5 % (SlabPool::kObjectMax + 40), step));
      CHECK(reinterpret_cast<std::uintptr_t>(held.back().memory) % sizeof(void*) == 0);
    } else {
      const std::size_t at = dice / 5 % held.size();
      REQUIRE(held[at].is_as_filled());
      pool.free(held[at].memory, held[at].bytes);
      held[at] = held.back();
      held.pop_back();
    }
  }
  for (const Object& object : held) {
    REQUIRE(object.is_as_filled());
    pool.free(object.memory, object.bytes);
  }
}

TEST_CASE("slabs without objects go back, but one") {
  SlabPool pool;
  std::vector<Object> held;
  for (std::size_t i = 0; i < 10'000; ++i) held.push_back(make(pool, 72, i));
  [[maybe_unused]] const std::size_t most = pool.memory_bytes();
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(most >= 10'000 * 72);
  CHECK(most < 10'000 * 73 + 2 * SlabPool::kSlabBytes);
#endif
  for (const Object& object : held) pool.free(object.memory, object.bytes);
  CHECK(pool.memory_bytes() <= SlabPool::kSlabBytes);
  held.assign(1, make(pool, 72, 0));
  CHECK(pool.memory_bytes() <= SlabPool::kSlabBytes);
  pool.free(held[0].memory, 72);
}

}  // namespace
}  // namespace tremula::base
