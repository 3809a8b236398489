// The log against the world: damage, power cuts, errors of the disk. Whatever happens, what is
// read is a prefix of what was appended, and all that was promised; or the error says why not.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "persist/log_format.h"
#include "persist/memory_file_system.h"
#include "tests/persist/log_workload.h"
#include "tests/property/rng.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using base::OpenMode;
using support::Fault;
using support::FaultFileSystem;
using support::FaultKind;

constexpr std::size_t kCallsMax = 2000;  // far more than any of the histories makes

// How much longer than usual the runs may be: TREMULA_TEST_SCALE, 1 if it isn't set.
int scale() {
  const char* const text = std::getenv("TREMULA_TEST_SCALE");
  return text == nullptr ? 1 : std::max(1, std::atoi(text));
}

std::unique_ptr<MemoryFileSystem> empty_disk() {
  auto files = std::make_unique<MemoryFileSystem>();
  REQUIRE(files->make_directory(kLogDirectory).ok());
  REQUIRE(files->sync_directory("").ok());
  return files;
}

using Files = std::vector<std::pair<std::string, std::string>>;  // name, bytes

Files files_of(MemoryFileSystem& disk) {
  Files all;
  const std::vector<std::string> names = disk.list(kLogDirectory).value();
  for (const std::string& name : names) {
    auto file = disk.open(kLogDirectory + "/" + name, OpenMode::kRead).value();
    std::string bytes(static_cast<std::size_t>(file->size().value()), '\0');
    REQUIRE(file->read(0, bytes).value() == bytes.size());
    all.emplace_back(name, std::move(bytes));
  }
  return all;
}

std::unique_ptr<MemoryFileSystem> disk_of(const Files& files) {
  auto disk = empty_disk();
  for (const auto& [name, bytes] : files) {
    auto file = disk->open(kLogDirectory + "/" + name, OpenMode::kCreate).value();
    REQUIRE(file->write(0, bytes).ok());
  }
  return disk;
}

// What was found, against a promise: "ok", "corrupt" or what is wrong.
std::string outcome(base::FileSystem& files, const LogWorkload::Promise& promise) {
  const Opened opened = open_log(files, promise.recovery);
  if (!opened.log) {
    const bool names_file = opened.error.message.find("/LOG-") != std::string::npos;
    if (opened.error.code == ErrorCode::kCorrupt && names_file) return "corrupt";
    return "unexpected: " + opened.error.message;
  }
  if (opened.wrong) return "wrong commits";
  if (opened.last < promise.durable)
    return "ends at " + std::to_string(opened.last) + " before " + std::to_string(promise.durable);
  if (opened.last > promise.appended) return "more than was appended";
  return "ok";
}

// A history of three files, the last one with an end that isn't synced, left by a kill or closed.
LogWorkload::Promise small_history(MemoryFileSystem& disk, bool closed) {
  LogWorkload work(disk, 1);
  REQUIRE(work.open());
  while (work.log()->end().log < 3) REQUIRE(work.append(3));
  REQUIRE(work.sync());
  work.release(false);
  while (work.log()->end().log < 4) REQUIRE(work.append(2));
  REQUIRE(work.sync());
  REQUIRE(work.mark());
  REQUIRE(work.append(2));
  if (closed) REQUIRE(work.close());
  return work.promise();
}

struct Counts {
  int ok = 0, corrupt = 0;
  void add(const std::string& outcome, const std::string& what) {
    CHECK_MESSAGE((outcome == "ok" || outcome == "corrupt"), what, ": ", outcome);
    ++(outcome == "ok" ? ok : corrupt);
  }
};

}  // namespace

TEST_CASE("log damage: every flipped byte gives what was promised, or corrupt") {
  for (const bool closed : {false, true}) {
    const auto disk = empty_disk();
    const LogWorkload::Promise promise = small_history(*disk, closed);
    const Files files = files_of(*disk);
    Counts counts;
    for (std::size_t f = 0; f < files.size(); ++f) {
      for (std::size_t at = 0; at < files[f].second.size(); ++at) {
        const auto damaged = disk_of(files);
        auto file =
            damaged->open(kLogDirectory + "/" + files[f].first, OpenMode::kReadWrite).value();
        const auto flipped = static_cast<char>(files[f].second[at] ^ (1 << (at % 8)));
        REQUIRE(file->write(at, {&flipped, 1}).ok());
        counts.add(outcome(*damaged, promise),
                   files[f].first + " byte " + std::to_string(at) + " flipped");
      }
    }
    CAPTURE(closed);
    CHECK(counts.ok > 0);
    CHECK(counts.corrupt > 1000);
  }
}

