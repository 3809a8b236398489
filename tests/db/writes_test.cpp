// INSERT, UPSERT, UPDATE, DELETE and transactions: treeql.md, section 3.
#include <doctest/doctest.h>

#include "tests/db/support.h"

namespace tremula::test {

namespace {

Database with_tracks() {
  auto db = Database::in_memory();
  db.run("TABLE Track = 1 (TrackId INT = 1 KEY, Name TEXT = 2 NOT NULL,"
         " Price REAL = 3 DEFAULT 0.99, Bytes INT = 4) STRICT;"
         "INSERT INTO Track {TrackId: 1, Name: 'one'}, {TrackId: 2, Name: 'two', Price: 2};")
      .value();
  return db;
}

std::string all(Database& db) { return run(db, "SELECT * FROM Track"); }

}  // namespace

TEST_CASE("INSERT prints its rows in both forms and reads the DEFAULT where nothing is named") {
  auto db = with_tracks();
  CHECK(run(db, "INSERT INTO Track (TrackId, Name, Price) VALUES (3, 'three', NULL), (4, 'four', 1)"
                "; SELECT * FROM Track") ==
        "{\"inserted\":2}\n"
        "{\"TrackId\":1,\"Name\":\"one\",\"Price\":0.99,\"Bytes\":null}\n"
        "{\"TrackId\":2,\"Name\":\"two\",\"Price\":2.0,\"Bytes\":null}\n"
        "{\"TrackId\":3,\"Name\":\"three\",\"Price\":null,\"Bytes\":null}\n"
        "{\"TrackId\":4,\"Name\":\"four\",\"Price\":1.0,\"Bytes\":null}");
}

TEST_CASE("what INSERT can't do is told with its place, and the whole statement is undone") {
  auto db = with_tracks();
  const std::string before = all(db);
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: 'x'}, {TrackId: 1, Name: 'y'}") ==
        "! duplicate_key at 1:44");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9}") == "! not_null at 1:19");
  CHECK(run(db, "INSERT INTO Track {Name: 'x'}") == "! not_null at 1:19");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: NULL}") == "! not_null at 1:38");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: 5}") == "! type_mismatch at 1:38");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: 'x', mood: 1}") ==
        "! unknown_column at 1:43");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: 'x', Name: 'y'}") == "! syntax at 1:43");
  CHECK(run(db, "INSERT INTO Track (TrackId, Name) VALUES (1)").starts_with("! syntax"));
  CHECK(all(db) == before);
}

TEST_CASE("a parameter of the wrong type is a type_mismatch at its place when it runs") {
  auto db = with_tracks();
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: $n}", {{"n", 5}}) ==
        "! type_mismatch at 1:38");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: $n}", {{"n", nullptr}}) ==
        "! not_null at 1:38");
  CHECK(run(db, "INSERT INTO Track {TrackId: 9, Name: $n}") == "! unbound_parameter at 1:38");
  CHECK(run(db, "UPDATE Track SET Bytes = $b WHERE TrackId = 1", {{"b", 1.5}}) ==
        "! type_mismatch at 1:26");
}

TEST_CASE("UPSERT inserts what is new and sets only what it names of what is there") {
  auto db = with_tracks();
  CHECK(run(db, "UPSERT INTO Track {TrackId: 2, Bytes: 7}, {TrackId: 3, Name: 'three'};"
                "SELECT * FROM Track WHERE TrackId > 1") ==
        "{\"upserted\":2}\n{\"TrackId\":2,\"Name\":\"two\",\"Price\":2.0,\"Bytes\":7}\n"
        "{\"TrackId\":3,\"Name\":\"three\",\"Price\":0.99,\"Bytes\":null}");
  CHECK(run(db, "UPSERT INTO Track {TrackId: 9, Bytes: 7}") == "! not_null at 1:19");
  CHECK(run(db, "UPSERT INTO Track {Name: 'x'}") == "! not_null at 1:19");
  CHECK(run(db, "UPSERT INTO Track {TrackId: 2, Name: NULL}") == "! not_null at 1:38");
}

