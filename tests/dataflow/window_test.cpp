// Window: order, LIMIT and OFFSET: what a commit moves over the edges.
#include <doctest/doctest.h>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::kPad;
using tremula::dataflow::OperatorHarness;

TEST_CASE("window: a row that leaves lets one in from behind the edge") {
  OperatorHarness window({"SELECT k" + kPad + " FROM a ORDER BY n LIMIT 2"});
  CHECK(window.commit("+a1(1) +a2(2) +a3(3)") == "=[1 2]");
  CHECK(window.commit("a1(9)") == "-0 +1=3");  // 1 goes last: it leaves, 3 enters
  CHECK(window.commit("-a2 +a2(2)") == "");    // deleted and inserted again: nothing happened
  CHECK(window.commit("-a2 -a3") == "-1 0/k=1");
}

TEST_CASE("window: a row that enters pushes the last one out") {
  OperatorHarness window({"SELECT k" + kPad + " FROM a ORDER BY n LIMIT 2"});
  CHECK(window.commit("+a1(1) +a3(3)") == "=[1 3]");
  CHECK(window.commit("+a2(2)") == "1/k=2");
  CHECK(window.commit("+a0(0)") == "-1 +0=0");
  CHECK(window.commit("+a4(4) a3(5)") == "");  // both behind the edge
}

TEST_CASE("window: rows move within it, into it and out of it") {
  OperatorHarness window({"SELECT k, n" + kPad + " FROM a ORDER BY n LIMIT 3 OFFSET 1"});
  CHECK(window.commit("+a1(10) +a2(20) +a3(30) +a4(40) +a5(50)") == "=[(2 20) (3 30) (4 40)]");
  CHECK(window.commit("a4(25)") == "2>1 1/n=25");    // in, in
  CHECK(window.commit("a2(60)") == "-0 +2=(5 50)");  // in, out
  CHECK(window.commit("a2(5)") == "-2 +0=(1 10)");   // out, in front
  CHECK(window.commit("a2(26)") == "-0 +1=(2 26)");  // 1 leaves to the front
  CHECK(window.commit("a2(60) a1(26) a5(1)") == "1/k=1");
}

TEST_CASE("window: one that isn't full takes what comes, one that begins behind the end is empty") {
  OperatorHarness window({"SELECT k" + kPad + " FROM a ORDER BY n LIMIT 3",
                          "SELECT k" + kPad + " FROM a LIMIT 2 OFFSET 3",
                          "SELECT k" + kPad + " FROM a LIMIT 0"});
  CHECK(window.commit("+a1(1)") == "+0=1 |  | ");
  CHECK(window.commit("+a2(0) +a3(2)") == "+0=2 +2=3 |  | ");
  CHECK(window.commit("+a4(9)") == " | +0=4 | ");
  CHECK(window.commit("-a1") == "-1 +2=4 | -0 | ");
}

TEST_CASE("window: ties stand by key, NULL first or last as the direction says") {
  OperatorHarness window({"SELECT k" + kPad + " FROM a ORDER BY n DESC LIMIT 3",
                          "SELECT k" + kPad + " FROM a ORDER BY n LIMIT 3",
                          "SELECT k" + kPad + " FROM a ORDER BY n DESC NULLS FIRST, t LIMIT 3"});
  CHECK(window.commit("+a3(1) +a1(1) +a2(1) +a4") == "=[1 2 3] | =[4 1 2] | =[4 1 2]");
  CHECK(window.commit("a1(_)") == "0>2 | 1>0 | 1>0");
}

TEST_CASE("window: a whole transaction is one change of the window") {
  OperatorHarness window({"SELECT k" + kPad + " FROM a ORDER BY n LIMIT 2 OFFSET 1"});
  CHECK(window.commit("+a1(1) +a2(2) +a3(3) +a4(4)") == "=[2 3]");
  CHECK(window.commit("-a1 +a9(9)") == "-0 +1=4");
  CHECK(window.commit("+a1(1) -a9 +a5(0)") == "0/k=1 1/k=2");
}

TEST_CASE("window: changes are the difference of the results") {
  check_law("a", {"SELECT k, t FROM a ORDER BY n LIMIT 2", "SELECT k FROM a ORDER BY n LIMIT 3",
                  "SELECT k FROM a ORDER BY n DESC, m LIMIT 2 OFFSET 1",
                  "SELECT k FROM a ORDER BY n DESC, m LIMIT 3 OFFSET 1",
                  "SELECT n FROM a ORDER BY m NULLS LAST LIMIT 3 OFFSET 3",
                  "SELECT k FROM a ORDER BY t DESC NULLS FIRST, n DESC LIMIT 2",
                  "SELECT k FROM a WHERE m = 1 ORDER BY n LIMIT 2",
                  "SELECT k FROM a WHERE m = 2 ORDER BY n LIMIT 2",
                  "SELECT k FROM a WHERE n > 0 LIMIT 1 OFFSET 2", "SELECT m FROM a ORDER BY n + m",
                  "SELECT n FROM a ORDER BY n LIMIT 0", "SELECT k FROM a LIMIT 3 OFFSET 9"});
}

TEST_CASE("window: an order by other tables follows them") {
  check_law(
      "ab",
      {"SELECT a.k FROM a ORDER BY (SELECT count(*) FROM b WHERE b.n = a.n) DESC LIMIT 2",
       "SELECT a.k FROM a ORDER BY (SELECT max(m) FROM b WHERE b.k <> a.k), a.n LIMIT 3",
       "SELECT a.k AS x, b.k AS y FROM a JOIN b ON b.n = a.n ORDER BY b.m DESC LIMIT 3 OFFSET 1",
       "SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON b.n = a.n ORDER BY b.m, a.m LIMIT 3",
       "SELECT a.k AS x FROM a ORDER BY EXISTS (SELECT 1 FROM b WHERE b.n = a.k) LIMIT 2"});
}
