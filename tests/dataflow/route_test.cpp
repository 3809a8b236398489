// Routes: whom a changed row visits is all whom it concerns. Selects of random conditions hold what
// they give when they are run afresh, which asks everybody, whoever else stands in the same routes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::kObjectPad;
using tremula::dataflow::OperatorHarness;
using tremula::dataflow::random_writes;
using tremula::property::Rng;

namespace {

// Conditions on the columns of one alias (n and m are numbers 0 to 3 or NULL, t texts x, y, Y).
class Conditions {
 public:
  explicit Conditions(Rng& rng) : rng_(rng) {}

  std::string one(const std::string& alias, int depth = 2) {
    if (depth == 0 || rng_.chance(45)) return atom(alias);
    const std::string first = one(alias, depth - 1);
    if (rng_.chance(20)) return "NOT (" + first + ")";
    return "(" + first + (rng_.chance(50) ? " AND " : " OR ") + one(alias, depth - 1) + ")";
  }

 private:
  std::string pick(const std::vector<std::string>& items) { return rng_.pick(items); }
  std::string number() { return pick({"0", "1", "2", "3", "NULL", "1 + 1", "2.0", "1.5"}); }
  std::string numeric(const std::string& alias) { return alias + pick({".n", ".m", ".k"}); }

  std::string atom(const std::string& alias) {
    const std::string column = numeric(alias), text = alias + ".t";
    switch (rng_.below(9)) {
      case 0: return column + pick({" < ", " <= ", " > ", " >= "}) + number();
      case 1: return number() + pick({" < ", " <= ", " > ", " >= ", " = "}) + column;
      case 2: return column + pick({"", " NOT"}) + " BETWEEN " + number() + " AND " + number();
      case 3: return column + pick({" IN (", " NOT IN ("}) + number() + ", " + number() + ")";
      case 4: return column + pick({" IS NULL", " IS NOT NULL", " IS 2", " IS NOT 1", " <> 1"});
      case 5:
        return text + pick({" LIKE ", " NOT LIKE "}) +
               pick({"'x%'", "'Y%'", "'%'", "'y'", "'_'", "'!x%' ESCAPE '!'", "NULL"});
      case 6: return text + " GLOB " + pick({"'x*'", "'[xY]'", "'Y'", "'*'"});
      case 7: return column + pick({" = ", " < "}) + numeric(alias);
      default: return column + " = " + number();
    }
  }

  Rng& rng_;
};

std::string joined_select(Rng& rng, Conditions& conditions) {
  const std::vector<std::string> on = {"b.n = a.k", "b.k = a.n", "b.n = a.n AND b.m = a.m",
                                       "b.n = a.n", "b.n = a.n AND b.m > 1"};
  const std::string join = rng.chance(30) ? " LEFT JOIN b ON " : " JOIN b ON ";
  const std::string chain = rng.chance(30) ? " JOIN c ON c.n = b.m" : "";
  return "SELECT { x: a.k, y: b.k" + kObjectPad + " } FROM a" + join + rng.pick(on) + chain +
         " WHERE " +
         conditions.one(rng.chance(60)  ? "a"
                        : chain.empty() ? "b"
                                        : "c",
                        1);
}

std::string member(Rng& rng, Conditions& conditions) {
  switch (rng.below(5)) {
    case 0: return "EXISTS (SELECT 1 FROM b WHERE b.n = a.k AND " + conditions.one("b", 1) + ")";
    case 1:
      return "EXISTS (SELECT 1 FROM b WHERE b.n = a.n AND b.m = a.m AND " + conditions.one("b", 1) +
             ")";
    case 2: return "a.n IN (SELECT b.n FROM b WHERE " + conditions.one("b", 1) + ")";
    case 3:
      return "a.k IN (SELECT b.m FROM b JOIN c ON c.k = b.n WHERE " + conditions.one("c", 1) + ")";
    default: return "NOT EXISTS (SELECT 1 FROM c WHERE c.n = a.n AND c.m = 1)";
  }
}

std::string random_select(Rng& rng) {
  Conditions conditions(rng);
  const std::string select = "SELECT { a.k, a.n" + kObjectPad;
  const std::string from = " } FROM a WHERE ";
  switch (rng.below(8)) {
    case 0: return joined_select(rng, conditions);
    case 1: return select + from + member(rng, conditions);
    case 2: return select + from + member(rng, conditions) + " AND " + conditions.one("a", 1);
    case 3:
      return select + from + member(rng, conditions) +
             " AND (SELECT count(*) FROM c WHERE c.n = a.n) " + rng.pick<std::string>({"<", ">"}) +
             " 1";
    case 4:
      return select +
             ", b: [SELECT b.k FROM b WHERE b.n = a.n ORDER BY b.m DESC LIMIT 2 OFFSET 1]" + from +
             conditions.one("a");
    case 5: return "SELECT { n: count(*), s: sum(a.m)" + kObjectPad + from + conditions.one("a");
    default:
      return select + from + conditions.one("a") +
             rng.pick<std::string>({"", " ORDER BY a.m DESC LIMIT 2", " AND a.n = 1"});
  }
}

}  // namespace

TEST_CASE("routes: live selects of random conditions hold what a fresh run gives") {
  for (int seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    Rng rng(static_cast<std::uint64_t>(seed));
    OperatorHarness harness;
    if (rng.chance(50)) harness.declare_index("b", "n");
    for (int i = 0; i < 3; ++i) harness.commit(random_writes(rng, "abc"));
    std::size_t closed = 0;
    for (int step = 0; step < 25 && harness.lawful(); ++step) {
      // Few at first, then so many that places are crowded, then fewer again.
      for (int i = step < 12 ? 2 : 0; i > 0; --i) harness.open(random_select(rng));
      if (step > 8) harness.close(closed++);
      harness.commit(random_writes(rng, rng.chance(50) ? "aab" : "abc"));
    }
    REQUIRE(harness.lawful());
    for (; closed < harness.view_count(); ++closed) harness.close(closed);
    const tremula::dataflow::GraphStats stats = harness.stats();
    REQUIRE(stats.templates + stats.instances + stats.views == 0);
  }
}

TEST_CASE("routes: a row that meets nobody's condition wakes nobody") {
  OperatorHarness routes({"SELECT { a.k" + kObjectPad + " } FROM a WHERE a.n = 1 OR a.m = 7",
                          "SELECT { a.k" + kObjectPad + " } FROM a WHERE a.n IN (1, 2) AND a.m > 5",
                          "SELECT { a.k" + kObjectPad +
                              " } FROM a WHERE EXISTS (SELECT 1 FROM b"
                              " WHERE b.n = a.k AND b.m = 9)"});
  CHECK(routes.commit("+a1(1) +a2(2,6) +a3(3,7) +b1(3,9)") != "");
  CHECK(routes.commit("a3(4)") != "");
  CHECK(routes.rows(0) == "[1 3]");
  CHECK(routes.rows(1) == "[2]");
  CHECK(routes.rows(2) == "[3]");
}