TEST_CASE("UPDATE computes from the row as it was and counts the rows matched") {
  auto db = with_tracks();
  CHECK(run(db, "UPDATE Track SET Price = Price + 1, Bytes = TrackId * 10, Name = upper(Name);"
                "UPDATE Track SET Name = Name; UPDATE Track SET Bytes = 1 WHERE TrackId = 77") ==
        "{\"updated\":2}\n{\"updated\":2}\n{\"updated\":0}");
  CHECK(all(db) == "{\"TrackId\":1,\"Name\":\"ONE\",\"Price\":1.99,\"Bytes\":10}\n"
                   "{\"TrackId\":2,\"Name\":\"TWO\",\"Price\":3.0,\"Bytes\":20}");
  CHECK(run(db, "UPDATE Track SET TrackId = 1 WHERE FALSE") == "! key_update at 1:18");
  CHECK(run(db, "UPDATE Track SET Name = NULL") == "! not_null at 1:25");
  CHECK(run(db, "UPDATE Track SET Name = 5 WHERE FALSE") == "! type_mismatch at 1:25");
}

TEST_CASE("an explicit NULL hides the DEFAULT, and a value brings the column back") {
  auto db = with_tracks();
  run(db, "UPDATE Track SET Price = NULL WHERE TrackId = 1;");
  CHECK(run(db, "SELECT Price FROM Track WHERE TrackId = 1") == R"({"Price":null})");
  run(db, "UPDATE Track SET Price = 3 WHERE TrackId = 1;");
  CHECK(run(db, "SELECT Price FROM Track WHERE TrackId = 1") == R"({"Price":3.0})");
}

TEST_CASE("DELETE and UPDATE choose their rows before they write") {
  auto db = with_tracks();
  CHECK(run(db, "UPDATE Track SET Bytes = (SELECT count(*) FROM Track AS t WHERE t.Bytes IS NULL);"
                "SELECT Bytes FROM Track;"
                "DELETE FROM Track WHERE (SELECT count(*) FROM Track AS t) = 2") ==
        "{\"updated\":2}\n{\"Bytes\":2}\n{\"Bytes\":2}\n{\"deleted\":2}");
}

TEST_CASE("INSERT may compute its values, and doesn't see itself") {
  auto db = with_tracks();
  CHECK(run(db, "INSERT INTO Track"
                " {TrackId: (SELECT max(TrackId) FROM Track) + 1, Name: 'a' || 'b'},"
                "{TrackId: (SELECT max(TrackId) FROM Track) + 2, Name: 'c'};"
                "SELECT TrackId, Name FROM Track WHERE TrackId > 2") ==
        "{\"inserted\":2}\n{\"TrackId\":3,\"Name\":\"ab\"}\n{\"TrackId\":4,\"Name\":\"c\"}");
}

TEST_CASE("generated keys ascend, are below 2^53, and may be given") {
  auto db = Database::in_memory();
  run(db, "TABLE Note = 12 (Body TEXT = 1);"
          "INSERT INTO Note {Body: 'a'}; INSERT INTO Note {Body: 'b'}, {Body: 'c'};");
  CHECK(run(db, "SELECT Body FROM Note") == "{\"Body\":\"a\"}\n{\"Body\":\"b\"}\n{\"Body\":\"c\"}");
  CHECK(run(db, "SELECT * FROM Note WHERE Body = 'a'") == R"({"Body":"a"})");
  CHECK(run(db, "SELECT count(*) AS n FROM Note WHERE id > 3 AND id < 9007199254740992") ==
        R"({"n":3})");
  CHECK(run(db, "INSERT INTO Note {id: 5, Body: 'five'}; SELECT id, Body FROM Note WHERE id = 5;"
                "INSERT INTO Note {id: 5}") ==
        "{\"inserted\":1}\n{\"id\":5,\"Body\":\"five\"}\n! duplicate_key at 1:97");
  CHECK(run(db, "UPSERT INTO Note {Body: 'new'}; UPSERT INTO Note {id: 5, Body: 'FIVE'};"
                "SELECT Body FROM Note WHERE id = 5") ==
        "{\"upserted\":1}\n{\"upserted\":1}\n{\"Body\":\"FIVE\"}");
}

