// LogTail: reading a log that others write, and die over.
#include "persist/log_tail.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "persist/memory_file_system.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

std::unique_ptr<Log> open_log(base::FileSystem& files, std::uint64_t first_log) {
  const auto forget = [](const LogCommit&, std::uint64_t) { return base::Result<void>(); };
  LogRecovery recovery;
  recovery.first_log = first_log;
  return Log::open(files, "db", {}, recovery, forget).value();
}

bool append(Log& log, std::uint64_t version, std::string_view record) {
  const LogCommit commit{version, record};
  return log.append({&commit, 1}, 0).ok();
}

}  // namespace

TEST_CASE("log tail: half a record, whose writer died, is not taken for the one in its place") {
  MemoryFileSystem disk;
  REQUIRE(disk.make_directory("db").ok());
  support::FaultFileSystem dying(disk);
  auto log = open_log(dying, 0);
  REQUIRE(append(*log, 1, "first"));
  dying.fail({.call = 1, .kind = support::FaultKind::kShortWrite, .lasting = true});
  // Its header is whole.
  REQUIRE(!append(*log, 2, std::string(1000, 'x')));
  log.reset();
  LogTail tail(disk, "db", {1, 0}, 0);
  LogCommit commit;
  REQUIRE(tail.next(1, commit).value() == LogTail::Read::kCommit);
  CHECK(commit.record == "first");
  CHECK(tail.next(1, commit).value() == LogTail::Read::kEnd);
  log = open_log(disk, 1);
  REQUIRE(log->last_version() == 1);
  REQUIRE(append(*log, 2, "second"));
  REQUIRE(tail.next(2, commit).value() == LogTail::Read::kCommit);
  CHECK(commit.record == "second");
  CHECK(commit.version == 2);
}

TEST_CASE("log: what a failed sync left in memory alone is written again before it counts") {
  MemoryFileSystem disk;
  REQUIRE(disk.make_directory("db").ok());
  REQUIRE(disk.sync_directory("").ok());
  auto log = open_log(disk, 0);
  REQUIRE(append(*log, 1, "first"));
  disk.lose_unsynced("db/LOG-000001");
  log.reset();
  log = open_log(disk, 1);  // reads it, and calls it durable
  REQUIRE(log->last_version() == 1);
  const auto after = disk.after_power_cut({});
  CHECK(open_log(*after, 1)->last_version() == 1);
}

}  // namespace tremula::persist
