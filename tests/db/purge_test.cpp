// What is taken away for good goes from the files, too: a column that STRICT purges, the rows of a
// table that is dropped, deleted rows. Wherever the power fails meanwhile, nothing else goes.
#include <doctest/doctest.h>
#include <tremula/tremula.h>

#include <memory>
#include <random>
#include <string>

#include "db/open_on.h"
#include "persist/memory_file_system.h"
#include "persist/persister.h"
#include "tests/db/support.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

constexpr const char* kDirectory = "db";
constexpr int kRows = 3000;

Database open(base::FileSystem& files) {
  const auto borrowed = std::shared_ptr<base::FileSystem>(&files, [](base::FileSystem*) {});
  auto opened = db::OpenOn::open(borrowed, kDirectory, {.sync_delay_ms = 0});
  if (!opened.ok()) FAIL(opened.error().text);
  return std::move(opened).value();
}

// Files of all that was written, and of no more than counts.
void settle(base::FileSystem& files) {
  persist::PersisterOptions options;
  options.lsm.level0_files = 1;
  options.lsm.level1_bytes = 128U << 10;
  options.lsm.file_bytes = 32U << 10;
  auto opened = persist::Persister::open(files, kDirectory, options);
  if (!opened.ok()) FAIL(opened.error().message);
  REQUIRE(opened.value()->tree().flush().ok());
  while (opened.value()->step()) {
  }
  REQUIRE(opened.value()->close().ok());
}

std::uint64_t bytes_of_tables(base::FileSystem& files) {
  std::uint64_t bytes = 0;
  const auto names = files.list(kDirectory);
  REQUIRE(names.ok());
  for (const std::string& name : names.value()) {
    if (name.find("SST-") == std::string::npos) continue;
    auto file = files.open(std::string(kDirectory) + "/" + name, base::OpenMode::kRead);
    REQUIRE(file.ok());
    bytes += file.value()->size().value();
  }
  return bytes;
}

void fill(base::FileSystem& files) {
  Database db = open(files);
  run(db,
      "TABLE Kept = 1 (Id INT = 1 KEY, n INT = 2, Long TEXT = 3) STRICT;"
      "TABLE Gone = 2 (Id INT = 1 KEY, Long TEXT = 2);");
  std::mt19937 random(3);
  const auto filled = db.transact([&](Transaction& transaction) {
    for (int i = 0; i < kRows; ++i) {
      std::string text(120, ' ');
      for (char& byte : text) byte = static_cast<char>('a' + random() % 26);
      transaction.insert("Kept", {{"Id", i}, {"n", i}, {"Long", text}});
      transaction.insert("Gone", {{"Id", i}, {"Long", text}});
    }
  });
  REQUIRE(filled.ok());
}

constexpr const char* kRemove[] = {"TABLE Kept = 1 (Id INT = 1 KEY, n INT = 2) STRICT;",
                                   "DROP TABLE Gone;", "DELETE FROM Kept WHERE n >= 500;"};

std::string what_is_left(base::FileSystem& files) {
  Database db = open(files);
  return run(db,
             "SELECT { n: count(*), sum: sum(k.n) } FROM Kept AS k; SHOW TABLES;"
             "SELECT { c.name } FROM tremula_column AS c WHERE c.table_number = 1 AND c.declared;");
}

}  // namespace

TEST_CASE("purge: what is taken away for good gives its room back") {
  persist::MemoryFileSystem files;
  fill(files);
  settle(files);
  std::uint64_t before = bytes_of_tables(files);
  REQUIRE(before > 2 * kRows * 60);
  for (const char* statement : kRemove) {
    CAPTURE(statement);
    {
      Database db = open(files);
      REQUIRE(run(db, statement).find('!') == std::string::npos);
    }
    settle(files);
    const std::uint64_t after = bytes_of_tables(files);
    CHECK(after < before * 8 / 10);
    before = after;
  }
  CHECK(before < 40'000);  // the dead keys of 5,500 rows, which merging wants, and 500 rows
  Database db = open(files);
  run(db, "TABLE Kept = 1 (Id INT = 1 KEY, n INT = 2, Long TEXT = 3) STRICT;");
  CHECK(run(db, "SELECT { n: count(*), long: count(k.Long) } FROM Kept AS k;") ==
        R"({"n":500,"long":0})");
}

TEST_CASE("purge: a power cut while the room is given back costs nothing") {
  for (const char* statement : kRemove) {
    CAPTURE(statement);
    persist::MemoryFileSystem below;
    fill(below);
    settle(below);
    {
      Database db = open(below);
      run(db, statement);
    }
    const std::string expected = what_is_left(below);
    std::uint64_t cuts = 0;
    support::FaultFileSystem files(below);
    files.before_each_call([&](std::size_t call) {
      if (call % 3 != 0) return;
      const auto disk =
          below.after_power_cut({.seed = call, .data_percent = 50, .names_percent = 50});
      REQUIRE(what_is_left(*disk) == expected);
      ++cuts;
    });
    settle(files);
    CHECK(cuts > 10);
    CHECK(what_is_left(below) == expected);
  }
}

}  // namespace tremula::test
