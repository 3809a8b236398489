// Databases that share an order of transactions, stepped by hand: what each sees, and when.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/triples/key_encoding.h"
#include "db/open_on.h"
#include "tests/db/live_checks.h"
#include "tests/db/ordering_stand_in.h"
#include "tests/db/random_write.h"
#include "tests/db/support.h"
#include "tests/property/rng.h"

namespace tremula::test {
namespace {

using property::Rng;

// A process: its membership, its database, a live query per select with its patches applied.
struct Process {
  Process(OrderingStandIn& order, std::uint64_t number)
      : member(std::make_unique<OrderingStandIn::Member>(order, number)),
        db(db::OpenOn::share(*member)) {}

  void watch(const std::string& select) { lives.watch(db, select); }
  void check() { lives.check(db); }
  std::string json(std::string_view select) { return db.query(select).value().json(); }
  std::size_t hear() {
    member->tell();
    return db.poll().value();
  }

  std::unique_ptr<OrderingStandIn::Member> member;
  Database db;
  LiveChecks lives;
};

// Two processes with a table that both know.
struct Pair {
  explicit Pair(const std::string& schema) : a(order, 1), b(order, 2) {
    a.db.run(schema).value();
    all();
  }
  void all() {
    while (a.member->waits()) order.order(*a.member).value();
    while (b.member->waits()) order.order(*b.member).value();
    a.hear();
    b.hear();
  }
  // What both see, if it is the same.
  std::string both(std::string_view select) {
    all();
    const std::string seen = a.json(select);
    CHECK(b.json(select) == seen);
    return seen;
  }

  OrderingStandIn order;
  Process a;
  Process b;
};

constexpr const char* kAll = "SELECT { t.* } FROM T AS t";

}  // namespace

TEST_CASE("sharing: own writes are seen at once, others' once they are ordered and told") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY, A INT = 2)");
  pair.a.db.run("INSERT INTO T {K: 1, A: 10}").value();
  CHECK(pair.a.json(kAll) == R"([{"K":1,"A":10}])");
  CHECK(pair.b.json(kAll) == "[]");
  pair.order.order(*pair.a.member).value();
  CHECK(pair.b.json(kAll) == "[]");
  pair.b.member->tell();
  CHECK(pair.b.json(kAll) == R"([{"K":1,"A":10}])");  // by the call itself
  CHECK(pair.a.db.version() == 2);
  pair.a.member->tell();
  CHECK(pair.a.db.poll().value() == 0);
  CHECK(pair.a.db.version() == 2);
  CHECK(pair.b.db.version() == 2);
}

TEST_CASE("sharing: an acknowledgement prints nothing, a commit of others one patch") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY, A INT = 2)");
  pair.a.watch(kAll);
  pair.b.watch(kAll);
  pair.a.db.run("BEGIN; INSERT INTO T {K: 1, A: 1}; INSERT INTO T {K: 2, A: 2}; COMMIT").value();
  CHECK(pair.a.lives.patches(0) == 1);
  CHECK(pair.b.lives.patches(0) == 0);
  pair.all();
  CHECK(pair.a.lives.patches(0) == 1);
  CHECK(pair.b.lives.patches(0) == 1);
  pair.a.check();
  pair.b.check();
}

TEST_CASE("sharing: rows that both insert at once have slots of their own, whoever is first") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY, A INT = 2)");
  pair.a.watch("SELECT { t.K, t.A } FROM T AS t ORDER BY t.A DESC");
  pair.b.watch("SELECT { t.K, t.A } FROM T AS t ORDER BY t.A DESC");
  for (int k = 0; k < 40; ++k) {
    pair.a.db.run("INSERT INTO T {K: $k, A: $k}", {{"k", k * 2}}).value();
    pair.b.db.run("INSERT INTO T {K: $k, A: $k}", {{"k", k * 2 + 1}}).value();
    if (k % 4 == 0) pair.b.db.run("DELETE FROM T WHERE K = $k", {{"k", k}}).value();
    if (k % 4 == 0) pair.order.order(*pair.b.member).value();
    if (k % 4 == 1) pair.order.order(*pair.a.member).value();
    if (k % 4 == 2) pair.a.hear();
    if (k % 4 == 3) pair.all();
    pair.a.check();
    pair.b.check();
  }
  const std::string last = pair.both("SELECT { n: count(*) } FROM T AS t");
  CHECK(last == R"([{"n":71}])");
  pair.both(kAll);
  pair.a.check();
  pair.b.check();
}

