#include "core/lsm/lsm_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/base/forwarding_file.h"
#include "persist/memory_file_system.h"
#include "tests/lsm/history.h"
#include "tests/lsm/sst_support.h"
#include "tests/lsm/tree_support.h"

namespace tremula::lsm {
namespace {

using namespace tremula::triples;
using persist::MemoryFileSystem;
using testing::History;
using testing::kDirectory;
using testing::tiny_options;

std::unique_ptr<LsmTree> open_tree(base::FileSystem& files, const LsmOptions& options) {
  REQUIRE(files.make_directory(kDirectory).ok());
  auto tree = LsmTree::open(files, kDirectory, options);
  if (!tree.ok()) FAIL(tree.error().message);
  return std::move(tree).value();
}

std::string record_of(TypeId type, Slot slot, Fate fate, std::string_view key,
                      const std::vector<std::int64_t>& cells = {}) {
  CommitWriter writer;
  writer.begin_row(type, slot, fate, key, cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i)
    writer.cell(AttrId{static_cast<std::uint32_t>(i + 1)}, Value::int_of(cells[i]));
  return std::string(writer.view());
}

// Counts the files that are open.
class CountingFiles final : public MemoryFileSystem {
 public:
  base::Result<std::unique_ptr<base::File>> open(const std::string& path,
                                                 base::OpenMode mode) override {
    TREMULA_TRY_ASSIGN(auto file, MemoryFileSystem::open(path, mode));
    most_open = std::max(most_open, ++now_open);
    return std::unique_ptr<base::File>(new Counted(std::move(file), now_open));
  }
  std::size_t now_open = 0;
  std::size_t most_open = 0;

 private:
  class Counted final : public base::ForwardingFile {
   public:
    Counted(std::unique_ptr<base::File> file, std::size_t& open)
        : ForwardingFile(std::move(file)), open_(&open) {}
    ~Counted() override { --*open_; }

