// Merging through the face: what a merge does to tables, live queries and files. That it converges
// is tested in replicas_test.cpp.
#include <doctest/doctest.h>
#include <tremula/tremula.h>

#include <memory>
#include <string>
#include <vector>

#include "core/lsm/lsm_tree.h"
#include "db/open_on.h"
#include "persist/memory_file_system.h"
#include "persist/persister.h"
#include "tests/db/support.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

constexpr const char* kSite = "00112233445566778899aabbccddeeff";
const char* const kSchema =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3 COUNTER, Tags JSON = 4 SET);";

Database open(base::FileSystem& files, const char* directory = "db") {
  const auto borrowed = std::shared_ptr<base::FileSystem>(&files, [](base::FileSystem*) {});
  auto opened = db::OpenOn::open(borrowed, directory, {.sync_delay_ms = 0});
  if (!opened.ok()) FAIL(opened.error().text);
  return std::move(opened).value();
}

// A record of another replica; `what` begins with the column.
std::string record(int key, const std::string& what, int version, int cl = 1, int table = 1) {
  return "{\"table\":" + std::to_string(table) + ",\"key\":[" + std::to_string(key) + "]," + what +
         ",\"cl\":" + std::to_string(cl) + ",\"version\":" + std::to_string(version) +
         ",\"site\":\"" + kSite + "\",\"db_version\":1,\"seq\":0}\n";
}

std::string changes(Database& db, std::uint64_t since = 0) {
  std::string text;
  const auto told =
      db.changes(since, [&](std::string_view line) { text += std::string(line) + "\n"; });
  REQUIRE(told.ok());
  return text;
}

std::size_t merge(Database& db, const std::string& text) {
  const auto merged = db.merge(text);
  if (!merged.ok()) FAIL(merged.error().text);
  return merged.value();
}

const std::string kRow = "\"column\":null,\"value\":null";
const std::string kName = "\"column\":2,\"value\":\"low\"";

}  // namespace

TEST_CASE("merge: live queries hear it as one commit, whole, and nothing of what it leaves") {
  persist::MemoryFileSystem files;
  Database db = open(files);
  run(db, kSchema);
  std::vector<std::string> heard;
  const auto live =
      db.subscribe("SELECT { s.Id, s.Name } FROM Song AS s", {}, [&](const Delta& delta) {
          heard.emplace_back(delta.patch());
        }).value();
  const std::string file = record(1, kRow, 5) + record(1, kName, 5) + record(2, kRow, 6);
  CHECK(merge(db, file) == 3);
  REQUIRE(heard.size() == 1);
  CHECK(live.json() == R"([{"Id":1,"Name":"low"},{"Id":2,"Name":null}])");
  const std::uint64_t version = db.version();
  CHECK(merge(db, file) == 0);
  CHECK(db.version() == version);
  // A newer stamp of the same value is a change that nobody sees.
  CHECK(merge(db, record(1, kName, 9)) == 1);
  CHECK(db.version() == version + 1);
  CHECK(heard.size() == 1);
  // What is written now is newer than all that was merged.
  CHECK(run(db, "UPDATE Song SET Name = 'ten' WHERE Id = 1;") == R"({"updated":1})");
  CHECK(changes(db, version + 1).find("\"value\":\"ten\",\"cl\":1,\"version\":10") !=
        std::string::npos);
}

TEST_CASE("merge: what isn't declared is kept, told on, and comes to light when it is declared") {
  persist::MemoryFileSystem files;
  {
    Database db = open(files);
    run(db, "TABLE Song = 1 (Id INT = 1 KEY, Name INT = 9) STRICT;");
    CHECK(merge(db, record(1, kRow, 3) + record(1, kName, 3) +
                        record(1, "\"column\":3,\"rule\":\"COUNTER\",\"value\":7", 3) +
                        record(1, "\"column\":\"mood\",\"value\":\"blue\"", 3) +
                        record(8, "\"column\":2,\"value\":\"other\"", 4, 1, 5)) == 5);
  }
  Database db = open(files);
  CHECK(run(db, "SELECT * FROM Song AS s;") == R"({"Id":1,"Name":null})");
  const std::string told = changes(db);
  for (const char* part : {"\"column\":2,\"value\":\"low\"", "\"rule\":\"COUNTER\",\"value\":7",
                           "\"column\":\"mood\"", "\"table\":5,\"key\":[8],\"column\":2"}) {
    CAPTURE(part);
    CHECK(told.find(part) != std::string::npos);
  }
  run(db,
      "TABLE Song = 1 (Id INT = 1 KEY, Name INT = 9, Title TEXT = 2, Plays INT = 3 COUNTER DEFAULT "
      "10, mood TEXT = 4) STRICT;");
  CHECK(run(db, "SELECT { s.Title, s.Plays, s.mood } FROM Song AS s;") ==
        R"({"Title":"low","Plays":17,"mood":"blue"})");
  run(db, "TABLE Other = 5 (Id INT = 1 KEY, Name TEXT = 2 NOT NULL);");
  CHECK(run(db, "SELECT * FROM Other AS o WHERE o.Id = 8;") == R"({"Id":8,"Name":"other"})");
  CHECK(changes(db).find("\"column\":4,\"value\":\"blue\",\"cl\":1,\"version\":3") !=
        std::string::npos);
}

