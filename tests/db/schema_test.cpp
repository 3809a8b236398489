// The table of migrations in treeql.md, section 2, row by row.
#include <doctest/doctest.h>

#include "tests/db/support.h"

namespace tremula::test {

namespace {

constexpr const char* kAlbum =
    "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3, Plays INT = 4 DEFAULT 0);"
    "INSERT INTO Album {AlbumId: 1, Title: 'Ys', Len: 55}, {AlbumId: 2, Title: 'Divers'};";

Database with_albums() {
  auto db = Database::in_memory();
  db.run(kAlbum).value();
  return db;
}

}  // namespace

TEST_CASE("a new table says so, and the same declaration again says that nothing changed") {
  auto db = Database::in_memory();
  CHECK(run(db, "TABLE Note = 7 (Body TEXT = 1);") == R"({"table":"Note","created":true})");
  CHECK(run(db, "table Note=7(Body text=1)") == R"({"table":"Note","unchanged":true})");
}

TEST_CASE("a number with a new name is a rename that keeps the values") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Name TEXT = 2, Len INT = 3,"
                " Plays INT = 4 DEFAULT 0); SELECT Name FROM Album") ==
        "{\"table\":\"Album\",\"renamed\":{\"Title\":\"Name\"}}\n{\"Name\":\"Ys\"}\n"
        "{\"Name\":\"Divers\"}");
}

TEST_CASE("two columns may swap their names in one declaration") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Len TEXT = 2, Title INT = 3,"
                " Plays INT = 4 DEFAULT 0); SELECT Title, Len FROM Album WHERE AlbumId = 1") ==
        "{\"table\":\"Album\",\"renamed\":{\"Title\":\"Len\",\"Len\":\"Title\"}}\n"
        "{\"Title\":55,\"Len\":\"Ys\"}");
}

TEST_CASE("a new number is a new column, which old rows read as NULL or as its DEFAULT") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3,"
                " Plays INT = 4 DEFAULT 0, Year INT = 5, Stars INT = 6 DEFAULT 3);"
                "SELECT Year, Stars FROM Album WHERE AlbumId = 1") ==
        "{\"table\":\"Album\",\"added\":[\"Year\",\"Stars\"]}\n{\"Year\":null,\"Stars\":3}");
}

TEST_CASE("a number that goes hides its lax column, and brings it back with its values") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Plays INT = 4 DEFAULT 0);"
                "SELECT * FROM Album WHERE AlbumId = 1") ==
        "{\"table\":\"Album\",\"hidden\":[\"Len\"]}\n"
        "{\"AlbumId\":1,\"Title\":\"Ys\",\"Plays\":0}");
  CHECK(code_of(db, "SELECT Len FROM Album") == "unknown_column");
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Minutes INT = 3,"
                " Plays INT = 4 DEFAULT 0); SELECT Minutes FROM Album") ==
        "{\"table\":\"Album\",\"added\":[\"Minutes\"]}\n{\"Minutes\":55}\n{\"Minutes\":null}");
}

TEST_CASE("a number that goes from a STRICT table takes its triples along") {
  auto db = with_albums();
  run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Plays INT = 4 DEFAULT 0) STRICT;");
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3,"
                " Plays INT = 4 DEFAULT 0); SELECT Len FROM Album") ==
        "{\"table\":\"Album\",\"added\":[\"Len\"]}\n{\"Len\":null}\n{\"Len\":null}");
}

TEST_CASE("a wider type converts what is read") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title JSON = 2, Len REAL = 3,"
                " Plays INT = 4 DEFAULT 0); SELECT Title, Len FROM Album WHERE AlbumId = 1") ==
        "{\"table\":\"Album\",\"converted\":[\"Title\",\"Len\"]}\n{\"Title\":\"Ys\",\"Len\":55.0}");
}

