// Rows found by the order of a column: live selects of one shape, told apart by their bounds.
#include <doctest/doctest.h>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::OperatorHarness;

TEST_CASE("range: bounds of every kind hold the law, in streams that open and close them") {
  check_law("a",
            {"SELECT k FROM a WHERE n >= 1 AND n < 3", "SELECT k FROM a WHERE n >= 0 AND n < 2",
             "SELECT k FROM a WHERE n >= 2 AND n < 2", "SELECT k FROM a WHERE n > 1 AND n <= 3",
             "SELECT k FROM a WHERE n > 0 AND n <= 1", "SELECT k FROM a WHERE 1 < n",
             "SELECT k FROM a WHERE 2 < n", "SELECT k FROM a WHERE n < 1 + m",
             "SELECT k FROM a WHERE n <= NULL", "SELECT k FROM a WHERE t > 'b'",
             "SELECT k FROM a WHERE t > 'x'"});
}

TEST_CASE("range: a join looks for rows by what is bound before") {
  check_law("ab", {"SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n > a.n WHERE a.m = 1",
                   "SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n > a.n WHERE a.m = 2",
                   "SELECT k FROM a WHERE n > 1 AND EXISTS (SELECT 1 FROM b WHERE b.n = a.n)",
                   "SELECT k FROM a WHERE n > 0 AND EXISTS (SELECT 1 FROM b WHERE b.n = a.n)"});
}

TEST_CASE("range: a second result of the shape has the rows between its bounds") {
  OperatorHarness range({"SELECT k FROM a WHERE n >= 1 AND n < 3"});
  range.commit("+a1(0) +a2(1) +a3(2) +a4(3) +a5(_)");
  range.open("SELECT k FROM a WHERE n >= 2 AND n < 9");
  CHECK(range.rows(0) == "[2 3]");
  CHECK(range.rows(1) == "[3 4]");
  range.commit("a1(2) -a3");
  CHECK(range.rows(0) == "[1 2]");
  CHECK(range.rows(1) == "[1 4]");
  range.roll_back("a2(7) -a4 +a6(2)");
  range.open("SELECT k FROM a WHERE n >= 0 AND n < 2");
  CHECK(range.rows(2) == "[2]");
}
