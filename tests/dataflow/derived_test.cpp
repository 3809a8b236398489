// Derived tables: rows of a select inside as rows of a source.
#include <doctest/doctest.h>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::kObjectPad;
using tremula::dataflow::kPad;
using tremula::dataflow::OperatorHarness;

TEST_CASE("derived: rows of the select inside enter, change and leave") {
  OperatorHarness derived({"SELECT d.x" + kPad + " FROM (SELECT n AS x FROM a WHERE m = 1) AS d"});
  CHECK(derived.commit("+a1(5,1) +a2(4,1) +a3(6,2)") == "=[4 5]");  // by all their values
  CHECK(derived.commit("a1(3)") == "1>0 0/x=3");
  CHECK(derived.commit("a3(6,1) a2(4,2)") == "1/x=6");
  CHECK(derived.commit("a1(_,_,q) -a3 +a3(6,1)") == "-0");
  CHECK(derived.commit("-a3 +a4(6,1)") == "");
}

TEST_CASE("derived: a window inside lets rows in from behind its edge") {
  OperatorHarness derived(
      {"SELECT b.k, d.x" + kPad +
       " FROM (SELECT k AS x, n FROM a ORDER BY n LIMIT 2) AS d JOIN b ON b.n = d.x"});
  CHECK(derived.commit("+b1(1) +b2(2) +b3(3) +a1(1) +a2(2) +a3(3)") == "=[(1 1) (2 2)]");
  CHECK(derived.commit("a1(9)") == "-0 +1=(3 3)");
  CHECK(derived.commit("b3(2)") == "1/x=2");
  CHECK(derived.commit("-a1 -a2 -a3") == "=[]");
}

TEST_CASE("derived: groups inside are rows outside") {
  OperatorHarness derived(
      {"SELECT b.k, d.c" + kPad +
       " FROM b LEFT JOIN (SELECT n, count(*) AS c FROM a GROUP BY n) AS d ON d.n = b.k"});
  CHECK(derived.commit("+b1 +b2 +a1(1)") == "=[(1 1) (2 _)]");
  CHECK(derived.commit("+a2(1) +a3(2)") == "0/c=2 1/c=1");
  CHECK(derived.commit("-a1 -a2") == "0/c=_");
  CHECK(derived.commit("+a1(1) -a3 +a4(2)") == "0/c=1");
}

TEST_CASE("derived: one in a sub-select sees the rows around it") {
  OperatorHarness derived(
      {"SELECT { k, s: (SELECT sum(d.m) FROM (SELECT m FROM b WHERE b.n = a.k ORDER BY m DESC "
       "LIMIT 2) AS d) + 0" +
       kObjectPad + " } FROM a"});
  CHECK(derived.commit("+a1 +a2 +b1(1,1) +b2(1,2) +b3(1,3)") == "=[(1 5) (2 _)]");
  CHECK(derived.commit("-b3") == "0/s=3");
  CHECK(derived.commit("b2(2,7)") == "0/s=1 1/s=7");
}

TEST_CASE("derived: changes are the difference of the results") {
  check_law(
      "ab",
      {"SELECT d.x FROM (SELECT n AS x FROM a WHERE m = 1) AS d",
       "SELECT d.x, d.y FROM (SELECT n AS x, m AS y FROM a) AS d WHERE d.x > d.y",
       "SELECT d.x FROM (SELECT n AS x FROM a ORDER BY m LIMIT 3) AS d ORDER BY d.x DESC",
       "SELECT d.n, e.c FROM (SELECT DISTINCT n FROM a) AS d LEFT JOIN (SELECT n, count(*) AS c "
       "FROM b GROUP BY n) AS e ON e.n = d.n",
       "SELECT d.c, count(*) AS x FROM (SELECT n, count(*) AS c FROM a GROUP BY n) AS d GROUP BY "
       "d.c",
       "SELECT b.k, d.k2 FROM b JOIN (SELECT k AS k2, n FROM a ORDER BY n LIMIT 2) AS d ON d.n = "
       "b.n",
       "SELECT b.k, d.k2 FROM b LEFT JOIN (SELECT k AS k2, n FROM a WHERE m > 0) AS d ON d.n < b.n",
       "SELECT d.v FROM (SELECT a.t AS v, b.k AS w FROM a JOIN b ON b.n = a.n) AS d ORDER BY d.w "
       "LIMIT 3",
       "SELECT d.s FROM (SELECT sum(n) AS s FROM a) AS d WHERE d.s IS NOT NULL",
       "SELECT { k, l: [SELECT d.m FROM (SELECT m FROM b WHERE b.n = a.n LIMIT 2) AS d] } FROM a",
       "SELECT k FROM a WHERE n IN (SELECT d.x FROM (SELECT m AS x FROM b WHERE b.k > a.k) AS d)",
       "SELECT d.x FROM (SELECT e.x FROM (SELECT n AS x, m FROM a LIMIT 4) AS e WHERE e.m > 0) AS "
       "d"});
}