TEST_CASE("another type reads NULL where a lax value doesn't fit, and finds it again later") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len TEXT = 3,"
                " Plays INT = 4 DEFAULT 0); SELECT Len FROM Album WHERE AlbumId = 1") ==
        "{\"table\":\"Album\",\"converted\":[\"Len\"]}\n{\"Len\":null}");
  run(db, kAlbum);
  CHECK(run(db, "SELECT Len FROM Album WHERE AlbumId = 1") == "{\"Len\":55}");
}

TEST_CASE("another type is a conflict in a STRICT table only if a value doesn't fit") {
  auto db = with_albums();
  CHECK(code_of(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len TEXT = 3,"
                    " Plays INT = 4 DEFAULT 0) STRICT;") == "schema_conflict");
  run(db, "UPDATE Album SET Len = NULL;");
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len TEXT = 3,"
                " Plays INT = 4 DEFAULT 0) STRICT;") ==
        R"({"table":"Album","converted":["Len"]})");
}

TEST_CASE("other clauses are changes") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2 NOT NULL, Len INT = 3 INDEX,"
                " Plays INT = 4 DEFAULT 7 REF Other);") ==
        R"({"table":"Album","changed":["Title","Len","Plays"]})");
  CHECK(run(db, "SELECT Plays FROM Album WHERE AlbumId = 1") == R"({"Plays":7})");
}

TEST_CASE("a COUNTER keeps its DEFAULT, also while it is hidden; none is 0") {
  auto db = with_albums();
  run(db, "TABLE Play = 11 (Id INT = 1 KEY, N INT = 2 COUNTER DEFAULT 3);"
          "INSERT INTO Play {Id: 1}; UPDATE Play SET N = N + 4; TABLE Play = 11 (Id INT = 1 KEY);");
  const auto refused = db.run("TABLE Play = 11 (Id INT = 1 KEY, N INT = 2 COUNTER)");
  REQUIRE(!refused.ok());
  CHECK(refused.error().text.find("keeps its DEFAULT 3") != std::string::npos);
  CHECK(refused.error().text.find("take a new number") != std::string::npos);
  run(db, "TABLE Play = 11 (Id INT = 1 KEY, N INT = 2 COUNTER DEFAULT 3)");
  CHECK(run(db, "SELECT N FROM Play") == R"({"N":7})");
  run(db, "TABLE Other = 12 (Id INT = 1 KEY, N INT = 2 COUNTER)");
  CHECK(run(db, "TABLE Other = 12 (Id INT = 1 KEY, N INT = 2 COUNTER DEFAULT 0)") ==
        R"({"table":"Other","changed":["N"]})");
}

TEST_CASE("what can't be is a schema_conflict and changes nothing") {
  auto db = with_albums();
  run(db, "TABLE Gone = 9 (Id INT = 1 KEY); DROP TABLE Gone;"
          "TABLE Old = 10 (Id INT = 1 KEY, RESERVED 4, 6 TO 8);"
          "TABLE Play = 11 (Id INT = 1 KEY, N INT = 2 COUNTER);");
  const char* conflicts[] = {
      // another merge rule
      "TABLE Play = 11 (Id INT = 1 KEY, N INT = 2 MAX);",
      // a COUNTER's other DEFAULT
      "TABLE Play = 11 (Id INT = 1 KEY, N INT = 2 COUNTER DEFAULT 5);",
      // a reserved number, then and now
      "TABLE Old = 10 (Id INT = 1 KEY, A INT = 7);",
      "TABLE New = 12 (Id INT = 1 KEY, A INT = 5, RESERVED 4 TO 6);",
      // the number of a dropped table; a name under another number
      "TABLE Fresh = 9 (Id INT = 1 KEY);",
      "TABLE Album = 13 (Id INT = 1 KEY);",
      // a changed KEY
      "TABLE Album = 2 (AlbumId INT = 1, Title TEXT = 2, Len INT = 3, Plays INT = 4 DEFAULT 0,"
      " KEY (AlbumId, Title));",
      "TABLE Album = 2 (AlbumId INT = 1, Title TEXT = 2, Len INT = 3, Plays INT = 4);",
      "TABLE Album = 2 (AlbumId TEXT = 1 KEY, Title TEXT = 2, Len INT = 3, Plays INT = 4);",
      // one number or name twice
      "TABLE New = 14 (A INT = 1 KEY, B INT = 1);",
      "TABLE New = 14 (A INT = 1 KEY, A INT = 2);",
      // NOT NULL over NULLs, stored or to be read
      "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3 NOT NULL,"
      " Plays INT = 4 DEFAULT 0);",
      "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3,"
      " Plays INT = 4 DEFAULT 0, New INT = 5 NOT NULL);",
      // `id` without KEY
      "TABLE New = 15 (id INT = 1);",
  };
  const std::string before = run(db, "SHOW TABLES; SELECT * FROM tremula_column");
  for (const char* script : conflicts) {
    CAPTURE(script);
    CHECK(code_of(db, script) == "schema_conflict");
  }
  CHECK(run(db, "SHOW TABLES; SELECT * FROM tremula_column") == before);
}

