// Apply: sub-selects as conditions and as values, and the rows that hear of them.
#include <doctest/doctest.h>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::kObjectPad;
using tremula::dataflow::kPad;
using tremula::dataflow::OperatorHarness;

TEST_CASE("apply: EXISTS tells when its count crosses zero, and only then") {
  OperatorHarness apply(
      {"SELECT k" + kPad + " FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.k)",
       "SELECT k" + kPad + " FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.n = a.k)"});
  CHECK(apply.commit("+a1 +a2 +b1(1)") == "+0=1 | +0=2");
  CHECK(apply.commit("+b2(1)") == " | ");
  CHECK(apply.commit("-b1") == " | ");
  CHECK(apply.commit("-b2 +b3(1)") == " | ");  // empties and fills in one commit
  CHECK(apply.commit("b3(2)") == "0/k=2 | 0/k=1");
  CHECK(apply.commit("-a1 -a2 +a1") == "-0 | ");
}

TEST_CASE("apply: IN is NULL where a NULL stands among the members") {
  OperatorHarness apply({"SELECT { k, i: n IN (SELECT m FROM b)" + kObjectPad + " } FROM a",
                         "SELECT k" + kPad + " FROM a WHERE n NOT IN (SELECT m FROM b)"});
  CHECK(apply.commit("+a1(1) +a2") == "=[(1 false) (2 false)] | =[1 2]");
  CHECK(apply.commit("+b1(_,2)") == "1/i=_ | -1");
  CHECK(apply.commit("+b2") == "0/i=_ | -0");
  CHECK(apply.commit("b1(_,1)") == "0/i=true | ");
  CHECK(apply.commit("-b2 +b3") == " | ");
  CHECK(apply.commit("-b3 +b4(_,1)") == " | ");
  CHECK(apply.commit("-b1") == " | ");
  CHECK(apply.commit("-b4") == "0/i=false 1/i=false | =[1 2]");
}

TEST_CASE("apply: a scalar is the first row, or NULL") {
  OperatorHarness apply({"SELECT { k, v: (SELECT m FROM b WHERE b.n = a.k ORDER BY m LIMIT 1) + 0" +
                             kObjectPad + " } FROM a",
                         "SELECT { s: (SELECT count(*) FROM b) * 10" + kObjectPad + " }"});
  CHECK(apply.commit("+a1") == "+0=(1 _) | ");
  CHECK(apply.commit("+b1(1,5) +b2(1,3)") == "0/v=3 | 0/s=20");
  CHECK(apply.commit("-b2 +b3(2,1)") == "0/v=5 | ");
  CHECK(apply.commit("b3(1,5) -b1") == " | 0/s=10");
  CHECK(apply.commit("a1(7)") == " | ");
}

TEST_CASE("apply: a row that changes its parameters asks another sub-select") {
  OperatorHarness apply(
      {"SELECT { k, c: (SELECT count(*) FROM b WHERE b.n = a.n) + 0" + kObjectPad + " } FROM a"});
  CHECK(apply.commit("+b1(1) +b2(1) +b3(2) +a1(1) +a2(2)") == "=[(1 2) (2 1)]");
  CHECK(apply.commit("a1(2)") == "0/c=1");
  CHECK(apply.commit("a1(1) a2(1) b3(1)") == "0/c=3 1/c=3");
  CHECK(apply.commit("a1(_)") == "0/c=0");
}

TEST_CASE("apply: correlation reaches over two levels") {
  OperatorHarness apply({"SELECT k" + kPad +
                         " FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.k AND EXISTS (SELECT "
                         "1 FROM c WHERE c.n = b.k AND c.m = a.m))"});
  CHECK(apply.commit("+a1(_,7) +b5(1) +c9(5,6)") == "");
  CHECK(apply.commit("c9(5,7)") == "+0=1");
  CHECK(apply.commit("a1(_,6) c9(5,6)") == "");
  CHECK(apply.commit("a1(_,7)") == "-0");
  CHECK(apply.commit("+c8(5,7) +b6(1)") == "+0=1");
  CHECK(apply.commit("-b5 c8(6,7)") == "");
}