TEST_CASE("log damage: files cut, longer, gone, of each other's bytes or zeroed in part") {
  for (const bool closed : {false, true}) {
    const auto disk = empty_disk();
    const LogWorkload::Promise promise = small_history(*disk, closed);
    const Files good = files_of(*disk);
    Counts counts;
    const auto try_files = [&](const Files& files, const std::string& what) {
      counts.add(outcome(*disk_of(files), promise), what);
    };
    for (std::size_t f = 0; f < good.size(); ++f) {
      const std::string& name = good[f].first;
      for (std::size_t size = 0; size < good[f].second.size(); ++size) {
        Files files = good;
        files[f].second.resize(size);
        try_files(files, name + " cut to " + std::to_string(size));
      }
      for (std::size_t at = 0; at < good[f].second.size(); at += 512) {
        Files files = good;
        std::string& bytes = files[f].second;
        const std::size_t size = std::min<std::size_t>(512, bytes.size() - at);
        bytes.replace(at, size, size, '\0');
        try_files(files, name + " zeroed at " + std::to_string(at));
        // A sector that was written where another belongs.
        bytes.replace(at, size, good[f].second, (at + 512) % (good[f].second.size() - size + 1),
                      size);
        try_files(files, name + " misdirected at " + std::to_string(at));
      }
      Files files = good;
      files[f].second += std::string(5000, 'x');
      CHECK(outcome(*disk_of(files), promise) == "ok");
      files = good;
      files.erase(files.begin() + static_cast<std::ptrdiff_t>(f));
      try_files(files, name + " gone");
      for (std::size_t other = 0; other < good.size(); ++other) {
        files = good;
        files[f].second = good[other].second;
        try_files(files, name + " has the bytes of " + good[other].first);
      }
    }
    CHECK(counts.corrupt > 1000);
  }
}

TEST_CASE("log damage: an older version of a file is seen, or has all that was promised") {
  const auto disk = empty_disk();
  LogWorkload work(*disk, 5);
  std::vector<Files> versions;
  for (int step = 0; step < 60; ++step) {
    work.run(1, false);
    if (step % 3 != 0) continue;
    versions.push_back(files_of(*disk));
  }
  if (!work.log()) REQUIRE(work.open());
  REQUIRE(work.append(1));
  REQUIRE(work.close());
  const Files newest = files_of(*disk);
  Counts counts;
  for (const Files& older : versions) {
    for (const auto& [name, bytes] : older) {
      Files files = newest;
      for (auto& [its_name, its_bytes] : files)
        if (its_name == name) its_bytes = bytes;
      counts.add(outcome(*disk_of(files), work.promise()), "an older " + name);
    }
    counts.add(outcome(*disk_of(older), work.promise()), "all older");
  }
  CHECK(counts.corrupt > 0);
}

TEST_CASE("log: after a power cut at any call all that was synced is there") {
  for (int seed = 1; seed <= 4 * scale(); ++seed) {
    CAPTURE(seed);
    MemoryFileSystem below;
    FaultFileSystem files(below);
    REQUIRE(files.make_directory(kLogDirectory).ok());
    REQUIRE(files.sync_directory("").ok());
    LogWorkload work(files, static_cast<std::uint64_t>(seed));
    work.count_calls_by([&] { return files.record().size(); });
    work.run(60, true);
    CHECK(work.error() == "");
    support::PowerCuts(files.record())
        .seeds(8)
        .visit([&](MemoryFileSystem& disk, std::size_t calls, const std::string& what) {
          if (calls < 2) return;  // no directory yet
          const LogWorkload::Promise& promise = work.promise_after(calls);
          // What the call after this one promises may be half there.
          LogWorkload::Promise upper = promise;
          upper.appended = work.promise_after(calls + 1).appended;
          upper.recovery = promise.recovery;
          const std::string result = outcome(disk, upper);
          CHECK_MESSAGE(result == "ok", what, ": ", result);
          // And it goes on from there.
          const Opened opened = open_log(disk, promise.recovery);
          REQUIRE(opened.log != nullptr);
          const std::string record = commit_of(opened.last + 1);
          const LogCommit commit{opened.last + 1, record};
          REQUIRE(opened.log->append({&commit, 1}, promise.recovery.manifest_edits).ok());
          REQUIRE(opened.log->sync().ok());
          const auto again = disk.after_power_cut({});
          LogRecovery recovery = promise.recovery;
          recovery.first_log = std::max<std::uint64_t>(recovery.first_log, 1);
          const Opened after = open_log(*again, recovery);
          CHECK_MESSAGE((after.log && !after.wrong && after.last == opened.last + 1), what,
                        ": then ", after.error.message);
        });
  }
}

