// From: the tuples of a select's sources, each of them with the changes of both sides at once.
#include <doctest/doctest.h>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::kObjectPad;
using tremula::dataflow::kPad;
using tremula::dataflow::OperatorHarness;

TEST_CASE("from: rows of one table enter, change and leave by key") {
  OperatorHarness from({"SELECT k, n" + kPad + " FROM a"});
  CHECK(from.commit("+a2(5) +a1(6)") == "=[(1 6) (2 5)]");
  CHECK(from.commit("a1(7)") == "0/n=7");
  CHECK(from.commit("a1(.,9)") == "");  // m isn't read
  CHECK(from.commit("-a1 +a1(7)") == "");
  CHECK(from.commit("-a1 +a1(8)") == "0/n=8");
  CHECK(from.commit("+a3(1) -a3") == "");
  CHECK(from.commit("-a1") == "-0");
  CHECK(from.rows() == "[(2 5)]");
}

TEST_CASE("from: an inner join follows both its sides") {
  OperatorHarness from({"SELECT a.k AS x, b.k AS y" + kPad + " FROM a JOIN b ON b.n = a.n"});
  CHECK(from.commit("+a1(5) +a2(6) +a3") == "");
  CHECK(from.commit("+b1(5) +b2(5) +b3") == "=[(1 1) (1 2)]");  // NULL meets nobody
  CHECK(from.commit("a1(6) b1(6)") == "1/x=2 1/y=1");
}

TEST_CASE("from: an edit of both sides of a pair is one change of it") {
  OperatorHarness from(
      {"SELECT { x: a.k, y: b.k, s: a.m + b.m" + kObjectPad + " } FROM a JOIN b ON b.n = a.n"});
  CHECK(from.commit("+a1(5,1) +b1(5,1)") == "+0=(1 1 2)");
  CHECK(from.commit("a1(.,2) b1(.,2)") == "0/s=4");
  CHECK(from.commit("a1(.,3) b1(.,1)") == "");
  CHECK(from.commit("a1(6,5) b1(6,6)") == "0/s=11");  // the key of the join moves on both sides
  CHECK(from.commit("-a1 -b1 +a1(1,0) +b1(2,0)") == "-0");
}

TEST_CASE("from: a self join, with both rows touched, never flickers") {
  OperatorHarness from(
      {"SELECT e.k AS e, m.k AS boss" + kPad + " FROM a AS e JOIN a AS m ON m.k = e.n"});
  CHECK(from.commit("+a2 +a3 +a5(2)") == "+0=(5 2)");
  CHECK(from.commit("a5(3) -a3") == "-0");
  CHECK(from.commit("+a3(3) a5(5)") == "=[(3 3) (5 5)]");
  CHECK(from.commit("a3(5) a5(3)") == "0/boss=5 1/boss=3");
  CHECK(from.commit("-a3 -a5") == "=[]");
}

TEST_CASE("from: a left join fills in NULL where it meets nobody") {
  OperatorHarness from({"SELECT a.k AS x, b.k AS y" + kPad + " FROM a LEFT JOIN b ON b.n = a.n"});
  CHECK(from.commit("+a1(5)") == "+0=(1 _)");
  CHECK(from.commit("+b1(5)") == "0/y=1");
  CHECK(from.commit("+b2(5)") == "+1=(1 2)");
  CHECK(from.commit("-b1 b2(6)") == "-1 0/y=_");
  CHECK(from.commit("b2(5) +b3(5)") == "+1=(1 3) 0/y=2");
  CHECK(from.commit("a1(_)") == "-1 0/y=_");
  CHECK(from.commit("-b2 -b3 a1(5) +b2(5)") == "0/y=2");
  CHECK(from.commit("-b2 +b2(5)") == "");
}

TEST_CASE("from: a chain of left joins hangs on the ones before") {
  OperatorHarness from({"SELECT a.k AS x, b.k AS y, c.k AS z" + kPad +
                        " FROM a LEFT JOIN b ON b.n = a.k LEFT JOIN c ON c.n = b.k"});
  CHECK(from.commit("+a1 +c7(4)") == "+0=(1 _ _)");
  CHECK(from.commit("+b4(1)") == "0/y=4 0/z=7");
  CHECK(from.commit("c7(5)") == "0/z=_");
  CHECK(from.commit("-b4 +b5(1)") == "0/y=5 0/z=7");
  CHECK(from.commit("-b5 -c7") == "0/y=_ 0/z=_");
  CHECK(from.commit("+b5(1) +c1(5) +c2(5)") == "+1=(1 5 2) 0/y=5 0/z=1");
}

