// Group: GROUP BY, HAVING, aggregates and DISTINCT, and what a commit makes of the groups.
#include <doctest/doctest.h>

#include <string>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::kObjectPad;
using tremula::dataflow::kPad;
using tremula::dataflow::OperatorHarness;

TEST_CASE("group: groups come with their first row and go with their last") {
  OperatorHarness group({"SELECT n, count(*) AS c" + kPad + " FROM a GROUP BY n"});
  CHECK(group.commit("+a1(5) +a2(5) +a3") == "=[(_ 1) (5 2)]");  // NULLs are one group
  CHECK(group.commit("-a1") == "1/c=1");
  CHECK(group.commit("-a2") == "-1");
  CHECK(group.commit("+a2(5) -a3") == "0/n=5");
}

TEST_CASE("group: one that empties and fills again in one commit stays") {
  OperatorHarness group({"SELECT n, count(*) AS c, sum(m) AS s" + kPad + " FROM a GROUP BY n"});
  CHECK(group.commit("+a1(5,1)") == "+0=(5 1 1)");
  CHECK(group.commit("-a1 +a2(5,1)") == "");
  CHECK(group.commit("-a2 +a1(5,2)") == "0/s=2");
  CHECK(group.commit("a1(6) +a2(5,2)") == "+1=(6 1 2)");
  CHECK(group.commit("a1(5) a2(6)") == "");
  CHECK(group.commit("a1(_) a2(_)") == "=[(_ 2 4)]");
}

TEST_CASE("group: every aggregate over rows, NULLs and nothing") {
  OperatorHarness group(
      {"SELECT { c: count(n), s: sum(n), a: avg(n), lo: min(n), hi: max(n), t: total(n), g: "
       "group_concat(t)" +
       kObjectPad + " } FROM a"});
  CHECK(group.rows() == "[(0 _ _ _ _ 0.0 _)]");
  CHECK(group.commit("+a1 +a2") == "");
  CHECK(group.commit("a1(4,_,x)") == "0=(1 4 4.0 4 4 4.0 x)");
  CHECK(group.commit("a2(1,_,y)") == "0=(2 5 2.5 1 4 5.0 x,y)");
  CHECK(group.commit("a2(4) +a3(4)") == "0=(3 12 4.0 4 4 12.0 x,y)");
  CHECK(group.commit("-a3 -a2 -a1") == "0=(0 _ _ _ _ 0.0 _)");
}

TEST_CASE("group: DISTINCT, FILTER and ORDER BY inside an aggregate") {
  OperatorHarness group(
      {"SELECT { d: count(DISTINCT n), s: sum(DISTINCT n), f: count(*) FILTER (WHERE m > 0), g: "
       "group_concat(t, '-' ORDER BY n DESC)" +
       kObjectPad + " } FROM a"});
  CHECK(group.commit("+a1(1,0,x) +a2(1,1,y) +a3(2,1,z)") == "0=(2 3 2 z-x-y)");
  CHECK(group.commit("-a1") == "0/g=z-y");
  CHECK(group.commit("a3(1)") == "0/d=1 0/g=y-z 0/s=1");
  CHECK(group.commit("-a2 a3(.,_)") == "0/f=0 0/g=z");
}

TEST_CASE("group: HAVING lets groups in and out without touching their rows") {
  OperatorHarness group(
      {"SELECT n" + kPad + " FROM a GROUP BY n HAVING count(*) > 1",
       "SELECT n" + kPad + " FROM a GROUP BY n HAVING max(m) > (SELECT count(*) FROM b)"});
  CHECK(group.commit("+a1(1,1) +a2(2,2)") == " | =[1 2]");
  CHECK(group.commit("+a3(1) +b1") == "+0=1 | -0");
  CHECK(group.commit("-a1 +a4(2)") == "0/n=2 | ");
  CHECK(group.commit("-b1 +b2") == " | ");
  CHECK(group.commit("-b2") == " | ");
}

TEST_CASE("group: columns of a table whose key is grouped by follow its row") {
  OperatorHarness group({"SELECT a.k, a.t, count(b.k) AS c" + kPad +
                         " FROM a LEFT JOIN b ON b.n = a.k GROUP BY a.k"});
  CHECK(group.commit("+a1(_,_,x)") == "+0=(1 x 0)");
  CHECK(group.commit("a1(_,_,y) +b1(1)") == "0/c=1 0/t=y");
  CHECK(group.commit("-a1 +a1(_,_,z)") == "0/t=z");
  CHECK(group.commit("-a1") == "-0");
}