TEST_CASE("log: a power cut while reading after a power cut takes nothing more") {
  for (int seed = 1; seed <= 3 * scale(); ++seed) {
    CAPTURE(seed);
    const auto disk = empty_disk();
    LogWorkload work(*disk, static_cast<std::uint64_t>(seed));
    work.run(40, true);
    const LogWorkload::Promise promise = work.promise();
    work.kill();
    for (std::uint64_t cut = 0; cut < 6; ++cut) {
      const auto first = disk->after_power_cut(
          {.seed = cut, .data_percent = 50, .names_percent = 50, .piece_bytes = 512});
      // Recovery, one append, and the call at which it all stops.
      for (std::size_t stop = 1; stop < kCallsMax; ++stop) {
        const auto second = first->after_power_cut({});
        FaultFileSystem files(*second);
        files.fail({.call = stop, .kind = FaultKind::kIo, .lasting = true});
        bool synced = false;
        {
          const Opened opened = open_log(files, promise.recovery);
          if (opened.log) {
            const std::string record = commit_of(opened.last + 1);
            const LogCommit commit{opened.last + 1, record};
            synced = opened.log->append({&commit, 1}, promise.recovery.manifest_edits).ok() &&
                     opened.log->sync().ok();
          }
        }
        LogWorkload::Promise after = promise;
        after.appended += 1;
        for (const int percent : {0, 50, 100}) {
          const auto third = second->after_power_cut(
              {.seed = stop, .data_percent = percent, .names_percent = percent});
          CHECK(outcome(*third, after) == "ok");
        }
        if (synced) break;
      }
    }
  }
}

TEST_CASE("log: an error at any call is told, and loses nothing that was promised") {
  for (const FaultKind kind : {FaultKind::kIo, FaultKind::kShortWrite, FaultKind::kDiskFull}) {
    for (const bool lasting : {false, true}) {
      for (std::size_t n = 1; n < kCallsMax; ++n) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(lasting);
        CAPTURE(n);
        const auto disk = empty_disk();
        FaultFileSystem files(*disk);
        LogWorkload work(files, 3);
        files.fail({.call = n, .kind = kind, .lasting = lasting});
        work.run(40, true);
        const bool failed = files.has_failed();
        if (kind == FaultKind::kDiskFull) CHECK(work.error() == "");
        if (kind != FaultKind::kDiskFull && failed) CHECK(work.error() != "");
        // A file that could not be removed stays, and the log goes on.
        const bool is_final = work.error().find(": remove:") == std::string::npos;
        if (work.log() && !work.error().empty() && is_final && !lasting) {
          // The error is final: the disk would do it again, the log doesn't.
          const std::string record = commit_of(work.log()->last_version() + 1);
          const LogCommit commit{work.log()->last_version() + 1, record};
          const auto refused =
              work.log()->append({&commit, 1}, work.promise().recovery.manifest_edits);
          CHECK(!refused.ok());
          CHECK(!work.log()->sync().ok());
          CHECK(!work.log()->close(0).ok());
        }
        work.kill();
        for (const int percent : {0, 50, 100}) {
          const auto after =
              disk->after_power_cut({.seed = n, .data_percent = percent, .names_percent = percent});
          CHECK(outcome(*after, work.promise()) == "ok");
        }
        CHECK(outcome(*disk, work.promise()) == "ok");
        if (!failed) break;
      }
    }
  }
}

}  // namespace tremula::persist
