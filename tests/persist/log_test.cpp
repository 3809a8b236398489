// The log: what is appended is read, in order, whatever the files have been before.
#include "persist/log.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/hex.h"
#include "core/triples/commit_record.h"
#include "persist/log_format.h"
#include "persist/memory_file_system.h"
#include "persist/posix_file_system.h"
#include "tests/persist/log_workload.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using base::OpenMode;

std::unique_ptr<MemoryFileSystem> empty_disk() {
  auto files = std::make_unique<MemoryFileSystem>();
  REQUIRE(files->make_directory(kLogDirectory).ok());
  REQUIRE(files->sync_directory("").ok());
  return files;
}

std::string names_of(base::FileSystem& files) {
  std::string all;
  const std::vector<std::string> names = files.list(kLogDirectory).value();
  for (const std::string& name : names) all += name + " ";
  return all;
}

std::uint64_t size_of(base::FileSystem& files, std::uint64_t log) {
  return files.open(kLogDirectory + "/" + log_name(log), OpenMode::kRead).value()->size().value();
}

std::string dump_of(base::FileSystem& files, const LogRecovery& recovery) {
  std::string all;
  const auto checked = Log::check(files, kLogDirectory, recovery,
                                  [&](std::string_view line) { all += std::string(line) + "\n"; });
  if (!checked.ok()) all += "! " + checked.error().message + "\n";
  return all;
}

// Eight bytes a line.
std::string hex_of(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    base::put_hex(text, bytes.substr(i, 1));
    text += i % 8 == 7 ? '\n' : ' ';
  }
  return text;
}

}  // namespace

TEST_CASE("log: names have six digits at least") {
  CHECK(log_name(7) == "LOG-000007");
  CHECK(log_name(12345678) == "LOG-12345678");
  for (const std::uint64_t number : {1ULL, 999999ULL, 1000000ULL, 1ULL << 60})
    CHECK(log_number(log_name(number)) == number);
  for (const char* name : {"LOG-7", "LOG-00000x", "LOG-000000", "LOG-0000007", "LOG-NEW",
                           "SST-000001", "LOG-", "LOG-99999999999999999999", "log-000001"})
    CHECK(!log_number(name).has_value());
}

TEST_CASE("log: a random history is read as it was written") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    const auto disk = empty_disk();
    LogWorkload work(*disk, seed);
    work.run(200, seed % 2 == 0);
    CHECK(work.error() == "");
    work.kill();
    const Opened opened = open_log(*disk, work.promise().recovery);
    CHECK(opened.log != nullptr);
    CHECK(!opened.wrong);
    CHECK(opened.last == work.promise().appended);
  }
}

TEST_CASE("log: a clean end is small, and opening it writes nothing") {
  const auto disk = empty_disk();
  LogWorkload work(*disk, 1);
  REQUIRE(work.open());
  REQUIRE(work.append(3));
  REQUIRE(work.close());
  CHECK(names_of(*disk) == "LOG-000001 ");
  const LogPosition end = work.promise().recovery.closed_end;
  CHECK(size_of(*disk, 1) == end.offset);
  support::FaultFileSystem watched(*disk);
  {
    const Opened opened = open_log(watched, work.promise().recovery);
    REQUIRE(opened.log != nullptr);
    CHECK(opened.last == 3);
    CHECK(opened.log->close(9).value() == end);
  }
  for (const support::Call& call : watched.record()) {
    CHECK(call.kind != support::CallKind::kWrite);
    CHECK(call.kind != support::CallKind::kRename);
    CHECK(call.kind != support::CallKind::kResize);
  }
  CHECK(size_of(*disk, 1) == end.offset);
}

TEST_CASE("log: files double in size, are recycled when released, and go at the close") {
  const auto disk = empty_disk();
  LogWorkload work(*disk, 1);
  REQUIRE(work.open());
  CHECK(size_of(*disk, 1) == 4096);
  while (work.log()->end().log < 4) REQUIRE(work.append(1));
  CHECK(size_of(*disk, 2) >= 8192);
  CHECK(names_of(*disk) == "LOG-000001 LOG-000002 LOG-000003 LOG-000004 ");
  REQUIRE(work.sync());
  const std::uint64_t bytes = work.log()->bytes();
  work.release(false);
  // The first is too small to be kept, of the others one is.
  CHECK(names_of(*disk) == "LOG-000002 LOG-000004 ");
  CHECK(work.log()->bytes() < bytes);
  const std::uint64_t spare = disk->identity("dir/LOG-000002").value();
  while (disk->exists("dir/LOG-000002").value()) REQUIRE(work.append(1));
  const std::string last = "dir/" + log_name(work.log()->end().log);
  CHECK(disk->identity(last).value() == spare);
  work.release(false);
  REQUIRE(disk->list(kLogDirectory).value().size() == 2);
  REQUIRE(work.close());
  CHECK("dir/" + names_of(*disk) == last + " ");
  const Opened opened = open_log(*disk, work.promise().recovery);
  CHECK((opened.last == work.promise().appended && !opened.wrong));
}