TEST_CASE("sharing: UPDATE and DELETE hold for the life that the writer saw") {
  Pair pair(kMergedTable);
  pair.a.db.run("INSERT INTO T {K: 1, A: 1, B: 'x'}, {K: 2, A: 2}").value();
  pair.all();
  SUBCASE("an update of a row that is deleted first has no effect") {
    pair.b.db.run("DELETE FROM T WHERE K = 1").value();
    pair.order.order(*pair.b.member).value();
    pair.a.db.run("UPDATE T SET A = 9 WHERE K = 1").value();
    CHECK(pair.a.json("SELECT { t.A } FROM T AS t WHERE t.K = 1") == R"([{"A":9}])");
    CHECK(pair.both("SELECT { t.K, t.A } FROM T AS t") == R"([{"K":2,"A":2}])");
  }
  SUBCASE("nor has it on the row's next life") {
    pair.b.db.run("DELETE FROM T WHERE K = 1").value();
    pair.b.db.run("INSERT INTO T {K: 1, A: 7}").value();
    pair.order.order(*pair.b.member).value();
    pair.order.order(*pair.b.member).value();
    pair.a.db.run("UPDATE T SET A = 9 WHERE K = 1").value();
    pair.a.db.run("DELETE FROM T WHERE K = 1").value();
    CHECK(pair.both("SELECT { t.K, t.A, t.B } FROM T AS t WHERE t.K = 1") ==
          R"([{"K":1,"A":7,"B":null}])");
  }
  SUBCASE("an UPSERT begins a new life with the columns that it names") {
    pair.b.db.run("DELETE FROM T WHERE K = 1").value();
    pair.order.order(*pair.b.member).value();
    pair.a.db.run("UPSERT INTO T {K: 1, A: 1, D: 6}").value();  // A is 1 already
    CHECK(pair.both("SELECT { t.K, t.A, t.B, t.D } FROM T AS t WHERE t.K = 1") ==
          R"([{"K":1,"A":1,"B":null,"D":6}])");
  }
  SUBCASE("of two INSERTs of one key comes one row, with the columns that each names") {
    pair.a.db.run("INSERT INTO T {K: 3, A: 1, B: 'a'}").value();
    pair.b.db.run("INSERT INTO T {K: 3, A: 2, D: 8}").value();
    pair.order.order(*pair.b.member).value();
    pair.a.hear();
    CHECK(pair.a.json("SELECT { t.A, t.B, t.D } FROM T AS t WHERE t.K = 3") ==
          R"([{"A":1,"B":"a","D":8}])");
    CHECK(pair.both("SELECT { t.A, t.B, t.D } FROM T AS t WHERE t.K = 3") ==
          R"([{"A":1,"B":"a","D":8}])");
  }
  SUBCASE("updates stand on an own INSERT that is still on its way") {
    pair.a.db.run("INSERT INTO T {K: 4, A: 1}").value();
    pair.a.db.run("UPDATE T SET A = 2 WHERE K = 4").value();
    pair.order.order(*pair.a.member).value();
    pair.a.hear();
    pair.a.db.run("UPDATE T SET B = 'z' WHERE K = 4").value();
    CHECK(pair.both("SELECT { t.A, t.B } FROM T AS t WHERE t.K = 4") == R"([{"A":2,"B":"z"}])");
  }
}

