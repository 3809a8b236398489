// Grouping: which expressions stand behind it, and what they become there.
#include <doctest/doctest.h>

#include "tests/treeql/binding.h"

namespace tremula::treeql {

TEST_CASE("keys come first, then aggregates, each once") {
  CHECK(bound("SELECT { g: Name, n: count(*), m: max(ArtistId), k: count(*) + max(ArtistId) }"
              " FROM Artist GROUP BY Name HAVING count(*) > 1 ORDER BY max(ArtistId), Name") ==
        "{g: @0.0.0, n: @0.0.1, m: @0.0.2, k: (+ @0.0.1 @0.0.2)} from Artist[2 1] "
        "group @0.0.0 count(*) max(@0.0.1) having (> @0.0.1 1) order @0.0.2 @0.0.0");
}

TEST_CASE("an aggregate in ORDER BY alone groups the select") {
  CHECK(bound("SELECT 1 FROM Artist ORDER BY count(*)") ==
        "{1: 1} from Artist[] group count(*) order @0.0.0");
}

TEST_CASE("subtrees equal to a group expression become its column") {
  CHECK(bound("SELECT { x: (ArtistId + 1) * 2 } FROM Artist GROUP BY ArtistId + 1") ==
        "{x: (* @0.0.0 2)} from Artist[1] group (+ @0.0.0 1)");
  CHECK(bound("SELECT { x: ArtistId + 2 } FROM Artist GROUP BY ArtistId + 1") ==
        "ambiguous_column at 1:13: column 'ArtistId' has no single value here: it is neither in "
        "GROUP BY nor inside an aggregate");
  CHECK(bound("SELECT { x: $p + Plays } FROM Album GROUP BY $p + Plays") ==
        "{x: @0.0.0} from Album[4] group (+ ?0 @0.0.0)");
}

TEST_CASE("inner selects name group columns at their level") {
  CHECK(bound("SELECT { g: a.Name, t: [SELECT { n: b.Title, k: a.Name } FROM Album AS b"
              " WHERE b.Title = a.Name ORDER BY (SELECT a.Name)] } FROM Artist AS a"
              " GROUP BY a.Name") ==
        "{g: @0.0.0, t: [{n: @0.0.0, k: @1.0.0} from Album b[2] where (= @0.0.0 @1.0.0) "
        "order (scalar <@2.0.0>)]} from Artist a[2] group @0.0.0");
  CHECK(bound("SELECT { t: [SELECT a.ArtistId FROM Album] } FROM Artist AS a GROUP BY a.Name") ==
        "ambiguous_column at 1:23: column 'ArtistId' has no single value here: it is neither in "
        "GROUP BY nor inside an aggregate");
}

TEST_CASE("what stands before grouping keeps naming columns of FROM") {
  CHECK(bound("SELECT { n: count(*) } FROM Artist AS a WHERE EXISTS (SELECT 1 FROM Album AS b"
              " WHERE b.ArtistId = a.ArtistId) GROUP BY a.Name") ==
        "{n: @0.0.1} from Artist a[1 2] where (exists <1> from Album b[3] "
        "where (= @0.0.0 @1.0.0)) group @0.0.1 count(*)");
}

TEST_CASE("columns of a table whose whole key is grouped by depend on it") {
  CHECK(bound("SELECT { a.Name, n: count(*) } FROM Artist AS a JOIN Album AS b"
              " ON b.ArtistId = a.ArtistId GROUP BY a.ArtistId") ==
        "{Name: @0.0.2, n: @0.0.1} from Artist a[1 2] join Album b[3] on (= @0.1.0 @0.0.0) "
        "group @0.0.0 count(*) dep:0.1");
  CHECK(bound("SELECT p.Note FROM PlaylistTrack AS p GROUP BY p.TrackId, p.PlaylistId") ==
        "{Note: @0.0.2} from PlaylistTrack p[3 2 1] group @0.0.1 @0.0.2 dep:0.0");
  CHECK(bound("SELECT p.Note FROM PlaylistTrack AS p GROUP BY p.TrackId") ==
        "ambiguous_column at 1:10: column 'Note' has no single value here: it is neither in "
        "GROUP BY nor inside an aggregate");
  CHECK(bound("SELECT Body FROM Note GROUP BY id") ==
        "{Body: @0.0.1} from Note[1 id] group @0.0.1 dep:0.0");
  CHECK(bound("SELECT d.Name FROM (SELECT * FROM Artist) AS d GROUP BY d.ArtistId").substr(0, 16) ==
        "ambiguous_column");
}

TEST_CASE("an aggregate belongs to the select in which it is written") {
  CHECK(bound("SELECT { s: [SELECT sum(b.Plays + a.ArtistId) FROM Album AS b] }"
              " FROM Artist AS a GROUP BY a.ArtistId") ==
        "{s: [<@0.0.0> from Album b[4] group sum((+ @0.0.0 @1.0.0))]} from Artist a[1] "
        "group @0.0.0");
  CHECK(bound("SELECT { s: [SELECT sum(a.ArtistId) FROM Album AS b] } FROM Artist AS a") ==
        "{s: [<@0.0.0> from Album b[] group sum(@1.0.0)]} from Artist a[1]");
}

TEST_CASE("GROUP BY, HAVING and ORDER BY may use output names where no column has the name") {
  CHECK(bound("SELECT { u: upper(Name), n: count(*) } FROM Artist GROUP BY u HAVING n > 1"
              " ORDER BY n DESC, u || 'x'") ==
        "{u: @0.0.0, n: @0.0.1} from Artist[2] group (upper @0.0.0) count(*) "
        "having (> @0.0.1 1) order @0.0.1:desc (|| @0.0.0 \"x\")");
  CHECK(bound("SELECT { Name: ArtistId } FROM Artist GROUP BY Name").substr(0, 16) ==
        "ambiguous_column");
  CHECK(bound("SELECT { u: Name } FROM Artist GROUP BY u"
              " HAVING EXISTS (SELECT 1 FROM Album WHERE Title = u)") ==
        "{u: @0.0.0} from Artist[2] group @0.0.0 having (exists <1> from Album[2] "
        "where (= @0.0.0 @1.0.0))");
}

TEST_CASE("aggregates have DISTINCT, FILTER, a separator and an order") {
  CHECK(bound("SELECT group_concat(DISTINCT Name, ';' ORDER BY ArtistId DESC, Name)"
              " FILTER (WHERE ArtistId > 1) AS g FROM Artist") ==
        "{g: @0.0.0} from Artist[2 1] group group_concat(distinct @0.0.0, \";\" "
        "order @0.0.1:desc @0.0.0 filter (> @0.0.1 1))");
  CHECK(bound("SELECT { a: count(DISTINCT Name), b: count(Name), c: avg(ArtistId),"
              " d: total(ArtistId), e: min(Name) } FROM Artist") ==
        "{a: @0.0.0, b: @0.0.1, c: @0.0.2, d: @0.0.3, e: @0.0.4} from Artist[2 1] group "
        "count(distinct @0.0.0) count(@0.0.0) avg(@0.0.1) total(@0.0.1) min(@0.0.0)");
  CHECK(bound("SELECT sum(ArtistId ORDER BY Name) FROM Artist") ==
        "syntax at 1:30: ORDER BY inside an aggregate is for group_concat alone");
}

TEST_CASE("an aggregate can't stand before grouping") {
  CHECK(bound("SELECT 1 FROM Artist WHERE count(*) > 1") ==
        "unsupported at 1:28: an aggregate can't stand in WHERE");
  CHECK(bound("SELECT 1 FROM Artist AS a JOIN Album AS b ON count(*) > 1") ==
        "unsupported at 1:46: an aggregate can't stand in ON");
  CHECK(bound("SELECT 1 FROM Artist GROUP BY count(*)") ==
        "unsupported at 1:31: an aggregate can't stand in GROUP BY");
  CHECK(bound("SELECT count(*) AS n FROM Artist GROUP BY n") ==
        "unsupported at 1:43: 'n' holds an aggregate, which can't stand in GROUP BY");
  CHECK(bound("SELECT sum(count(*)) FROM Artist") ==
        "unsupported at 1:12: an aggregate can't stand in another aggregate");
  CHECK(bound("SELECT { x: sum((SELECT count(*) FROM Album)) } FROM Artist") ==
        "{x: @0.0.0} from Artist[] group sum((scalar <@0.0.0> from Album[] group count(*)))");
}

TEST_CASE("grouping and DISTINCT together: ORDER BY goes through both") {
  CHECK(bound("SELECT DISTINCT count(*) AS n FROM Artist GROUP BY Name ORDER BY n, count(*) + 1") ==
        "distinct {n: @0.0.1} from Artist[2] group @0.0.0 count(*) order @0.0.0 (+ @0.0.0 1)");
  CHECK(bound("SELECT DISTINCT count(*) AS n FROM Artist GROUP BY Name ORDER BY Name") ==
        "unsupported at 1:66: with DISTINCT, ORDER BY may only use what is selected");
}

TEST_CASE("derived tables inside a grouped select's inner selects name its groups too") {
  CHECK(bound("SELECT { x: [SELECT * FROM (SELECT a.Name AS n) AS d] } FROM Artist AS a"
              " GROUP BY a.Name") ==
        "{x: [{n: @0.0.0} from ({n: @2.0.0}) d[n]]} from Artist a[2] group @0.0.0");
}

}  // namespace tremula::treeql
