// MergeCursor against a map: the youngest entry of each key, in order.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/lsm/merge_cursor.h"
#include "tests/lsm/sst_support.h"

namespace {

using namespace tremula::lsm;
using namespace tremula::lsm::testing;
using namespace tremula::triples;

constexpr TypeId kType{1};

// One source: up to three files that follow each other.
struct Made {
  MergeSource source;
  std::vector<OwnedEntry> entries;
};

class MergeTest {
 public:
  MergeTest(std::uint32_t seed, AttrId attr) : random_(seed), attr_(attr) {
    const std::size_t sources = random_.below(6);
    for (std::size_t i = 0; i < sources; ++i) made_.push_back(make_source());
  }

  void check() {
    std::optional<SlotRange> range;
    if (attr_ != kKeyAttr && random_.chance(40)) {
      range.emplace();
      range->begin = static_cast<Slot>(random_.below(12'000));
      range->end = range->begin + 1 + static_cast<Slot>(random_.below(6000));
    }
    std::vector<MergeSource> sources;
    for (const Made& made : made_) sources.push_back(made.source);
    BlockCache cache(random_.below(100'000));
    MergeCursor cursor({kType, attr_}, std::move(sources), range,
                       random_.chance(50) ? &cache : nullptr);
    const std::size_t mosts[] = {1, 3, 70, 4096, 65'536};
    const std::size_t most = mosts[random_.below(5)];
    std::string found;
    while (true) {
      const auto batch = cursor.next(most);
      REQUIRE(batch.ok());
      if (batch.value().size() == 0) break;
      CHECK(batch.value().size() <= most);
      for (std::size_t i = 0; i < batch.value().size(); ++i)
        found += show(batch.value().entry(i)) + "\n";
    }
    REQUIRE(found == expected(range));
  }

 private:
  std::string expected(const std::optional<SlotRange>& range) const {
    std::map<std::pair<Slot, std::string>, std::string> newest;
    for (const Made& made : made_) {
      for (const OwnedEntry& entry : made.entries) {
        if (range && (entry.slot < range->begin || entry.slot >= range->end)) continue;
        newest.try_emplace({entry.slot, entry.key}, show(entry.entry()));
      }
    }
    std::string text;
    for (const auto& [key, entry] : newest) text += entry + "\n";
    return text;
  }

  Made make_source() {
    Made made;
    // Dense here, sparse there, in pieces of any length.
    Slot slot = static_cast<Slot>(random_.below(5000));
    const std::size_t step = 1 + random_.below(random_.chance(30) ? 3000 : 4);
    for (std::size_t files = 1 + random_.below(3); files > 0; --files) {
      std::vector<OwnedEntry> entries;
      for (std::size_t i = 1 + random_.below(600); i > 0; --i) {
        slot += 1 + static_cast<Slot>(random_.below(step));
        if (random_.chance(1)) slot += static_cast<Slot>(random_.below(9000));
        add(slot, entries);
      }
      append(std::move(entries), made);
    }
    return made;
  }

  void add(Slot slot, std::vector<OwnedEntry>& entries) {
    OwnedEntry entry{kType, attr_, slot, "", {}, ++version_};
    if (attr_ == kKeyAttr) {
      // Seven digits, so that keys ascend as numbers do.
      entry.key = std::to_string(1'000'000 + slot);
      entry.slot = 0;
      entry.value = OwnedValue(random_.chance(20) ? Value::null() : Value::int_of(slot));
    } else {
      entry.value = OwnedValue(random_.chance(20) ? Value::missing() : Value::int_of(slot));
    }
    entries.push_back(std::move(entry));
  }

  void append(std::vector<OwnedEntry> entries, Made& made) {
    const std::size_t block_bytes[] = {1, 40, 400, 4096};
    const Written written = write_sst(entries, {block_bytes[random_.below(4)], false}, ++number_);
    const auto reader = open_sst(written.bytes, written.info);
    REQUIRE(reader.ok());
    const auto file = std::make_shared<const TreeFile>(reader.value());
    made.source.push_back({file, 0, file->reader->blocks().size()});
    for (OwnedEntry& entry : entries) made.entries.push_back(std::move(entry));
  }

  EntryGenerator random_;
  AttrId attr_;
  std::vector<Made> made_;  // youngest first
  std::uint64_t number_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace

TEST_CASE("merge: the youngest entry of each slot comes, in order, whatever meets") {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    MergeTest test(seed, AttrId{2});
    for (int i = 0; i < 3; ++i) test.check();
  }
}

TEST_CASE("merge: the youngest entry of each key comes, in order") {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    MergeTest test(seed, kKeyAttr);
    for (int i = 0; i < 2; ++i) test.check();
  }
}