TEST_CASE("merge: a value that two replicas adopt into a COUNTER or SET counts once") {
  const char* const kLax = "TABLE T = 1 (K INT = 1 KEY);";
  const char* const kDeclared =
      "TABLE T = 1 (K INT = 1 KEY, n INT = 2 COUNTER DEFAULT 2, tags JSON = 3 SET);";
  const char* const kAll = "SELECT t.n, t.tags FROM T AS t";
  persist::MemoryFileSystem files;
  Database a = open(files, "a");
  run(a, std::string(kLax) + "INSERT INTO T {K: 1, n: 5, tags: [1, 'x']};");
  Database b = open(files, "b");
  run(b, kLax);
  merge(b, changes(a));
  run(a, kDeclared);
  run(b, std::string("BEGIN;") + kDeclared + "UPDATE T SET n = n + 1, tags = ['x']; COMMIT;");
  CHECK(run(a, kAll) == R"({"n":5,"tags":[1,"x"]})");
  CHECK(run(b, kAll) == R"({"n":6,"tags":["x"]})");
  merge(a, changes(b));
  merge(b, changes(a));
  for (Database* db : {&a, &b}) CHECK(run(*db, kAll) == R"({"n":6,"tags":["x"]})");
  run(a, "UPDATE T SET n = n + 10");
  merge(b, changes(a));
  CHECK(merge(a, changes(b)) == 0);
  for (Database* db : {&a, &b}) CHECK(run(*db, kAll) == R"({"n":16,"tags":["x"]})");
}

TEST_CASE(
    "merge: what STRICT purges is told to nobody, and counts from nothing when it comes back") {
  const char* const kAll =
      "TABLE T = 1 (K INT = 1 KEY, n INT = 2 COUNTER DEFAULT 2, tags JSON = 3 SET, t TEXT = 4) "
      "STRICT;";
  const char* const kFew = "TABLE T = 1 (K INT = 1 KEY) STRICT;";
  const char* const kValues = "SELECT t.n, t.tags, t.t FROM T AS t";
  persist::MemoryFileSystem files;
  Database a = open(files, "a");
  run(a, std::string(kAll) + "INSERT INTO T {K: 1, n: 5, tags: [1, 'x'], t: 'a'};");
  Database b = open(files, "b");
  run(b, kAll);
  merge(b, changes(a));
  run(b, "UPDATE T SET n = n + 10, tags = ['x', 'y'];");
  merge(a, changes(b));
  REQUIRE(run(a, kValues) == R"({"n":15,"tags":["x","y"],"t":"a"})");

  const std::uint64_t before = a.version();
  run(a, kFew);
  CHECK(changes(a, before).find("\"column\"") == std::string::npos);
  merge(b, changes(a));
  CHECK(run(b, kValues) == R"({"n":15,"tags":["x","y"],"t":"a"})");

  run(a, kAll);
  CHECK(run(a, kValues) == R"({"n":2,"tags":null,"t":null})");
  run(a, "UPDATE T SET n = n + 1, tags = ['z'];");
  CHECK(run(a, kValues) == R"({"n":3,"tags":["z"],"t":null})");
  for (int i = 0; i < 2; ++i) {
    merge(b, changes(a));
    merge(a, changes(b));
  }
  CHECK(run(a, kValues) == run(b, kValues));
  CHECK(run(a, kValues) == R"({"n":3,"tags":["z"],"t":null})");
}

TEST_CASE("merge: an undeclared column of a lax table can be asked for at once") {
  persist::MemoryFileSystem files;
  Database db = open(files);
  run(db, kSchema);
  CHECK(merge(db, record(1, "\"column\":\"mood\",\"value\":\"blue\"", 3)) == 1);
  CHECK(run(db, "SELECT { s.Id, s.mood } FROM Song AS s;") == R"({"Id":1,"mood":"blue"})");
  // The row lives without a record of its own, until that comes.
  CHECK(changes(db).find("\"column\":null") == std::string::npos);
}

