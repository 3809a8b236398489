#include "core/base/flat_map.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

namespace {

using tremula::base::FlatMap;
using tremula::base::FlatSet;

// Puts everything into few clusters, so that shifting back has work to do, also around the end.
struct PoorHash {
  std::uint64_t operator()(int key) const {
    return static_cast<std::uint64_t>(key % 5 == 0 ? 0xFFFF'FFFF : key % 7) << 32 |
           static_cast<std::uint64_t>(key % 3) << 61;
  }
};

template <typename Map, typename Model>
void check_equal(const Map& map, const Model& model) {
  REQUIRE(map.size() == model.size());
  std::size_t seen = 0;
  for (const auto& [key, value] : map) {
    const auto found = model.find(key);
    REQUIRE(found != model.end());
    CHECK(found->second == value);
    ++seen;
  }
  CHECK(seen == model.size());
}

template <typename Hash>
void check_against_model(std::uint32_t seed) {
  CAPTURE(seed);
  std::mt19937 rng(seed);
  FlatMap<int, std::string, Hash> map;
  std::map<int, std::string> model;
  const int keys = 1 << (2 + rng() % 8);
  for (int step = 0; step < 2000; ++step) {
    const int key = static_cast<int>(rng() % keys);
    const std::string value = "a value that has its own memory " + std::to_string(step);
    switch (rng() % 6) {
      case 0:
      case 1: {
        const auto [found, is_new] = map.insert(key, value);
        CHECK(is_new == model.emplace(key, value).second);
        CHECK(*found == model[key]);
        break;
      }
      case 2:
        map[key] = value;
        model[key] = value;
        break;
      case 3:
      case 4:
        CHECK(map.erase(key) == (model.erase(key) == 1));
        break;
      default:
        CHECK(map.contains(key) == model.contains(key));
    }
  }
  check_equal(map, model);
  std::map<int, int> asked;
  map.erase_if([&](int key, std::string&) { return ++asked[key], key % 2 == 0; });
  for (const auto& [key, times] : asked) CHECK(times == 1);
  CHECK(asked.size() == model.size());
  std::erase_if(model, [](const auto& entry) { return entry.first % 2 == 0; });
  check_equal(map, model);
  for (const auto& [key, value] : model) CHECK(*map.find(key) == value);
}

}  // namespace

TEST_CASE("flat map: agrees with std::map whatever is put in and taken out") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    check_against_model<tremula::base::FlatHash<int>>(seed);
  }
}

TEST_CASE("flat map: agrees with std::map even if the keys collide") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) check_against_model<PoorHash>(seed);
}

TEST_CASE("flat map: an empty one finds nothing and erases nothing") {
  FlatMap<std::uint32_t, int> map;
  CHECK(map.find(7) == nullptr);
  CHECK_FALSE(map.erase(7));
  map.erase_if([](std::uint32_t, int&) { return true; });
  map.clear();
  CHECK(map.empty());
  CHECK(map.memory_bytes() == 0);
  CHECK_FALSE(map.begin() != map.end());
}

TEST_CASE("flat map: strings are found by string_view, without a copy") {
  FlatMap<std::string, int> map;
  for (int i = 0; i < 1000; ++i) map[std::string(i % 40, 'x') + std::to_string(i)] = i;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::string(i % 40, 'x') + std::to_string(i);
    const int* found = map.find(std::string_view(key));
    REQUIRE(found != nullptr);
    CHECK(*found == i);
  }
  CHECK(map.find("x") == nullptr);
  CHECK(map.erase("x1x") == false);
  CHECK(map.erase("0"));
  CHECK(map.size() == 999);
}

TEST_CASE("flat map: a moved-from map is empty and can be used again") {
  FlatMap<int, std::unique_ptr<int>> from;
  from[1] = std::make_unique<int>(10);
  FlatMap<int, std::unique_ptr<int>> to(std::move(from));
  CHECK(**to.find(1) == 10);
  CHECK(from.empty());  // NOLINT(bugprone-use-after-move): that is the claim
  from[2] = std::make_unique<int>(20);
  to = std::move(from);
  CHECK(to.find(1) == nullptr);
  CHECK(**to.find(2) == 20);
}

TEST_CASE("flat map: clear keeps the memory, reserve makes room beforehand") {
  FlatMap<int, int> map;
  map.reserve(1000);
  const std::size_t bytes = map.memory_bytes();
  for (int i = 0; i < 1000; ++i) map[i] = i;
  CHECK(map.memory_bytes() == bytes);
  map.clear();
  CHECK(map.empty());
  CHECK(map.find(3) == nullptr);
  CHECK(map.memory_bytes() == bytes);
}

TEST_CASE("flat map: one that was large gives memory back as it empties") {
  FlatMap<int, int> map;
  map[0] = 0;
  const std::size_t small = map.memory_bytes();
  for (int key = 1; key < 10000; ++key) map[key] = key;
  const std::size_t large = map.memory_bytes();
  for (int key = 9999; key > 0; --key) REQUIRE(map.erase(key));
  CHECK(map.memory_bytes() <= 8 * small);
  CHECK(map.memory_bytes() < large / 100);
  CHECK(*map.find(0) == 0);
  const std::size_t left = map.memory_bytes();
  for (int key = 1; key < 10; ++key) map[key] = key;
  CHECK(map.memory_bytes() == left);
}

TEST_CASE("flat set: tells what is new and what was there") {
  enum class Id : std::uint32_t {};
  FlatSet<Id> set;
  CHECK(set.insert(Id{3}));
  CHECK_FALSE(set.insert(Id{3}));
  CHECK(set.contains(Id{3}));
  std::size_t count = 0;
  for (const auto& entry : set) count += entry.key == Id{3} ? 1 : 100;
  CHECK(count == 1);
  CHECK(set.erase(Id{3}));
  CHECK_FALSE(set.erase(Id{3}));
  CHECK(set.empty());
}

TEST_CASE("hashes: keys that differ in a few bits spread over the places") {
  for (int shift : {0, 8, 32, 44}) {
    FlatMap<std::uint64_t, int> map;
    std::map<std::uint64_t, int> places;
    for (std::uint64_t i = 0; i < 4096; ++i) {
      ++places[tremula::base::hash_int(i << shift) >> 52];
    }
    CHECK(places.size() > 2200);  // a random function fills 63 % = 2589
  }
}
