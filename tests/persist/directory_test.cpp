// Directories as a whole: a check finds what is wrong and writes nothing, a copy is consistent
// while others write.
#include "persist/directory.h"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/lsm/lsm_tree.h"
#include "core/triples/commit_record.h"
#include "core/triples/value_ops.h"
#include "persist/log.h"
#include "persist/memory_file_system.h"
#include "persist/persister.h"
#include "tests/property/rng.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using base::FileSystem;
using base::OpenMode;
using triples::AttrId;
using triples::Fate;
using triples::TypeId;
using triples::Value;

// A database at its barest: a log, a tree, and rows that come and go at random.
class TinyDatabase {
 public:
  TinyDatabase(FileSystem& files, const std::string& directory, std::uint64_t seed)
      : files_(files), directory_(directory), rng_(seed) {
    REQUIRE(files_.make_directory(directory_).ok());
    auto lock = files_.lock(directory_ + "/LOCK", "pid 1");
    REQUIRE(lock.ok());
    lock_ = std::move(lock).value();
    lsm::LsmOptions options;
    options.memtable_bytes = 2000;
    options.level0_files = 2;
    options.file_bytes = 1500;
    auto tree = lsm::LsmTree::open(files_, directory_, options);
    REQUIRE(tree.ok());
    tree_ = std::move(tree).value();
    const lsm::TreeState& state = tree_->state();
    auto log = Log::open(files_, directory_, {.first_file_bytes = 4096, .file_bytes = 4096},
                         {.first_log = state.first_log,
                          .closed_end = {state.log_end_number, state.log_end_offset},
                          .manifest_edits = tree_->edits(),
                          .next_version = state.applied_version + 1},
                         [&](const LogCommit& commit, std::uint64_t file) {
                           return tree_->apply(commit.record, commit.version, file);
                         });
    REQUIRE(log.ok());
    log_ = std::move(log).value();
    note_log();
  }

  std::uint64_t version() const { return log_->last_version(); }

  void commit() {
    triples::CommitWriter writer;
    const auto type = TypeId{static_cast<std::uint32_t>(rng_.between(1, 3))};
    const auto slot = static_cast<triples::Slot>(rng_.below(40));
    std::string& key = keys_[{type, slot}];
    const bool lives = !key.empty();
    const std::string long_text(static_cast<std::size_t>(rng_.below(60)), 'x');
    if (lives && rng_.chance(40)) {
      writer.begin_row(type, slot, Fate::kDeleted, key, 0);
      key.clear();
    } else {
      if (!lives) key = "key " + std::to_string(version()) + long_text;
      writer.begin_row(type, slot, lives ? Fate::kUpdated : Fate::kInserted, key, 2);
      writer.cell(AttrId{1}, Value::int_of(rng_.below(1000)));
      writer.cell(AttrId{static_cast<std::uint32_t>(rng_.between(2, 3))},
                  rng_.chance(20) ? Value::missing() : Value::text_of(long_text));
    }
    const LogCommit commit{version() + 1, writer.view()};
    REQUIRE(log_->append({&commit, 1}, tree_->edits()).ok());
    REQUIRE(tree_->apply(writer.view(), commit.version, log_->end().log).ok());
    if (tree_->wants_freeze() && tree_->can_freeze()) tree_->freeze();
    if (rng_.chance(30)) work();
  }
  void work() {
    while (tree_->has_work()) {
      REQUIRE(log_->sync().ok());
      REQUIRE(tree_->work(700).ok());
      if (rng_.chance(30)) break;
    }
    REQUIRE(log_->release_below(std::max<std::uint64_t>(tree_->state().first_log, 1)).ok());
  }
  void close() {
    REQUIRE(tree_->flush().ok());
    const auto end = log_->close(tree_->edits());
    REQUIRE(end.ok());
    lsm::TreeState state = tree_->state();
    state.log_end_number = end.value().log;
    state.log_end_offset = end.value().offset;
    REQUIRE(tree_->set_state(state).ok());
  }

 private:
  void note_log() {
    lsm::TreeState state = tree_->state();
    if (state.site == "site of the test") return;
    state.site = "site of the test";
    state.first_log = std::max(state.first_log, log_->end().log);
    REQUIRE(tree_->set_state(state).ok());
  }