TEST_CASE("apply: conditions with sub-selects are the difference of the results") {
  check_law("ab",
            {"SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.n)",
             "SELECT k FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.n = a.n AND b.m > a.m)",
             "SELECT k FROM a WHERE n IN (SELECT m FROM b)",
             "SELECT k FROM a WHERE n NOT IN (SELECT m FROM b)",
             "SELECT k FROM a WHERE n IN (SELECT m FROM b WHERE b.n = a.m)",
             "SELECT k FROM a WHERE n NOT IN (SELECT m FROM b WHERE b.n < a.m)",
             "SELECT k FROM a WHERE n IN (SELECT n FROM a AS x WHERE x.k <> a.k)",
             "SELECT k FROM a WHERE m = 1 OR NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)",
             "SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b) AND n > 0",
             "SELECT k FROM a WHERE 1 IN (SELECT n FROM b)",
             "SELECT k FROM a WHERE n + m IN (SELECT n + m FROM b)",
             "SELECT k FROM a WHERE n IN (SELECT n FROM b ORDER BY m DESC LIMIT 2)",
             "SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.n LIMIT 1 OFFSET 1)",
             "SELECT k FROM a WHERE n IN (SELECT max(m) FROM b GROUP BY n)",
             "SELECT k FROM a WHERE n = (SELECT max(n) FROM b)",
             "SELECT k FROM a WHERE n > (SELECT min(n) FROM b WHERE b.m = a.m)"});
}

TEST_CASE("apply: sub-selects as values are the difference of the results") {
  check_law("ab",
            {"SELECT { k, v: n IN (SELECT m FROM b) } FROM a",
             "SELECT { k, v: n NOT IN (SELECT m FROM b WHERE b.n = a.n) } FROM a",
             "SELECT { k, v: EXISTS (SELECT 1 FROM b WHERE b.n = a.n) } FROM a",
             "SELECT { k, v: (SELECT count(*) FROM b WHERE b.n = a.n) + 1 } FROM a",
             "SELECT { k, v: (SELECT t FROM b WHERE b.n = a.n ORDER BY m DESC) || '!' } FROM a",
             "SELECT { k, v: CASE WHEN EXISTS (SELECT 1 FROM b WHERE b.m > a.m) THEN n ELSE "
             "(SELECT max(m) FROM b) END } FROM a",
             "SELECT { v: 1 IN (SELECT n FROM a), w: (SELECT sum(m) FROM b) + 0 }",
             "SELECT { k, v: coalesce((SELECT n FROM b WHERE b.k = a.m), a.n) } FROM a LIMIT 3",
             "SELECT { k, v: (SELECT a.n + count(*) FROM b) + 0 } FROM a"});
}

TEST_CASE("apply: sub-selects over two levels are the difference of the results") {
  check_law(
      "abc",
      {"SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.n AND EXISTS (SELECT 1 FROM c "
       "WHERE c.n = b.m AND c.m = a.m))",
       "SELECT k FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.n = a.n AND NOT EXISTS (SELECT 1 "
       "FROM c WHERE c.k = b.k AND c.n <> a.n))",
       "SELECT k FROM a WHERE n IN (SELECT m FROM b WHERE b.k IN (SELECT n FROM c WHERE c.m = "
       "a.m))",
       "SELECT { k, v: (SELECT sum((SELECT count(*) FROM c WHERE c.n = b.n)) FROM b WHERE b.m = "
       "a.m) + 0 } FROM a",
       "SELECT k FROM a WHERE m > (SELECT count(*) FROM b JOIN c ON c.n = b.n WHERE b.m = a.n)",
       "SELECT { k, v: (SELECT max(b.m) FROM b LEFT JOIN c ON c.k = b.n AND c.m = a.m) + 0 } FROM "
       "a"});
}
