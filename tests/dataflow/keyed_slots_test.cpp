// KeyedSlots against a map of sets, over groups of every size.
#include "core/dataflow/keyed_slots.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using tremula::dataflow::KeyedSlots;
using tremula::triples::Slot;

namespace {

using Rng = std::mt19937_64;
using Model = std::map<std::string, std::set<Slot>>;

// Some shorter than a group's own room for its key, some longer.
std::string key_of(std::uint64_t number) {
  std::string key = "k" + std::to_string(number);
  if (number % 5 == 0) key.resize(15, '-');
  if (number % 5 == 1) key.resize(16, '-');
  if (number % 5 == 2) key.resize(40, '\0');
  return key;
}

void check_equal(const KeyedSlots& slots, const Model& model, std::uint64_t keys) {
  for (std::uint64_t k = 0; k < keys; ++k) {
    const auto expected = model.find(key_of(k));
    const KeyedSlots::Group group = slots.find(key_of(k));
    REQUIRE((group != KeyedSlots::kNoGroup) == (expected != model.end()));
    if (expected == model.end()) continue;
    REQUIRE(slots.key(group) == expected->first);
    const std::span<const Slot> found = slots.slots(group);
    REQUIRE(found.size() == expected->second.size());
    REQUIRE(std::set<Slot>(found.begin(), found.end()) == expected->second);
  }
  REQUIRE(slots.group_count() == model.size());
}

}  // namespace

TEST_CASE("keyed slots: the same as a map of sets, whatever comes and goes") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    // From all in one group to hardly any two in the same.
    const std::uint64_t keys = std::uint64_t{1} << (seed - 1);
    KeyedSlots slots;
    Model model;
    std::map<Slot, std::uint64_t> key_of_slot;
    for (int step = 0; step < 20'000; ++step) {
      const Slot slot = static_cast<Slot>(rng() % 600);
      const bool growing = step / 3000 % 2 == 0;
      const auto found = key_of_slot.find(slot);
      if (found == key_of_slot.end()) {
        if (!growing && rng() % 4 != 0) continue;
        const std::uint64_t k = rng() % keys;
        slots.insert(slots.find_or_make(key_of(k)), slot);
        model[key_of(k)].insert(slot);
        key_of_slot[slot] = k;
      } else if (!growing || rng() % 4 == 0) {
        const std::string key = key_of(found->second);
        const KeyedSlots::Group group = slots.find(key);
        slots.erase(group, slot);
        slots.drop_if_empty(group);
        slots.drop_if_empty(group);
        model[key].erase(slot);
        if (model[key].empty()) model.erase(key);
        key_of_slot.erase(found);
      }
      if (step % 500 == 0) {
        slots.check_invariants();
        check_equal(slots, model, keys);
      }
    }
    check_equal(slots, model, keys);
  }
}

TEST_CASE("keyed slots: an empty group stays until it is given up") {
  KeyedSlots slots;
  const KeyedSlots::Group group = slots.find_or_make("a");
  slots.insert(group, 7);
  slots.erase(group, 7);
  CHECK(slots.find("a") == group);
  CHECK(slots.empty_group_count() == 1);
  slots.drop_if_empty(group);
  CHECK(slots.find("a") == KeyedSlots::kNoGroup);
  CHECK(slots.empty_group_count() == 0);
}
