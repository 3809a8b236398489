// PlaceTable and Chunked against the standard containers, while they grow.
#include "core/base/place_table.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>

#include "core/base/chunked.h"
#include "core/base/flat_map.h"

using tremula::base::Chunked;
using tremula::base::PlaceTable;

namespace {

struct Place {
  std::uint32_t key = 0;
  std::uint32_t value = 0;

  std::uint64_t hash() const { return hash_of(key); }
  // Few homes, so that clusters are long and cross both ends.
  static std::uint64_t hash_of(std::uint32_t key) {
    return tremula::base::hash_int(key / 4) | std::uint64_t{key % 3 == 0} << 63;
  }
  bool is_empty() const { return key == 0; }
  bool is_moved() const { return key == 0xFFFF'FFFF; }
  void mark_moved() { key = 0xFFFF'FFFF; }
};

const Place* find(const PlaceTable<Place>& table, std::uint32_t key) {
  return table.find(Place::hash_of(key), [key](const Place& place) { return place.key == key; });
}

}  // namespace

TEST_CASE("place table: the same as a map, in the middle of growing too") {
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    std::mt19937 rng(seed);
    PlaceTable<Place> table;
    std::map<std::uint32_t, std::uint32_t> model;
    for (std::uint32_t step = 0; step < 6000; ++step) {
      const std::uint32_t key = 1 + rng() % (seed * 500);
      const Place* found = find(table, key);
      const auto known = model.find(key);
      REQUIRE((found != nullptr) == (known != model.end()));
      if (found == nullptr) {
        table.insert({key, step});
        model[key] = step;
      } else {
        REQUIRE(found->value == known->second);
        if (rng() % 3 != 0) continue;
        table.erase(found);
        model.erase(known);
      }
      REQUIRE(table.size() == model.size());
      if (step % 97 == 0) table.check_invariants();
    }
    table.check_invariants();
    std::map<std::uint32_t, std::uint32_t> seen;
    table.for_each([&](const Place& place) { seen[place.key] = place.value; });
    CHECK(seen == model);
  }
}

TEST_CASE("place table: memory of the smaller table goes as it is moved") {
  PlaceTable<Place> table;
  std::uint32_t key = 0;
  const auto insert_until = [&](std::uint32_t last) {
    while (key < last) {
      ++key;
      table.insert({key, key});
    }
  };
  constexpr std::uint32_t kFull = (1U << 16) / 4 * 3;
  insert_until(kFull + 1);
  const std::size_t both = table.memory_bytes();
  CHECK(both > (1U << 17) * sizeof(Place));
  insert_until(kFull + (1U << 12));
  CHECK(table.memory_bytes() < both);
  CHECK(table.memory_bytes() > (1U << 17) * sizeof(Place));
  insert_until(kFull + (1U << 13));
  CHECK(table.memory_bytes() == (1U << 17) * sizeof(Place));
  for (std::uint32_t k = 1; k <= key; ++k) REQUIRE(find(table, k) != nullptr);
}

TEST_CASE("chunked: items stay where they are, and begin with their default value") {
  Chunked<int, 3> items;
  CHECK(items.size() == 0);
  items.emplace_back() = 7;
  const int* first = &items[0];
  items.extend_to(100);
  CHECK(items.size() == 100);
  CHECK(items[99] == 0);
  items[99] = 9;
  items.extend_to(50);
  CHECK(items.size() == 100);
  CHECK(first == &items[0]);
  CHECK(items[0] == 7);
  CHECK(items[99] == 9);
}