TEST_CASE("group: DISTINCT shows each value once, however many rows have it") {
  OperatorHarness group({"SELECT DISTINCT n" + kPad + " FROM a"});
  CHECK(group.commit("+a1(1) +a2(1) +a3") == "=[_ 1]");
  CHECK(group.commit("-a1") == "");
  CHECK(group.commit("-a2 +a4(1)") == "");
  CHECK(group.commit("a4(2) a3(2)") == "-1 0/n=2");
}

TEST_CASE("group: 1 and 1.0 are one key, printed as its first row has it") {
  const std::string mixed = "CASE WHEN m = 1 THEN n ELSE n * 1.0 END";
  OperatorHarness group({"SELECT DISTINCT " + mixed + " AS v FROM a",
                         "SELECT { v: " + mixed + ", c: count(*) } FROM a GROUP BY " + mixed});
  CHECK(group.commit("+a1(5,1) +a2(5)") == "+0=5 | +0=(5 2)");
  CHECK(group.commit("-a2") == " | 0/c=1");
  CHECK(group.commit("+a2(5)") == " | 0/c=2");
  CHECK(group.commit("-a1") == "0/v=5.0 | 0=(5.0 1)");
  CHECK(group.commit("a2(.,1)") == "0/v=5 | 0/v=5");
  check_law("a", {"SELECT DISTINCT " + mixed + " AS v FROM a",
                  "SELECT " + mixed + " AS v, count(*) AS c FROM a GROUP BY " + mixed,
                  "SELECT min(" + mixed + ") AS v, max(" + mixed + ") AS w FROM a",
                  "SELECT sum(DISTINCT " + mixed + ") AS s FROM a",
                  "SELECT group_concat(DISTINCT " + mixed + ") AS g FROM a"});
}

TEST_CASE("group: grouped results are the difference of the results") {
  check_law("a", {"SELECT n, count(*) AS c FROM a GROUP BY n",
                  "SELECT n, sum(m) AS s, max(m) AS x, min(t) AS y FROM a GROUP BY n",
                  "SELECT n, m, count(t) AS c FROM a GROUP BY n, m",
                  "SELECT { v: avg(n), t: total(m), s: sum(n) } FROM a",
                  "SELECT n, count(DISTINCT m) AS d, sum(DISTINCT m) AS e FROM a GROUP BY n",
                  "SELECT n, count(*) FILTER (WHERE m > 0) AS f, max(k) FILTER (WHERE t = 'x') AS "
                  "g FROM a GROUP BY n",
                  "SELECT n, group_concat(t) AS g FROM a GROUP BY n",
                  "SELECT n, group_concat(DISTINCT t, ';' ORDER BY t DESC) AS g FROM a GROUP BY n",
                  "SELECT group_concat(k, '' ORDER BY m DESC, n) AS g FROM a",
                  "SELECT n + m AS x, count(*) AS c FROM a GROUP BY n + m ORDER BY count(*) DESC"});
}

TEST_CASE("group: HAVING and DISTINCT are the difference of the results") {
  check_law("ab",
            {"SELECT n FROM a GROUP BY n HAVING count(*) > 1",
             "SELECT n FROM a GROUP BY n HAVING max(m) > min(m) ORDER BY max(m) LIMIT 2",
             "SELECT n FROM a GROUP BY n HAVING EXISTS (SELECT 1 FROM b WHERE b.n = a.n)",
             "SELECT n, (SELECT count(*) FROM b WHERE b.n = a.n) AS c FROM a GROUP BY n",
             "SELECT a.k, a.t, count(b.k) AS c FROM a LEFT JOIN b ON b.n = a.n GROUP BY a.k",
             "SELECT n, sum((SELECT max(m) FROM b WHERE b.k = a.m)) AS s FROM a GROUP BY n",
             "SELECT count(*) AS c FROM a GROUP BY EXISTS (SELECT 1 FROM b WHERE b.n = a.n)",
             "SELECT DISTINCT n FROM a", "SELECT DISTINCT n, m FROM a ORDER BY m DESC LIMIT 2",
             "SELECT DISTINCT count(*) AS c FROM a GROUP BY n",
             "SELECT DISTINCT a.n, b.t FROM a JOIN b ON b.n = a.n",
             "SELECT DISTINCT { n: a.n, l: [SELECT k FROM b WHERE b.n = a.n] } FROM a"});
}
