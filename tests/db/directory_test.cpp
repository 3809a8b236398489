// Databases in directories: what is there when they are opened again, and what a bad disk does.
#include <doctest/doctest.h>

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "db/open_on.h"
#include "persist/memory_file_system.h"
#include "tests/db/history.h"
#include "tests/db/support.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

using persist::MemoryFileSystem;
using support::FaultFileSystem;
using support::FaultKind;

Database opened(const std::shared_ptr<base::FileSystem>& files, const Options& options = {}) {
  auto db = db::OpenOn::open(files, "db", options);
  if (!db.ok()) FAIL(db.error().text);
  return std::move(db).value();
}

std::string json(Database& db, std::string_view select) { return db.query(select).value().json(); }

constexpr const char* kSongs =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3 DEFAULT 7);"
    "INSERT INTO Song {Id: 1, Name: 'Low', Plays: 5}, {Id: 2, Name: 'Ten'};";

}  // namespace

TEST_CASE("directory: tables, rows and the version are there again") {
  auto files = std::make_shared<MemoryFileSystem>();
  {
    Database db = opened(files);
    db.run(kSongs).value();
    CHECK(db.version() == 2);
  }
  Database db = opened(files);
  CHECK(db.version() == 2);
  CHECK(json(db, "SELECT { s.* } FROM Song AS s") ==
        R"([{"Id":1,"Name":"Low","Plays":5},{"Id":2,"Name":"Ten","Plays":7}])");
  auto ticket = db.transact([](Transaction& tx) { tx.erase("Song", {1}); });
  CHECK(ticket.value().commit == 3);
  CHECK(db.wait_durable(ticket.value()).ok());
  CHECK(run(db, "FLUSH; SYNC;") == "{\"durable\":3}\n{\"synced\":3}");
}

TEST_CASE("directory: a history opened again after every commit is the history") {
  auto files = std::make_shared<MemoryFileSystem>();
  Mirror mirror;
  for (std::uint64_t n = 1; n <= 300; ++n) {
    Database db = opened(files);
    REQUIRE(db.version() == n - 1);
    commit_next(db).value();
    CAPTURE(n);
    REQUIRE(contents(db) == mirror.at(n));
  }
}

TEST_CASE("directory: a NULL that was written stays one, whatever DEFAULT comes") {
  auto files = std::make_shared<MemoryFileSystem>();
  {
    Database db = opened(files);
    db.run(
          "TABLE T = 1 (K INT = 1 KEY, V INT = 2 DEFAULT 1); INSERT INTO T {K: 1, V: NULL}, {K: "
          "2};")
        .value();
  }
  {
    Database db = opened(files);
    CHECK(json(db, "SELECT { t.V } FROM T AS t") == R"([{"V":null},{"V":1}])");
    db.run("TABLE T = 1 (K INT = 1 KEY, V INT = 2 DEFAULT 9)").value();
  }
  Database db = opened(files);
  CHECK(json(db, "SELECT { t.V } FROM T AS t") == R"([{"V":null},{"V":9}])");
}

TEST_CASE("directory: a dropped table is gone, and its number is known") {
  auto files = std::make_shared<MemoryFileSystem>();
  {
    Database db = opened(files);
    db.run(kSongs).value();
    db.run("DROP TABLE Song").value();
  }
  Database db = opened(files);
  CHECK(code_of(db, "SELECT { s.* } FROM Song AS s") == "unknown_table");
  CHECK(code_of(db, "TABLE Tune = 1 (Id INT = 1 KEY)") == "schema_conflict");
  db.run("TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3)").value();
  CHECK(json(db, "SELECT { s.* } FROM Song AS s") == "[]");
}

TEST_CASE("directory: keys that are generated after opening again are new ones") {
  auto files = std::make_shared<MemoryFileSystem>();
  std::set<std::int64_t> keys;
  for (int life = 0; life < 5; ++life) {
    Database db = opened(files);
    if (life == 0) db.run("TABLE Note = 1 (Body TEXT = 1)").value();
    db.transact([&](Transaction& tx) {
        for (int i = 0; i < 100; ++i) keys.insert(tx.insert("Note", {{"Body", "x"}}));
      }).value();
  }
  CHECK(keys.size() == 500);
  Database db = opened(files);
  CHECK(json(db, "SELECT { n: count(*) } FROM Note AS n") == R"([{"n":500}])");
}

