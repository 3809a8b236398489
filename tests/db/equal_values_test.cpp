// Live queries that compare columns with values for equality: rows find those whom they concern,
// whichever of several equal values each side has (2 and 2.0), and however many shapes there are.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tests/db/live_checks.h"
#include "tests/db/support.h"

namespace tremula::test {

namespace {

using Rng = std::mt19937_64;

int below(Rng& rng, int end) { return static_cast<int>(rng() % static_cast<std::uint64_t>(end)); }

template <typename... Choices>
std::string one_of(Rng& rng, Choices... choices) {
  const std::string list[] = {choices...};
  return list[below(rng, static_cast<int>(sizeof...(choices)))];
}

// `D` holds values of any type: a JSON column gives them their own kinds.
constexpr const char* kSchema =
    "TABLE T = 1 (Id INT = 1 KEY, N INT = 2, R REAL = 3, S TEXT = 4, D JSON = 5);";

std::string whole(Rng& rng) { return one_of(rng, "0", "1", "2", "9007199254740993", "-3"); }
std::string real(Rng& rng) {
  return one_of(rng, "0.0", "1.0", "2.5", "9007199254740992.0", "1e19");
}
std::string text(Rng& rng) { return one_of(rng, "''", "'1'", "'a'"); }

std::string value_of(Rng& rng, const std::string& column) {
  if (below(rng, 8) == 0) return "NULL";
  if (column == "N") return whole(rng);
  if (column == "R") return below(rng, 2) == 0 ? whole(rng) : real(rng);
  if (column == "S") return text(rng);
  return one_of(rng, whole(rng), real(rng), text(rng), "true", "CAST('[1]' AS JSON)");
}

// What a column is compared with may be of another kind than what it holds.
std::string condition(Rng& rng, const std::string& column) {
  const std::string other = column == "S" ? text(rng) : below(rng, 2) == 0 ? whole(rng) : real(rng);
  const std::string value = below(rng, 3) == 0 ? other : value_of(rng, column);
  return "t." + column + one_of(rng, " = ", " = ", " = ", " IS ") + value;
}

std::string select(Rng& rng) {
  std::string where = condition(rng, one_of(rng, "N", "R", "S", "D"));
  if (below(rng, 2) == 0) where += " AND " + condition(rng, one_of(rng, "N", "R", "S", "D"));
  const std::string nested = one_of(
      rng, "", ", o: [SELECT o.Id FROM T AS o WHERE o.N = t.R]",
      ", o: (SELECT { o.S } FROM T AS o WHERE o.Id = t.N)",
      ", o: [SELECT o.Id FROM T AS o JOIN T AS p ON p.Id = o.N WHERE o.R = t.N AND o.D = t.D]");
  return "SELECT { t.Id, t.N, t.R, t.S, t.D" + nested + " } FROM T AS t WHERE " + where +
         one_of(rng, "", " ORDER BY t.S LIMIT 2");
}

std::string write(Rng& rng) {
  const std::string id = std::to_string(below(rng, 12));
  if (below(rng, 4) == 0) return "DELETE FROM T WHERE Id = " + id + ";";
  std::string row = "UPSERT INTO T {Id: " + id;
  for (const std::string column : {"N", "R", "S", "D"})
    if (below(rng, 2) == 0) row += ", " + column + ": " + value_of(rng, column);
  return row + "};";
}

}  // namespace

TEST_CASE("equal values of different kinds find the live queries that they concern") {
  for (int seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(static_cast<std::uint64_t>(seed));
    auto db = Database::in_memory();
    db.run(kSchema).value();
    LiveChecks checks;
    for (int step = 0; step < 40; ++step) {
      if (step < 20) checks.watch(db, select(rng));
      db.run("BEGIN;" + write(rng) + (below(rng, 2) == 0 ? write(rng) : "") + "COMMIT;").value();
      checks.check(db);
    }
  }
}

TEST_CASE("a live query outlives others of its shape, and comes back after the last has ended") {
  auto db = Database::in_memory();
  db.run(kSchema).value();
  std::size_t heard = 0;
  for (int round = 0; round < 3; ++round) {
    // 1.0 stands for itself alone: rows of an INT column find it otherwise than 1.
    auto one = db.subscribe("SELECT { t.Id } FROM T AS t WHERE t.N = $n", {{"n", 1}},
                            [&heard](const Delta&) { ++heard; })
                   .value();
    auto real = db.subscribe("SELECT { t.Id } FROM T AS t WHERE t.N = $n", {{"n", 1.0}},
                             [&heard](const Delta&) { ++heard; })
                    .value();
    heard = 0;
    db.run("UPSERT INTO T {Id: 1, N: 1};").value();
    CHECK(heard == 2);
    CHECK(one.json() == real.json());
    one.end();
    db.run("UPDATE T SET N = 2;").value();
    CHECK(heard == 3);
    CHECK(real.json() == "[]");
  }
}

}  // namespace tremula::test