TEST_CASE("JSON columns take trees, texts and scalars, and no bytes") {
  auto db = Database::in_memory();
  run(db, "TABLE Doc = 1 (Id INT = 1 KEY, Body JSON = 2);");
  CHECK(run(db, "INSERT INTO Doc {Id: 1, Body: {a: [1, 'x'], b: NULL}}, {Id: 2, Body: 'text'},"
                "{Id: 3, Body: 5}, {Id: 4, Body: $j}; SELECT Body, typeof(Body) AS t FROM Doc",
            {{"j", ValueView::json("{ \"k\" : [1, 2.0] }")}}) ==
        "{\"inserted\":4}\n{\"Body\":{\"a\":[1,\"x\"],\"b\":null},\"t\":\"json\"}\n"
        "{\"Body\":\"text\",\"t\":\"text\"}\n{\"Body\":5,\"t\":\"int\"}\n"
        "{\"Body\":{\"k\":[1,2.0]},\"t\":\"json\"}");
  CHECK(run(db, "INSERT INTO Doc {Id: 5, Body: $b}", {{"b", ValueView::bytes("\x01")}}) ==
        "! type_mismatch at 1:31");
}

TEST_CASE("merge rules hold for local writes: MAX and MIN keep the winner, SET sorts") {
  auto db = Database::in_memory();
  run(db, "TABLE M = 1 (Id INT = 1 KEY, Hi INT = 2 MAX, Lo INT = 3 MIN, N INT = 4 COUNTER,"
          " Tags JSON = 5 SET); INSERT INTO M {Id: 1, Hi: 5, Lo: 5, Tags: ['b', 2, 'a', 2]};");
  CHECK(run(db, "SELECT * FROM M") ==
        R"({"Id":1,"Hi":5,"Lo":5,"N":0,"Tags":[2,"a","b"]})");
  run(db, "UPDATE M SET Hi = 4, Lo = 6, N = N + 3; UPDATE M SET Hi = NULL;");
  CHECK(run(db, "SELECT * FROM M") ==
        R"({"Id":1,"Hi":5,"Lo":5,"N":3,"Tags":[2,"a","b"]})");
  run(db, "UPDATE M SET Hi = 9, Lo = 1;");
  CHECK(run(db, "SELECT Hi, Lo FROM M") == R"({"Hi":9,"Lo":1})");
  CHECK(run(db, "UPDATE M SET N = NULL") == "! not_null at 1:18");
  CHECK(run(db, "UPDATE M SET Tags = [1.5]") == "! type_mismatch at 1:21");
}

TEST_CASE("a failed statement inside BEGIN is undone alone and the script goes on") {
  auto db = with_tracks();
  CHECK(run(db, "BEGIN; INSERT INTO Track {TrackId: 3, Name: 'x'};"
                "INSERT INTO Track {TrackId: 4, Name: 'y'}, {TrackId: 1, Name: 'z'};"
                "nonsense; SELECT count(*) AS n FROM Track; COMMIT;"
                "SELECT count(*) AS n FROM Track") ==
        "{\"inserted\":1}\n! duplicate_key at 1:93\n! syntax at 1:117\n{\"n\":3}\n{\"n\":3}");
  auto result = db.run("BEGIN; nonsense; COMMIT;").value();
  CHECK(result.errors.size() == 1);
}

TEST_CASE("a failed statement outside BEGIN ends the script, and what was committed stays") {
  auto db = with_tracks();
  CHECK(run(db, "INSERT INTO Track {TrackId: 3, Name: 'x'};"
                " INSERT INTO Track {TrackId: 3, Name: 'y'};"
                "INSERT INTO Track {TrackId: 4, Name: 'z'}") ==
        "{\"inserted\":1}\n! duplicate_key at 1:62");
  CHECK(run(db, "SELECT count(*) AS n FROM Track") == R"({"n":3})");
}