TEST_CASE("merge: keys that don't fit a table declared later refuse its declaration") {
  persist::MemoryFileSystem files;
  Database db = open(files);
  CHECK(merge(db, record(1, kRow, 3)) == 1);
  CHECK(run(db, "TABLE Song = 1 (Name TEXT = 2 KEY);") == "! schema_conflict at 1:7");
  CHECK(run(db, kSchema) == R"({"table":"Song","created":true})");
  CHECK(run(db, "SELECT { s.Id } FROM Song AS s;") == R"({"Id":1})");
}

TEST_CASE("merge: a row deleted and inserted in one transaction has a new life") {
  persist::MemoryFileSystem files;
  Database db = open(files);
  run(db, kSchema);
  run(db, "INSERT INTO Song {Id: 1, Name: 'low', Plays: 4};");
  run(db, "BEGIN; DELETE FROM Song; INSERT INTO Song {Id: 1, Name: 'ten'}; COMMIT;");
  CHECK(changes(db).find("\"column\":null,\"value\":null,\"cl\":3") != std::string::npos);
  CHECK(changes(db).find("COUNTER") == std::string::npos);
  CHECK(run(db, "SELECT { s.Name, s.Plays } FROM Song AS s;") == R"({"Name":"ten","Plays":0})");
}

TEST_CASE("merge: errors leave everything as it was") {
  persist::MemoryFileSystem files;
  Database db = open(files);
  run(db, kSchema);
  const std::uint64_t version = db.version();
  const auto broken = db.merge(record(1, kRow, 3) + "\n" + record(2, kRow, 3));
  REQUIRE(!broken.ok());
  CHECK(broken.error().code == ErrorCode::kCorrupt);
  CHECK(broken.error().text.find("line 2") != std::string::npos);
  CHECK(db.version() == version);
  CHECK(run(db, "SELECT { s.Id } FROM Song AS s;") == "");
  CHECK(code_of(db, "INSERT INTO Song {Id: 1, Plays: NULL};") == "not_null");
  Database memory = Database::in_memory();
  CHECK(memory.merge("").error().code == ErrorCode::kUnsupported);
  const auto inside = db.transact(
      [&](Transaction&) { CHECK(db.merge("").error().code == ErrorCode::kUnsupported); });
  CHECK(inside.ok());
}

TEST_CASE("merge: a database that never merged keeps nothing for it") {
  persist::MemoryFileSystem files;
  {
    Database db = open(files);
    run(db,
        "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3 COUNTER, "
        "Best INT = 4 MAX, Tags JSON = 5 SET);");
    for (int i = 1; i <= 2000; ++i) {
      run(db, "INSERT INTO Song {Id: " + std::to_string(i) +
                  ", Name: 'x', Plays: 2, Best: 3, Tags: ['a', 'b']};");
    }
    run(db, "UPDATE Song SET Plays = Plays + 1, Name = 'y', Best = 5;");
  }
  auto opened = persist::Persister::open(files, "db", {});
  REQUIRE(opened.ok());
  REQUIRE(opened.value()->tree().flush().ok());
  std::size_t columns = 0;
  for (const auto& [type, attr] : opened.value()->tree().snapshot()->columns()) {
    CHECK(!lsm::is_hidden_attr(attr));
    CHECK(type < triples::kSiteType);
    ++columns;
  }
  CHECK(columns > 5);
}

TEST_CASE("merge: a power cut in its middle leaves all of it or nothing") {
  std::size_t before = 0;
  std::size_t after = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    persist::MemoryFileSystem below;
    support::FaultFileSystem files(below);
    std::string file;
    for (int key = 1; key <= 30; ++key) file += record(key, kRow, key) + record(key, kName, key);
    std::unique_ptr<persist::MemoryFileSystem> disk;
    {
      Database db = open(files);
      run(db, kSchema);
      run(db, "INSERT INTO Song {Id: 3, Name: 'own', Plays: 1}; FLUSH;");
      const std::size_t first = files.calls();
      files.before_each_call([&](std::size_t call) {
        if (disk || call < first + seed % 8 + 1) return;
        disk = below.after_power_cut({.seed = seed, .data_percent = 50, .names_percent = 50});
      });
      CHECK(merge(db, file) > 50);
      run(db, "FLUSH;");
    }
    if (!disk) disk = below.after_power_cut({.seed = seed});
    Database db = open(*disk);
    const std::string count = run(db, "SELECT { n: count(*) } FROM Song AS s;");
    const bool is_whole = count == R"({"n":30})";
    CHECK((is_whole || count == R"({"n":1})"));
    (is_whole ? after : before) += 1;
    // Once more, whatever is there: the same in the end.
    merge(db, file);
    CHECK(run(db, "SELECT { n: count(*) } FROM Song AS s;") == R"({"n":30})");
    CHECK(merge(db, file) == 0);
  }
  CHECK(before > 0);
  CHECK(after > 0);
}

}  // namespace tremula::test
