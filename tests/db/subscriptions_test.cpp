// Live queries through the face: what listeners hear, in which order, and what they may do.
#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/db/support.h"

namespace tremula::test {

namespace {

Database with_numbers() {
  auto db = Database::in_memory();
  db.run(
        "TABLE T = 1 (Id INT = 1 KEY, N INT = 2, Name TEXT = 3);"
        "INSERT INTO T {Id: 1, N: 10, Name: 'a'}, {Id: 2, N: 20, Name: 'b'};")
      .value();
  return db;
}

void set(Database& db, int id, int n) {
  db.transact([&](Transaction& tx) { tx.upsert("T", {{"Id", id}, {"N", n}}); }).value();
}

}  // namespace

TEST_CASE("a SUBSCRIBE prints its snapshot, then a patch behind each write that changes it") {
  auto db = with_numbers();
  CHECK(run(db,
            "SUBSCRIBE top AS SELECT { id: t.Id, t.N } FROM T AS t ORDER BY t.N DESC LIMIT 1;"
            "UPDATE T SET N = 5 WHERE Id = 1; UPDATE T SET N = 15 WHERE Id = 2;"
            "INSERT INTO T {Id: 3, N: 99}; UNSUBSCRIBE top; DELETE FROM T;") ==
        "{\"subscription\":\"top\",\"snapshot\":[{\"id\":2,\"N\":20}]}\n"
        "{\"updated\":1}\n"
        "{\"updated\":1}\n"
        "{\"subscription\":\"top\",\"commit\":4,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0/N\",\"value\":15}]}\n"
        "{\"inserted\":1}\n"
        "{\"subscription\":\"top\",\"commit\":5,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0\",\"value\":{\"id\":3,\"N\":99}}]}\n"
        "{\"deleted\":3}");
}

TEST_CASE("one commit's lines come in the order of the subscriptions, and a transaction is whole") {
  auto db = with_numbers();
  CHECK(run(db,
            "SUBSCRIBE b AS SELECT count(*) AS n FROM T;"
            "SUBSCRIBE a AS SELECT sum(N) AS s FROM T;"
            "BEGIN; INSERT INTO T {Id: 3, N: 1}; INSERT INTO T {Id: 4, N: 1};"
            "DELETE FROM T WHERE Id = 4; COMMIT;"
            "BEGIN; INSERT INTO T {Id: 9, N: 1}; DELETE FROM T WHERE Id = 9; COMMIT;"
            "UPDATE T SET Name = 'x'") ==
        "{\"subscription\":\"b\",\"snapshot\":[{\"n\":2}]}\n"
        "{\"subscription\":\"a\",\"snapshot\":[{\"s\":30}]}\n"
        "{\"inserted\":1}\n{\"inserted\":1}\n{\"deleted\":1}\n"
        "{\"subscription\":\"b\",\"commit\":3,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0/n\",\"value\":3}]}\n"
        "{\"subscription\":\"a\",\"commit\":3,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0/s\",\"value\":31}]}\n"
        "{\"inserted\":1}\n{\"deleted\":1}\n{\"updated\":3}");
}

TEST_CASE("subscriptions have one name each") {
  auto db = with_numbers();
  CHECK(run(db, "SUBSCRIBE s AS SELECT Id FROM T WHERE Id = 1; SUBSCRIBE s AS SELECT Id FROM T") ==
        "{\"subscription\":\"s\",\"snapshot\":[{\"Id\":1}]}\n! duplicate_subscription at 1:57");
  CHECK(run(db, "UNSUBSCRIBE s") == "! unknown_subscription at 1:13");
  CHECK(run(db, "EXPLAIN LIVE s") == "! unknown_subscription at 1:14");
  CHECK(run(db, "SUBSCRIBE s AS SELECT Id FROM T WHERE Id = 9; SHOW SUBSCRIPTIONS") ==
        "{\"subscription\":\"s\",\"snapshot\":[]}\n"
        "{\"subscription\":\"s\",\"query\":\"SELECT Id FROM T WHERE Id = 9\"}");
}

TEST_CASE("a listener hears commits of any session, with their numbers and typed changes") {
  auto db = with_numbers();
  std::vector<Change> heard;
  std::uint64_t version = 0;
  auto all = db.subscribe(
                   "SELECT { t.Id, t.N } FROM T AS t ORDER BY t.Id", {},
                   [&](const Delta& delta) {
                     heard.assign(delta.changes().begin(), delta.changes().end());
                     version = delta.version();
                   },
                   DeltaDetail::kOldValues)
                 .value();
  CHECK(all.json() == R"([{"Id":1,"N":10},{"Id":2,"N":20}])");
  run(db, "DELETE FROM T WHERE Id = 2;");
  REQUIRE(heard.size() == 1);
  CHECK(version == db.version());
  CHECK(heard[0].kind == ChangeKind::kRemove);
  CHECK(heard[0].path == "/1");
  CHECK(heard[0].index == 1);
  CHECK(heard[0].key == "[2]");
  CHECK(heard[0].old_value == R"({"Id":2,"N":20})");
  CHECK(all.row_count() == 1);
}

TEST_CASE("a subscription ends with its handle or by hand") {
  auto db = with_numbers();
  int heard = 0;
  const auto count = [&](const Delta&) { ++heard; };
  {
    auto first = db.subscribe("SELECT N FROM T", {}, count).value();
    set(db, 1, 11);
    CHECK(heard == 1);
  }
  auto second = db.subscribe("SELECT N FROM T", {}, count).value();
  second.end();
  CHECK_FALSE(second.active());
  CHECK(second.json() == "[]");
  set(db, 1, 12);
  CHECK(heard == 1);
}

TEST_CASE("a subscription may outlive its database") {
  Subscription left;
  {
    auto db = with_numbers();
    left = db.subscribe("SELECT N FROM T", {}, [](const Delta&) {}).value();
    CHECK(left.active());
  }
  CHECK_FALSE(left.active());
  left.end();
}

TEST_CASE("a listener that commits: it happens at once, and everybody hears it after this commit") {
  auto db = with_numbers();
  std::vector<std::string> heard;
  auto first = db.subscribe("SELECT N FROM T WHERE Id = 1", {}, [&](const Delta& delta) {
                   heard.push_back("first " + std::to_string(delta.version()));
                   if (delta.version() == 3) {
                     set(db, 2, 77);
                     heard.push_back(db.query("SELECT N FROM T WHERE Id = 2").value().json());
                     set(db, 1, 88);
                   }
                 }).value();
  auto second = db.subscribe("SELECT N FROM T", {}, [&](const Delta& delta) {
                    heard.push_back("second " + std::to_string(delta.version()));
                  }).value();
  set(db, 1, 11);
  const std::vector<std::string> wanted = {"first 3",  R"([{"N":77}])", "second 3",
                                           "second 4", "first 5",       "second 5"};
  CHECK(heard == wanted);
  CHECK(second.json() == R"([{"N":88},{"N":77}])");
}

TEST_CASE("a listener may end itself and others, and make new ones") {
  auto db = with_numbers();
  std::string heard;
  Subscription first, second, third, made;
  first = db.subscribe("SELECT N FROM T", {}, [&](const Delta&) {
              heard += "1";
              first.end();
              second.end();
              const auto listener = [&](const Delta&) { heard += "4"; };
              made = db.subscribe("SELECT N FROM T", {}, listener).value();
            }).value();
  second = db.subscribe("SELECT N FROM T", {}, [&](const Delta&) { heard += "2"; }).value();
  third = db.subscribe("SELECT N FROM T", {}, [&](const Delta&) { heard += "3"; }).value();
  set(db, 1, 11);
  CHECK(heard == "13");
  set(db, 1, 12);
  CHECK(heard == "1334");
}

TEST_CASE("a listener that throws keeps nobody from hearing, and the commit stands") {
  auto db = with_numbers();
  int heard = 0;
  auto bad = db.subscribe("SELECT N FROM T", {}, [](const Delta&) {
                 throw std::runtime_error("mine");
               }).value();
  auto good = db.subscribe("SELECT N FROM T", {}, [&](const Delta&) { ++heard; }).value();
  CHECK_THROWS_WITH_AS(set(db, 1, 11), "mine", std::runtime_error);
  CHECK(heard == 1);
  CHECK(good.json() == R"([{"N":11},{"N":20}])");
  bad.end();
  set(db, 1, 12);
  CHECK(heard == 2);
}

TEST_CASE("a subscription may end in the middle of a transaction, and others hear all of it") {
  auto db = with_numbers();
  int heard = 0;
  const auto count = [&](const Delta&) { ++heard; };
  auto first = db.subscribe("SELECT { t.N } FROM T AS t WHERE t.N > 5", {}, count).value();
  auto second = db.subscribe("SELECT { t.N } FROM T AS t WHERE t.N > 5", {}, count).value();
  db.transact([&](Transaction& tx) {
      tx.update("T", 1, {{"N", 6}});
      first.end();
      tx.update("T", 2, {{"N", 7}});
    }).value();
  CHECK(heard == 1);
  CHECK(second.json() == R"([{"N":6},{"N":7}])");
}

TEST_CASE("a transaction inside a transaction is unsupported, a query inside sees its writes") {
  auto db = with_numbers();
  db.transact([&](Transaction& tx) {
      tx.insert("T", {{"Id", 3}});
      CHECK(db.transact([](Transaction&) {}).error().code == ErrorCode::kUnsupported);
      CHECK(db.run("DELETE FROM T").error().code == ErrorCode::kUnsupported);
      CHECK(db.subscribe("SELECT N FROM T", {}, [](const Delta&) {}).error().code ==
            ErrorCode::kUnsupported);
      CHECK(db.query("SELECT count(*) AS n FROM T").value().json() == R"([{"n":3}])");
    }).value();
  CHECK(db.query("SELECT count(*) AS n FROM T").value().json() == R"([{"n":3}])");
}

TEST_CASE("threads take turns, and no commit is lost or heard twice") {
  auto db = with_numbers();
  constexpr int kThreads = 4;
  constexpr int kCommits = 200;
  int heard = 0;
  const auto listener = [&](const Delta&) { ++heard; };
  auto live = db.subscribe("SELECT count(*) AS n FROM T", {}, listener).value();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&db, thread] {
      for (int i = 0; i < kCommits; ++i) set(db, 1000 * (thread + 1) + i, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(heard == kThreads * kCommits);
  CHECK(live.json() == "[{\"n\":" + std::to_string(2 + kThreads * kCommits) + "}]");
}

TEST_CASE("a session keeps BEGIN and subscriptions from one run to the next") {
  auto db = with_numbers();
  std::string printed;
  {
    Session session(db, [&](const Output& output) {
      if (!output.text.empty()) printed += std::string(output.text) + "\n";
    });
    session.run("SUBSCRIBE s AS SELECT count(*) AS n FROM T; BEGIN;").value();
    CHECK(session.in_transaction());
    session.run("INSERT INTO T {Id: 7}").value();
    CHECK(session.run("nonsense").value().errors.size() == 1);
    session.run("COMMIT").value();
    CHECK_FALSE(session.in_transaction());
    CHECK(session.result_of("s").value() == R"([{"n":3}])");
    session.run("BEGIN; DELETE FROM T").value();
  }
  CHECK(db.query("SELECT count(*) AS n FROM T").value().json() == R"([{"n":3}])");
  CHECK(
      printed.starts_with("{\"subscription\":\"s\",\"snapshot\":[{\"n\":2}]}\n{\"inserted\":1}\n"
                          "error: syntax at 1:1: "));
  CHECK(
      printed.ends_with("{\"subscription\":\"s\",\"commit\":3,\"patch\":[{\"op\":\"replace\","
                        "\"path\":\"/0/n\",\"value\":3}]}\n{\"deleted\":3}\n"));
}

TEST_CASE("a session's subscription can be asked for its first rows and their number") {
  auto db = with_numbers();
  Session session(db, [](const Output&) {});
  session.run("SUBSCRIBE s AS SELECT Id FROM T ORDER BY Id DESC; INSERT INTO T {Id: 7};").value();
  const std::string whole = R"([{"Id":7},{"Id":2},{"Id":1}])";
  CHECK(session.result_of("s").value() == whole);
  CHECK(session.result_of("s", 0).value() == "[]");
  CHECK(session.result_of("s", 2).value() == R"([{"Id":7},{"Id":2}])");
  CHECK(session.result_of("s", 9).value() == whole);
  CHECK(session.row_count_of("s").value() == 3);
  session.run("SUBSCRIBE n AS SELECT count(*) AS n FROM T").value();
  CHECK(session.result_of("n", 1).value() == R"([{"n":3}])");
  CHECK(session.result_of("none", 1).error().code == ErrorCode::kUnknownSubscription);
  CHECK(session.row_count_of("none").error().code == ErrorCode::kUnknownSubscription);
}

TEST_CASE("inside a transaction a live result reads as of the latest commit, and may end") {
  auto db = with_numbers();
  const char* nested =
      "SELECT { id: t.Id, same: [SELECT u.Id FROM T AS u WHERE u.N = t.N], up: upper(t.Name) } "
      "FROM T AS t";
  auto kept = db.subscribe(nested, {}, [](const Delta&) {}).value();
  auto ended = db.subscribe(nested, {}, [](const Delta&) {}).value();
  const std::string before = kept.json();
  CHECK(before == R"([{"id":1,"same":[1],"up":"A"},{"id":2,"same":[2],"up":"B"}])");
  db.transact([&](Transaction& tx) {
      tx.upsert("T", {{"Id", 1}, {"N", 20}});
      CHECK(kept.json() == before);
      ended.end();
    }).value();
  CHECK(kept.json() == R"([{"id":1,"same":[1,2],"up":"A"},{"id":2,"same":[1,2],"up":"B"}])");
  db.transact([&](Transaction& tx) {
      tx.upsert("T", {{"Id", 2}, {"N", 7}});
      kept.end();
    }).value();
  CHECK(run(db, "SELECT count(*) AS n FROM T WHERE N = 7") == "{\"n\":1}");
}

TEST_CASE("a text that was subscribed before is bound to the catalog that stands") {
  auto db = with_numbers();
  const char* text = "SELECT * FROM T AS t WHERE t.Id = $id";
  const auto listen = [](const Delta&) {};
  auto first = db.subscribe(text, {{"id", 1}}, listen).value();
  auto second = db.subscribe(text, {{"id", 2}}, listen).value();
  CHECK(first.json() == R"([{"Id":1,"N":10,"Name":"a"}])");
  CHECK(second.json() == R"([{"Id":2,"N":20,"Name":"b"}])");
  first.end();
  second.end();  // nobody has it open now
  CHECK(db.subscribe(text, {{"id", 2}}, listen).value().json() ==
        R"([{"Id":2,"N":20,"Name":"b"}])");
  db.run("TABLE U = 2 (Id INT = 1 KEY);").value();
  CHECK(db.subscribe(text, {{"id", 1}}, listen).value().row_count() == 1);
  CHECK(!db.subscribe("SELECT * FROM V", {}, listen).ok());
  db.run("TABLE V = 3 (Id INT = 1 KEY); INSERT INTO V {Id: 1};").value();
  CHECK(db.subscribe("SELECT * FROM V", {}, listen).value().json() == R"([{"Id":1}])");
}

TEST_CASE("many different texts are subscribed to in turn") {
  auto db = with_numbers();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string text = "SELECT t.Id FROM T AS t WHERE t.N = $n + " + std::to_string(i);
      auto found = db.subscribe(text, {{"n", 20 - i}}, [](const Delta&) {}).value();
      CHECK(found.json() == R"([{"Id":2}])");
    }
  }
}

TEST_CASE("a LIMIT that is no whole number is placed where it stands, in aggregates too") {
  auto db = with_numbers();
  CHECK(run(db, "SELECT group_concat(Name ORDER BY (SELECT u.N FROM T AS u LIMIT $x)) FROM T",
            {{"x", "many"}}) == "! limit_range at 1:65");
}

}  // namespace tremula::test
