#include "core/lsm/memtable.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/lsm/history.h"
#include "tests/lsm/sst_support.h"

namespace tremula::lsm {
namespace {

using namespace tremula::triples;
using testing::History;
using testing::Overlay;

constexpr TypeId kType{1};

WrittenRow row(Slot slot, Fate fate, std::string_view key, std::vector<WrittenCell> cells = {}) {
  return {kType, slot, fate, key, std::move(cells)};
}
WrittenCell cell(std::uint32_t attr, std::int64_t value) {
  return {AttrId{attr}, Value::int_of(value)};
}
WrittenCell removed(std::uint32_t attr) { return {AttrId{attr}, Value::missing()}; }

// All entries, `most` at a time, one a line; the order is checked.
std::string show(const Memtable& memtable, const std::vector<AttrId>& attrs, std::size_t most = 3) {
  MemtableCursor cursor(memtable, [&](TypeId) { return attrs; });
  std::string text;
  std::vector<Entry> entries;
  std::vector<testing::OwnedEntry> before;
  while (cursor.next(entries, most)) {
    CHECK(entries.size() <= most);
    for (const Entry& entry : entries) {
      if (!before.empty()) CHECK(before.back().entry().key < entry.key);
      before.push_back({entry.key.type, entry.key.attr, entry.key.slot, std::string(entry.key.key),
                        OwnedValue(), 0});
      text += testing::show(entry) + "\n";
    }
  }
  return text;
}

void apply(Memtable& memtable, std::string_view record, std::uint64_t version) {
  CommitReader reader(record);
  WrittenRow written;
  while (true) {
    const auto more = reader.next(written);
    REQUIRE(more.ok());
    if (!more.value()) return;
    memtable.apply(written, version);
  }
}

}  // namespace

TEST_CASE("memtable: an inserted row gives its cells, itself and its key") {
  Memtable memtable;
  CHECK(memtable.empty());
  memtable.apply(row(7, Fate::kInserted, "b", {cell(2, 20), cell(1, 10)}), 5);
  memtable.apply(row(3, Fate::kInserted, "c", {cell(1, 11)}), 6);
  CHECK(!memtable.empty());
  CHECK(show(memtable, {}) ==
        "1.0 #3 bytes 'c' v6\n1.0 #7 bytes 'b' v5\n1.1 #3 11 v6\n1.1 #7 10 v5\n1.2 #7 20 v5\n"
        "1.keys 'b' 7 v5\n1.keys 'c' 3 v6\n");
}

TEST_CASE("memtable: an update of a row in the files gives its cells alone, removed ones too") {
  Memtable memtable;
  memtable.apply(row(7, Fate::kUpdated, "b", {cell(2, 20), removed(1)}), 5);
  memtable.apply(row(7, Fate::kUpdated, "b", {cell(2, 21), cell(3, 30)}), 6);
  CHECK(show(memtable, {}) == "1.1 #7 missing v5\n1.2 #7 21 v6\n1.3 #7 30 v6\n");
}

TEST_CASE("memtable: a deleted row gives tombstones for what the files have of it") {
  Memtable memtable;
  memtable.apply(row(7, Fate::kUpdated, "b", {cell(2, 20)}), 5);
  memtable.apply(row(7, Fate::kDeleted, "b"), 6);
  CHECK(show(memtable, {kRowAttr, AttrId{1}, AttrId{3}, kKeyAttr}) ==
        "1.0 #7 missing v6\n1.1 #7 missing v6\n1.3 #7 missing v6\n1.keys 'b' null v6\n");
}

TEST_CASE("memtable: a row that came and went here leaves a dead key alone") {
  Memtable memtable;
  memtable.apply(row(7, Fate::kInserted, "b", {cell(2, 20)}), 5);
  memtable.apply(row(7, Fate::kDeleted, "b"), 6);
  CHECK(show(memtable, {AttrId{1}}) == "1.keys 'b' null v6\n");
}

TEST_CASE("memtable: a slot taken over by another key leaves both keys") {
  Memtable memtable;
  memtable.apply(row(7, Fate::kDeleted, "b"), 5);
  memtable.apply(row(7, Fate::kInserted, "a", {cell(2, 20)}), 6);
  CHECK(show(memtable, {AttrId{1}, AttrId{2}}) ==
        "1.0 #7 bytes 'a' v6\n1.1 #7 missing v6\n1.2 #7 20 v6\n1.keys 'a' 7 v6\n"
        "1.keys 'b' null v5\n");
  // The old key comes again elsewhere.
  memtable.apply(row(9, Fate::kInserted, "b"), 7);
  CHECK(show(memtable, {}) ==
        "1.0 #7 bytes 'a' v6\n1.0 #9 bytes 'b' v7\n1.2 #7 20 v6\n1.keys 'a' 7 v6\n"
        "1.keys 'b' 9 v7\n");
}

TEST_CASE("memtable: rows are visited so that they can be done again in that order") {
  Memtable memtable;
  memtable.apply(row(9, Fate::kUpdated, "z", {cell(1, 1), removed(2)}), 4);
  memtable.apply(row(7, Fate::kDeleted, "b"), 5);
  memtable.apply(row(8, Fate::kInserted, "b", {cell(1, 2)}), 6);
  memtable.apply(row(7, Fate::kInserted, "a"), 7);
  memtable.apply(row(6, Fate::kInserted, "gone"), 8);
  memtable.apply(row(6, Fate::kDeleted, "gone"), 9);
  std::string text;
  memtable.visit_rows([&](const MemtableRow& visited) {
    text += std::to_string(static_cast<int>(visited.fate)) + " #" + std::to_string(visited.slot) +
            " " + std::string(visited.key);
    for (const WrittenCell& written : visited.cells)
      text += " " + testing::show(Entry{{kType, written.attr, 0, {}}, written.value, 0});
    text += "\n";
  });
  CHECK(text == "2 #7 b\n1 #9 z 1.1 #0 1 v0 1.2 #0 missing v0\n0 #7 a\n0 #8 b 1.1 #0 2 v0\n");
}

TEST_CASE("memtable: flushed one after the other, they make what the transactions wrote") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    History history(seed);
    Overlay files;
    std::map<TypeId, std::set<AttrId>> attrs;
    for (int round = 0; round < 6; ++round) {
      Memtable memtable;
      for (std::size_t i = history.below(60); i > 0; --i) {
        const std::string_view record = history.commit();
        apply(memtable, record, history.version());
      }
      MemtableCursor cursor(memtable, [&](TypeId type) {
        return std::vector<AttrId>(attrs[type].begin(), attrs[type].end());
      });
      std::vector<Entry> entries;
      std::map<TypeId, std::set<AttrId>> new_attrs = attrs;
      while (cursor.next(entries, 1 + history.below(20))) {
        for (const Entry& entry : entries) {
          files.add(entry);
          new_attrs[entry.key.type].insert(entry.key.attr);
        }
      }
      attrs = new_attrs;
      REQUIRE(files.show() == history.show());
    }
  }
}

TEST_CASE("memtable: what it takes grows with what is written") {
  Memtable memtable;
  std::size_t before = memtable.memory_bytes();
  for (Slot slot = 0; slot < 100; ++slot) {
    memtable.apply(row(slot, Fate::kInserted, "key", {cell(1, 1), cell(2, 2)}), 1);
    CHECK(memtable.memory_bytes() >= before + 64);
    before = memtable.memory_bytes();
  }
  const std::string text(10'000, 'x');
  memtable.apply(row(0, Fate::kUpdated, "key", {{AttrId{1}, Value::text_of(text)}}), 2);
  CHECK(memtable.memory_bytes() >= before + text.size());
}

}  // namespace tremula::lsm
