// Persister, stepped by hand on files in memory: stages, bounds, errors, recovery.
#include "persist/persister.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "persist/memory_file_system.h"
#include "tests/persist/persister_support.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using persist_test::insert_record;
using persist_test::numbers;
using persist_test::update_record;
using support::FaultFileSystem;
using support::FaultKind;

std::unique_ptr<Persister> opened(base::FileSystem& files, const PersisterOptions& options = {}) {
  auto persister = Persister::open(files, "db", options);
  if (!persister.ok()) FAIL(persister.error().message);
  return std::move(persister).value();
}

std::string stages(const Persister& persister) {
  const PersisterStatus status = persister.status();
  return std::to_string(status.submitted) + " " + std::to_string(status.ordered) + " " +
         std::to_string(status.durable);
}

void run_dry(Persister& persister) {
  while (persister.step()) {
  }
}

}  // namespace

TEST_CASE("persister: a commit is taken, ordered and durable, one stage after the other") {
  MemoryFileSystem files;
  files.set_clock(0, 1000);
  auto persister = opened(files);
  CHECK(persister->recovered_version() == 0);
  CHECK(persister->submit(insert_record(0, 10)).value() == 1);
  CHECK(persister->submit(insert_record(1, 11)).value() == 2);
  CHECK(stages(*persister) == "2 0 0");
  run_dry(*persister);
  CHECK(stages(*persister) == "2 2 0");
  CHECK(persister->status().queue_bytes == 0);
  files.set_clock(0, 1050);
  run_dry(*persister);
  CHECK(stages(*persister) == "2 2 2");
  CHECK(persister->status().syncs == 1);
  CHECK(persister->close().ok());
}

TEST_CASE("persister: who waits gets the stage without the delay, and one sync serves many") {
  MemoryFileSystem files;
  files.set_clock(0, 1000);
  auto persister = opened(files);
  for (triples::Slot slot = 0; slot < 10; ++slot) {
    REQUIRE(persister->submit(insert_record(slot, slot)).ok());
  }
  CHECK(persister->wait_ordered(10).ok());
  CHECK(stages(*persister) == "10 10 0");
  CHECK(persister->wait_durable(3).ok());
  CHECK(stages(*persister) == "10 10 10");
  CHECK(persister->wait_durable(10).ok());
  CHECK(persister->status().syncs == 1);
}

TEST_CASE("persister: versions go on where the last process ended, however it ended") {
  MemoryFileSystem files;
  std::uint64_t version = 0;
  for (int life = 0; life < 6; ++life) {
    auto persister = opened(files);
    CAPTURE(life);
    REQUIRE(persister->recovered_version() == version);
    REQUIRE(numbers(*persister).size() == version);
    for (triples::Slot i = 0; i < 3; ++i) {
      const auto slot = static_cast<triples::Slot>(version);
      REQUIRE(persister->submit(insert_record(slot, 100 + life)).value() == ++version);
    }
    if (life % 2 == 0) REQUIRE(persister->close().ok());  // else by its end
  }
}

TEST_CASE("persister: after a power cut a prefix is there, and all that was durable") {
  MemoryFileSystem files;
  files.set_clock(0, 1000);
  auto persister = opened(files);
  for (triples::Slot slot = 0; slot < 40; ++slot) {
    REQUIRE(persister->submit(insert_record(slot, slot)).ok());
    if (slot == 19) REQUIRE(persister->wait_durable(20).ok());
    if (slot % 3 == 0) persister->step();
  }
  REQUIRE(persister->wait_ordered(40).ok());
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const int kept = seed < 20 ? 0 : seed < 40 ? 50 : 100;
    auto disk = files.after_power_cut(
        {.seed = seed, .data_percent = kept, .names_percent = kept, .piece_bytes = 512});
    auto reopened = opened(*disk);
    CAPTURE(seed);
    const std::uint64_t version = reopened->recovered_version();
    REQUIRE(version >= 20);
    REQUIRE(version <= 40);
    const auto found = numbers(*reopened);
    REQUIRE(found.size() == version);
    REQUIRE(found.rbegin()->first == version - 1);
  }
}

TEST_CASE("persister: the queue's bound holds, and room comes back") {
  MemoryFileSystem files;
  PersisterOptions options;
  options.queue_bytes = 1000;
  auto persister = opened(files, options);
  std::uint64_t taken = 0;
  for (;;) {
    const auto version = persister->submit(insert_record(0, 1, 100));
    if (!version.ok()) {
      CHECK(version.error().code == ErrorCode::kIo);
      break;
    }
    taken = version.value();
    REQUIRE(taken < 100);
  }
  CHECK(taken >= 7);
  CHECK(persister->status().waits_for_room == 1);
  CHECK(persister->status().queue_bytes <= 1000);
  run_dry(*persister);
  CHECK(persister->submit(update_record(0, 2)).value() == taken + 1);
}

