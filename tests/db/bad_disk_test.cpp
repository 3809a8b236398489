// Disks that fail and power that is cut, at every call of the file system: what is found afterwards
// is the history up to some commit, and not less than was durable.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/open_on.h"
#include "persist/memory_file_system.h"
#include "tests/db/history.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

using persist::MemoryFileSystem;
using support::FaultFileSystem;
using support::FaultKind;

constexpr std::uint64_t kCommits = 48;
constexpr std::uint64_t kBetweenFlushes = 6;

// Files of every level come of so small a budget.
Options small_options(std::uint64_t variant) {
  Options options;
  options.memory_bytes = variant % 2 == 0 ? 64U << 10 : 256U << 20;
  options.sync_delay_ms = 0;
  return options;
}

std::size_t scale() {
  const char* text = std::getenv("TREMULA_TEST_SCALE");
  return text == nullptr ? 1 : static_cast<std::size_t>(std::max(1, std::atoi(text)));
}

// Checks that the directory holds the history to some version.  Returns: that version.
std::uint64_t version_on(const std::shared_ptr<base::FileSystem>& disk,
                         std::vector<std::string>& history) {
  auto opened = db::OpenOn::open(disk, "db", {});
  if (!opened.ok()) FAIL(opened.error().text);
  Database db = std::move(opened).value();
  const std::uint64_t version = db.version();
  REQUIRE(version < history.size());
  REQUIRE(contents(db) == history[version]);
  return version;
}

std::vector<std::string> made_history() {
  Mirror mirror;
  std::vector<std::string> history;
  for (std::uint64_t version = 0; version <= kCommits; ++version) {
    history.push_back(mirror.at(version));
  }
  return history;
}

// Commits until the disk fails for good.  Returns: the last version that was said to be durable.
std::uint64_t live_until_failure(FaultFileSystem& files, std::uint64_t variant) {
  const std::shared_ptr<base::FileSystem> borrowed(&files, [](base::FileSystem*) {});
  auto opened = db::OpenOn::open(borrowed, "db", small_options(variant));
  if (!opened.ok()) {
    CHECK(opened.error().code == ErrorCode::kIo);
    return 0;
  }
  Database db = std::move(opened).value();
  std::uint64_t durable = 0;
  for (std::uint64_t n = 1; n <= kCommits; ++n) {
    const std::uint64_t before = db.version();
    const auto done = commit_next(db);
    if (!done.ok()) {
      CHECK(done.error().code == ErrorCode::kIo);
      CHECK(db.version() == before);
      break;
    }
    if (n % kBetweenFlushes == 0 && db.run("FLUSH").ok()) durable = db.version();
  }
  return durable;
}

}  // namespace

TEST_CASE("bad disk: an error at any call, once or from then on, loses nothing durable") {
  std::vector<std::string> history = made_history();
  std::size_t runs = 0;
  for (const FaultKind kind : {FaultKind::kIo, FaultKind::kDiskFull, FaultKind::kShortWrite}) {
    for (const bool lasting : {false, true}) {
      const std::size_t step = std::max<std::size_t>(1, 9 / scale());
      for (std::size_t call = 1; call < 5000; call += step, ++runs) {
        auto memory = std::make_shared<MemoryFileSystem>();
        FaultFileSystem files(*memory);
        files.fail({.call = call, .kind = kind, .lasting = lasting});
        CAPTURE(static_cast<int>(kind));
        CAPTURE(lasting);
        CAPTURE(call);
        const std::uint64_t durable = live_until_failure(files, call);
        std::shared_ptr<MemoryFileSystem> cut = memory->after_power_cut({});
        CHECK(version_on(cut, history) >= durable);
        CHECK(version_on(memory, history) >= durable);
        if (!files.has_failed()) break;
      }
    }
  }
  CHECK(runs > 12);
}

TEST_CASE("bad disk: power cut after any call leaves a prefix with all that was durable") {
  std::vector<std::string> history = made_history();
  for (std::uint64_t variant = 0; variant < 2; ++variant) {
    auto memory = std::make_shared<MemoryFileSystem>();
    FaultFileSystem files(*memory);
    std::vector<std::pair<std::size_t, std::uint64_t>> acknowledged;  // calls made, version
    {
      const std::shared_ptr<base::FileSystem> borrowed(&files, [](base::FileSystem*) {});
      Database db = db::OpenOn::open(borrowed, "db", small_options(variant)).value();
      for (std::uint64_t n = 1; n <= kCommits; ++n) {
        commit_next(db).value();
        if (n % kBetweenFlushes != 0) continue;
        db.run("FLUSH").value();
        acknowledged.emplace_back(files.calls(), n);
      }
    }
    std::size_t disks = 0;
    support::PowerCuts(files.record())
        .seeds(static_cast<int>(std::min<std::size_t>(50, 1 + scale())))
        .visit([&](MemoryFileSystem& disk, std::size_t calls, const std::string& what) {
          CAPTURE(what);
          CAPTURE(variant);
          std::uint64_t durable = 0;
          for (const auto& [made, version] : acknowledged) {
            if (made <= calls) durable = version;
          }
          const std::shared_ptr<base::FileSystem> borrowed(&disk, [](base::FileSystem*) {});
          CHECK(version_on(borrowed, history) >= durable);
          ++disks;
        });
    CHECK(disks > 100);
  }
}

}  // namespace tremula::test
