// A database that an earlier Tremula wrote, kept for ever: every later one opens it, finds it well,
// reads what was written, and shows the same text of its files.
//
//   tests/data/store-1/files/   the directory, of format version 1, closed
//   tests/data/store-1/rows.txt, dump.txt   what it holds, what its files say
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "db/open_on.h"
#include "persist/directory.h"
#include "persist/memory_file_system.h"
#include "persist/posix_file_system.h"
#include "tests/db/support.h"

namespace tremula::test {
namespace {

namespace fs = std::filesystem;
using persist::MemoryFileSystem;

const fs::path kStore = fs::path(TREMULA_SOURCE_ROOT) / "tests" / "data" / "store-1";

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path.string());
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// A copy, so that nothing changes the kept one.
std::shared_ptr<MemoryFileSystem> kept_store() {
  auto files = std::make_shared<MemoryFileSystem>();
  REQUIRE(files->make_directory("db").ok());
  for (const auto& entry : fs::directory_iterator(kStore / "files")) {
    auto file = files->open("db/" + entry.path().filename().string(), base::OpenMode::kCreate);
    REQUIRE(file.ok());
    REQUIRE(file.value()->write(0, bytes_of(entry.path())).ok());
    REQUIRE(file.value()->sync().ok());
  }
  REQUIRE(files->sync_directory("db").ok());
  return files;
}

std::string dump_of(base::FileSystem& files, const std::string& directory) {
  std::string text;
  const auto names = files.list(directory);
  REQUIRE(names.ok());
  for (const std::string& name : names.value()) {
    if (name == "LOCK") continue;
    text += "== " + name + "\n";
    const auto dumped = persist::dump_file(
        files, directory, name, [&](std::string_view line) { text.append(line) += '\n'; });
    REQUIRE_MESSAGE(dumped.ok(), dumped.error().message);
  }
  return text;
}

std::string rows_of(Database& db) {
  std::string text = "version " + std::to_string(db.version()) + "\n";
  for (const char* select :
       {"SELECT { t.* } FROM tremula_table AS t", "SELECT { c.* } FROM tremula_column AS c",
        "SELECT { k.*, late: k.late } FROM kinds AS k ORDER BY k.id",
        "SELECT { p.* } FROM pairs AS p ORDER BY p.a, p.b", "SELECT { n.* } FROM notes AS n",
        "SELECT { m.* } FROM merged AS m ORDER BY m.id",
        "SELECT { n: count(*), s: sum(m.n) } FROM many AS m",
        "SELECT { m.* } FROM many AS m WHERE m.id IN (0, 1, 2, 511, 512, 598, 599) ORDER BY "
        "m.id"}) {
    text += db.query(select).value().json() + "\n";
  }
  return text;
}

void write_first_part(Database& db) {
  db.run(R"(
TABLE kinds = 1 (id INT = 1 KEY, i INT = 2 INDEX, r REAL = 3, b BOOL = 4, t TEXT = 5 DEFAULT 'none',
  y BYTES = 6, j JSON = 7, gone INT = 8);
TABLE pairs = 2 (a TEXT = 1, b INT = 2, v TEXT = 3, KEY (a, b)) STRICT;
TABLE notes = 3 (text TEXT = 1);
TABLE merged = 4 (id INT = 1 KEY, high INT = 2 MAX, low INT = 3 MIN);
TABLE dropped = 5 (id INT = 1 KEY, v TEXT = 2);
TABLE many = 6 (id INT = 1 KEY, n INT = 2, t TEXT = 3);
INSERT INTO kinds {id: 1, i: -9007199254740991, r: 0.1, b: TRUE, t: 'Grüße, "Welt"', y: x'00FF80',
  j: '{"a":[1,null,2.5e300]}', gone: 1}, {id: 2}, {id: 3, t: NULL, r: -1e-300, b: FALSE};
INSERT INTO kinds {id: 4, late: 'undeclared', i: 9007199254740991};
INSERT INTO pairs {a: '', b: 0, v: 'empty'}, {a: 'x', b: -1}, {a: 'x', b: 300, v: 'y'};
INSERT INTO notes {text: 'one'}, {text: 'two'};
INSERT INTO merged {id: 1, high: 5, low: 5};
UPSERT INTO merged {id: 1, high: 3, low: 3};
INSERT INTO dropped {id: 1, v: 'never seen again'};
DROP TABLE dropped;
)")
      .value();
}

void write_many(Database& db, int first, int end) {
  db.transact([&](Transaction& tx) {
      for (int id = first; id < end; ++id) {
        const std::string text(static_cast<std::size_t>(id % 29), static_cast<char>('a' + id % 26));
        tx.insert("many", {{"id", id}, {"n", id * 37 % 101}, {"t", text}});
      }
    }).value();
}

bool has_levels(Database& db) {
  for (const std::string& line : db.run("SHOW STATS").value().lines)
    if (line.starts_with("{\"stat\":\"files_level_1\"")) return true;
  return false;
}

void write_second_part(Database& db) {
  db.run(R"(
DELETE FROM many WHERE id % 10 = 3;
UPDATE many SET t = NULL WHERE id % 100 = 1;
TABLE kinds = 1 (id INT = 1 KEY, i INT = 2 INDEX, r REAL = 3, b BOOL = 4, t TEXT = 5 DEFAULT 'none',
  y BYTES = 6, j JSON = 7, later INT = 9 DEFAULT 12);
UPDATE kinds SET later = 13, t = 'changed' WHERE id = 2;
DELETE FROM pairs WHERE b = -1;
INSERT INTO pairs {a: 'x', b: -1, v: 'again'};
INSERT INTO many {id: 3, n: 1, t: 'once more'};
)")
      .value();
}

}  // namespace

