// Patch: nested arrays, singles and objects; operations as small as what they tell.
#include <doctest/doctest.h>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::check_law;
using tremula::dataflow::kObjectPad;
using tremula::dataflow::kPad;
using tremula::dataflow::OperatorHarness;

TEST_CASE("patch: an edit deep in a tree is one replace at its path") {
  OperatorHarness patch(
      {"SELECT { k, l: [SELECT { k, t, m: [SELECT { k, t, long: 'long, long text' } FROM c WHERE "
       "c.n = b.k] } FROM b WHERE b.n = a.k]" +
       kObjectPad + " } FROM a"});
  CHECK(patch.commit("+a1 +b1(1,_,x) +b2(1,_,y) +c1(2,_,z) +c2(2,_,w)") ==
        "+0=(1 [(1 x []) (2 y [(1 z long, long text) (2 w long, long text)])])");
  CHECK(patch.commit("c2(.,.,v)") == "0/l/1/m/1/t=v");
  CHECK(patch.commit("b2(.,.,q)") == "0/l/1/t=q");
  CHECK(patch.commit("-c1") == "-0/l/1/m/0");
  CHECK(patch.commit("+c3(2,_,u)") == "+0/l/1/m/1=(3 u long, long text)");
  CHECK(patch.commit("-c3 +c3(2,_,u)") == "");
  CHECK(patch.commit("-b1") == "-0/l/0");
}

TEST_CASE("patch: what moves under another parent leaves the one and enters the other") {
  OperatorHarness patch(
      {"SELECT { k, l: [SELECT k FROM b WHERE b.n = a.k]" + kObjectPad + " } FROM a"});
  CHECK(patch.commit("+a1 +a2 +b1(1) +b2(1) +b3(2)") == "=[(1 [1 2]) (2 [3])]");
  CHECK(patch.commit("b1(2)") == "-0/l/0 +1/l/0=1");
  CHECK(patch.commit("-a1 b2(2)") == "-0 +0/l/1=2");
}

TEST_CASE("patch: a parent whose parameters change shows other children") {
  OperatorHarness patch(
      {"SELECT { k, l: [SELECT { k, t } FROM b WHERE b.n = a.n], one: (SELECT { k, t } FROM c "
       "WHERE c.k = a.m)" +
       kObjectPad + " } FROM a"});
  CHECK(patch.commit("+a1(1,1) +b1(1,_,x) +b2(2,_,y) +c1(_,_,x) +c2(_,_,y)") ==
        "+0=(1 [(1 x)] (1 x))");
  CHECK(patch.commit("a1(2)") == "0/l/0=(2 y)");
  CHECK(patch.commit("a1(.,2)") == "0/one=(2 y)");
  CHECK(patch.commit("a1(.,_)") == "0/one=_");
  CHECK(patch.commit("a1(.,1) c1(_,_,z)") == "0/one=(1 z)");
  CHECK(patch.commit("c1(_,_,q)") == "0/one/t=q");
  CHECK(patch.commit("a1(_)") == "-0/l/0");
}

TEST_CASE("patch: properties of nested objects have paths of their own") {
  OperatorHarness patch({"SELECT { k, o: { n, p: { m, t } }" + kObjectPad + " } FROM a"});
  CHECK(patch.commit("+a1(1,2,x)") == "+0=(1 (1 (2 x)))");
  CHECK(patch.commit("a1(.,.,y)") == "0/o/p/t=y");
  CHECK(patch.commit("a1(5)") == "0/o/n=5");
}

TEST_CASE("patch: an outer column that only the inner shape reads is told for each row") {
  OperatorHarness patch(
      {"SELECT { k, l: [SELECT { b.k, n: a.m, c: 'something long to keep' } FROM b WHERE b.n = "
       "a.n]" +
       kObjectPad + " } FROM a"});
  CHECK(patch.commit("+a1(1,5) +b1(1) +b2(2)") == "+0=(1 [(1 5 something long to keep)])");
  CHECK(patch.commit("a1(.,6)") == "0/l/0/n=6");
  CHECK(patch.commit("a1(2,6)").substr(0, 7) == "0/l/0/k");
}

TEST_CASE("patch: one row that another takes the place of is one replace") {
  OperatorHarness patch({"SELECT t" + kPad + " FROM a ORDER BY n LIMIT 2"});
  CHECK(patch.commit("+a1(1,_,x) +a2(2,_,y)") == "=[x y]");
  CHECK(patch.commit("-a2 +a3(2,_,z)") == "1/t=z");
  CHECK(patch.commit("-a3 +a2(2,_,z)") == "");  // another row that prints alike
  CHECK(patch.commit("a1(3)") == "0>1");
}

TEST_CASE("patch: trees are the difference of the results") {
  check_law("abc",
            {"SELECT { k, l: [SELECT { k, t } FROM b WHERE b.n = a.k] } FROM a",
             "SELECT { k, l: [SELECT t FROM b WHERE b.n = a.n ORDER BY m DESC LIMIT 2] } FROM a",
             "SELECT { k, s: (SELECT { k, t } FROM b WHERE b.n = a.n) } FROM a ORDER BY n",
             "SELECT { k, s: (SELECT t FROM b WHERE b.k = a.n) } FROM a LIMIT 3",
             "SELECT { k, l: [SELECT { k, m: [SELECT k FROM c WHERE c.n = b.k] } FROM b WHERE b.n "
             "= a.n] } FROM a",
             "SELECT { k, l: [SELECT { k, m: [SELECT { k, z: a.t } FROM c WHERE c.n = a.m] } FROM "
             "b] } FROM a ORDER BY m DESC LIMIT 2",
             "SELECT { x: [SELECT k FROM a ORDER BY n LIMIT 2], y: (SELECT { n, m } FROM b), z: { "
             "c: (SELECT count(*) FROM c) } }",
             "SELECT { n, l: [SELECT k FROM b WHERE b.n = a.n], c: count(*) } FROM a GROUP BY n",
             "SELECT { o: { k, l: [SELECT max(m) FROM b WHERE b.n = a.n] } } FROM a",
             "SELECT { k, l: [SELECT { n, c: count(*), a: a.t } FROM b WHERE b.m = a.m GROUP BY n] "
             "} FROM a",
             "SELECT { k, l: [SELECT DISTINCT t FROM b WHERE b.n > a.n] } FROM a"});
}