TEST_CASE("sharing: additions all count, MAX compares, a SET adds and removes") {
  Pair pair(kMergedTable);
  pair.a.db.run("INSERT INTO T {K: 1, C: 10, M: 5, S: ['a', 'b']}").value();
  pair.all();
  pair.a.db.run("UPDATE T SET C = C + 3, M = 8, S = ['a', 'c']").value();
  pair.b.db.run("UPDATE T SET C = C + 4, M = 7, S = ['a', 'b', 'd']").value();
  CHECK(pair.a.json("SELECT { t.C, t.M, t.S } FROM T AS t") == R"([{"C":13,"M":8,"S":["a","c"]}])");
  pair.order.order(*pair.b.member).value();
  pair.a.hear();
  CHECK(pair.a.json("SELECT { t.C, t.M, t.S } FROM T AS t") ==
        R"([{"C":17,"M":8,"S":["a","c","d"]}])");
  CHECK(pair.both("SELECT { t.C, t.M, t.S } FROM T AS t") ==
        R"([{"C":17,"M":8,"S":["a","c","d"]}])");
}

TEST_CASE("sharing: tables that another process declares, changes and drops are followed") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY, A INT = 2)");
  pair.a.db.run("INSERT INTO T {K: 1, A: 1}").value();
  pair.all();
  pair.b.watch(kAll);
  pair.a.db.run("TABLE T = 1 (K INT = 1 KEY, Aa INT = 2 INDEX, N TEXT = 3 DEFAULT 'n')").value();
  pair.a.db.run("INSERT INTO T {K: 2, Aa: 2, mood: 'blue'}").value();
  pair.all();
  CHECK(pair.b.json("SELECT { t.*, m: t.mood } FROM T AS t WHERE t.Aa > 0") ==
        R"([{"K":1,"Aa":1,"N":"n","m":null},{"K":2,"Aa":2,"N":"n","m":"blue"}])");
  CHECK(pair.b.lives.json(0) == R"([{"K":1,"A":1},{"K":2,"A":2}])");
  pair.b.db.run("INSERT INTO T {K: 3, Aa: 3}").value();
  CHECK(pair.both("SELECT { n: count(*) } FROM tremula_column AS c") == R"([{"n":4}])");
  pair.a.db.run("DROP TABLE T").value();
  pair.all();
  CHECK(code_of(pair.b.db, kAll) == "unknown_table");
  CHECK(pair.b.lives.json(0) == "[]");
}

// What an INSERT says is a living row, whatever happened meanwhile (sync.md); a DROP deletes what
// it saw.
TEST_CASE("sharing: an INSERT under way while its table is dropped is there when it comes back") {
  constexpr const char* kSchema = "TABLE T = 1 (K INT = 1 KEY, A INT = 2)";
  Pair pair(kSchema);
  pair.a.db.run("INSERT INTO T {K: 1, A: 1}").value();
  pair.all();
  pair.b.db.run("INSERT INTO T {K: 9, A: 9}; UPDATE T SET A = 5 WHERE K = 1").value();
  pair.a.db.run("DROP TABLE T").value();
  pair.all();
  CHECK(code_of(pair.b.db, kAll) == "unknown_table");
  pair.b.db.run(kSchema).value();
  CHECK(pair.both(kAll) == R"([{"K":9,"A":9}])");
  pair.a.db.run("INSERT INTO T {K: 1}").value();
  CHECK(pair.both(kAll) == R"([{"K":1,"A":null},{"K":9,"A":9}])");
}

TEST_CASE("sharing: what another process's change of the schema refuses is bound and done again") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY)");
  pair.a.db.run("TABLE A = 2 (K INT = 1 KEY); INSERT INTO T {K: 1, Named: 'a'}").value();
  CHECK(code_of(pair.b.db, "TABLE A = 2 (K INT = 1 KEY)") == "");
  pair.a.db.run("TABLE T = 1 (K INT = 1 KEY, N INT = 2)").value();
  CHECK(code_of(pair.b.db, "INSERT INTO T {K: 2, Named: 'b', Other: 'c'}") == "");
  pair.a.db.run("TABLE B = 3 (K INT = 1 KEY)").value();
  auto prepared = pair.b.db.prepare("INSERT INTO T {K: 3, N: 3, Third: 'd'}").value();
  CHECK(prepared.execute().ok());
  CHECK(pair.both("SELECT { t.*, t.Named, t.Other, t.Third } FROM T AS t") ==
        R"([{"K":1,"N":null,"Named":"a","Other":null,"Third":null},)"
        R"({"K":2,"N":null,"Named":"b","Other":"c","Third":null},)"
        R"({"K":3,"N":3,"Named":null,"Other":null,"Third":"d"}])");
  CHECK(pair.both("SELECT { t.name } FROM tremula_table AS t") ==
        R"([{"name":"T"},{"name":"A"},{"name":"B"}])");
}

