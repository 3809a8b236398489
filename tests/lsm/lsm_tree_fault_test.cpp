// The tree on disks that lose power, fail or are full, at every call.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/lsm/lsm_tree.h"
#include "persist/memory_file_system.h"
#include "tests/lsm/history.h"
#include "tests/lsm/tree_support.h"
#include "tests/support/fault_file_system.h"

namespace tremula::lsm {
namespace {

using namespace tremula::triples;
using persist::MemoryFileSystem;
using support::FaultFileSystem;
using support::FaultKind;
using testing::History;
using testing::kDirectory;
using testing::tiny_options;

constexpr std::size_t kBudget = 1500;

// A fixed load: transactions, what is there after each, and what else is done after it.
struct Load {
  Load(std::uint64_t seed, int commits) {
    History history(seed, {.types = 2, .attrs = 3, .keys = 30, .rows_of_commit = 4});
    records.emplace_back();
    states[0] = "";
    for (int i = 0; i < commits; ++i) {
      records.emplace_back(history.commit());
      states[history.version()] = history.show();
    }
  }
  static bool flushes(std::uint64_t version) { return version % 31 == 30; }
  static bool sets_state(std::uint64_t version) { return version % 17 == 16; }
  std::uint64_t last() const { return records.size() - 1; }

  std::vector<std::string> records;             // by version
  std::map<std::uint64_t, std::string> states;  // what is there after each version
};

// Tries again what a full disk stopped.
template <typename Step>
base::Result<void> insist(bool retries, Step step) {
  for (int tries = 0;; ++tries) {
    const auto done = step();
    if (done.ok()) return {};
    if (!retries || tries == 5 || !base::is_disk_full(done.error())) return done.error();
  }
}

base::Result<void> do_commit(LsmTree& tree, const Load& load, std::uint64_t version, bool retries) {
  TREMULA_TRY(tree.apply(load.records[version], version, 1));
  if (tree.wants_freeze() && tree.can_freeze()) tree.freeze();
  if (tree.has_work()) TREMULA_TRY(insist(retries, [&] { return tree.work(kBudget); }));
  if (Load::flushes(version)) TREMULA_TRY(insist(retries, [&] { return tree.flush(); }));
  if (Load::sets_state(version)) {
    TREMULA_TRY(insist(retries, [&] {
      TreeState state = tree.state();
      state.log_end_offset = version;
      return tree.set_state(state);
    }));
  }
  return {};
}

// Opens the tree and does the rest of the load; `noted` is called after each transaction with the
// version up to which everything is in the files.
base::Result<void> run_load(base::FileSystem& files, const Load& load, bool retries,
                            const std::function<void(std::uint64_t in_files)>& noted) {
  std::unique_ptr<LsmTree> tree;
  TREMULA_TRY(insist(retries, [&]() -> base::Result<void> {
    TREMULA_TRY_ASSIGN(tree, LsmTree::open(files, kDirectory, tiny_options()));
    return {};
  }));
  const std::uint64_t found = tree->state().applied_version;
  for (std::uint64_t version = found + 1; version <= load.last(); ++version) {
    TREMULA_TRY(do_commit(*tree, load, version, retries));
    noted(tree->state().applied_version);
  }
  TREMULA_TRY(insist(retries, [&] { return tree->flush(); }));
  noted(tree->state().applied_version);
  return insist(retries, [&] { return testing::work_all(*tree, kBudget); });
}

// Opens what is left and holds it against the load.  Returns: the version found.
std::uint64_t check_left(base::FileSystem& files, const Load& load, std::uint64_t at_least) {
  const auto tree = LsmTree::open(files, kDirectory, tiny_options());
  if (!tree.ok()) FAIL(tree.error().message);
  const std::uint64_t version = tree.value()->state().applied_version;
  REQUIRE(version >= at_least);
  REQUIRE(load.states.at(version) == testing::show(*tree.value()->snapshot()));
  return version;
}

void ignore(std::uint64_t) {}

}  // namespace

TEST_CASE("lsm_tree: after a power cut at any call all that was flushed is there") {
  const Load load(1, 130);
  MemoryFileSystem disk;
  REQUIRE(disk.make_directory(kDirectory).ok());
  REQUIRE(disk.sync_directory(".").ok());
  FaultFileSystem files(disk);
  REQUIRE(files.make_directory(kDirectory).ok());
  REQUIRE(files.sync_directory(".").ok());
  std::map<std::size_t, std::uint64_t> in_files;  // after so many calls that were recorded
  const auto done = run_load(files, load, false, [&](std::uint64_t version) {
    in_files[files.record().size()] = version;
  });
  if (!done.ok()) FAIL(done.error().message);
  CHECK(files.record().size() > 500);
  std::size_t disks = 0;
  support::PowerCuts(files.record())
      .seeds(4)
      .visit([&](MemoryFileSystem& left, std::size_t calls, const std::string& what) {
        CAPTURE(what);
        const auto is_there = left.exists(kDirectory);
        REQUIRE(is_there.ok());
        if (!is_there.value()) return;
        const auto after = in_files.upper_bound(calls);
        const std::uint64_t flushed = after == in_files.begin() ? 0 : std::prev(after)->second;
        check_left(left, load, flushed);
        if (++disks % 29 != 0) return;
        // And it goes on from there.
        const auto finished = run_load(left, load, false, ignore);
        if (!finished.ok()) FAIL(finished.error().message);
        REQUIRE(check_left(left, load, load.last()) == load.last());
      });
  CHECK(disks > 1000);
}

TEST_CASE("lsm_tree: an error at any call is told and costs nothing that was flushed") {
  const Load load(2, 70);
  for (const FaultKind kind : {FaultKind::kIo, FaultKind::kShortWrite}) {
    bool failed = true;
    std::size_t call = 1;
    for (; failed; ++call) {
      CAPTURE(call);
      MemoryFileSystem disk;
      REQUIRE(disk.make_directory(kDirectory).ok());
      FaultFileSystem files(disk);
      files.fail({.call = call, .kind = kind});
      std::uint64_t in_files = 0;
      const auto done =
          run_load(files, load, false, [&](std::uint64_t version) { in_files = version; });
      // A short write is told as an error; calls of other kinds don't know it.
      REQUIRE(done.ok() == !files.has_failed());
      failed = files.calls() >= call;
      if (!done.ok()) REQUIRE(done.error().code == base::ErrorCode::kIo);
      check_left(disk, load, in_files);
      if (call % 17 != 0) continue;
      const auto finished = run_load(disk, load, false, ignore);
      if (!finished.ok()) FAIL(finished.error().message);
      REQUIRE(check_left(disk, load, load.last()) == load.last());
    }
    CHECK(call > 300);
  }
}

TEST_CASE("lsm_tree: after an error of a write the tree only reads") {
  const Load load(3, 60);
  MemoryFileSystem disk;
  REQUIRE(disk.make_directory(kDirectory).ok());
  FaultFileSystem files(disk);
  auto opened = LsmTree::open(files, kDirectory, tiny_options());
  REQUIRE(opened.ok());
  LsmTree& tree = *opened.value();
  for (std::uint64_t version = 1; version <= 40; ++version)
    REQUIRE(do_commit(tree, load, version, false).ok());
  REQUIRE(tree.flush().ok());
  REQUIRE(tree.apply(load.records[41], 41, 1).ok());
  files.fail({.call = 2, .kind = FaultKind::kIo});
  const auto failed = tree.flush();
  REQUIRE(!failed.ok());
  for (const auto& later :
       {tree.flush(), tree.apply(load.records[42], 42, 1), tree.set_state(tree.state())})
    CHECK(later.error().message == failed.error().message);
  CHECK(tree.work(1).error().message == failed.error().message);
  CHECK(!tree.has_work());
  CHECK(!tree.can_freeze());
  CHECK(load.states.at(40) == testing::show(*tree.snapshot()));
}

TEST_CASE("lsm_tree: a full disk at any call costs nothing, and the work is done later") {
  const Load load(4, 70);
  bool failed = true;
  std::size_t call = 1;
  for (; failed; ++call) {
    CAPTURE(call);
    MemoryFileSystem disk;
    REQUIRE(disk.make_directory(kDirectory).ok());
    FaultFileSystem files(disk);
    files.fail({.call = call, .kind = FaultKind::kDiskFull});
    const auto done = run_load(files, load, true, ignore);
    failed = files.has_failed() || files.calls() >= call;
    if (!done.ok()) FAIL(done.error().message);
    check_left(disk, load, load.last());
    // Nothing lies about that doesn't count.
    const auto tree = LsmTree::open(disk, kDirectory, tiny_options());
    REQUIRE(tree.ok());
    CHECK(!tree.value()->has_work());
  }
  CHECK(call > 500);
}

TEST_CASE(
    "lsm_tree: on a disk that stays full everything flushed is read, and no rest lies about") {
  const Load load(5, 200);
  MemoryFileSystem disk;
  REQUIRE(disk.make_directory(kDirectory).ok());
  auto opened = LsmTree::open(disk, kDirectory, tiny_options());
  REQUIRE(opened.ok());
  LsmTree& tree = *opened.value();
  for (std::uint64_t version = 1; version <= 100; ++version)
    REQUIRE(tree.apply(load.records[version], version, 1).ok());
  REQUIRE(tree.flush().ok());
  REQUIRE(testing::work_all(tree).ok());
  disk.set_capacity(tree.stats().bytes + 4096);
  std::size_t refusals = 0;
  for (std::uint64_t version = 101; version <= 160; ++version) {
    REQUIRE(tree.apply(load.records[version], version, 1).ok());
    const auto flushed = tree.flush();
    if (flushed.ok()) continue;
    REQUIRE(base::is_disk_full(flushed.error()));
    ++refusals;
    const std::uint64_t in_files = tree.state().applied_version;
    REQUIRE(load.states.at(in_files) == testing::show(*tree.snapshot()));
  }
  CHECK(refusals > 10);
  disk.set_capacity(1U << 30);
  REQUIRE(tree.flush().ok());
  CHECK(load.states.at(160) == testing::show(*tree.snapshot()));
  REQUIRE(testing::work_all(tree).ok());
  CHECK(load.states.at(160) == testing::show(*tree.snapshot()));
}

}  // namespace tremula::lsm