TEST_CASE("directory: live queries see the rows of before, and every commit after") {
  auto files = std::make_shared<MemoryFileSystem>();
  { opened(files).run(kSongs).value(); }
  Database db = opened(files);
  std::string patches;
  auto live = db.subscribe("SELECT { s.Name } FROM Song AS s WHERE s.Plays > 6", {},
                           [&](const Delta& delta) { patches += delta.patch(); })
                  .value();
  CHECK(live.json() == R"([{"Name":"Ten"}])");
  db.run("UPDATE Song SET Plays = 8 WHERE Id = 1").value();
  CHECK(patches == R"([{"op":"add","path":"/0","value":{"Name":"Low"}}])");
}

TEST_CASE("directory: it is open once; who opens it again hears who has it") {
  auto files = std::make_shared<MemoryFileSystem>();
  Database first = opened(files);
  auto second = db::OpenOn::open(files, "db", {});
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::kLocked);
  CHECK(second.error().message.find("pid ") != std::string::npos);
}

TEST_CASE("directory: one that isn't there is made, or is io if it isn't to be") {
  auto files = std::make_shared<MemoryFileSystem>();
  Options options;
  options.create = false;
  auto missing = db::OpenOn::open(files, "db", options);
  REQUIRE(!missing.ok());
  CHECK(missing.error().code == ErrorCode::kIo);
  CHECK(!files->exists("db").value());
  CHECK(db::OpenOn::open(files, "no/such/parent", {}).error().code == ErrorCode::kIo);
  { opened(files).run(kSongs).value(); }
  CHECK(json(*std::make_unique<Database>(opened(files, options)),
             "SELECT { s.Id } FROM Song AS s") == R"([{"Id":1},{"Id":2}])");
}

TEST_CASE("directory: with Durability::sync every commit is on disk when it returns") {
  auto files = std::make_shared<MemoryFileSystem>();
  Options options;
  options.durability = Durability::sync;
  Database db = opened(files, options);
  Mirror mirror;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    commit_next(db).value();
    std::shared_ptr<MemoryFileSystem> disk = files->after_power_cut({});
    Database after = opened(disk);
    CAPTURE(n);
    REQUIRE(contents(after) == mirror.at(n));
  }
}

TEST_CASE("directory: after a sync that failed nothing is committed, and reads go on") {
  auto memory = std::make_shared<MemoryFileSystem>();
  auto files = std::make_shared<FaultFileSystem>(*memory);
  Database db = opened(files);
  db.run(kSongs).value();
  db.run("FLUSH").value();
  files->fail({.call = 1, .kind = FaultKind::kIo, .lasting = false});
  (void)db.run("INSERT INTO Song {Id: 3}; FLUSH;");
  CHECK(db.wait_durable({db.version()}).ok() == false);
  const std::uint64_t version = db.version();
  const std::string before = json(db, "SELECT { s.Id } FROM Song AS s");
  CHECK(code_of(db, "INSERT INTO Song {Id: 4}") == "io");
  CHECK(code_of(db, "TABLE Other = 2 (K INT = 1 KEY)") == "io");
  CHECK(code_of(db, "FLUSH") == "io");
  CHECK(code_of(db, "BEGIN; INSERT INTO Song {Id: 5}; COMMIT;") == "io");
  CHECK(!db.transact([](Transaction& tx) { tx.insert("Song", {{"Id", 6}}); }).ok());
  CHECK(db.version() == version);
  CHECK(json(db, "SELECT { s.Id } FROM Song AS s") == before);
  CHECK(code_of(db, "SELECT { o.K } FROM Other AS o") == "unknown_table");
}