TEST_CASE("persister: a sync that fails is final, and nothing is acknowledged after it") {
  MemoryFileSystem memory;
  FaultFileSystem files(memory);
  auto persister = opened(files);
  REQUIRE(persister->submit(insert_record(0, 1)).ok());
  REQUIRE(persister->wait_durable(1).ok());
  REQUIRE(persister->submit(insert_record(1, 2)).ok());
  REQUIRE(persister->wait_ordered(2).ok());
  files.fail({.call = 1, .kind = FaultKind::kIo, .lasting = false});
  for (int i = 0; i < 3; ++i) {  // though the disk works again
    const auto waited = persister->wait_durable(2);
    REQUIRE(!waited.ok());
    CHECK(waited.error().code == ErrorCode::kIo);
    CHECK(waited.error().message.find("LOG-") != std::string::npos);
    CHECK(!persister->submit(insert_record(2, 3)).ok());
    CHECK(!persister->step());
  }
  CHECK(persister->wait_durable(1).ok());
  CHECK(stages(*persister) == "2 2 1");
  CHECK(!persister->close().ok());
  persister.reset();
  auto disk = memory.after_power_cut({});
  CHECK(opened(*disk)->recovered_version() == 1);
}

TEST_CASE("persister: on a full disk commits wait in memory, and are written when there is room") {
  MemoryFileSystem files;
  PersisterOptions options;
  options.queue_bytes = 64U << 10;
  auto persister = opened(files, options);
  REQUIRE(persister->submit(insert_record(0, 0)).ok());
  REQUIRE(persister->wait_durable(1).ok());
  files.set_capacity(1);
  std::uint64_t taken = 1;
  for (;;) {
    const auto version =
        persister->submit(insert_record(static_cast<triples::Slot>(taken), 7, 1000));
    if (!version.ok()) {
      CHECK(base::is_disk_full(version.error()));
      break;
    }
    taken = version.value();
    persister->step();
    REQUIRE(taken < 100'000);
  }
  const auto waited = persister->wait_durable(taken);
  REQUIRE(!waited.ok());
  CHECK(base::is_disk_full(waited.error()));
  files.set_capacity(~std::uint64_t{0});
  CHECK(persister->wait_durable(taken).ok());
  CHECK(persister->submit(insert_record(static_cast<triples::Slot>(taken), 8)).ok());
  CHECK(persister->close().ok());
  persister.reset();
  auto reopened = opened(files);
  CHECK(reopened->recovered_version() == taken + 1);
  CHECK(numbers(*reopened).size() == taken + 1);
}

TEST_CASE("persister: what is flushed and compacted meanwhile is all there, and the log is cut") {
  MemoryFileSystem files;
  PersisterOptions options;
  options.lsm.memtable_bytes = 64U << 10;
  options.lsm.file_bytes = 32U << 10;
  options.lsm.level1_bytes = 128U << 10;
  options.log.first_file_bytes = 16U << 10;
  options.log.file_bytes = 64U << 10;
  constexpr triples::Slot kRows = 6000;
  {
    auto persister = opened(files, options);
    for (triples::Slot slot = 0; slot < kRows; ++slot) {
      REQUIRE(persister->submit(insert_record(slot, slot, slot % 90)).ok());
      if (slot % 7 == 0) {
        REQUIRE(persister->submit(update_record(slot, slot + 1'000'000)).ok());
      }
      if (slot % 10 == 0) persister->step();
    }
    run_dry(*persister);
    const PersisterStatus status = persister->status();
    CHECK(status.lsm.entries > 0);
    CHECK(status.log_bytes < (1U << 20));
    REQUIRE(persister->close().ok());
  }
  auto reopened = opened(files, options);
  const auto found = numbers(*reopened);
  REQUIRE(found.size() == kRows);
  for (const auto& [slot, number] : found) {
    REQUIRE(number == slot + (slot % 7 == 0 ? 1'000'000 : 0));
  }
}

TEST_CASE("persister: a directory is open once, and who has it is named") {
  MemoryFileSystem files;
  auto persister = opened(files);
  const auto second = Persister::open(files, "db", {});
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::kLocked);
  CHECK(second.error().message.find("pid ") != std::string::npos);
  REQUIRE(persister->close().ok());
  CHECK(Persister::open(files, "db", {}).ok());
}

