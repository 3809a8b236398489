// Writes and the other statements.
#include <doctest/doctest.h>

#include "tests/treeql/binding.h"

namespace tremula::treeql {

TEST_CASE("INSERT binds both forms alike") {
  CHECK(bound("INSERT INTO Artist {ArtistId: 1, Name: 'a'}, {Name: upper('b'), ArtistId: $i}") ==
        "insert 1 (1 2) {ArtistId: 1, Name: \"a\"} (2 1) {Name: (upper \"b\"), ArtistId: ?0}");
  CHECK(bound("UPSERT INTO Artist (ArtistId, Name) VALUES (1, 'a'), (2, NULL)") ==
        "upsert 1 (1 2) {ArtistId: 1, Name: \"a\"} (1 2) {ArtistId: 2, Name: null}");
  CHECK(bound("INSERT INTO Artist {ArtistId: (SELECT max(AlbumId) FROM Album)}") ==
        "insert 1 (1) {ArtistId: (scalar <@0.0.0> from Album[1] group max(@0.0.0))}");
}

TEST_CASE("lax tables take undeclared columns, and id may be given where it is generated") {
  CHECK(bound("INSERT INTO Note {Body: 'x', mood: 'blue', new: 1, id: 7}") ==
        "insert 12 (1 536870912 ?new id) {Body: \"x\", mood: \"blue\", new: 1, id: 7}");
  CHECK(bound("INSERT INTO Note {}") == "insert 12 () {}");
}

TEST_CASE("arrays and objects are JSON values in writes") {
  CHECK(bound("INSERT INTO Thing {Id: 1, J: {a: [1, 'x', {}], b: 2, a: NULL}}") ==
        "insert 13 (1 7) {Id: 1, J: (object a: null b: 2)}");
  CHECK(bound("INSERT INTO Thing (Id, J) VALUES (1, [$a, [], TRUE])") ==
        "insert 13 (1 7) {Id: 1, J: (array ?0 (array) true)}");
  CHECK(bound("UPDATE Thing SET J = {n: I + 1} WHERE Id = 1") ==
        "update 13 (7) {J: (object n: (+ @0.0.1 1))} from Thing[1 3] where (= @0.0.0 1)");
}

TEST_CASE("UPDATE and DELETE select their rows") {
  CHECK(bound("UPDATE Album SET Plays = Plays + 1, Title = upper(Title)"
              " WHERE Album.ArtistId = 1") ==
        "update 2 (4 2) {Plays: (+ @0.0.1 1), Title: (upper @0.0.2)} from Album[3 4 2] "
        "where (= @0.0.0 1)");
  CHECK(bound("DELETE FROM Album WHERE NOT EXISTS (SELECT 1 FROM Artist AS a"
              " WHERE a.ArtistId = Album.ArtistId)") ==
        "delete 2 {} from Album[3] where (not (exists <1> from Artist a[1] "
        "where (= @0.0.0 @1.0.0)))");
  CHECK(bound("DELETE FROM Note") == "delete 12 {} from Note[]");
}

TEST_CASE("known types are checked against the columns, even if no row would match") {
  CHECK(bound("INSERT INTO Thing {Id: 1, B: TRUE, I: 1, R: 1, T: 'a', Y: x'00', J: 'text'}")
            .starts_with("insert"));
  for (const char* pair : {"B = 1", "I = 1.5", "I = 'a'", "I = R", "R = '1'", "T = 1", "Y = 'a'",
                           "T = [1]", "I = {a: 1}", "I = round(I)", "I = (SELECT avg(Plays) FROM "
                           "Album)"}) {
    CAPTURE(pair);
    CHECK(bound("UPDATE Thing SET " + std::string(pair) + " WHERE FALSE").substr(0, 13) ==
          "type_mismatch");
  }
  CHECK(bound("UPDATE Thing SET I = J, R = I, T = $p, J = 5, B = NULL, Y = J").starts_with(
      "update"));
}

TEST_CASE("the other statements are what they say") {
  CHECK(bound("DROP TABLE Artist; SUBSCRIBE q AS SELECT 1; UNSUBSCRIBE \"q\"; BEGIN; COMMIT;"
              "ROLLBACK; EXPLAIN SELECT 1; EXPLAIN LIVE q; SHOW TABLES; show subscriptions;"
              "SHOW STATS; IMPORT Album FROM 'a''b.csv' REPLACE; IMPORT Note FROM 'n';"
              "EXPORT (SELECT 1) TO 'x'; FLUSH; SYNC") ==
        "drop Artist\nsubscribe q as {1: 1}\nunsubscribe q\nbegin\ncommit\nrollback\n"
        "explain {1: 1}\nexplain live q\nshow tables\nshow subscriptions\nshow stats\n"
        "import 2 from a'b.csv replace\nimport 12 from n\nexport {1: 1} to x\nflush\nsync");
}

TEST_CASE("a subscription keeps the text of its query, a query the names of its columns") {
  const std::string text = "SUBSCRIBE top AS SELECT { a: 1 } /* x */ LIMIT 3 ; SELECT 1, 2 AS b";
  Script script = Script::open(text).value();
  const Statement first = *script.next(test_catalog()).value();
  CHECK(std::get<Subscribe>(first.body).query_text == "SELECT { a: 1 } /* x */ LIMIT 3");
  const Statement second = *script.next(test_catalog()).value();
  CHECK(std::get<Query>(second.body).column_names == std::vector<std::string>{"1", "b"});
}

TEST_CASE("parameters are listed once each, with the place of their first use") {
  Script script = Script::open("SELECT $b, $a, $b || 1 LIMIT $c").value();
  const Statement statement = *script.next(test_catalog()).value();
  REQUIRE(statement.parameters.size() == 3);
  CHECK(statement.parameters[0].name == "b");
  CHECK(statement.parameters[0].span.begin == 7);
  CHECK(statement.parameters[2].name == "c");
}

}  // namespace tremula::treeql
