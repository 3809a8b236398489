#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/lsm/block_cache.h"
#include "tests/lsm/sst_support.h"

namespace {

using namespace tremula::lsm;
using namespace tremula::lsm::testing;
using namespace tremula::triples;

// A file with one entry in each block: its value tells file and block.
struct OneEach {
  Written written;
  std::shared_ptr<const SstReader> reader;
};

OneEach one_each(std::uint64_t number, Slot blocks) {
  std::vector<OwnedEntry> entries;
  for (Slot slot = 0; slot < blocks; ++slot) {
    const std::string text = std::to_string(number) + "/" + std::to_string(slot);
    entries.push_back({TypeId{1}, AttrId{2}, slot, "", OwnedValue(Value::text_of(text)), 1});
  }
  OneEach file;
  file.written = write_sst(entries, {1, false}, number);
  auto reader = open_sst(file.written.bytes, file.written.info);
  REQUIRE(reader.ok());
  file.reader = reader.value();
  REQUIRE(file.reader->blocks().size() == blocks);
  return file;
}

std::string text_of(BlockCache& cache, const OneEach& file, std::size_t block) {
  const auto got = cache.get(*file.reader, block);
  if (!got.ok()) return got.error().message;
  return std::string(got.value()->values[0].view());
}

std::size_t block_bytes(const OneEach& file) {
  return file.reader->read(0).value()->memory_bytes();
}

}  // namespace

TEST_CASE("block cache: a block is read once as long as it fits") {
  const OneEach file = one_each(7, 4);
  BlockCache cache(4 * block_bytes(file));
  for (int round = 0; round < 3; ++round) {
    for (std::size_t block = 0; block < 4; ++block)
      CHECK(text_of(cache, file, block) == "7/" + std::to_string(block));
  }
  CHECK(cache.misses() == 4);
  CHECK(cache.hits() == 8);
  cache.check_invariants();
}

TEST_CASE("block cache: what was asked for again is spared, what was not goes") {
  const OneEach file = one_each(7, 10);
  BlockCache cache(3 * block_bytes(file));
  for (const std::size_t block : {0, 1, 2}) text_of(cache, file, block);
  text_of(cache, file, 1);
  text_of(cache, file, 3);
  text_of(cache, file, 4);
  CHECK(cache.blocks() == 3);
  CHECK(cache.misses() == 5);
  text_of(cache, file, 1);
  CHECK(cache.misses() == 5);
  text_of(cache, file, 0);
  CHECK(cache.misses() == 6);
  cache.check_invariants();
}

TEST_CASE("block cache: a block that is held outlives its eviction") {
  const OneEach file = one_each(7, 10);
  BlockCache cache(block_bytes(file));
  const auto held = cache.get(*file.reader, 0);
  REQUIRE(held.ok());
  for (std::size_t block = 1; block < 10; ++block) text_of(cache, file, block);
  CHECK(held.value()->values[0].view() == "7/0");
  CHECK(cache.blocks() == 1);
}

TEST_CASE("block cache: nothing is kept that is over the bound, and no error") {
  const OneEach file = one_each(7, 2);
  BlockCache none(0);
  CHECK(text_of(none, file, 1) == "7/1");
  CHECK(text_of(none, file, 1) == "7/1");
  CHECK(none.misses() == 2);
  CHECK(none.blocks() == 0);
  BlockCache cache(1 << 20);
  (*file.written.bytes)[file.reader->blocks()[1].offset] ^= 1;
  CHECK(text_of(cache, file, 1).starts_with("SST: block 1 at offset "));
  (*file.written.bytes)[file.reader->blocks()[1].offset] ^= 1;
  CHECK(text_of(cache, file, 1) == "7/1");
  CHECK(cache.misses() == 2);
}

TEST_CASE("block cache: any order of calls gives the right blocks and keeps the bound") {
  std::vector<OneEach> files;
  for (std::uint64_t number = 1; number <= 3; ++number) files.push_back(one_each(number, 20));
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    EntryGenerator random(seed);
    BlockCache cache(random.below(30) * block_bytes(files[0]));
    for (int step = 0; step < 500; ++step) {
      const OneEach& file = files[random.below(3)];
      const std::size_t block = random.below(20);
      CHECK(text_of(cache, file, block) ==
            std::to_string(file.reader->info().number) + "/" + std::to_string(block));
      if (random.chance(1)) cache.set_bytes_max(random.below(30) * block_bytes(files[0]));
      if (random.chance(10)) cache.check_invariants();
    }
  }
}
