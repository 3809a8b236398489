// Point reads of a tree with its memtables, and the files as another process follows them, beside a
// random history.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>

#include "core/lsm/followed_files.h"
#include "core/lsm/lsm_tree.h"
#include "persist/memory_file_system.h"
#include "tests/lsm/history.h"
#include "tests/lsm/tree_support.h"

namespace tremula::lsm {
namespace {

using namespace tremula::triples;
using persist::MemoryFileSystem;
using testing::History;
using testing::kDirectory;
using testing::tiny_options;

constexpr std::uint32_t kTypes = 2;
constexpr std::uint32_t kAttrs = 4;

std::unique_ptr<LsmTree> open_tree(base::FileSystem& files) {
  REQUIRE(files.make_directory(kDirectory).ok());
  auto tree = LsmTree::open(files, kDirectory, tiny_options());
  if (!tree.ok()) FAIL(tree.error().message);
  return std::move(tree).value();
}

// All that point reads give, as History shows it.
std::string show_points(const LsmTree& tree, const History& history) {
  testing::Overlay all;
  for (std::uint32_t number = 1; number <= kTypes; ++number) {
    const TypeId type{number};
    const auto end = tree.slot_end(type);
    REQUIRE(end.ok());
    for (Slot slot = 0; slot < end.value() + 2; ++slot) {
      for (std::uint32_t attr = 0; attr <= kAttrs; ++attr) {
        const auto cell = tree.get(type, AttrId{attr}, slot);
        REQUIRE(cell.ok());
        if (!cell.value()) continue;
        REQUIRE(slot < end.value());
        all.add(
            {{type, AttrId{attr}, slot, {}}, cell.value()->value.value(), cell.value()->version});
      }
    }
    for (const std::string& key : history.all_keys(type)) {
      const auto state = tree.find_key(type, key);
      REQUIRE(state.ok());
      if (!state.value()) continue;
      const Slot slot = state.value()->slot;
      all.add({{type, kKeyAttr, 0, key},
               slot == kNoSlot ? Value::null() : Value::int_of(slot),
               state.value()->version});
    }
    CHECK(!tree.find_key(type, "nobody has it").value());
  }
  return all.show();
}

}  // namespace

TEST_CASE("lookup: single rows read as they were written, whatever lies in memtables and files") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    MemoryFileSystem files;
    auto tree = open_tree(files);
    History history(seed, {.types = kTypes, .attrs = kAttrs});
    // Whether keys are looked for before most rows came, so that apply() keeps their index.
    const bool is_early = seed % 2 == 0;
    for (int commit = 0; commit < 150; ++commit) {
      const std::string record(history.commit());
      REQUIRE(tree->apply(record, history.version(), 1).ok());
      if (tree->can_freeze() && history.chance(10)) tree->freeze();
      if (tree->has_work() && history.chance(30)) REQUIRE(tree->work(1 + history.below(2000)).ok());
      if (is_early && commit % 10 == 0) REQUIRE(show_points(*tree, history) == history.show());
    }
    REQUIRE(show_points(*tree, history) == history.show());
    REQUIRE(tree->flush().ok());
    REQUIRE(show_points(*tree, history) == history.show());
  }
}

TEST_CASE("followed files: another process sees the files of now, and keeps those it has open") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    MemoryFileSystem files;
    auto tree = open_tree(files);
    FollowedFiles followed(files, kDirectory, tiny_options());
    REQUIRE(followed.refresh().ok());
    CHECK(followed.snapshot()->columns().empty());
    History history(seed);
    std::shared_ptr<const LsmSnapshot> kept;
    std::string shown;
    for (int commit = 0; commit < 200; ++commit) {
      const std::string record(history.commit());
      REQUIRE(tree->apply(record, history.version(), 1).ok());
      if (tree->can_freeze() && history.chance(20)) tree->freeze();
      if (tree->has_work()) REQUIRE(tree->work(1 + history.below(4000)).ok());
      if (!history.chance(10)) continue;
      const auto done = followed.refresh();
      if (!done.ok()) FAIL(done.error().message);
      CHECK(followed.edits() == tree->edits());
      CHECK(followed.state() == tree->state());
      CHECK(testing::show(*followed.snapshot()) == testing::show(*tree->snapshot()));
      if (kept) CHECK(testing::show(*kept) == shown);  // its files may have gone meanwhile
      kept = followed.snapshot();
      shown = testing::show(*kept);
    }
  }
}

TEST_CASE("followed files: a writer that goes on at the same time is no damage") {
  MemoryFileSystem files;
  auto tree = open_tree(files);
  std::thread writer([&] {
    History history(7);
    for (int commit = 0; commit < 400; ++commit) {
      const std::string record(history.commit());
      CHECK(tree->apply(record, history.version(), 1).ok());
      if (tree->can_freeze() && history.chance(50)) tree->freeze();
      while (tree->has_work()) CHECK(tree->work(100'000).ok());
    }
  });
  FollowedFiles followed(files, kDirectory, tiny_options());
  std::uint64_t edits = 0;
  for (int reading = 0; reading < 200; ++reading) {
    const auto done = followed.refresh();
    CHECK(done.ok());
    CHECK(followed.edits() >= edits);
    edits = followed.edits();
  }
  writer.join();
  REQUIRE(followed.refresh().ok());
  CHECK(testing::show(*followed.snapshot()) == testing::show(*tree->snapshot()));
}

TEST_CASE("followed files: a file that is named and missing is corrupt") {
  MemoryFileSystem files;
  auto tree = open_tree(files);
  History history(3);
  REQUIRE(tree->apply(std::string(history.commit()), 1, 1).ok());
  REQUIRE(tree->flush().ok());
  REQUIRE(files.remove("db/SST-000001").ok());
  FollowedFiles followed(files, kDirectory, tiny_options());
  const auto failed = followed.refresh();
  REQUIRE(!failed.ok());
  CHECK(failed.error().code == base::ErrorCode::kCorrupt);
  CHECK(failed.error().message.find("SST-000001") != std::string::npos);
}

}  // namespace tremula::lsm