   private:
    std::size_t* open_;
  };
};

}  // namespace

TEST_CASE("lsm_tree: what was flushed is read, and found again after opening") {
  MemoryFileSystem files;
  auto tree = open_tree(files, {});
  CHECK(tree->edits() == 1);
  CHECK(!tree->has_work());
  REQUIRE(tree->apply(record_of(TypeId{1}, 7, Fate::kInserted, "key", {70, 71}), 5, 3).ok());
  CHECK(testing::show(*tree->snapshot()) == "");
  REQUIRE(tree->flush().ok());
  const std::string expected =
      "1.0 #7 bytes 'key' v5\n1.1 #7 70 v5\n1.2 #7 71 v5\n1.keys 'key' 7 v5\n";
  CHECK(testing::show(*tree->snapshot()) == expected);
  CHECK(tree->state().applied_version == 5);
  CHECK(tree->state().first_log == 3);
  CHECK(tree->edits() == 2);
  CHECK(testing::show_levels(tree->stats()) == "L0:1");
  tree.reset();
  tree = open_tree(files, {});
  CHECK(testing::show(*tree->snapshot()) == expected);
  CHECK(tree->snapshot()->find_key(TypeId{1}, "key").value() == 7);
  CHECK(tree->snapshot()->find_key(TypeId{1}, "kez").value() == kNoSlot);
  CHECK(tree->snapshot()->find_key(TypeId{2}, "key").value() == kNoSlot);
  CHECK(tree->state().applied_version == 5);
  CHECK(tree->edits() == 2);
}

TEST_CASE("lsm_tree: the state of the log follows what is flushed") {
  MemoryFileSystem files;
  auto tree = open_tree(files, {});
  REQUIRE(tree->apply(record_of(TypeId{1}, 1, Fate::kInserted, "a"), 1, 4).ok());
  REQUIRE(tree->apply(record_of(TypeId{1}, 2, Fate::kInserted, "b"), 2, 5).ok());
  tree->freeze();
  CHECK(!tree->can_freeze());
  // Nothing came since: the log file of the last transaction may get more.
  REQUIRE(testing::work_all(*tree).ok());
  CHECK(tree->state().applied_version == 2);
  CHECK(tree->state().first_log == 5);
  REQUIRE(tree->apply(record_of(TypeId{1}, 3, Fate::kInserted, "c"), 3, 6).ok());
  tree->freeze();
  REQUIRE(tree->apply(record_of(TypeId{1}, 4, Fate::kInserted, "d"), 4, 8).ok());
  REQUIRE(testing::work_all(*tree).ok());
  CHECK(tree->state().applied_version == 3);
  CHECK(tree->state().first_log == 8);

  TreeState state = tree->state();
  state.site = "sixteen bytes ok";
  state.log_end_number = 9;
  state.log_end_offset = 100;
  state.lock_identity = 0xFFFF'0000'FFFF'0000;
  REQUIRE(tree->set_state(state).ok());
  const std::uint64_t edits = tree->edits();
  tree.reset();
  tree = open_tree(files, {});
  CHECK(tree->state() == state);
  CHECK(tree->edits() == edits);
}

TEST_CASE("lsm_tree: rows of the memtables are visited, the frozen one's first") {
  MemoryFileSystem files;
  auto tree = open_tree(files, {});
  REQUIRE(tree->apply(record_of(TypeId{1}, 2, Fate::kInserted, "b"), 1, 1).ok());
  tree->freeze();
  REQUIRE(tree->apply(record_of(TypeId{1}, 1, Fate::kInserted, "a"), 2, 1).ok());
  std::string keys;
  tree->visit_memtables([&](const MemtableRow& row) { keys += row.key; });
  CHECK(keys == "ba");
}

TEST_CASE("lsm_tree: a broken record is corrupt, and nothing is written any more") {
  MemoryFileSystem files;
  auto tree = open_tree(files, {});
  CHECK(tree->apply("\x01", 1, 1).error().code == base::ErrorCode::kCorrupt);
  CHECK(tree->apply("", 2, 1).error().code == base::ErrorCode::kCorrupt);
  CHECK(tree->flush().error().code == base::ErrorCode::kCorrupt);
  CHECK(tree->work(1).error().code == base::ErrorCode::kCorrupt);
  CHECK(tree->set_state({}).error().code == base::ErrorCode::kCorrupt);
  CHECK(!tree->can_freeze());
  CHECK(!tree->has_work());
}

TEST_CASE("lsm_tree: random histories read as they were written, whatever is opened anew when") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    MemoryFileSystem files;
    LsmOptions options = tiny_options();
    options.sst.compress = seed % 2 == 0;
    History history(seed, {.types = 3, .attrs = 3, .keys = 60, .rows_of_commit = 5});
    auto tree = open_tree(files, options);
    for (int i = 0; i < 1200; ++i) {
      const std::string_view record = history.commit();
      REQUIRE(tree->apply(record, history.version(), 1).ok());
      if (tree->wants_freeze() && tree->can_freeze()) tree->freeze();
      if (tree->has_work()) REQUIRE(tree->work(history.below(3000)).ok());
      if (history.chance(98)) continue;
      REQUIRE(tree->flush().ok());
      REQUIRE(testing::show(*tree->snapshot()) == history.show());
      for (std::uint32_t type = 1; type <= 3; ++type)
        REQUIRE(testing::check_keys(*tree->snapshot(), history, TypeId{type}) == "");
      if (history.chance(50)) {
        tree.reset();
        tree = open_tree(files, options);
        REQUIRE(testing::show(*tree->snapshot()) == history.show());
      }
    }
    REQUIRE(tree->flush().ok());
    REQUIRE(testing::work_all(*tree).ok());
    CHECK(testing::show(*tree->snapshot()) == history.show());
    CHECK(tree->stats().files_per_level.size() >= 3);
    CHECK(tree->stats().pinned.empty());
    tree.reset();
    const auto checked = LsmTree::check(files, kDirectory, [](std::string_view) {});
    CHECK(checked.ok());
  }
}

