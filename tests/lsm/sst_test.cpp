// SSTs: what was written is read.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/lsm/sst.h"
#include "tests/lsm/sst_support.h"

namespace {

using namespace tremula::lsm;
using namespace tremula::lsm::testing;
using namespace tremula::triples;

// The first block that has an entry with this key or a greater one.
std::size_t block_of(const SstReader& reader, const EntryKey& key) {
  for (std::size_t i = 0; i < reader.blocks().size(); ++i) {
    const auto block = reader.read(i);
    REQUIRE(block.ok());
    const bool keys = block.value()->attr == kKeyAttr;
    const EntryKey last{block.value()->type, block.value()->attr,
                        keys ? 0 : block.value()->slots.back(),
                        keys ? block.value()->keys.back() : ""};
    if (last >= key) return i;
  }
  return reader.blocks().size();
}

// seek() may name the block before the gap that a key falls into, if it is of the same column.
void check_seek(const SstReader& reader, const EntryKey& key) {
  const std::size_t expected = block_of(reader, key);
  const std::size_t found = reader.seek(key);
  if (found == expected) return;
  REQUIRE(found + 1 == expected);
  CHECK(reader.blocks()[found].type == key.type);
  CHECK(reader.blocks()[found].attr == key.attr);
}

void check_runs(const SstReader& reader, std::size_t first, std::size_t count) {
  const auto run = reader.read_run(first, count);
  REQUIRE(run.ok());
  REQUIRE(run.value().size() == std::min(count, reader.blocks().size() - first));
  for (std::size_t i = 0; i < run.value().size(); ++i) {
    const auto alone = reader.read(first + i);
    REQUIRE(alone.ok());
    CHECK(run.value()[i]->slots == alone.value()->slots);
    CHECK(run.value()[i]->keys == alone.value()->keys);
    CHECK(run.value()[i]->versions == alone.value()->versions);
  }
}

// Blocks of columns tell of their slots without their values what they tell with them.
void check_living(const SstReader& reader) {
  for (std::size_t i = 0; i < reader.blocks().size(); ++i) {
    const auto block = reader.read(i);
    REQUIRE(block.ok());
    if (block.value()->attr == kKeyAttr || block.value()->slots.back() > 3000) continue;
    std::vector<std::uint8_t> expected(i % 3, 1);
    std::vector<std::uint8_t> living = expected;
    for (std::size_t at = 0; at < block.value()->slots.size(); ++at) {
      const Slot slot = block.value()->slots[at];
      if (expected.size() <= slot) expected.resize(slot + 1, 0);
      expected[slot] = block.value()->values[at].is_missing() ? 0 : 1;
    }
    REQUIRE(reader.mark_slots(i, i + 1, living).ok());
    REQUIRE(living == expected);
  }
}

void check_keys(const SstReader& reader, const std::vector<OwnedEntry>& entries,
                EntryGenerator& random) {
  std::set<std::pair<TypeId, std::string>> keys;
  for (const OwnedEntry& entry : entries) {
    if (entry.attr != kKeyAttr) continue;
    keys.emplace(entry.type, entry.key);
    CHECK(reader.may_contain_key(entry.type, entry.key));
    const auto found = reader.find_key(entry.type, entry.key);
    REQUIRE(found.ok());
    REQUIRE(found.value().has_value());
    const Value value = entry.value.value();
    const Slot slot = value.is_null() ? kNoSlot : static_cast<Slot>(value.integer);
    CHECK(*found.value() == KeyState{slot, entry.version});
  }
  for (int i = 0; i < 50; ++i) {
    const TypeId type = entries[random.below(entries.size())].type;
    const std::string key = random.text();
    if (keys.contains({type, key})) continue;
    const auto found = reader.find_key(type, key);
    REQUIRE(found.ok());
    CHECK_FALSE(found.value().has_value());
  }
}

}  // namespace

