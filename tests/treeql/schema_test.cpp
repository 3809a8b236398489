// TABLE: declarations and what is wrong with them in themselves.
#include <doctest/doctest.h>

#include "tests/treeql/binding.h"

namespace tremula::treeql {

TEST_CASE("a declaration has all that was written") {
  CHECK(declared("TABLE Album = 2 ( AlbumId INT = 1 KEY, Title text = 2 NOT NULL,"
                 " ArtistId INT = 3 INDEX REF Artist, Plays INT = 4 COUNTER DEFAULT -5,"
                 " RESERVED 9 TO 12, 7, Len REAL = 6 DEFAULT 1 MAX) STRICT") ==
        "Album=2 strict, AlbumId INT=1 key0, Title TEXT=2 notnull, ArtistId INT=3 index ref "
        "Artist, Plays INT=4 default -5 rule3, Len REAL=6 default 1.0 rule1, reserved 7-7, "
        "reserved 9-12");
  CHECK(declared("TABLE PT = 11 ( A INT = 1, B TEXT = 2, KEY (B, A) )") ==
        "PT=11, A INT=1 key1, B TEXT=2 key0");
  CHECK(declared("TABLE T = 1 ( A INT = 1 KEY, B BYTES = 2 KEY )") ==
        "T=1, A INT=1 key0, B BYTES=2 key1");
  CHECK(declared("TABLE Note = 12 ( Body TEXT = 1 )") == "Note=12 generated, Body TEXT=1");
  CHECK(declared("TABLE T = 1 ( KEY INT = 1, RESERVED TEXT = 2, \"NOT\" BOOL = 3 )") ==
        "T=1 generated, KEY INT=1, RESERVED TEXT=2, NOT BOOL=3");
}

TEST_CASE("a DEFAULT is a literal of the column's type") {
  CHECK(declared("TABLE T = 1 ( A TEXT = 1 DEFAULT 'x', B BOOL = 2 DEFAULT TRUE, C BYTES = 3"
                 " DEFAULT x'00', D JSON = 4 DEFAULT '[]', E INT = 5 DEFAULT NULL,"
                 " F INT = 6 DEFAULT -9223372036854775808)") ==
        "T=1 generated, A TEXT=1 default \"x\", B BOOL=2 default true, C BYTES=3 default "
        "\"AA==\", D JSON=4 default \"[]\", E INT=5, F INT=6 default -9223372036854775808");
  CHECK(declared("TABLE T = 1 ( A INT = 1 DEFAULT 'x' )") ==
        "type_mismatch at 1:33: column 'A' is INT, its DEFAULT is TEXT");
  CHECK(declared("TABLE T = 1 ( A INT = 1 DEFAULT 1.5 )") ==
        "type_mismatch at 1:33: column 'A' is INT, its DEFAULT is REAL");
  CHECK(declared("TABLE T = 1 ( A INT = 1 DEFAULT 1 + 1 )") ==
        "syntax at 1:35: expected ',' or ')', found '+'");
  CHECK(declared("TABLE T = 1 ( A INT = 1 DEFAULT -'x' )") ==
        "syntax at 1:34: expected a number, found 'x'");
}

TEST_CASE("keys and merge rules have their types") {
  CHECK(declared("TABLE T = 1 ( A REAL = 1 KEY )") ==
        "type_mismatch at 1:26: a key column is INT, TEXT, BYTES or BOOL, and 'A' is REAL");
  CHECK(declared("TABLE T = 1 ( A JSON = 1, KEY (A) )") ==
        "type_mismatch at 1:32: a key column is INT, TEXT, BYTES or BOOL, and 'A' is JSON");
  CHECK(declared("TABLE T = 1 ( A REAL = 1 COUNTER )") ==
        "type_mismatch at 1:26: COUNTER is for INT columns, and 'A' is REAL");
  CHECK(declared("TABLE T = 1 ( A INT = 1 SET )") ==
        "type_mismatch at 1:25: SET is for JSON columns, and 'A' is INT");
}

TEST_CASE("a declaration that contradicts itself is a schema_conflict") {
  CHECK(declared("TABLE T = 1 ( A INT = 1, A TEXT = 2 )") ==
        "schema_conflict at 1:26: two columns have the name 'A'");
  CHECK(declared("TABLE T = 1 ( A INT = 1, B TEXT = 1 )") ==
        "schema_conflict at 1:35: 'A' and 'B' have the same number 1");
  CHECK(declared("TABLE T = 1 ( A INT = 5, RESERVED 3 TO 7 )") ==
        "schema_conflict at 1:23: number 5 is RESERVED");
  CHECK(declared("TABLE T = 1 ( id INT = 1 )") ==
        "schema_conflict at 1:15: in a table without KEY 'id' is the generated key: give it KEY "
        "or another name");
  CHECK(declared("TABLE T = 1 ( id INT = 1 KEY )") == "T=1, id INT=1 key0");
}

TEST_CASE("numbers, keys and clauses are checked as they are read") {
  CHECK(declared("TABLE T = 0 ( A INT = 1 )") ==
        "syntax at 1:11: a number from 1 to 536870911 was expected, found 0");
  CHECK(declared("TABLE T = 536870911 ( A INT = 536870912 )") ==
        "syntax at 1:31: a number from 1 to 536870911 was expected, found 536870912");
  CHECK(declared("TABLE T = 1 ( A INT = 1, RESERVED 7 TO 3 )") ==
        "syntax at 1:40: the range ends before it begins");
  CHECK(declared("TABLE T = 1 ( Name INT = 1, KEY (Nmae) )") ==
        "unknown_column at 1:34: no column 'Nmae' in T; did you mean 'Name'?");
  CHECK(declared("TABLE T = 1 ( A INT = 1, KEY (A, A) )") ==
        "syntax at 1:34: 'A' is in the key twice");
  CHECK(declared("TABLE T = 1 ( A INT = 1 KEY, B INT = 2, KEY (B) )") ==
        "syntax at 1:25: the key is given twice: by a column's KEY and by KEY (...)");
  CHECK(declared("TABLE T = 1 ( A INT = 1 INDEX INDEX )") ==
        "syntax at 1:31: INDEX is given twice");
  CHECK(declared("TABLE T = 1 ( A INT = 1 MAX MIN )") == "syntax at 1:29: a second merge rule");
  CHECK(declared("TABLE T = 1 ( A INTEGER = 1 )") ==
        "syntax at 1:17: expected a type: INT, REAL, TEXT, BOOL, BYTES or JSON, found 'INTEGER'");
  CHECK(declared("TABLE tremula_x = 1 ( A INT = 1 )") ==
        "read_only at 1:7: names that begin with 'tremula_' are the database's own");
}

}  // namespace tremula::treeql