  FileSystem& files_;
  std::string directory_;
  property::Rng rng_;
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<lsm::LsmTree> tree_;
  std::unique_ptr<Log> log_;
  std::map<std::pair<TypeId, triples::Slot>, std::string> keys_;
};

std::string problems_of(const DirectoryReport& report) {
  std::string all;
  for (const base::Error& problem : report.problems) all += problem.message + "\n";
  return all;
}

std::map<std::string, std::string> bytes_of(FileSystem& files, const std::string& directory) {
  std::map<std::string, std::string> all;
  const std::vector<std::string> names = files.list(directory).value();
  for (const std::string& name : names) {
    auto file = files.open(directory + "/" + name, OpenMode::kRead).value();
    std::string bytes(static_cast<std::size_t>(file->size().value()), '\0');
    REQUIRE(file->read(0, bytes).value() == bytes.size());
    all[name] = std::move(bytes);
  }
  return all;
}

// Whether the manifest needs it; others are leftovers.
bool counts(FileSystem& files, const std::string& directory, const std::string& name) {
  bool is_spare = false;
  const auto dumped = dump_file(files, directory, name, [&](std::string_view line) {
    is_spare = is_spare || line == name + ": spare, its bytes mean nothing";
  });
  return dumped.ok() && !is_spare;
}

// All rows as text, with what the log adds.
std::string rows_of(FileSystem& files, const std::string& directory) {
  TinyDatabase database(files, directory, 1);
  database.close();
  auto tree = lsm::LsmTree::open(files, directory, {});
  REQUIRE(tree.ok());
  const auto snapshot = tree.value()->snapshot();
  std::string all;
  for (const auto& [type, attr] : snapshot->columns()) {
    REQUIRE(snapshot
                ->scan(type, attr,
                       [&](const lsm::Entry& entry) {
                         all += std::to_string(static_cast<std::uint32_t>(attr)) + " " +
                                std::to_string(entry.key.slot) + std::string(entry.key.key) + " ";
                         if (!entry.value.is_missing()) triples::print_json(entry.value, all);
                         all += "\n";
                       })
                .ok());
  }
  return all;
}

}  // namespace

TEST_CASE("directory check: a database of any age is well, and stays as it is") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    MemoryFileSystem below;
    std::uint64_t version = 0;
    {
      TinyDatabase database(below, "db", seed);
      for (int i = 0; i < 60 * static_cast<int>(seed); ++i) database.commit();
      if (seed % 2 == 0) database.close();
      version = database.version();
    }
    const auto before = bytes_of(below, "db");
    support::FaultFileSystem files(below);
    const auto report = check_directory(files, "db");
    REQUIRE(report.ok());
    CHECK(problems_of(report.value()) == "");
    CHECK(report.value().version == version);
    CHECK((report.value().tables == 3 || seed == 1));
    CHECK(bytes_of(below, "db") == before);
    for (const support::Call& call : files.record()) {
      CHECK(call.kind != support::CallKind::kWrite);
      CHECK(call.kind != support::CallKind::kSync);
      CHECK(call.kind != support::CallKind::kRename);
      CHECK((call.kind != support::CallKind::kOpen || call.mode == base::OpenMode::kRead));
      CHECK((call.kind != support::CallKind::kLock || call.bytes.empty()));
    }
  }
}

TEST_CASE("directory check: nothing there, somebody there, a file gone") {
  MemoryFileSystem files;
  CHECK(check_directory(files, "db").error().code == ErrorCode::kIo);
  auto database = std::make_unique<TinyDatabase>(files, "db", 1);
  for (int i = 0; i < 200; ++i) database->commit();
  const auto in_use = check_directory(files, "db");
  REQUIRE(in_use.ok());
  CHECK(problems_of(in_use.value()) == "");
  CHECK(in_use.value().version == 200);
  database->close();
  database.reset();
  const auto all = bytes_of(files, "db");
  for (const auto& [name, bytes] : all) {
    if (!counts(files, "db", name)) continue;
    REQUIRE(files.rename("db/" + name, name).ok());
    const auto report = check_directory(files, "db");
    REQUIRE(report.ok());
    CHECK_MESSAGE(problems_of(report.value()).find(name) != std::string::npos, name);
    REQUIRE(files.rename(name, "db/" + name).ok());
  }
  CHECK(problems_of(check_directory(files, "db").value()) == "");
}