TEST_CASE("sst: what was written is read, however blocks are cut and stored") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    EntryGenerator random(seed);
    const std::vector<OwnedEntry> entries = random.entries(seed % 10 == 0 ? 4000 : 200);
    const std::size_t block_bytes[] = {1, 64, 512, 4096, 1 << 20};
    const SstOptions options{block_bytes[random.below(5)], random.chance(70)};
    const Written written = write_sst(entries, options);
    CHECK(written.info.size == written.bytes->size());
    CHECK(written.info.entries == entries.size());
    const auto opened = open_sst(written.bytes, written.info);
    REQUIRE_MESSAGE(opened.ok(), opened.error().message);
    const SstReader& reader = *opened.value();
    CHECK(reader.info() == written.info);
    REQUIRE(show_all(reader) == show_all(entries));
    CHECK(reader.check().ok());
    check_runs(reader, random.below(reader.blocks().size()), random.below(9));
    check_keys(reader, entries, random);
    check_living(reader);
    for (int i = 0; i < 20; ++i) {
      OwnedEntry near = entries[random.below(entries.size())];
      if (near.attr == kKeyAttr) {
        near.key += random.text();
      } else {
        near.slot += static_cast<Slot>(random.below(3)) - 1;
      }
      if (random.chance(10)) near.attr = AttrId{static_cast<std::uint32_t>(random.below(400))};
      check_seek(reader, near.entry().key);
    }
  }
}

TEST_CASE("sst: values of a megabyte stand among small ones") {
  EntryGenerator random(3);
  std::vector<OwnedEntry> entries;
  std::string noise(1 << 20, '\0');
  for (char& c : noise) c = static_cast<char>(random.below(256));
  for (Slot slot = 0; slot < 12; ++slot) {
    std::string text = slot % 4 == 1 ? noise : slot % 4 == 2 ? std::string(3 << 20, 'x') : "small";
    entries.push_back({TypeId{1}, AttrId{2}, slot, "", OwnedValue(Value::text_of(text)), slot});
  }
  for (const char first : {'a', 'b', 'c'}) {
    entries.push_back({TypeId{1}, kKeyAttr, 0, first + noise, OwnedValue(Value::int_of(3)), 1});
    entries.push_back({TypeId{1}, kKeyAttr, 0, first + noise + "b", OwnedValue(), 1});
  }
  const Written written = write_sst(entries, {});
  const auto opened = open_sst(written.bytes, written.info);
  REQUIRE(opened.ok());
  CHECK(show_all(*opened.value()) == show_all(entries));
  CHECK(opened.value()->check().ok());
  // 3 texts, 6 keys and 6 of these in the index; lz4 sees to the nine megabytes of x.
  CHECK(written.info.size < (16 << 20) + (1 << 17));
}

TEST_CASE("sst: slots are read without values, dense ones and scattered ones, compressed or not") {
  EntryGenerator random(4);
  for (const bool compress : {false, true}) {
    for (const std::size_t step : {1, 2, 100}) {
      std::vector<OwnedEntry> entries;
      for (Slot slot = 0; entries.size() < 5000; slot += 1 + random.below(step)) {
        const bool is_gone = step == 2 && random.chance(30);
        entries.push_back({TypeId{1}, kRowAttr, slot, "",
                           is_gone ? OwnedValue(Value::missing())
                                   : OwnedValue(Value::bytes_of("a key that repeats itself")),
                           slot});
      }
      const Written written = write_sst(entries, {4096, compress});
      const auto opened = open_sst(written.bytes, written.info);
      REQUIRE(opened.ok());
      REQUIRE(opened.value()->blocks().size() > 20);
      check_living(*opened.value());
      std::vector<std::uint8_t> expected;
      for (const OwnedEntry& entry : entries) {
        expected.resize(entry.slot, 0);
        expected.push_back(entry.value.value().is_missing() ? 0 : 1);
      }
      std::vector<std::uint8_t> living;
      REQUIRE(opened.value()->mark_slots(0, opened.value()->blocks().size(), living).ok());
      CHECK(living == expected);
    }
  }
}

TEST_CASE("sst: sealed by number, so that another file of the same entries does not pass for it") {
  EntryGenerator random(5);
  const std::vector<OwnedEntry> entries = random.entries(50);
  const Written first = write_sst(entries, {}, 1);
  const Written second = write_sst(entries, {}, 2);
  REQUIRE(first.bytes->size() == second.bytes->size());
  CHECK_FALSE(open_sst(second.bytes, first.info).ok());
  SstInfo renamed = first.info;
  renamed.number = 2;
  CHECK_FALSE(open_sst(first.bytes, renamed).ok());
}

TEST_CASE("sst: a dense column costs its values and little else") {
  std::vector<OwnedEntry> entries;
  for (Slot slot = 0; slot < 100'000; ++slot) {
    entries.push_back({TypeId{1}, AttrId{2}, slot, "",
                       OwnedValue(Value::int_of(static_cast<std::int64_t>(slot) * 7919 % 1000)),
                       100 + slot});
  }
  // Ten bits a value; slots and versions in equal steps.
  CHECK(write_sst(entries, {4096, false}).info.size < 100'000 * 10 / 8 + 5000);
}