TEST_CASE("ROLLBACK and the end of the script take back what BEGIN began") {
  auto db = with_tracks();
  const std::string before = all(db);
  CHECK(run(db, "BEGIN; DELETE FROM Track; SELECT count(*) AS n FROM Track; ROLLBACK;"
                "SELECT count(*) AS n FROM Track") == "{\"deleted\":2}\n{\"n\":0}\n{\"n\":2}");
  CHECK(run(db, "BEGIN; UPDATE Track SET Name = 'x' WHERE TrackId = 1; DELETE FROM Track"
                " WHERE TrackId = 2; INSERT INTO Track {TrackId: 2, Name: 'again'}") ==
        "{\"updated\":1}\n{\"deleted\":1}\n{\"inserted\":1}");
  CHECK(all(db) == before);
}

TEST_CASE("a rollback leaves no trace in orders that were read in between") {
  auto db = Database::in_memory();
  run(db, "TABLE T = 1 (Id INT = 1 KEY, N INT = 2 INDEX);"
          "INSERT INTO T {Id: 1, N: 10}, {Id: 2, N: 20};");
  const char* probe = "SELECT Id FROM T WHERE N = 10;";
  const std::string script = std::string("SUBSCRIBE s AS ") + probe +
                             "BEGIN; UPDATE T SET N = 10 WHERE Id = 2;"
                             "INSERT INTO T {Id: 3, N: 10};"
                             "DELETE FROM T WHERE Id = 1;" +
                             probe + "ROLLBACK;" + probe + "UPDATE T SET N = 11 WHERE Id = 1;" +
                             probe;
  CHECK(run(db, script) ==
        "{\"subscription\":\"s\",\"snapshot\":[{\"Id\":1}]}\n{\"updated\":1}\n{\"inserted\":1}\n"
        "{\"deleted\":1}\n{\"Id\":2}\n{\"Id\":3}\n{\"Id\":1}\n{\"updated\":1}\n"
        "{\"subscription\":\"s\",\"commit\":3,\"patch\":[{\"op\":\"remove\",\"path\":\"/0\"}]}");
}

TEST_CASE("a statement undone inside BEGIN leaves no trace in orders that were read in between") {
  auto db = Database::in_memory();
  run(db, "TABLE T = 1 (Id INT = 1 KEY, N INT = 2 INDEX);"
          "INSERT INTO T {Id: 1, N: 10}, {Id: 2, N: 20};");
  CHECK(run(db, "BEGIN; UPDATE T SET N = 10 WHERE Id = 2;"
                "INSERT INTO T {Id: 3, N: (SELECT sum(t.N) FROM T AS t WHERE t.N = 10)},"
                " {Id: 1};"
                "SELECT Id FROM T WHERE N = 10; SELECT Id FROM T WHERE N = 20; COMMIT;"
                "SELECT Id FROM T WHERE N = 10") ==
        "{\"updated\":1}\n! duplicate_key at 1:113\n{\"Id\":1}\n{\"Id\":2}\n{\"Id\":1}\n"
        "{\"Id\":2}");
}

TEST_CASE("what doesn't belong inside or outside BEGIN is unsupported") {
  auto db = with_tracks();
  const char* inside[] = {"BEGIN", "SUBSCRIBE s AS SELECT * FROM Track", "UNSUBSCRIBE s",
                          "EXPORT (SELECT * FROM Track) TO 'x.csv'", "FLUSH", "SYNC"};
  for (const char* statement : inside) {
    CAPTURE(statement);
    CHECK(run(db, "BEGIN; " + std::string(statement) + "; ROLLBACK;") == "! unsupported at 1:8");
  }
  CHECK(run(db, "COMMIT") == "! unsupported at 1:1");
  CHECK(run(db, " ROLLBACK") == "! unsupported at 1:2");
}

TEST_CASE("a statement with a limit that is no whole number names the parameter") {
  auto db = with_tracks();
  CHECK(run(db, "SELECT * FROM Track LIMIT $n", {{"n", "x"}}) == "! limit_range at 1:27");
  CHECK(run(db, "SELECT { a: [SELECT TrackId FROM Track LIMIT $n] }", {{"n", 1.5}}) ==
        "! limit_range at 1:46");
  CHECK(run(db, "SUBSCRIBE s AS SELECT * FROM Track LIMIT 1 OFFSET $n", {{"n", nullptr}}) ==
        "! limit_range at 1:51");
}

}  // namespace tremula::test