TEST_CASE("sharing: what doesn't fit another process's change of the schema changes nothing") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY)");
  pair.a.db.run("TABLE A = 2 (K INT = 1 KEY)").value();
  CHECK(code_of(pair.b.db, "TABLE A = 2 (Other INT = 2 KEY)") == "schema_conflict");
  pair.a.db.run("DROP TABLE A").value();
  CHECK(code_of(pair.b.db, "INSERT INTO A {K: 1, New: 2}") == "unknown_table");
  // A transaction is the caller's to do again: it may have read what was.
  pair.a.db.run("TABLE B = 3 (K INT = 1 KEY)").value();
  CHECK(code_of(pair.b.db, "BEGIN; TABLE C = 4 (K INT = 1 KEY); COMMIT") == "schema_conflict");
  CHECK(code_of(pair.b.db, "BEGIN; TABLE C = 4 (K INT = 1 KEY); COMMIT") == "");
  CHECK(pair.both("SELECT { t.name } FROM tremula_table AS t") ==
        R"([{"name":"T"},{"name":"B"},{"name":"C"}])");
}

TEST_CASE("sharing: a process that nobody writes beside reads as a database in memory does") {
  const std::string select =
      "SELECT { t.*, types: typeof(A) || typeof(B) || typeof(D) || typeof(S), "
      "none: A IS NULL OR S IS NULL } FROM T AS t ORDER BY K";
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Pair pair(kMergedTable);
    auto alone = Database::in_memory();
    alone.run(kMergedTable).value();
    for (int i = 0; i < 60; ++i) {
      const std::string write = random_write(rng);
      CAPTURE(write);
      CHECK(pair.a.db.run(write).ok() == alone.run(write).ok());
      REQUIRE(pair.a.json(select) == alone.query(select).value().json());
      if (rng.chance(30)) REQUIRE(pair.both(select) == alone.query(select).value().json());
    }
  }
}

TEST_CASE("sharing: three processes come to the same, live queries are right at every step") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    OrderingStandIn order;
    std::vector<std::unique_ptr<Process>> processes;
    for (std::uint64_t i = 0; i < 3; ++i) {
      processes.push_back(std::make_unique<Process>(order, i + 1));
    }
    processes[0]->db.run(kMergedTable).value();
    for (const auto& process : processes) {
      process->hear();
      process->watch(kAll);
      process->watch("SELECT { t.A, n: count(*), c: sum(t.C) } FROM T AS t GROUP BY t.A");
      process->watch("SELECT { t.K, t.M } FROM T AS t ORDER BY t.M DESC, t.C LIMIT 4");
    }
    for (int step = 0; step < 120; ++step) {
      CAPTURE(step);
      Process& process = *processes[static_cast<std::size_t>(rng.below(3))];
      switch (rng.below(4)) {
        case 0:
        case 1: (void)process.db.run(random_write(rng)); break;  // duplicate_key may be
        case 2:
          if (process.member->waits()) order.order(*process.member).value();
          break;
        default: process.hear(); break;
      }
      for (const auto& each : processes) each->check();
    }
    for (const auto& process : processes) {
      while (process->member->waits()) order.order(*process->member).value();
    }
    for (const auto& process : processes) {
      process->hear();
      process->check();
      CHECK(process->db.version() == order.version());
    }
    const std::string last = processes[0]->json(kAll);
    CHECK(processes[1]->json(kAll) == last);
    CHECK(processes[2]->json(kAll) == last);
  }
}