TEST_CASE("directory check: every flipped byte that counts is found") {
  MemoryFileSystem files;
  {
    TinyDatabase database(files, "db", 3);
    for (int i = 0; i < 150; ++i) database.commit();
    database.close();
  }
  const auto all = bytes_of(files, "db");
  int found = 0, harmless = 0;
  for (const auto& [name, bytes] : all) {
    if (!counts(files, "db", name)) continue;
    auto file = files.open("db/" + name, OpenMode::kReadWrite).value();
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
      const auto flipped = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      REQUIRE(file->write(at, {&flipped, 1}).ok());
      const auto report = check_directory(files, "db");
      REQUIRE(report.ok());
      const std::string problems = problems_of(report.value());
      if (problems.empty()) {
        // One of the manifest's two seals, and the gaps between its parts.
        CHECK_MESSAGE(name == "MANIFEST", name, " byte ", at);
        ++harmless;
      } else {
        CHECK(problems.find(name) != std::string::npos);
        ++found;
      }
      REQUIRE(file->write(at, {&bytes[at], 1}).ok());
    }
  }
  CHECK(found > 500);
  CHECK(harmless < 300);
}

TEST_CASE("directory check: files that are whole but don't fit together are found") {
  MemoryFileSystem files;
  REQUIRE(files.make_directory("db").ok());
  triples::CommitWriter writer;
  {
    auto tree = lsm::LsmTree::open(files, "db", {}).value();
    writer.begin_row(TypeId{1}, 0, Fate::kInserted, "a", 1);
    writer.cell(AttrId{1}, Value::int_of(1));
    REQUIRE(tree->apply(writer.view(), 1, 1).ok());
    // A row that was never inserted: a value without a row.
    writer.clear();
    writer.begin_row(TypeId{1}, 7, Fate::kUpdated, "b", 1);
    writer.cell(AttrId{2}, Value::int_of(1));
    REQUIRE(tree->apply(writer.view(), 2, 1).ok());
    REQUIRE(tree->flush().ok());
  }
  const std::string problems = problems_of(check_directory(files, "db").value());
  CHECK(problems.find("db: type 1, column 2: 1 values of no row, the first in slot 7") !=
        std::string::npos);
  CHECK(problems.find("db/LOG-000001: is missing") != std::string::npos);
}

TEST_CASE("directory check: a killed store whose only log is gone is no new directory") {
  MemoryFileSystem files;
  PersisterOptions options;
  auto persister = Persister::open(files, "db", options).value();
  triples::CommitWriter writer;
  writer.begin_row(TypeId{1}, 0, Fate::kInserted, "a", 1);
  writer.cell(AttrId{1}, Value::int_of(1));
  REQUIRE(persister->submit(writer.view()).ok());
  while (persister->step()) {
  }
  const auto killed = files.after_power_cut({.data_percent = 100, .names_percent = 100});
  CHECK(problems_of(check_directory(*killed, "db").value()) == "");
  REQUIRE(killed->remove("db/LOG-000001").ok());
  CHECK(problems_of(check_directory(*killed, "db").value()) ==
        "db/LOG-000001: is missing; restore a backup\n");
  CHECK(Persister::open(*killed, "db", options).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("directory dump: manifest, files and log as text") {
  MemoryFileSystem files;
  {
    TinyDatabase database(files, "db", 3);
    for (int i = 0; i < 150; ++i) database.commit();
  }
  const auto all = bytes_of(files, "db");
  for (const auto& [name, bytes] : all) {
    if (name == "LOCK") continue;
    std::string text;
    const auto dumped = dump_file(files, "db", name,
                                  [&](std::string_view line) { text += std::string(line) + "\n"; });
    if (dumped.ok()) CHECK(text != "");
    if (!dumped.ok())
      CHECK(dumped.error().message.find("is no file that counts") != std::string::npos);
    if (dumped.ok() && name.starts_with("SST"))
      CHECK(text.find("block at offset 32: type ") != std::string::npos);
  }
  CHECK(dump_file(files, "db", "LOCK", [](std::string_view) {}).error().code == ErrorCode::kIo);
}

TEST_CASE("backup: a copy taken while others write has all that was ordered, and a prefix") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    MemoryFileSystem disk;
    TinyDatabase database(disk, "db", seed);
    for (int i = 0; i < 100; ++i) database.commit();
    // The writer's turn comes at calls of the copy, as the seed says.
    support::FaultFileSystem files(disk);
    property::Rng rng(seed);
    int turns = 60;
    files.before_each_call([&](std::size_t) {
      while (turns > 0 && rng.chance(40)) {
        --turns;
        database.commit();
      }
    });
    const std::uint64_t before = database.version();
    const auto version = backup_directory(files, "db", "copy");
    REQUIRE(version.ok());
    CHECK(turns == 0);
    CHECK(version.value() >= before);
    CHECK(version.value() <= database.version());
    // It is durable whole.
    const auto cut = disk.after_power_cut({});
    const auto report = check_directory(*cut, "copy");
    REQUIRE(report.ok());
    CHECK(problems_of(report.value()) == "");
    CHECK(report.value().version == version.value());
    // The same history, so far, without a copy being taken.
    MemoryFileSystem other;
    {
      TinyDatabase again(other, "db", seed);
      while (again.version() < version.value()) again.commit();
    }
    CHECK(rows_of(*cut, "copy") == rows_of(other, "db"));
  }
}