TEST_CASE("from: an ON that names no equality is asked for every pair") {
  OperatorHarness from({"SELECT a.k AS x, b.k AS y" + kPad + " FROM a JOIN b ON b.n > a.n",
                        "SELECT a.k AS x, b.k AS y" + kPad + " FROM a LEFT JOIN b ON a.n = 1",
                        "SELECT a.k AS x, b.k AS y" + kPad + " FROM a LEFT JOIN b ON FALSE"});
  CHECK(from.commit("+a1(1) +b1(2)") == "+0=(1 1) | +0=(1 1) | +0=(1 _)");
  CHECK(from.commit("a1(2)") == "-0 | 0/y=_ | ");
  CHECK(from.commit("-b1") == " |  | ");
  CHECK(from.commit("+b1(3) a1(1)") == "+0=(1 1) | 0/y=1 | ");
}

TEST_CASE("from: WHERE over the right side of a left join sees its NULLs") {
  OperatorHarness from(
      {"SELECT a.k AS x" + kPad + " FROM a LEFT JOIN b ON b.n = a.k WHERE b.k IS NULL",
       "SELECT a.k AS x" + kPad + " FROM a LEFT JOIN b ON b.n = a.k WHERE b.m = 1"});
  CHECK(from.commit("+a1 +a2") == "=[1 2] | ");
  CHECK(from.commit("+b1(1,1)") == "-0 | +0=1");
  CHECK(from.commit("b1(2,1)") == "0/x=1 | 0/x=2");
  CHECK(from.commit("b1(2,_)") == " | -0");
}

TEST_CASE("from: a select without FROM is one row, unless WHERE says no") {
  OperatorHarness from(
      {"SELECT { x: 1" + kObjectPad + " } WHERE EXISTS (SELECT 1 FROM a)", "SELECT { y: 2 }"});
  CHECK(from.rows(1) == "[2]");
  CHECK(from.commit("+a1 +a2") == "+0=1 | ");
  CHECK(from.commit("-a1") == " | ");
  CHECK(from.commit("-a2") == "-0 | ");
}

TEST_CASE("from: one table: changes are the difference of the results") {
  check_law("a", {"SELECT k, n, m, t FROM a", "SELECT k FROM a WHERE n = 1 OR m IS NULL",
                  "SELECT t FROM a WHERE n IN (1, 2) AND m > 0", "SELECT k FROM a WHERE t LIKE 'y'",
                  "SELECT n FROM a WHERE k = 3", "SELECT m FROM a WHERE n BETWEEN 1 AND m",
                  "SELECT k FROM a WHERE n IS m", "SELECT k FROM a WHERE NOT n = 2"});
}

TEST_CASE("from: joins: changes are the difference of the results") {
  check_law("ab", {"SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n = a.n",
                   "SELECT a.t AS x, b.t AS y FROM a JOIN b ON b.k = a.n WHERE a.m <> 1",
                   "SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n < a.n AND b.m = a.m",
                   "SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n IS a.n",
                   "SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n + 1 = a.n OR b.k = a.k",
                   "SELECT a.k AS x, b.m AS y FROM a JOIN b ON TRUE",
                   "SELECT e.k AS x, m.k AS y FROM a AS e JOIN a AS m ON m.k = e.n",
                   "SELECT e.k AS x, m.k AS y, o.n AS z FROM a AS e JOIN a AS m ON m.n = e.n JOIN "
                   "a AS o ON o.k = m.m"});
}

TEST_CASE("from: left joins: changes are the difference of the results") {
  check_law(
      "abc",
      {"SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON b.n = a.n",
       "SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON b.n = a.n WHERE b.m IS NULL",
       "SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON b.n = a.n AND a.m = 1",
       "SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON a.m = 1",
       "SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON b.m > a.m",
       "SELECT e.k AS x, m.k AS y FROM a AS e LEFT JOIN a AS m ON m.k = e.n",
       "SELECT e.k AS x, m.k AS y FROM a AS e LEFT JOIN a AS m ON m.n < e.n",
       "SELECT a.k AS x, b.k AS y, c.k AS z FROM a LEFT JOIN b ON b.n = a.k LEFT JOIN c ON c.n = "
       "b.m",
       "SELECT a.k AS x, b.k AS y, c.k AS z FROM a LEFT JOIN b ON b.n = a.k JOIN c ON c.n = a.n",
       "SELECT a.k AS x, b.k AS y, c.k AS z FROM a LEFT JOIN b ON b.n = a.k LEFT JOIN c ON c.n IS "
       "b.n",
       "SELECT e.k AS x, m.k AS y, o.k AS z FROM a AS e LEFT JOIN a AS m ON m.n = e.k LEFT JOIN a "
       "AS o ON o.n = m.m AND o.m = e.m",
       "SELECT a.k AS x, b.k AS y, c.k AS z FROM a JOIN b ON b.n = a.n LEFT JOIN c ON c.n = a.k "
       "AND EXISTS (SELECT 1 FROM b AS d WHERE d.m = c.m)"});
}