TEST_CASE("directory: live queries don't hear of a commit that the log didn't take") {
  auto memory = std::make_shared<MemoryFileSystem>();
  auto files = std::make_shared<FaultFileSystem>(*memory);
  Database db = opened(files);
  db.run(kSongs).value();
  db.run("FLUSH").value();
  int heard = 0;
  auto live = db.subscribe("SELECT { s.Id } FROM Song AS s ORDER BY s.Name", {}, [&](const Delta&) {
                  ++heard;
                }).value();
  const std::string before = live.json();
  files->fail({.call = 1, .kind = FaultKind::kIo, .lasting = true});
  (void)db.run("UPDATE Song SET Plays = 1; FLUSH;");  // it finds out
  CHECK(code_of(db, "DELETE FROM Song") == "io");
  CHECK(code_of(db, "INSERT INTO Song {Id: 9}") == "io");
  CHECK(heard == 0);
  CHECK(live.json() == before);
  CHECK(json(db, "SELECT { s.Id } FROM Song AS s ORDER BY s.Name") == before);
}

TEST_CASE("directory: a full disk stops commits when the log in memory is full, not before") {
  auto files = std::make_shared<MemoryFileSystem>();
  Options options;
  options.queue_bytes = 64U << 10;
  std::int64_t written = 0;
  {
    Database db = opened(files, options);
    db.run("TABLE T = 1 (K INT = 1 KEY, V TEXT = 2); FLUSH;").value();
    files->set_capacity(1);
    const std::string text(1000, 'x');
    const auto insert = [&](Transaction& tx) { tx.insert("T", {{"K", written}, {"V", text}}); };
    while (db.transact(insert).ok()) REQUIRE(++written < 100'000);
    CHECK(written > 50);
    CHECK(code_of(db, "FLUSH") == "io");
    CHECK(json(db, "SELECT { n: count(*) } FROM T AS t") ==
          "[{\"n\":" + std::to_string(written) + "}]");
    files->set_capacity(~std::uint64_t{0});
    CHECK(code_of(db, "FLUSH") == "");
    CHECK(db.transact(insert).ok());
    ++written;
  }
  Database db = opened(files);
  CHECK(json(db, "SELECT { n: count(*) } FROM T AS t") ==
        "[{\"n\":" + std::to_string(written) + "}]");
}

namespace {

// Of the rows of the next test: by N, which is K * 7 modulo 1000, how many and how long.
std::string text_of_row(std::int64_t row) {
  return std::string(static_cast<std::size_t>(200 + row % 300), static_cast<char>('a' + row % 26));
}

std::string groups_of(std::int64_t rows) {
  std::string groups;
  for (std::int64_t n = 0; n < 1000; ++n) {
    std::size_t length = 0;
    std::int64_t count = 0;
    for (std::int64_t row = n * 143 % 1000; row < rows; row += 1000) {  // 7 * 143 is 1 modulo 1000
      length += text_of_row(row).size();
      ++count;
    }
    groups += (n == 0 ? "[{\"N\":" : ",{\"N\":") + std::to_string(n) +
              ",\"n\":" + std::to_string(count) + ",\"l\":" + std::to_string(length) + "}";
  }
  return groups + "]";
}

}  // namespace

TEST_CASE("directory: a database many times its memory budget answers all the same") {
  auto files = std::make_shared<MemoryFileSystem>();
  Options options;
  options.memory_bytes = 1U << 20;
  constexpr std::int64_t kRows = 20'000;
  const auto memory = [](Database& db) {
    constexpr std::string_view kStat = R"({"stat":"table_bytes","value":)";
    for (const std::string& line : db.run("SHOW STATS").value().lines) {
      if (line.starts_with(kStat)) return std::stoull(line.substr(kStat.size()));
    }
    return 0ULL;
  };
  {
    Database db = opened(files, options);
    db.run("TABLE T = 1 (K INT = 1 KEY, N INT = 2, V TEXT = 3)").value();
    for (std::int64_t row = 0; row < kRows; row += 100) {
      db.transact([&](Transaction& tx) {
          for (std::int64_t i = row; i < row + 100; ++i) {
            tx.insert("T", {{"K", i}, {"N", i * 7 % 1000}, {"V", text_of_row(i)}});
          }
        }).value();
    }
    db.run("FLUSH").value();
  }
  Database db = opened(files, options);
  int heard = 0;
  auto live = db.subscribe("SELECT { t.K } FROM T AS t WHERE t.N = 7", {}, [&](const Delta&) {
                  ++heard;
                }).value();
  CHECK(live.row_count() == kRows / 1000);
  // Groups, joins and orders of live queries, too: held against fresh ones below.
  const std::string kLive[] = {
      "SELECT { t.N, n: count(*), l: sum(length(t.V)) } FROM T AS t GROUP BY t.N ORDER BY t.N",
      "SELECT { a.K, w: length(b.V) } FROM T AS a JOIN T AS b ON b.K = a.N WHERE a.N < 20 ORDER BY "
      "a.K",
      "SELECT { t.K, t.N } FROM T AS t ORDER BY t.N DESC, t.K LIMIT 5"};
  std::vector<Subscription> lives;
  for (const std::string& select : kLive) {
    lives.push_back(db.subscribe(select, {}, [](const Delta&) {}).value());
    CHECK(memory(db) < 4U << 20);
  }
  CHECK(json(db, "SELECT { n: count(*), s: sum(t.N) } FROM T AS t") ==
        R"([{"n":20000,"s":9990000}])");
  for (std::int64_t row = 0; row < kRows; row += 37) {
    const auto rows = db.query("SELECT { t.V } FROM T AS t WHERE t.K = $k", {{"k", row}}).value();
    REQUIRE(rows.json() == "[{\"V\":\"" + text_of_row(row) + "\"}]");
  }
  CHECK(json(db, "SELECT { n: sum(length(t.V)) } FROM T AS t") == R"([{"n":6980000}])");
  CHECK(memory(db) < 4U << 20);
  CHECK(json(db, kLive[0]) == groups_of(kRows));
  CHECK(memory(db) < 4U << 20);
  CHECK(json(db,
             "SELECT { n: count(*), l: sum(length(b.V)) } FROM T AS a JOIN T AS b ON b.K = a.N") ==
        R"([{"n":20000,"l":6790000}])");
  CHECK(memory(db) < 4U << 20);
  CHECK(json(db, "SELECT { t.K } FROM T AS t ORDER BY length(t.V) DESC, t.K LIMIT 3") ==
        R"([{"K":299},{"K":599},{"K":899}])");
  CHECK(memory(db) < 4U << 20);
  for (std::int64_t row = 1; row < kRows; row += 1000) {  // N = 7
    db.transact([&](Transaction& tx) { tx.update("T", {row}, {{"N", 8}}); }).value();
  }
  CHECK(heard == kRows / 1000);
  CHECK(live.json() == "[]");
  for (std::size_t i = 0; i < lives.size(); ++i) CHECK(lives[i].json() == json(db, kLive[i]));
  CHECK(memory(db) < 4U << 20);
}

TEST_CASE("directory: one long scan keeps within the memory budget while it runs") {
  auto files = std::make_shared<MemoryFileSystem>();
  const Options options{.memory_bytes = 512U << 10};
  constexpr std::int64_t kRows = 20'000;
  {
    Database db = opened(files, options);
    db.run("TABLE T = 1 (K INT = 1 KEY, N INT = 2, V TEXT = 3)").value();
    for (std::int64_t row = 0; row < kRows; row += 500) {
      db.transact([&](Transaction& tx) {
          for (std::int64_t i = row; i < row + 500; ++i)
            tx.insert("T", {{"K", i}, {"N", i % 7}, {"V", std::string(300, 'v')}});
        }).value();
    }
    db.run("FLUSH").value();
  }
  const auto table_bytes = [](Database& db) {
    constexpr std::string_view kStat = R"({"stat":"table_bytes","value":)";
    for (const std::string& line : db.run("SHOW STATS").value().lines)
      if (line.starts_with(kStat)) return std::stoull(line.substr(kStat.size()));
    return 0ULL;
  };
  Database db = opened(files, options);
  // All rows take 8 MB.
  for (const char* select : {"SELECT { t.V, t.N } FROM T AS t",
                             "SELECT { t.V, t.K } FROM T AS t WHERE t.N < 9 ORDER BY t.K DESC"}) {
    CAPTURE(select);
    std::int64_t rows = 0;
    std::uint64_t most = 0;
    Statement all = db.prepare(select).value();
    all.for_each({},
                 [&](std::string_view) {
                   if (++rows % 1000 == 0) most = std::max<std::uint64_t>(most, table_bytes(db));
                   return true;
                 })
        .value();
    CHECK(rows == kRows);
    CHECK(most > 0);
    CHECK(most < 2U << 20);
  }
  CHECK(json(db, "SELECT { s: sum(length(t.V)), n: count(*), m: max(t.N) } FROM T AS t") ==
        R"([{"s":6000000,"n":20000,"m":6}])");
  CHECK(table_bytes(db) < 2U << 20);
}

TEST_CASE("directory: it stays where it was opened, wherever the program goes") {
  std::string pattern = (std::filesystem::temp_directory_path() / "tremula_place_XXXXXX").string();
  const std::filesystem::path folder = mkdtemp(pattern.data());
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  {
    Database db = Database::open("D", {.memory_bytes = 64U << 10}).value();
    std::filesystem::current_path(before);
    Mirror mirror;
    for (int i = 0; i < 500; ++i) commit_next(db).value();
    CHECK(db.run("FLUSH").ok());
    CHECK(contents(db) == mirror.at(500));
  }
  CHECK(!std::filesystem::exists(before / "D"));
  CHECK(Database::open(folder / "D", {}).value().version() == 500);
  std::filesystem::remove_all(folder);
}

TEST_CASE("directory: to wait for a commit that isn't there is to wait for all that are") {
  auto files = std::make_shared<MemoryFileSystem>();
  Database db = opened(files);
  db.run(kSongs).value();
  CHECK(db.wait_durable({1'000'000}).ok());
  CHECK(run(db, "FLUSH") == "{\"durable\":2}");
}

TEST_CASE("directory: SHOW STATS tells of log, queue and files") {
  auto files = std::make_shared<MemoryFileSystem>();
  Database db = opened(files);
  db.run(kSongs).value();
  db.run("FLUSH").value();
  const std::string stats = run(db, "SHOW STATS");
  CHECK(stats.find(R"({"stat":"durable","value":2})") != std::string::npos);
  CHECK(stats.find(R"({"stat":"queue_bytes","value":0})") != std::string::npos);
  CHECK(stats.find(R"({"stat":"pinned_files","value":0})") != std::string::npos);
}

TEST_CASE(
    "directory: SHOW STATS tells what levels take, what is held twice, and memtables of now") {
  auto files = std::make_shared<MemoryFileSystem>();
  const Options small{.memory_bytes = 64U << 10};
  {
    Database db = opened(files, small);
    while (db.version() < 100) commit_next(db).value();
  }
  Database db = opened(files);
  const auto stat = [&db](const std::string& name) {
    const std::string begin = "{\"stat\":\"" + name + "\",\"value\":";
    for (const std::string& line : db.run("SHOW STATS").value().lines)
      if (line.starts_with(begin)) return std::stoull(line.substr(begin.size()));
    return 0ULL;
  };
  const std::uint64_t levels =
      stat("bytes_level_0") + stat("bytes_level_1") + stat("bytes_level_2") + stat("bytes_level_3");
  CHECK(levels == stat("file_bytes"));
  CHECK(levels > 0);
  CHECK(stat("space_amplification_percent") >= 100);
  CHECK(stat("space_amplification_percent") < 1000);
  const std::uint64_t before = stat("memtable_bytes");
  db.run("UPDATE A SET T = 'a longer text than there was'; FLUSH;").value();
  CHECK(stat("memtable_bytes") > before);
}

}  // namespace tremula::test