TEST_CASE("log: what the files have already is not given again, and may be what the log lost") {
  const auto disk = empty_disk();
  LogWorkload work(*disk, 1);
  REQUIRE(work.open());
  REQUIRE(work.append(4));
  REQUIRE(work.sync());
  work.kill();
  LogRecovery recovery = work.promise().recovery;
  recovery.next_version = 3;
  Opened opened = open_log(*disk, recovery);
  CHECK((opened.first == 3 && opened.last == 4 && !opened.wrong));
  opened.log.reset();
  // Versions 5 to 9 were flushed before a power cut took them from the log.
  recovery.next_version = 10;
  opened = open_log(*disk, recovery);
  CHECK((opened.first == 0 && opened.last == 9 && !opened.wrong));
  const std::string ten = commit_of(10);
  const LogCommit commit{10, ten};
  REQUIRE(opened.log->append({&commit, 1}, 0).ok());
  opened.log.reset();
  opened = open_log(*disk, recovery);
  CHECK((opened.first == 10 && opened.last == 10 && !opened.wrong));
  opened.log.reset();
  // Files that don't have them are older ones.
  recovery.next_version = 9;
  opened = open_log(*disk, recovery);
  CHECK(opened.error.code == ErrorCode::kCorrupt);
  CHECK(opened.error.message.find("LOG-000001 at offset ") != std::string::npos);
}

TEST_CASE("log: missing files, unknown files and an older manifest are told") {
  const auto disk = empty_disk();
  LogWorkload work(*disk, 1);
  REQUIRE(work.open());
  while (work.log()->end().log < 3) REQUIRE(work.append(1));
  REQUIRE(work.sync());
  work.release(false);
  REQUIRE(work.append(1));
  work.kill();
  const LogRecovery good = work.promise().recovery;
  const auto error_with = [&](const LogRecovery& recovery) {
    const Opened opened = open_log(*disk, recovery);
    return opened.log ? "none" : opened.error.message;
  };
  CHECK(error_with(good) == "none");
  LogRecovery other = good;
  other.manifest_edits = 0;
  CHECK(error_with(other).find("an older one was put in its place") != std::string::npos);
  other = good;
  other.first_log = 4;
  CHECK(error_with(other) == "dir/LOG-000004: is missing; restore a backup");
  other = good;
  other.closed_end = {7, 40};
  CHECK(error_with(other) == "dir/LOG-000007: is missing; restore a backup");
  REQUIRE(disk->rename("dir/LOG-000003", "dir/LOG-000005").ok());
  CHECK(error_with(good) == "dir/LOG-000003: is missing; restore a backup");
  other.closed_end = {};
  other.first_log = 5;
  CHECK(error_with(other).find("dir/LOG-000005: header at offset 0: checksum is ") == 0);
  REQUIRE(disk->remove("dir/LOG-000005").ok());
  CHECK(error_with(good) == "dir/LOG-000003: is missing; restore a backup");
}

TEST_CASE("log: the next file's number cannot be forged by a record that was left over") {
  // A file that was begun, and no record in it, is used; one with a record says that the last one
  // lost its end.
  const auto disk = empty_disk();
  LogWorkload work(*disk, 1);
  REQUIRE(work.open());
  while (work.log()->end().log < 2) REQUIRE(work.append(1));
  work.kill();
  auto first = disk->open("dir/LOG-000001", OpenMode::kReadWrite).value();
  const std::uint64_t size = first->size().value();
  std::string bytes(size, '?');
  REQUIRE(first->read(0, bytes).ok());
  // The last non-zero byte of the file belongs to its kNext.
  const std::size_t last = bytes.find_last_not_of('\0');
  REQUIRE(first->write(last, "\x7F").ok());
  const Opened opened = open_log(*disk, work.promise().recovery);
  CHECK(opened.error.code == ErrorCode::kCorrupt);
  CHECK(opened.error.message.find("LOG-000002 goes on after it") != std::string::npos);
}

