// Selects: shapes, names and scopes.
#include <doctest/doctest.h>

#include "tests/treeql/binding.h"

namespace tremula::treeql {

TEST_CASE("a plain select binds to numbers, and only columns in use are listed") {
  CHECK(bound("SELECT { n: a.Name, a.ArtistId } FROM Artist AS a WHERE a.ArtistId > 1") ==
        "{n: @0.0.1, ArtistId: @0.0.0} from Artist a[1 2] where (> @0.0.0 1)");
  CHECK(bound("SELECT 1, Name || '!' FROM Artist") ==
        "{1: 1, Name || '!': (|| @0.0.0 \"!\")} from Artist[2]");
}

TEST_CASE("inner selects are objects, bare values or a scalar, as they are written") {
  CHECK(bound("SELECT { a: [SELECT 1], b: [SELECT 1 AS x], c: [SELECT { x: 1 }],"
              " d: [SELECT 1, 2] }") ==
        "{a: [<1>], b: [{x: 1}], c: [{x: 1}], d: [{1: 1, 2: 2}]}");
  CHECK(bound("SELECT { a: (SELECT 1), b: (SELECT 1 AS x), c: (SELECT { x: 1 }) }") ==
        "{a: (<1>), b: ({x: 1}), c: ({x: 1})}");
  CHECK(bound("SELECT { a: (SELECT 1) || 'x', b: ((SELECT { x: 1 })) }") ==
        "{a: (|| (scalar <1>) \"x\"), b: ({x: 1})}");
  CHECK(bound("SELECT (SELECT 1 AS y) AS x") == "{x: (scalar {y: 1})}");
  CHECK(bound("SELECT { a: [SELECT * FROM Note] }") == "{a: [{Body: @0.0.0} from Note[1]]}");
}

TEST_CASE("inner selects see the aliases around them, nearest first") {
  CHECK(bound("SELECT { x: [SELECT { y: [SELECT a.Name FROM Note WHERE Title = b.Title] }"
              " FROM Album AS b WHERE b.ArtistId = a.ArtistId] } FROM Artist AS a") ==
        "{x: [{y: [<@2.0.1> from Note[] where (= @1.0.1 @1.0.1)]} from Album b[3 2] "
        "where (= @0.0.0 @1.0.0)]} from Artist a[1 2]");
  CHECK(bound("SELECT { x: [SELECT a.Title FROM Album AS a] } FROM Artist AS a") ==
        "{x: [<@0.0.0> from Album a[2]]} from Artist a[]");
}

TEST_CASE("a derived table counts as a level and doesn't see its siblings") {
  CHECK(bound("SELECT { x: [SELECT * FROM (SELECT a.Name, 1 AS one) AS d] } FROM Artist AS a") ==
        "{x: [{Name: @0.0.0, one: @0.0.1} from ({Name: @2.0.0, one: 1}) d[Name one]]} "
        "from Artist a[2]");
  CHECK(bound("SELECT 1 FROM Artist AS a JOIN (SELECT a.Name) AS d ON TRUE") ==
        "unknown_table at 1:40: no table or alias 'a' here");
  CHECK(bound("SELECT d.\"count(*)\" FROM (SELECT count(*) FROM Artist) AS d") ==
        "{count(*): @0.0.0} from ({count(*): @0.0.0} from Artist[] group count(*)) d[count(*)]");
  CHECK(bound("SELECT d.x > 5 FROM (SELECT Name AS x FROM Artist) AS d") ==
        "type_mismatch at 1:8: can't compare TEXT with INT");
  CHECK(bound("SELECT 1 FROM (SELECT { a: 1 }) AS d") ==
        "syntax at 1:23: a derived table is written in row form: SELECT a, b FROM ...");
}

TEST_CASE("joins: ON sees its source and those before it") {
  CHECK(bound("SELECT a.Name FROM Artist AS a LEFT OUTER JOIN Album AS b ON b.ArtistId = a.ArtistId"
              " INNER JOIN Album AS c ON c.AlbumId = b.AlbumId") ==
        "{Name: @0.0.1} from Artist a[1 2] join left Album b[3 1] on (= @0.1.0 @0.0.0) "
        "join Album c[1] on (= @0.2.0 @0.1.1)");
  CHECK(bound("SELECT 1 FROM Artist AS a JOIN Album AS b ON c.AlbumId = 1"
              " JOIN Album AS c ON TRUE") == "unknown_table at 1:46: no table or alias 'c' here");
}

TEST_CASE("* brings the declared columns that no other property names") {
  CHECK(bound("SELECT *, upper(Name) AS Name FROM Artist") ==
        "{ArtistId: @0.0.0, Name: (upper @0.0.1)} from Artist[1 2]");
  CHECK(bound("SELECT { a.*, *, x: 1 } FROM Artist AS a JOIN Album AS b ON TRUE") ==
        "{ArtistId: @0.0.0, Name: @0.0.1, AlbumId: @0.1.0, Title: @0.1.1, Plays: @0.1.2, x: 1} "
        "from Artist a[1 2] join Album b[1 2 4] on true");
  CHECK(bound("SELECT { o: { a.* } } FROM Artist AS a") ==
        "{o: {ArtistId: @0.0.0, Name: @0.0.1}} from Artist a[1 2]");
  CHECK(bound("SELECT * FROM Note") == "{Body: @0.0.0} from Note[1]");
  CHECK(bound("SELECT *") == "syntax at 1:8: '*' needs a FROM");
}

TEST_CASE("EXISTS over * reads no column") {
  CHECK(bound("SELECT EXISTS (SELECT * FROM Artist) AS e") ==
        "{e: (exists <1> from Artist[])}");
}

TEST_CASE("the generated key is the column id, and undeclared columns need the alias") {
  CHECK(bound("SELECT n.mood, id FROM Note AS n") ==
        "{mood: @0.0.0, id: @0.0.1} from Note n[536870912 id]");
  CHECK(bound("SELECT mood FROM Note") ==
        "unknown_column at 1:8: no column 'mood' in Note; an undeclared column is written with "
        "its alias");
  CHECK(bound("SELECT n.moon FROM Note AS n") ==
        "unknown_column at 1:10: no column 'moon' in Note");
}

TEST_CASE("any word is a name before a colon, behind a point and in quotes") {
  CHECK(bound("SELECT { select: 1, \"a b\": 2, Limit: { from: 3 } }") ==
        "{select: 1, a b: 2, Limit: {from: 3}}");
  CHECK(bound("SELECT d.from, d.\"order\" FROM (SELECT 1 AS \"from\", 2 AS \"order\") AS d") ==
        "{from: @0.0.0, order: @0.0.1} from ({from: 1, order: 2}) d[from order]");
}

TEST_CASE("ORDER BY: a lone name is an output name first, inside an expression a column first") {
  CHECK(bound("SELECT { Name: ArtistId } FROM Artist ORDER BY Name, upper(Name)") ==
        "{Name: @0.0.0} from Artist[1 2] order @0.0.0 (upper @0.0.1)");
  CHECK(bound("SELECT { k: ArtistId + 1 } FROM Artist ORDER BY -k") ==
        "{k: (+ @0.0.0 1)} from Artist[1] order (neg (+ @0.0.0 1))");
  CHECK(bound("SELECT { k: Name } FROM Artist ORDER BY"
              " (SELECT count(*) FROM Album WHERE Title = k)") ==
        "{k: @0.0.0} from Artist[2] order (scalar <@0.0.0> from Album[2] "
        "where (= @0.0.0 @1.0.0) group count(*))");
  CHECK(bound("SELECT { n: (SELECT count(*) FROM Album AS b WHERE b.ArtistId = a.ArtistId) }"
              " FROM Artist AS a ORDER BY n DESC") ==
        "{n: (<@0.0.0> from Album b[3] where (= @0.0.0 @1.0.0) group count(*))} from Artist a[1] "
        "order (scalar <@0.0.0> from Album b[3] where (= @0.0.0 @1.0.0) group count(*)):desc");
}

TEST_CASE("ORDER BY: NULLs come first in ASC and last in DESC, unless said") {
  CHECK(bound("SELECT 1 FROM Artist ORDER BY Name ASC, ArtistId DESC, -ArtistId NULLS LAST,"
              " Name DESC NULLS FIRST") ==
        "{1: 1} from Artist[2 1] order @0.0.0 @0.0.1:desc (neg @0.0.1):nulls_last "
        "@0.0.0:desc:nulls_first");
}

TEST_CASE("DISTINCT: ORDER BY is put in terms of what is selected") {
  CHECK(bound("SELECT DISTINCT upper(Name) AS u, ArtistId FROM Artist"
              " ORDER BY u DESC, ArtistId + 1, upper(Name) || 'x'") ==
        "distinct {u: (upper @0.0.0), ArtistId: @0.0.1} from Artist[2 1] "
        "order @0.0.0:desc (+ @0.0.1 1) (|| @0.0.0 \"x\")");
  CHECK(bound("SELECT DISTINCT { n: (SELECT 1 FROM Album AS b WHERE b.ArtistId = a.ArtistId) }"
              " FROM Artist AS a ORDER BY n") ==
        "distinct {n: (<1> from Album b[3] where (= @0.0.0 @1.0.0))} from Artist a[1] "
        "order @0.0.0");
  CHECK(bound("SELECT DISTINCT Name FROM Artist ORDER BY upper(ArtistId)") ==
        "unsupported at 1:43: with DISTINCT, ORDER BY may only use what is selected");
}

TEST_CASE("LIMIT and OFFSET are whole numbers or parameters") {
  CHECK(bound("SELECT 1 LIMIT 5 OFFSET $o") == "{1: 1} limit 5 offset ?0");
  for (const char* limit : {"-1", "1.5", "'a'", "NULL", "1 + 1", "9223372036854775808",
                            "-9223372036854775808", "(SELECT 1)"}) {
    CAPTURE(limit);
    CHECK(bound("SELECT 1 LIMIT " + std::string(limit)) ==
          "limit_range at 1:16: LIMIT is a whole number from 0 or a parameter");
  }
  CHECK(bound("SELECT 1 LIMIT 1 OFFSET -1") ==
        "limit_range at 1:25: OFFSET is a whole number from 0 or a parameter");
}

}  // namespace tremula::treeql