TEST_CASE("golden store: a database of format version 1 is well, and shows the same text") {
  const auto files = kept_store();
  const auto report = persist::check_directory(*files, "db");
  REQUIRE_MESSAGE(report.ok(), report.error().message);
  for (const base::Error& problem : report.value().problems) FAIL_CHECK(problem.message);
  CHECK(report.value().version > 15);
  CHECK(dump_of(*files, "db") == bytes_of(kStore / "dump.txt"));
}

TEST_CASE(
    "golden store: a database of format version 1 reads as it was written, and is written on") {
  const auto files = kept_store();
  const std::string rows = bytes_of(kStore / "rows.txt");
  for (int i = 0; i < 2; ++i) {
    Database db = db::OpenOn::open(files, "db", {}).value();
    REQUIRE(rows_of(db) == rows);
    CHECK(run(db, "SELECT { k.id } FROM kinds AS k WHERE k.i > 0") == "{\"id\":4}");
  }
  {
    Database db = db::OpenOn::open(files, "db", {.memory_bytes = 64U << 10}).value();
    db.run("UPDATE many SET n = n + 1; FLUSH;").value();
  }
  Database db = db::OpenOn::open(files, "db", {}).value();
  CHECK(run(db, "SELECT { n: count(*) } FROM many AS m WHERE m.n = m.id * 37 % 101 + 1") ==
        "{\"n\":540}");
}

// How it was made; --no-skip and TREMULA_MAKE_STORE=FOLDER make one of this program's format.
TEST_CASE("golden store: make another" * doctest::skip(true)) {
  const char* const folder = std::getenv("TREMULA_MAKE_STORE");
  REQUIRE(folder != nullptr);
  const std::string directory = std::string(folder) + "/files";
  fs::create_directories(folder);
  const Options small{.memory_bytes = 64U << 10};  // so that there are files of several levels
  {
    Database db = Database::open(directory, small).value();
    write_first_part(db);
  }
  for (int first = 0; first < 600; first += 100) {  // each end makes a file of level 0
    Database db = Database::open(directory, small).value();
    write_many(db, first, first + 100);
  }
  {
    Database db = Database::open(directory, small).value();
    while (!has_levels(db)) std::this_thread::yield();
  }
  {
    Database db = Database::open(directory).value();  // its rows stay in the log
    write_second_part(db);
    std::ofstream(std::string(folder) + "/rows.txt") << rows_of(db);
  }
  const auto files = persist::make_posix_file_system();
  std::ofstream(std::string(folder) + "/dump.txt") << dump_of(*files, directory);
  REQUIRE(persist::check_directory(*files, directory).value().problems.empty());
}

}  // namespace tremula::test