TEST_CASE("log: a dump names every record and every transaction") {
  const auto disk = empty_disk();
  LogRecovery recovery;
  {
    auto log = Log::open(*disk, kLogDirectory, small_log(), recovery,
                         [](const LogCommit&, std::uint64_t) { return base::Result<void>(); });
    REQUIRE(log.ok());
    triples::CommitWriter writer;
    writer.begin_row(triples::TypeId{3}, 7, triples::Fate::kInserted, "key", 2);
    writer.cell(triples::AttrId{1}, triples::Value::int_of(5));
    writer.cell(triples::AttrId{2}, triples::Value::null());
    const std::string first(writer.view());
    writer.clear();
    writer.begin_row(triples::TypeId{3}, 7, triples::Fate::kDeleted, "key", 0);
    const std::string second(writer.view());
    const std::vector<LogCommit> group = {{1, first}, {2, second}};
    REQUIRE(log.value()->append(group, 4).ok());
    REQUIRE(log.value()->sync().ok());
    REQUIRE(log.value()->mark(4).ok());
    REQUIRE(log.value()->close(5).ok());
  }
  recovery.manifest_edits = 5;
  CHECK(dump_of(*disk, recovery) ==
        "LOG-000001 40: group, version 1, 21 bytes, synced to 40, manifest edits 4\n"
        "  version 1: 1 inserted, 0 updated, 0 deleted, 2 cells\n"
        "  version 2: 0 inserted, 0 updated, 1 deleted, 0 cells\n"
        "LOG-000001 112: mark, version 3, 0 bytes, synced to 112, manifest edits 4\n"
        "LOG-000001 160: closed, version 3, 0 bytes, synced to 160, manifest edits 5\n"
        "LOG-000001 208: closed\n");
}

TEST_CASE("log: the bytes of format 1, which every later version reads") {
  const auto disk = empty_disk();
  {
    auto log = Log::open(*disk, kLogDirectory, small_log(), {},
                         [](const LogCommit&, std::uint64_t) { return base::Result<void>(); });
    REQUIRE(log.ok());
    triples::CommitWriter writer;
    writer.begin_row(triples::TypeId{3}, 7, triples::Fate::kInserted, "low", 1);
    writer.cell(triples::AttrId{2}, triples::Value::int_of(5));
    const LogCommit commit{1, writer.view()};
    REQUIRE(log.value()->append({&commit, 1}, 2).ok());
    REQUIRE(log.value()->close(2).ok());
  }
  auto file = disk->open("dir/LOG-000001", OpenMode::kRead).value();
  std::string bytes(static_cast<std::size_t>(file->size().value()), '\0');
  REQUIRE(file->read(0, bytes).ok());
  CHECK(hex_of(bytes) ==
        "54 52 45 4d 55 4c 4f 47\n"
        "01 00 00 00 00 00 00 00\n"
        "01 00 00 00 00 00 00 00\n"
        "00 10 00 00 00 00 00 00\n"
        "79 9b c3 47 57 f5 f4 bd\n"
        "22 2c 14 4e 00 e7 ad 3a\n"
        "0b 00 00 00 00 00 00 01\n"
        "28 00 00 00 00 00 00 00\n"
        "02 00 00 00 00 00 00 00\n"
        "01 00 00 00 00 00 00 00\n"
        "1e 2d 42 89 dc e0 9b 29\n"
        "0a 03 1c 03 6c 6f 77 01\n"
        "02 02 0a 00 00 00 00 00\n"
        "57 4d f4 c7 72 8a 39 86\n"
        "00 00 00 00 00 00 00 03\n"
        "68 00 00 00 00 00 00 00\n"
        "02 00 00 00 00 00 00 00\n"
        "02 00 00 00 00 00 00 00\n"
        "0a c4 fb c2 af 98 a4 9e\n");
}

TEST_CASE("log: on the machine's own files") {
  const auto files = make_posix_file_system();
  std::string pattern = "/tmp/tremula-log-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  LogRecovery recovery;
  std::uint64_t seen = 0;
  const auto visit = [&](const LogCommit& commit, std::uint64_t) {
    seen += commit.record == commit_of(commit.version) ? 1 : 1000;
    return base::Result<void>();
  };
  for (int round = 0; round < 2; ++round) {
    seen = 0;
    auto log = Log::open(*files, pattern, {}, recovery, visit).value();
    CHECK(seen == log->last_version());
    for (int i = 0; i < 100; ++i) {
      const std::string record = commit_of(log->last_version() + 1);
      const LogCommit commit{log->last_version() + 1, record};
      REQUIRE(log->append({&commit, 1}, 0).ok());
    }
    REQUIRE(log->sync().ok());
    recovery.closed_end = log->close(0).value();
  }
  CHECK(recovery.closed_end.log == 2);
  const std::vector<std::string> names = files->list(pattern).value();
  for (const std::string& name : names) REQUIRE(files->remove(pattern + "/" + name).ok());
  CHECK(::rmdir(pattern.c_str()) == 0);
}

}  // namespace tremula::persist
