// Every error that the language can tell: message, place and caret.
#include <doctest/doctest.h>

#include "tests/treeql/binding.h"

namespace tremula::treeql {

TEST_CASE("an error stands with its line, and a caret under its first character") {
  CHECK(failure("SELECT { n: a.Nme } FROM Artist AS a") ==
        "error: unknown_column at 1:15: no column 'Nme' in Artist; did you mean 'Name'?\n"
        "  SELECT { n: a.Nme } FROM Artist AS a\n"
        "                ^");
}

TEST_CASE("lines and columns count from 1, columns in code points") {
  CHECK(failure("SELECT 1;\r\n\r\n  SELECT '\xC3\xA4\xE2\x82\xAC', Nme\r\nFROM Artist;") ==
        "error: unknown_column at 3:16: no column 'Nme' in Artist; did you mean 'Name'?\n"
        "    SELECT '\xC3\xA4\xE2\x82\xAC', Nme\n"
        "                 ^");
  CHECK(place_of(0, "a\nb").line == 1);
  CHECK(place_of(2, "a\nb").line == 2);
  CHECK(place_of(2, "a\nb").column == 1);
  CHECK(place_of(99, "a\nb").column == 2);
}

TEST_CASE("an error without a place is one line") {
  CHECK(format_error({base::ErrorCode::kLocked, "another process holds it", {}}, "SELECT 1") ==
        "error: locked: another process holds it");
  CHECK(failure("SELECT '\xC3(';") == "error: invalid_utf8: byte 8 of the script is not UTF-8");
}

TEST_CASE("syntax: the end is shown behind the last word") {
  CHECK(failure("SELECT 1 FROM -- here\n\n") ==
        "error: syntax at 1:14: expected the name of a table, found the end\n"
        "  SELECT 1 FROM -- here\n"
        "               ^");
  CHECK(failure("SELECT 1 FROM;") ==
        "error: syntax at 1:14: expected the name of a table, found ';'\n"
        "  SELECT 1 FROM;\n"
        "               ^");
}

TEST_CASE("syntax: what was expected, what was found") {
  CHECK(bound("SELCT 1") ==
        "syntax at 1:1: expected a statement, found 'SELCT'; did you mean 'SELECT'?");
  CHECK(bound("SELECT 1 2") == "syntax at 1:10: expected the end of the statement, found '2'");
  CHECK(bound("SELECT order FROM Artist") ==
        "syntax at 1:8: expected an expression, found 'order'");
  CHECK(bound("SELECT 1 AS order") ==
        "syntax at 1:13: expected a name, found 'order', which is reserved: quote it to use it "
        "as a name");
  CHECK(bound("SELECT { count(*) } FROM Artist") ==
        "syntax at 1:10: an expression inside { } needs a name: write 'name: expression'");
  CHECK(bound("SELECT 'abc") == "syntax at 1:8: a text without its closing '");
  CHECK(bound("SELECT 1 /* abc") == "syntax at 1:10: a comment without its closing */");
  CHECK(bound("SELECT 1 FROM Artist HAVING TRUE") ==
        "syntax at 1:22: HAVING needs a GROUP BY before it");
  CHECK(bound("SELECT 1 OFFSET 1") == "syntax at 1:10: OFFSET needs a LIMIT before it");
  CHECK(bound("INSERT INTO Artist (ArtistId, Name) VALUES (1)") ==
        "syntax at 1:44: 1 values for 2 columns");
  CHECK(bound("INSERT INTO Artist {ArtistId: 1, ArtistId: 2}") ==
        "syntax at 1:34: column 'ArtistId' is named twice");
  CHECK(bound("UPDATE Artist SET Name = 'a', Name = 'b'") ==
        "syntax at 1:31: column 'Name' is named twice");
}

TEST_CASE("syntax: parts of SQL that TreeQL has not") {
  for (const char* text :
       {"SELECT 1 FROM Artist a", "SELECT 1 FROM Artist, Album", "SELECT 1 LIMIT 1, 2",
        "SELECT 1 FROM Artist CROSS JOIN Album", "SELECT 1 UNION SELECT 2",
        "INSERT INTO Artist VALUES (1, 'a')", "INSERT INTO Artist SELECT * FROM Artist",
        "SELECT {}", "SELECT { a: 1, }", "UPDATE Artist AS a SET Name = 'x'", "CREATE TABLE x (y)",
        "SELECT { a: [1, 2] }", "DELETE Artist", "SELECT 1 FROM Artist JOIN Album USING (x)"}) {
    CAPTURE(text);
    CHECK(bound(text).substr(0, 10) == "syntax at ");
  }
}

TEST_CASE("unknown_table, of tables and of aliases") {
  CHECK(bound("SELECT 1 FROM Artits") ==
        "unknown_table at 1:15: no table 'Artits'; did you mean 'Artist'?");
  CHECK(bound("SELECT b.Name FROM Artist AS a") ==
        "unknown_table at 1:8: no table or alias 'b' here");
  CHECK(bound("SELECT Artist.Name FROM Artist AS a") ==
        "unknown_table at 1:8: no table or alias 'Artist' here; here its alias is 'a'");
  CHECK(bound("SELECT x.* FROM Artist") == "unknown_table at 1:8: no table or alias 'x' here");
  CHECK(bound("DROP TABLE Zebra") == "unknown_table at 1:12: no table 'Zebra'");
  CHECK(bound("IMPORT Zebra FROM 'x'") == "unknown_table at 1:8: no table 'Zebra'");
}

TEST_CASE("unknown_column names the tables that were searched") {
  CHECK(bound("SELECT titel FROM Artist JOIN Album ON TRUE") ==
        "unknown_column at 1:8: no column 'titel' in Artist or Album; did you mean 'Title'?");
  CHECK(bound("SELECT x") == "unknown_column at 1:8: no column 'x' here: there is no FROM");
  CHECK(bound("SELECT d.nam FROM (SELECT 1 AS name) AS d") ==
        "unknown_column at 1:10: no column 'nam' in d; did you mean 'name'?");
  CHECK(bound("SELECT { k: 1 } FROM Artist WHERE k = 1") ==
        "unknown_column at 1:35: no column 'k' in Artist");
  CHECK(bound("INSERT INTO Album {AlbumId: 1, Titel: 'x'}") ==
        "unknown_column at 1:32: no column 'Titel' in Album, which is STRICT; did you mean "
        "'Title'?");
}

TEST_CASE("unknown_function") {
  CHECK(bound("SELECT uper('a')") ==
        "unknown_function at 1:8: no function 'uper'; did you mean 'upper'?");
  CHECK(bound("SELECT random()") == "unknown_function at 1:8: no function 'random'");
}

TEST_CASE("ambiguous_column") {
  CHECK(bound("SELECT ArtistId FROM Artist JOIN Album ON TRUE") ==
        "ambiguous_column at 1:8: both 'Artist' and 'Album' have a column 'ArtistId': write it "
        "with its alias");
  CHECK(bound("SELECT 1 FROM Artist AS a JOIN Album AS a ON TRUE") ==
        "ambiguous_column at 1:41: the alias 'a' is used twice in this FROM");
  CHECK(bound("SELECT { a: 1, a: 2 }") ==
        "ambiguous_column at 1:16: the name 'a' stands twice in this shape");
  CHECK(bound("SELECT a.ArtistId, b.ArtistId FROM Artist AS a JOIN Album AS b ON TRUE") ==
        "ambiguous_column at 1:20: the name 'ArtistId' stands twice in this shape");
  CHECK(bound("SELECT count(*), count(*) FROM Artist") ==
        "ambiguous_column at 1:18: the name 'count(*)' stands twice in this shape");
  CHECK(bound("SELECT Name, count(*) FROM Artist") ==
        "ambiguous_column at 1:8: column 'Name' has no single value here: it is neither in GROUP "
        "BY nor inside an aggregate");
}

TEST_CASE("type_mismatch") {
  CHECK(failure("SELECT 1 FROM Artist WHERE Name > 5") ==
        "error: type_mismatch at 1:28: can't compare TEXT with INT\n"
        "  SELECT 1 FROM Artist WHERE Name > 5\n"
        "                             ^");
  CHECK(bound("SELECT Name + 1 FROM Artist") ==
        "type_mismatch at 1:8: can't compute with TEXT and INT");
  CHECK(bound("SELECT sum(Name) FROM Artist") ==
        "type_mismatch at 1:12: sum needs a number, found TEXT");
  CHECK(bound("SELECT 1 FROM Artist WHERE ArtistId") ==
        "type_mismatch at 1:28: WHERE needs a BOOL, found INT");
  CHECK(bound("SELECT { o: { a: 1 } } ORDER BY o") ==
        "type_mismatch at 1:33: 'o' is an object or an array, which can't be ordered or compared");
  CHECK(bound("SELECT { o: [SELECT 1] } FROM Artist GROUP BY o") ==
        "type_mismatch at 1:47: 'o' is an object or an array, which can't be ordered or compared");
  CHECK(bound("SELECT { o: (SELECT { a: 1 }) } ORDER BY o") ==
        "type_mismatch at 1:42: 'o' is an object or an array, which can't be ordered or compared");
  CHECK(bound("INSERT INTO Artist {ArtistId: 'x'}") ==
        "type_mismatch at 1:31: column 'ArtistId' of Artist is INT, found TEXT");
}

TEST_CASE("not_null and key_update") {
  CHECK(bound("INSERT INTO Album {Title: 'x'}") ==
        "not_null at 1:19: key column 'AlbumId' of Album is missing");
  CHECK(bound("UPSERT INTO PlaylistTrack {PlaylistId: 1}") ==
        "not_null at 1:27: key column 'TrackId' of PlaylistTrack is missing");
  CHECK(bound("INSERT INTO Album {AlbumId: 1}") ==
        "not_null at 1:19: column 'Title' of Album is missing");
  CHECK(bound("UPSERT INTO Album {AlbumId: 1}") == "upsert 2 (1) {AlbumId: 1}");
  CHECK(bound("INSERT INTO Album {AlbumId: NULL, Title: 'x'}") ==
        "not_null at 1:29: column 'AlbumId' of Album can't be NULL");
  CHECK(bound("UPDATE Album SET Title = NULL") ==
        "not_null at 1:26: column 'Title' of Album can't be NULL");
  CHECK(bound("UPDATE Album SET AlbumId = AlbumId") ==
        "key_update at 1:18: column 'AlbumId' belongs to the key of Album: delete the row and "
        "insert another instead");
  CHECK(bound("UPDATE Note SET id = 4").substr(0, 10) == "key_update");
}

TEST_CASE("read_only") {
  for (const char* text : {"INSERT INTO tremula_table {number: 1}", "DELETE FROM tremula_column",
                           "UPDATE tremula_table SET name = 'x'", "DROP TABLE tremula_table",
                           "IMPORT tremula_table FROM 'x'"}) {
    CAPTURE(text);
    CHECK(bound(text).substr(0, 13) == "read_only at ");
  }
  CHECK(bound("SELECT t.name FROM tremula_table AS t").starts_with("{name: @0.0.0}"));
}

TEST_CASE("unsupported: a literal orders nothing") {
  CHECK(bound("SELECT Name FROM Artist ORDER BY 1") ==
        "unsupported at 1:34: a literal in ORDER BY stands for no column: name one");
  CHECK(bound("SELECT Name FROM Artist GROUP BY -1").substr(0, 11) == "unsupported");
  CHECK(bound("SELECT group_concat(Name ORDER BY 'x') FROM Artist").substr(0, 11) == "unsupported");
}

}  // namespace tremula::treeql