TEST_CASE("lsm_tree: ranges of slots are read alone") {
  MemoryFileSystem files;
  History history(3, {.types = 1, .attrs = 2, .keys = 200, .rows_of_commit = 20});
  auto tree = open_tree(files, tiny_options());
  for (int i = 0; i < 300; ++i) {
    const std::string_view record = history.commit();
    REQUIRE(tree->apply(record, history.version(), 1).ok());
    if (tree->wants_freeze() && tree->can_freeze()) tree->freeze();
    if (tree->has_work()) REQUIRE(tree->work(1000).ok());
  }
  REQUIRE(tree->flush().ok());
  const auto snapshot = tree->snapshot();
  for (std::uint32_t attr = 0; attr <= 2; ++attr) {
    std::vector<std::pair<Slot, std::string>> all;
    REQUIRE(snapshot
                ->scan(TypeId{1}, AttrId{attr},
                       [&](const Entry& entry) {
                         all.emplace_back(entry.key.slot, testing::show(entry));
                       })
                .ok());
    for (Slot begin = 0; begin < 240; begin += 7) {
      for (const Slot length : {0U, 1U, 5U, 64U, 1000U}) {
        std::string expected;
        for (const auto& [slot, text] : all)
          if (slot >= begin && slot < begin + length) expected += text + "\n";
        std::string found;
        REQUIRE(snapshot
                    ->scan(TypeId{1}, AttrId{attr}, begin, begin + length,
                           [&](const Entry& e) { found += testing::show(e) + "\n"; })
                    .ok());
        REQUIRE(found == expected);
      }
    }
  }
}

TEST_CASE("lsm_tree: the same history makes the same bytes") {
  std::string first;
  for (int run = 0; run < 2; ++run) {
    MemoryFileSystem files;
    History history(11, {.types = 2, .attrs = 5, .keys = 100, .rows_of_commit = 8});
    auto tree = open_tree(files, tiny_options());
    for (int i = 0; i < 500; ++i) {
      const std::string_view record = history.commit();
      REQUIRE(tree->apply(record, history.version(), 1).ok());
      if (tree->wants_freeze() && tree->can_freeze()) tree->freeze();
      if (tree->has_work()) REQUIRE(tree->work(700).ok());
    }
    const std::string bytes = testing::all_bytes(files);
    if (run == 0) first = bytes;
    CHECK(bytes.size() > 4096);
    CHECK(bytes == first);
  }
}

TEST_CASE("lsm_tree: a snapshot keeps its files until it goes") {
  MemoryFileSystem files;
  History history(5);
  auto tree = open_tree(files, tiny_options());
  const auto grow = [&] {
    for (int i = 0; i < 200; ++i) {
      const std::string_view record = history.commit();
      REQUIRE(tree->apply(record, history.version(), 1).ok());
    }
    REQUIRE(tree->flush().ok());
    REQUIRE(testing::work_all(*tree).ok());
  };
  grow();
  auto snapshot = tree->snapshot();
  const std::string before = history.show();
  grow();
  grow();
  CHECK(tree->stats().pinned.size() > 0);
  CHECK(testing::show(*snapshot) == before);
  CHECK(testing::show(*tree->snapshot()) == history.show());
  const std::size_t names = files.list(kDirectory).value().size();
  const std::size_t pinned = tree->stats().pinned.size();
  for (const auto& [name, bytes] : tree->stats().pinned) {
    CHECK(testing::file_bytes(files, std::string(kDirectory) + "/" + name).size() == bytes);
  }
  CHECK(!tree->has_work());
  snapshot.reset();
  CHECK(tree->stats().pinned.empty());
  CHECK(tree->has_work());
  REQUIRE(testing::work_all(*tree).ok());
  CHECK(files.list(kDirectory).value().size() == names - pinned);
}