TEST_CASE("NOT NULL with a DEFAULT is fine over rows that have no value") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3 NOT NULL DEFAULT"
                " 1, Plays INT = 4 DEFAULT 0); SELECT Len FROM Album") ==
        "{\"table\":\"Album\",\"changed\":[\"Len\"]}\n{\"Len\":55}\n{\"Len\":1}");
}

TEST_CASE("undeclared columns are read with the alias, adopted when declared, refused by STRICT") {
  auto db = Database::in_memory();
  run(db, "TABLE Note = 1 (Id INT = 1 KEY);");
  CHECK(code_of(db, "SELECT n.mood FROM Note AS n") == "unknown_column");
  run(db, "INSERT INTO Note {Id: 1, mood: 'blue'}, {Id: 2, mood: 5};");
  CHECK(run(db, "SELECT n.mood FROM Note AS n") == "{\"mood\":\"blue\"}\n{\"mood\":5}");
  CHECK(code_of(db, "SELECT mood FROM Note") == "unknown_column");
  CHECK(run(db, "SELECT * FROM Note WHERE Id = 1") == R"({"Id":1})");
  CHECK(code_of(db, "TABLE Note = 1 (Id INT = 1 KEY) STRICT;") == "schema_conflict");
  CHECK(run(db, "TABLE Note = 1 (Id INT = 1 KEY, mood TEXT = 2); SELECT mood FROM Note") ==
        "{\"table\":\"Note\",\"added\":[\"mood\"]}\n{\"mood\":\"blue\"}\n{\"mood\":null}");
  run(db, "DELETE FROM Note WHERE Id = 2;");
  CHECK(run(db, "TABLE Note = 1 (Id INT = 1 KEY, mood TEXT = 2) STRICT;") == R"({"table":"Note"})");
  CHECK(code_of(db, "INSERT INTO Note {Id: 3, hue: 1};") == "unknown_column");
}

TEST_CASE("a table with a known number and another name is renamed with its rows") {
  auto db = with_albums();
  CHECK(run(db, "TABLE Record = 2 (AlbumId INT = 1 KEY, Title TEXT = 2, Len INT = 3,"
                " Plays INT = 4 DEFAULT 0);") ==
        R"({"table":"Record","renamed":{"Album":"Record"}})");
  CHECK(run(db, "SELECT count(*) AS n FROM Record") == R"({"n":2})");
  CHECK(code_of(db, "SELECT * FROM Album") == "unknown_table");
}