TEST_CASE("restore: one that fails leaves nothing, and the next finds the place empty") {
  MemoryFileSystem disk;
  {
    TinyDatabase database(disk, "db", 5);
    for (int i = 0; i < 300; ++i) database.commit();
  }
  REQUIRE(backup_directory(disk, "db", "copy").ok());
  for (std::size_t call = 1;; ++call) {
    CAPTURE(call);
    support::FaultFileSystem failing(disk);
    failing.fail({.call = call});
    if (restore_directory(failing, "copy", "again").ok()) break;
    if (!disk.exists("again").value()) continue;
    const auto names = disk.list("again");
    CHECK(names.value().empty());
  }
  CHECK(problems_of(check_directory(disk, "again").value()) == "");
}

TEST_CASE("backup: the copy of an idle database is the same database; restore forgets its name") {
  MemoryFileSystem disk;
  {
    TinyDatabase database(disk, "db", 5);
    for (int i = 0; i < 300; ++i) database.commit();
  }
  REQUIRE(backup_directory(disk, "db", "copy").ok());
  REQUIRE(restore_directory(disk, "copy", "again").ok());
  CHECK(backup_directory(disk, "db", "copy").error().message.find("not empty") !=
        std::string::npos);
  CHECK(restore_directory(disk, "nowhere", "new").error().code == ErrorCode::kIo);
  CHECK(!disk.exists("new").value());
  CHECK(problems_of(check_directory(disk, "again").value()) == "");
  {
    const auto tree = lsm::LsmTree::open(disk, "again", {});
    REQUIRE(tree.ok());
    // Who writes to it first sees that its lock is none that was noted; the old name is kept for
    // what was written under it.
    CHECK(tree.value()->state().lock_identity == 0);
    CHECK(tree.value()->state().site == "site of the test");
    CHECK(lsm::LsmTree::open(disk, "copy", {}).value()->state().site == "site of the test");
  }
  const std::string rows = rows_of(disk, "db");
  CHECK(rows.size() > 1000);
  CHECK(rows_of(disk, "copy") == rows);
  CHECK(rows_of(disk, "again") == rows);
}

TEST_CASE("backup: a damaged database is told, not copied") {
  MemoryFileSystem disk;
  {
    TinyDatabase database(disk, "db", 5);
    for (int i = 0; i < 100; ++i) database.commit();
    database.close();
  }
  const auto all = bytes_of(disk, "db");
  int copies = 0;
  for (const auto& [name, bytes] : all) {
    if (!counts(disk, "db", name)) continue;
    auto file = disk.open("db/" + name, OpenMode::kReadWrite).value();
    const char flipped = static_cast<char>(bytes[bytes.size() / 2] ^ 16);
    REQUIRE(file->write(bytes.size() / 2, {&flipped, 1}).ok());
    const auto refused = backup_directory(disk, "db", "copy" + std::to_string(++copies));
    CHECK_MESSAGE((!refused.ok() && refused.error().code == ErrorCode::kCorrupt), name);
    CHECK(disk.list("copy" + std::to_string(copies)).value().empty());
    REQUIRE(file->write(bytes.size() / 2, {&bytes[bytes.size() / 2], 1}).ok());
  }
}

}  // namespace tremula::persist