TEST_CASE("sharing: what only one process writes never goes back, in any of its reads") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY, A INT = 2, B INT = 3)");
  pair.a.db.run("INSERT INTO T {K: 1, A: 0, B: 0}").value();
  pair.all();
  Rng rng(7);
  for (int i = 1; i <= 200; ++i) {
    pair.a.db.run("UPDATE T SET A = $i", {{"i", i}}).value();
    pair.b.db.run("UPDATE T SET B = $i", {{"i", i}}).value();
    if (rng.below(2) == 0) pair.order.order(*pair.b.member).value();
    if (rng.below(2) == 0 && pair.a.member->waits()) pair.order.order(*pair.a.member).value();
    if (rng.below(3) == 0) pair.a.hear();
    CHECK(pair.a.json("SELECT { t.A } FROM T AS t") == "[{\"A\":" + std::to_string(i) + "}]");
  }
  CHECK(pair.both("SELECT { t.A, t.B } FROM T AS t") == R"([{"A":200,"B":200}])");
}

TEST_CASE("sharing: a commit that is half wrong is not seen, and nothing is done after it") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY)");
  pair.a.db.run("INSERT INTO T {K: 1}").value();
  pair.all();
  triples::CommitWriter effect;
  std::string key;
  triples::encode_ordered(triples::Value::int_of(2), key);
  effect.begin_row(triples::TypeId{1}, 1, triples::Fate::kInserted, key, 1);
  effect.cell(triples::AttrId{1}, triples::Value::int_of(2));
  triples::encode_ordered(triples::Value::int_of(9), key);
  effect.begin_row(triples::TypeId{1}, 7, triples::Fate::kDeleted, key, 0);  // there is none
  pair.order.put(effect.view());
  pair.b.member->tell();
  for (int i = 0; i < 3; ++i) {
    CHECK(code_of(pair.b.db, "SELECT { t.K } FROM T AS t") == "corrupt");
    CHECK(code_of(pair.b.db, "INSERT INTO T {K: 3}") == "corrupt");
  }
  CHECK(!pair.b.member->waits());
}

namespace {

// Others commit whenever one of their commits is read.
class Endless final : public db::Membership {
 public:
  std::uint64_t process() const override { return 1; }
  std::uint64_t ordered() const override { return read_ + 1; }
  base::Result<persist::LogTail::Read> next(persist::LogCommit& commit) override {
    commit.version = ++read_;
    commit.record = {};
    return persist::LogTail::Read::kCommit;
  }
  base::Result<persist::FollowedBase> restart() override {
    return base::Error{base::ErrorCode::kIo, "nothing is lost here"};
  }
  base::Result<void> submit(std::uint64_t, std::string_view) override { return {}; }
  base::Result<void> wait_ordered(std::uint64_t) override { return {}; }
  bool is_refused(std::uint64_t) const override { return false; }

 private:
  std::uint64_t read_ = 0;
};

}  // namespace

TEST_CASE("sharing: a call ends though others commit as fast as it takes in") {
  Endless others;
  Database db = db::OpenOn::share(others);
  CHECK(db.poll().value() == 1);
  CHECK(db.poll().value() == 1);
}

TEST_CASE("sharing: a transaction that is open sees none of the others' commits") {
  Pair pair("TABLE T = 1 (K INT = 1 KEY)");
  std::string inside;
  pair.a.db
      .transact([&](Transaction& tx) {
        pair.b.db.run("INSERT INTO T {K: 1}").value();
        pair.order.order(*pair.b.member).value();
        pair.a.member->tell();
        CHECK(pair.a.db.poll().value() == 0);
        inside = tx.query("SELECT { n: count(*) } FROM T AS t").json();
        tx.insert("T", {{"K", 2}});
      })
      .value();
  CHECK(inside == R"([{"n":0}])");
  CHECK(pair.both("SELECT { n: count(*) } FROM T AS t") == R"([{"n":2}])");
}

}  // namespace tremula::test