TEST_CASE(
    "persister: a close after much leaves a log of one record, and loses nothing if it fails") {
  constexpr triples::Slot kRows = 3000;
  const auto fill = [](Persister& persister) {
    for (triples::Slot slot = 0; slot < kRows; ++slot) {
      if (slot % 100 == 0) run_dry(persister);
      REQUIRE(persister.submit(insert_record(slot, slot, 500)).ok());
    }
    run_dry(persister);
  };
  const auto log_bytes = [](MemoryFileSystem& files) {
    std::uint64_t bytes = 0;
    const auto names = files.list("db");
    REQUIRE(names.ok());
    for (const std::string& name : names.value()) {
      if (!name.starts_with("LOG-")) continue;
      const auto file = files.open("db/" + name, base::OpenMode::kRead);
      REQUIRE(file.ok());
      bytes += file.value()->size().value();
    }
    return bytes;
  };
  MemoryFileSystem whole;
  {
    auto persister = opened(whole);
    fill(*persister);
    CHECK(log_bytes(whole) > kRows * 500);
    REQUIRE(persister->close().ok());
  }
  CHECK(log_bytes(whole) < 1000);
  {
    auto persister = opened(whole);
    CHECK(persister->recovered_version() == kRows);
    CHECK(numbers(*persister).size() == kRows);
    CHECK(persister->submit(insert_record(kRows, 1)).value() == kRows + 1);
    REQUIRE(persister->close().ok());
  }
  CHECK(numbers(*opened(whole)).size() == kRows + 1);

  // A power cut after any call of the close.
  for (std::size_t call = 1;; ++call) {
    CAPTURE(call);
    MemoryFileSystem memory;
    FaultFileSystem files(memory);
    auto persister = opened(files);
    fill(*persister);
    files.fail({.call = call, .kind = FaultKind::kIo, .lasting = true});
    const bool closed = persister->close().ok();
    persister.reset();
    const auto disk = memory.after_power_cut({.seed = call, .data_percent = 50});
    auto again = opened(*disk);
    CHECK(again->recovered_version() <= kRows);
    CHECK(numbers(*again).size() == again->recovered_version());
    if (!closed) continue;
    CHECK(again->recovered_version() == kRows);
    break;
  }
}

TEST_CASE("persister: a database that was only looked at is not written to") {
  MemoryFileSystem memory;
  {
    auto persister = opened(memory);
    REQUIRE(persister->submit(insert_record(0, 1)).ok());
    REQUIRE(persister->close().ok());
  }
  FaultFileSystem files(memory);
  auto persister = opened(files);
  while (persister->step()) {
  }
  REQUIRE(persister->close().ok());
  for (const support::Call& call : files.record()) {
    CAPTURE(std::string(support::call_name(call.kind)));
    CAPTURE(call.path);
    const bool only_reads = call.kind == support::CallKind::kOpen ||
                            call.kind == support::CallKind::kLock ||
                            !support::changes_disk(call.kind);
    CHECK(only_reads);
  }
}

TEST_CASE("persister: a copy takes a name of its own with its first write, not before") {
  MemoryFileSystem files;
  {
    auto persister = opened(files);
    REQUIRE(persister->submit(insert_record(0, 1)).ok());
    REQUIRE(persister->close().ok());
  }
  const auto site = [&](const std::string& directory) {
    return lsm::LsmTree::check(files, directory, [](std::string_view) {}).value().state.site;
  };
  const std::string own = site("db");
  CHECK(own.size() == 16);
  REQUIRE(files.make_directory("copy").ok());
  const auto names = files.list("db");
  REQUIRE(names.ok());
  for (const std::string& name : names.value()) {
    const auto from = files.open("db/" + name, base::OpenMode::kRead);
    REQUIRE(from.ok());
    std::string bytes(from.value()->size().value(), '\0');
    REQUIRE(from.value()->read(0, {bytes.data(), bytes.size()}).ok());
    const auto to = files.open("copy/" + name, base::OpenMode::kCreate);
    REQUIRE(to.ok());
    REQUIRE(to.value()->write(0, bytes).ok());
  }
  for (int i = 0; i < 2; ++i) {
    auto persister = Persister::open(files, "copy", {}).value();
    run_dry(*persister);
    REQUIRE(persister->close().ok());
    CHECK(site("copy") == own);
  }
  std::string of_copy;
  for (triples::Slot slot = 1; slot < 3; ++slot) {
    auto persister = Persister::open(files, "copy", {}).value();
    REQUIRE(persister->submit(insert_record(slot, 1)).ok());
    REQUIRE(persister->close().ok());
    CHECK(site("copy") != own);
    if (slot == 1) of_copy = site("copy");
    CHECK(site("copy") == of_copy);  // once it has one, it keeps it
  }
  CHECK(site("db") == own);
}

TEST_CASE("persister: with its thread, commits of several threads become durable in one order") {
  MemoryFileSystem files;
  constexpr triples::Slot kEach = 500;
  {
    auto persister = opened(files);
    persister->start();
    std::vector<std::thread> threads;
    for (triples::Slot t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (triples::Slot i = 0; i < kEach; ++i) {
          const auto version = persister->submit(insert_record(t * kEach + i, t));
          if (!version.ok()) return;
          if (i % 100 == 0) (void)persister->wait_durable(version.value());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(persister->wait_durable(4 * kEach).ok());
    CHECK(stages(*persister) == "2000 2000 2000");
    CHECK(persister->close().ok());
  }
  auto reopened = opened(files);
  CHECK(reopened->recovered_version() == 4 * kEach);
  CHECK(numbers(*reopened).size() == 4 * kEach);
}

}  // namespace tremula::persist
