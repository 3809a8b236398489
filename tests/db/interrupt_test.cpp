// A statement that is ended before it is done: undone, told, and nothing else disturbed.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "tests/db/support.h"
#include "tremula/tremula.h"

namespace tremula::test {
namespace {

constexpr const char* kRows =
    "TABLE T = 1 (Id INT = 1 KEY, N INT = 2);"
    "INSERT INTO T {Id: 1, N: 1}, {Id: 2, N: 2}, {Id: 3, N: 3};";

std::int64_t count_of(Database& db) {
  return db.query("SELECT { n: count(*) } FROM T AS t").value().value(0, "n").as_int();
}

}  // namespace

TEST_CASE("interrupt: a select ends at the row that it is at, and the next statement runs") {
  auto db = Database::in_memory();
  db.run(kRows).value();
  int rows = 0;
  Session* running = nullptr;
  Session session(db, [&](const Output& output) {
    if (output.kind != OutputKind::kRow) return;
    ++rows;
    running->interrupt();
  });
  running = &session;
  for (const char* select : {"SELECT t.Id FROM T AS t", "SELECT t.N FROM T AS t GROUP BY t.N"}) {
    rows = 0;
    const auto result = session.run(std::string(select) + "; SELECT { never: 1 };");
    REQUIRE(!result);
    CHECK(result.error().code == ErrorCode::kInterrupted);
    CHECK(error_code_name(result.error().code) == "interrupted");
    CHECK(rows == 1);
  }
  CHECK(count_of(db) == 3);
  rows = 0;
  session.interrupt();  // nothing runs
  REQUIRE(session.run("INSERT INTO T {Id: 4};"));
}

TEST_CASE("interrupt: inside BEGIN the statement alone is undone, and those behind it do nothing") {
  auto db = Database::in_memory();
  db.run(kRows).value();
  Session* running = nullptr;
  Session session(db, [&](const Output& output) {
    if (output.kind == OutputKind::kRow) running->interrupt();
  });
  running = &session;
  const auto result =
      session.run("BEGIN; INSERT INTO T {Id: 4}; SELECT t.Id FROM T AS t; DELETE FROM T;");
  REQUIRE(result);
  CHECK(result.value().errors.size() == 2);
  session.run("COMMIT;").value();
  CHECK(count_of(db) == 4);
}

TEST_CASE("interrupt: an import is undone whole") {
  auto db = Database::in_memory();
  db.run(kRows).value();
  const std::string path = "interrupt_test_" + std::to_string(getpid()) + ".csv";
  {
    std::ofstream file(path);
    file << "Id,N\n";
    for (int i = 100; i < 300'000; ++i) file << i << ",1\n";
  }
  Session session(db, [](const Output&) {});
  session.on_progress([&](std::uint64_t, std::uint64_t) { session.interrupt(); });
  const auto result = session.run("IMPORT T FROM '" + path + "';");
  std::remove(path.c_str());
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::kInterrupted);
  CHECK(count_of(db) == 3);
}

TEST_CASE("interrupt: joins and sub-selects stop while they are made") {
  auto db = Database::in_memory();
  db.run("TABLE T = 1 (Id INT = 1 KEY, N INT = 2);").value();
  db.transact([](Transaction& tx) {
      for (int i = 0; i < 1000; ++i) tx.insert("T", {{"Id", i}, {"N", i}});
    }).value();
  Session session(db, [](const Output&) {});
  session.on_progress([](std::uint64_t, std::uint64_t) {});  // somebody watches
  // A thousand times a thousand times a thousand: it ends only because it is ended.
  for (const char* select :
       {"SELECT { n: count(*) } FROM T AS a JOIN T AS b ON TRUE JOIN T AS c ON TRUE "
        "WHERE a.N + b.N + c.N < 0",
        "UPDATE T SET N = 0 WHERE EXISTS (SELECT 1 FROM T AS a JOIN T AS b ON TRUE "
        "WHERE a.N + b.N + T.N < 0)",
        "SUBSCRIBE s AS SELECT { n: count(*) } FROM T AS a JOIN T AS b ON TRUE "
        "JOIN T AS c ON TRUE WHERE a.N + b.N + c.N < 0",
        "SUBSCRIBE s AS SELECT { a.N, of: [SELECT { b.N, n: (SELECT count(*) FROM T AS c "
        "WHERE c.N + b.N < a.N) } FROM T AS b WHERE b.N + a.N >= 0] } FROM T AS a"}) {
    std::atomic<bool> ended = false;
    std::thread other([&] {
      while (!ended) session.interrupt();
    });
    const auto result = session.run(select);
    ended = true;
    other.join();
    REQUIRE(!result);
    CHECK(result.error().code == ErrorCode::kInterrupted);
  }
  CHECK(db.query("SELECT t.Id FROM T AS t WHERE t.N = 0").value().size() == 1);
  CHECK(session.subscriptions().empty());
  CHECK(db.transact([](Transaction& tx) { tx.update("T", 1, {{"N", 5}}); }).ok());
}

TEST_CASE("interrupt: a select of one table stops while it looks for its rows") {
  auto db = Database::in_memory();
  db.run("TABLE T = 1 (Id INT = 1 KEY, N INT = 2);").value();
  db.transact([](Transaction& tx) {
      for (int i = 0; i < 200'000; ++i) tx.insert("T", {{"Id", i}, {"N", i % 77}});
    }).value();
  std::map<std::size_t, int> told;  // rows by statement
  Session session(db, [&](const Output& output) {
    if (output.kind == OutputKind::kRow) ++told[output.statement];
  });
  struct Asked {
    const char* select;
    int rows;
  };
  for (const auto& [select, rows] :
       {Asked{"SELECT t.Id FROM T AS t WHERE t.N < 0", 0},
        Asked{"SELECT t.Id FROM T AS t ORDER BY t.N % 5, t.Id", 200'000},
        Asked{"SELECT { n: count(*) } FROM T AS t WHERE t.N % 3 = 1", 1}}) {
    std::string many;  // so many that one of them is met
    for (int i = 0; i < 50; ++i) many += std::string(select) + ";";
    std::atomic<bool> ended = false;
    std::thread other([&] {
      while (!ended) session.interrupt();
    });
    const auto result = session.run(many);
    ended = true;
    other.join();
    REQUIRE(!result);
    CHECK(result.error().code == ErrorCode::kInterrupted);
    // Those before it may have ended, then they told all; it told nothing.
    CHECK(told.size() < 50);
    for (const auto& [statement, heard] : told) CHECK(heard == rows);
    told.clear();
  }
  CHECK(count_of(db) == 200'000);
}

TEST_CASE("interrupt: a write of many rows is undone whole, wherever it is") {
  auto db = Database::in_memory();
  db.run("TABLE T = 1 (Id INT = 1 KEY, N INT = 2);").value();
  db.transact([](Transaction& tx) {
      for (int i = 0; i < 20'000; ++i) tx.insert("T", {{"Id", i}, {"N", i}});
    }).value();
  Session session(db, [](const Output&) {});
  int ended = 0;
  // Later and later, until one is done before.
  for (int wait_us = 0;; wait_us += wait_us / 4 + 100) {
    const std::uint64_t version = db.version();
    std::atomic<bool> done = false;
    std::thread other([&] {
      usleep(static_cast<useconds_t>(wait_us));  // the moment is the test: nothing is waited for
      while (!done) session.interrupt();
    });
    const auto result = session.run("UPDATE T SET N = N + 1; DELETE FROM T WHERE N > 10;");
    done = true;
    other.join();
    const auto rows = db.query("SELECT { n: count(*), sum: sum(t.N) } FROM T AS t").value();
    const std::int64_t count = rows.value(0, "n").as_int();
    const std::uint64_t commits = db.version() - version;
    CAPTURE(wait_us);
    REQUIRE((count == 20'000 || commits == 2));
    if (result) break;
    ++ended;
    REQUIRE(result.error().code == ErrorCode::kInterrupted);
    REQUIRE(commits <= 1);
    REQUIRE(rows.value(0, "sum").as_int() % 20'000 == 20'000LL * 19'999 / 2 % 20'000);
  }
  CHECK(ended > 0);
}

}  // namespace tremula::test