TEST_CASE("lsm_tree: rows that come at the end move down without being written again") {
  MemoryFileSystem files;
  LsmOptions options = tiny_options();
  options.level0_files_max = 1000;
  auto tree = open_tree(files, options);
  for (Slot slot = 0; slot < 2000; ++slot) {
    const std::string key(1, static_cast<char>(slot >> 8));
    REQUIRE(tree->apply(record_of(TypeId{1}, slot, Fate::kInserted,
                                  key + static_cast<char>(slot & 255), {slot, slot * 2}),
                        slot + 1, 1)
                .ok());
    if (tree->wants_freeze() && tree->can_freeze()) tree->freeze();
    if (tree->has_work()) REQUIRE(tree->work(100'000).ok());
  }
  REQUIRE(tree->flush().ok());
  REQUIRE(testing::work_all(*tree).ok());
  const LsmStats stats = tree->stats();
  CHECK(stats.entries == 2000 * 4);
  CHECK(stats.files_per_level.size() >= 3);
  // Once when flushed and once into level 1; a third time where a small last file goes on.
  CHECK(stats.bytes_written < stats.bytes * 7 / 2);
}

TEST_CASE("lsm_tree: deleted rows leave their dead keys alone at the bottom") {
  MemoryFileSystem files;
  auto tree = open_tree(files, tiny_options());
  std::uint64_t version = 0;
  for (const Fate fate : {Fate::kInserted, Fate::kDeleted}) {
    for (Slot slot = 0; slot < 200; ++slot) {
      const std::vector<std::int64_t> cells(fate == Fate::kInserted ? 3 : 0, 12);
      REQUIRE(tree->apply(record_of(TypeId{1}, slot, fate, "key" + std::to_string(slot), cells),
                          ++version, 1)
                  .ok());
    }
    REQUIRE(tree->flush().ok());
  }
  CHECK(tree->stats().tombstones == 200 * 4);
  REQUIRE(testing::work_all(*tree).ok());
  CHECK(tree->stats().tombstones == 0);
  CHECK(tree->stats().entries == 200);
  const auto snapshot = tree->snapshot();
  CHECK(snapshot->columns() == std::vector{std::pair{TypeId{1}, kKeyAttr}});
  CHECK(snapshot->find_key(TypeId{1}, "key7").value() == kNoSlot);
}

namespace {

constexpr Slot kTextRows = 20'000;

// Rows with a number and a text of 100 bytes, so deep that they have left level 0.
std::unique_ptr<LsmTree> tree_of_texts(base::FileSystem& files) {
  LsmOptions options;
  options.level0_files = 1;
  options.level1_bytes = 1U << 20;
  options.file_bytes = 256U << 10;
  auto tree = open_tree(files, options);
  CommitWriter writer;
  std::mt19937 random(5);
  for (Slot slot = 0; slot < kTextRows; ++slot) {
    std::string text(100, ' ');
    for (char& byte : text) byte = static_cast<char>('a' + random() % 26);
    writer.begin_row(TypeId{1}, slot, Fate::kInserted, "key" + std::to_string(slot), 2);
    writer.cell(AttrId{1}, Value::int_of(slot));
    writer.cell(AttrId{2}, Value::text_of(text));
    if (slot % 8000 != 7999 && slot + 1 != kTextRows) continue;
    REQUIRE(tree->apply(writer.view(), slot + 1, 1).ok());
    REQUIRE(tree->flush().ok());
    writer = CommitWriter();
  }
  REQUIRE(testing::work_all(*tree).ok());
  REQUIRE(tree->stats().bytes > 1'500'000);
  return tree;
}

}  // namespace

TEST_CASE("lsm_tree: a purged column gives its room back though nothing else is written") {
  MemoryFileSystem files;
  const auto tree = tree_of_texts(files);
  bool leaves_marks = false;  // as a merged table's cells do
  SUBCASE("removed cells") {}
  SUBCASE("cells with a mark that they were removed") { leaves_marks = true; }
  const std::uint64_t before = tree->stats().bytes;
  CommitWriter writer;
  for (Slot slot = 0; slot < kTextRows; ++slot) {
    writer.begin_row(TypeId{1}, slot, Fate::kUpdated, "key" + std::to_string(slot), 1);
    writer.cell(AttrId{2}, leaves_marks ? removed_mark() : Value::missing());
  }
  REQUIRE(tree->apply(writer.view(), kTextRows + 1, 1).ok());
  REQUIRE(tree->flush().ok());
  REQUIRE(testing::work_all(*tree).ok());
  const LsmStats stats = tree->stats();
  CHECK(stats.bytes < before / 5);
  CHECK(stats.tombstones == 0);
  std::size_t cells = 0;
  std::size_t marks = 0;
  const auto snapshot = tree->snapshot();
  REQUIRE(snapshot->scan(TypeId{1}, AttrId{1}, [&](const Entry&) { ++cells; }).ok());
  REQUIRE(snapshot->scan(TypeId{1}, AttrId{2}, [&](const Entry&) { ++marks; }).ok());
  CHECK(cells == kTextRows);
  CHECK(marks == (leaves_marks ? kTextRows : 0));
}

TEST_CASE("lsm_tree: deleted rows give their room back though nothing else is written") {
  MemoryFileSystem files;
  const auto tree = tree_of_texts(files);
  const std::uint64_t before = tree->stats().bytes;
  CommitWriter writer;
  for (Slot slot = 0; slot < kTextRows; ++slot)
    writer.begin_row(TypeId{1}, slot, Fate::kDeleted, "key" + std::to_string(slot), 0);
  REQUIRE(tree->apply(writer.view(), kTextRows + 1, 1).ok());
  REQUIRE(tree->flush().ok());
  REQUIRE(testing::work_all(*tree).ok());
  CHECK(tree->stats().bytes < before / 5);
  CHECK(tree->stats().tombstones == 0);
  CHECK(tree->stats().entries == kTextRows);  // the dead keys stay
}

TEST_CASE("lsm_tree: values of a megabyte are kept, and files stay near their bound") {
  MemoryFileSystem files;
  LsmOptions options;
  options.memtable_bytes = 4U << 20;
  options.level0_files = 1;
  options.level1_bytes = 8U << 20;
  auto tree = open_tree(files, options);
  const auto text_of = [](Slot slot, int round) {
    std::string text(1U << 20, 'a');
    std::uint32_t mixed = slot * 31 + static_cast<std::uint32_t>(round);
    for (char& letter : text) letter = static_cast<char>((mixed = mixed * 1'664'525 + 7) >> 24);
    return text;
  };
  std::uint64_t version = 0;
  for (int round = 0; round < 2; ++round) {
    for (Slot slot = 0; slot < 20; ++slot) {
      CommitWriter writer;
      const std::string text = text_of(slot, round);
      const Fate fate = round == 0 ? Fate::kInserted : Fate::kUpdated;
      writer.begin_row(TypeId{1}, slot, fate, "key" + std::to_string(slot), 1);
      writer.cell(AttrId{1}, Value::bytes_of(text));
      REQUIRE(tree->apply(writer.view(), ++version, 1).ok());
      if (tree->wants_freeze() && tree->can_freeze()) tree->freeze();
      while (tree->has_work()) REQUIRE(tree->work(1U << 18).ok());
    }
  }
  REQUIRE(tree->flush().ok());
  REQUIRE(testing::work_all(*tree).ok());
  Slot next = 0;
  REQUIRE(tree->snapshot()
              ->scan(TypeId{1}, AttrId{1},
                     [&](const Entry& entry) {
                       CHECK(entry.key.slot == next);
                       CHECK((entry.value.view() == text_of(next++, 1)));
                     })
              .ok());
  CHECK(next == 20);
  CHECK(tree->stats().files_per_level.size() >= 3);
}

TEST_CASE("lsm_tree: many files take a few descriptors alone") {
  CountingFiles files;
  LsmOptions options = tiny_options();
  options.open_files_max = 5;
  History history(21, {.types = 3, .attrs = 6, .keys = 60, .rows_of_commit = 6});
  {
    auto tree = open_tree(files, options);
    for (int i = 0; i < 600; ++i) {
      const std::string_view record = history.commit();
      REQUIRE(tree->apply(record, history.version(), 1).ok());
      if (tree->wants_freeze() && tree->can_freeze()) tree->freeze();
      if (tree->has_work()) REQUIRE(tree->work(2000).ok());
    }
    REQUIRE(tree->flush().ok());
    CHECK(testing::show(*tree->snapshot()) == history.show());
    CHECK(files.list(kDirectory).value().size() > 20);
    CHECK(testing::check_keys(*tree->snapshot(), history, TypeId{1}) == "");
  }
  CHECK(files.now_open == 0);
  CHECK(files.most_open <= 8);  // five, the manifest, what is written, what is read
  CHECK(testing::show(*open_tree(files, options)->snapshot()) == history.show());
}

TEST_CASE("lsm_tree: nothing is frozen while level 0 is full") {
  MemoryFileSystem files;
  auto tree = open_tree(files, tiny_options());
  for (int i = 0; i < 4; ++i) {
    CHECK(tree->can_freeze() == false);
    REQUIRE(tree->apply(record_of(TypeId{1}, 1, Fate::kUpdated, "a", {i}), i + 1, 1).ok());
    CHECK(tree->can_freeze());
    REQUIRE(tree->flush().ok());
  }
  CHECK(testing::show_levels(tree->stats()) == "L0:4");
  REQUIRE(tree->apply(record_of(TypeId{1}, 1, Fate::kUpdated, "a", {9}), 9, 1).ok());
  CHECK(!tree->can_freeze());
  REQUIRE(testing::work_all(*tree).ok());
  CHECK(testing::show_levels(tree->stats()) == "L1:1");
  CHECK(tree->can_freeze());
}

}  // namespace tremula::lsm