TEST_CASE("a dropped table is gone with its rows, and begins empty when declared again") {
  auto db = with_albums();
  CHECK(run(db, "DROP TABLE Album;") == R"({"table":"Album","dropped":true})");
  CHECK(code_of(db, "SELECT * FROM Album") == "unknown_table");
  CHECK(code_of(db, "DROP TABLE Album") == "unknown_table");
  CHECK(run(db, "TABLE Album = 2 (Id INT = 1 KEY); SELECT * FROM Album") ==
        R"({"table":"Album","created":true})");
}

TEST_CASE("the catalog can be queried and not be written") {
  auto db = with_albums();
  run(db, "TABLE Note = 3 (Body TEXT = 1) STRICT;");
  CHECK(run(db, "SELECT * FROM tremula_table") ==
        "{\"number\":2,\"name\":\"Album\",\"strict\":false}\n"
        "{\"number\":3,\"name\":\"Note\",\"strict\":true}");
  CHECK(run(db, "SELECT name, type, key, merge FROM tremula_column WHERE table_number = 2 AND"
                " number < 3") ==
        "{\"name\":\"AlbumId\",\"type\":\"INT\",\"key\":true,\"merge\":\"LWW\"}\n"
        "{\"name\":\"Title\",\"type\":\"TEXT\",\"key\":false,\"merge\":\"LWW\"}");
  CHECK(code_of(db, "DELETE FROM tremula_table") == "read_only");
  CHECK(code_of(db, "TABLE tremula_x = 5 (Id INT = 1 KEY)") == "read_only");
}

TEST_CASE("a migration that is rolled back never was") {
  auto db = with_albums();
  run(db, "BEGIN; TABLE Album = 2 (AlbumId INT = 1 KEY, Name TEXT = 2, Len REAL = 3);"
          "TABLE Other = 5 (Id INT = 1 KEY); INSERT INTO Other {Id: 1}; ROLLBACK;");
  CHECK(run(db, "SELECT Title, Len, Plays FROM Album WHERE AlbumId = 1; SHOW TABLES") ==
        "{\"Title\":\"Ys\",\"Len\":55,\"Plays\":0}\n"
        "{\"table\":\"Album\",\"number\":2,\"strict\":false,\"rows\":2}");
}

TEST_CASE("a migration that fails inside BEGIN is undone alone") {
  auto db = with_albums();
  CHECK(run(db, "BEGIN; TABLE Other = 5 (Id INT = 1 KEY);"
                "TABLE Album = 2 (AlbumId INT = 1 KEY, Name TEXT = 2, Len INT = 3 NOT NULL);"
                "COMMIT; SELECT Title FROM Album WHERE AlbumId = 1; SELECT * FROM Other") ==
        "{\"table\":\"Other\",\"created\":true}\n! schema_conflict at 1:94\n{\"Title\":\"Ys\"}");
}

TEST_CASE("live queries see a migration as patches and keep what they bound") {
  auto db = with_albums();
  CHECK(run(db, "SUBSCRIBE s AS SELECT AlbumId, Title, Len FROM Album WHERE AlbumId = 1;"
                "TABLE Album = 2 (AlbumId INT = 1 KEY, Name TEXT = 2);"
                "UPDATE Album SET Name = 'new' WHERE AlbumId = 1; DROP TABLE Album;") ==
        "{\"subscription\":\"s\",\"snapshot\":[{\"AlbumId\":1,\"Title\":\"Ys\",\"Len\":55}]}\n"
        "{\"table\":\"Album\",\"renamed\":{\"Title\":\"Name\"},\"hidden\":[\"Len\",\"Plays\"]}\n"
        "{\"subscription\":\"s\",\"commit\":3,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0/Len\",\"value\":null}]}\n"
        "{\"updated\":1}\n"
        "{\"subscription\":\"s\",\"commit\":4,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0/Title\",\"value\":\"new\"}]}\n"
        "{\"table\":\"Album\",\"dropped\":true}\n"
        "{\"subscription\":\"s\",\"commit\":5,\"patch\":[{\"op\":\"remove\",\"path\":\"/0\"}]}");
}

}  // namespace tremula::test
