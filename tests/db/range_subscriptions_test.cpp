// Live queries that compare columns with constants: kept results are what fresh ones are, and
// commits beside an interval wake nobody.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/db/support.h"

namespace tremula::test {

namespace {

using Rng = std::mt19937_64;

int below(Rng& rng, int end) { return static_cast<int>(rng() % static_cast<std::uint64_t>(end)); }

// `D` holds values of any type: a JSON column gives them their own kinds.
constexpr const char* kSchema =
    "TABLE T = 1 (Id INT = 1 KEY, G INT = 2, N INT = 3, R REAL = 4, S TEXT = 5, D JSON = 6);"
    "TABLE U = 2 (Id INT = 1 KEY, T INT = 2, M INT = 3);";

template <typename... Choices>
std::string one_of(Rng& rng, Choices... choices) {
  const std::string list[] = {choices...};
  return list[below(rng, static_cast<int>(sizeof...(choices)))];
}

std::string number(Rng& rng) { return std::to_string(below(rng, 12) - 4); }
std::string real(Rng& rng) { return number(rng) + one_of(rng, ".0", ".5", ".25"); }
std::string text(Rng& rng) {
  return "'" + one_of(rng, "", "a", "A", "ab", "aB", "b", "ba", "\xc3\xa9") +
         one_of(rng, "", "", "a", "z", "%") + "'";
}
std::string dynamic(Rng& rng) {
  switch (below(rng, 5)) {
    case 0: return number(rng);
    case 1: return real(rng);
    case 2: return text(rng);
    case 3: return one_of(rng, "true", "false");
    default: return "CAST('[1]' AS JSON)";
  }
}
std::string value_of(Rng& rng, const std::string& column) {
  if (below(rng, 8) == 0) return "NULL";
  if (column == "N" || column == "M") return below(rng, 4) == 0 ? real(rng) : number(rng);
  if (column == "R") return below(rng, 4) == 0 ? number(rng) : real(rng);
  if (column == "S") return text(rng);
  return dynamic(rng);
}

std::string comparison(Rng& rng, const std::string& alias, const std::string& column) {
  const std::string name = alias + "." + column;
  switch (below(rng, column == "S" ? 5 : 4)) {
    case 0: return name + " BETWEEN " + value_of(rng, column) + " AND " + value_of(rng, column);
    case 1:
      return name + one_of(rng, " > ", " >= ") + value_of(rng, column) + " AND " + name +
             one_of(rng, " < ", " <= ") + value_of(rng, column);
    case 2: return value_of(rng, column) + one_of(rng, " < ", " <= ", " > ", " >= ") + name;
    case 3: return name + one_of(rng, " < ", " <= ", " > ", " >= ") + value_of(rng, column);
    default: return name + " LIKE " + one_of(rng, "'a%'", "'AB%'", "'%b'", "'b_'", "'A'", "NULL");
  }
}

std::string condition(Rng& rng) {
  std::string text = comparison(rng, "t", one_of(rng, "N", "R", "S", "D"));
  if (below(rng, 3) == 0) text += " AND t.G = " + std::to_string(below(rng, 3));
  if (below(rng, 4) == 0) text += " AND " + comparison(rng, "t", one_of(rng, "N", "R", "S", "D"));
  return text;
}

std::string select(Rng& rng) {
  const std::string where = " WHERE " + condition(rng);
  switch (below(rng, 6)) {
    case 0: return "SELECT { n: count(*), s: sum(t.N) } FROM T AS t" + where;
    case 1: return "SELECT { t.Id, t.G } FROM T AS t" + where + " ORDER BY t.N DESC LIMIT 3";
    case 2:
      return "SELECT { t.Id, u: u.Id } FROM T AS t LEFT JOIN U AS u ON u.T = t.G AND " +
             comparison(rng, "u", "M") + where;
    case 3:
      return "SELECT { t.Id, u: [SELECT { u.Id } FROM U AS u WHERE u.T = t.Id AND " +
             comparison(rng, "u", "M") + "] } FROM T AS t" + where;
    case 4:
      return "SELECT { t.Id, u: u.Id } FROM T AS t JOIN U AS u ON u.M < t.N" + where + " AND " +
             comparison(rng, "u", "M");
    default: return "SELECT { t.Id, t.N, t.S, t.D } FROM T AS t" + where;
  }
}

std::string write(Rng& rng) {
  const std::string id = std::to_string(below(rng, 12));
  switch (below(rng, 6)) {
    case 0: return "DELETE FROM T WHERE Id = " + id + ";";
    case 1:
      return "UPSERT INTO U {Id: " + id + ", T: " + std::to_string(below(rng, 3)) +
             ", M: " + one_of(rng, "NULL", number(rng)) + "};";
    case 2: return "UPDATE T SET G = " + std::to_string(below(rng, 3)) + " WHERE Id = " + id + ";";
    case 3: return "UPDATE T SET N = N + 1 WHERE Id > " + id + ";";
    default: break;
  }
  const std::string n = one_of(rng, "NULL", number(rng), number(rng));
  return "UPSERT INTO T {Id: " + id + ", G: " + std::to_string(below(rng, 3)) + ", N: " + n +
         ", R: " + value_of(rng, "R") + ", S: " + value_of(rng, "S") +
         ", D: " + value_of(rng, "D") + "};";
}

std::string fresh(Database& db, const std::string& select) {
  auto rows = db.query(select);
  if (!rows.ok()) return rows.error().message;
  return rows.value().json();
}

}  // namespace

TEST_CASE("live queries with ranges are after each commit what they are afresh") {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    auto db = Database::in_memory();
    db.run(kSchema).value();
    std::vector<std::string> selects;
    std::vector<Subscription> live;
    std::vector<int> heard(40);
    for (std::size_t i = 0; i < heard.size(); ++i) {
      selects.push_back(select(rng));
      CAPTURE(selects.back());
      auto made = db.subscribe(selects.back(), {}, [&heard, i](const Delta&) { ++heard[i]; });
      REQUIRE_MESSAGE(made.ok(), made.error().message);
      live.push_back(std::move(made).value());
    }
    std::vector<std::string> results(live.size());
    for (std::size_t i = 0; i < live.size(); ++i) results[i] = live[i].json();
    for (int commit = 0; commit < 30; ++commit) {
      std::string script = write(rng);
      if (below(rng, 3) == 0) script = "BEGIN; " + script + write(rng) + write(rng) + "COMMIT;";
      CAPTURE(script);
      std::fill(heard.begin(), heard.end(), 0);
      auto done = db.run(script);
      REQUIRE_MESSAGE(done.ok(), done.error().message);
      for (std::size_t i = 0; i < live.size(); ++i) {
        CAPTURE(selects[i]);
        const std::string now = fresh(db, selects[i]);
        REQUIRE(live[i].json() == now);
        REQUIRE(heard[i] == (now != results[i] ? 1 : 0));
        results[i] = now;
      }
      if (below(rng, 10) == 0) live.pop_back();
    }
  }
}

TEST_CASE("EXPLAIN says what rows are routed by") {
  auto db = Database::in_memory();
  db.run(kSchema).value();
  const auto route = [&](const std::string& where) {
    const std::string plan = db.explain("SELECT { t.Id } FROM T AS t WHERE " + where).value();
    const std::size_t begin = plan.find("route: ");
    return plan.substr(begin, plan.find('\n', begin) - begin);
  };
  CHECK(route("t.N > 5") == "route: interval");
  CHECK(route("5 >= t.N AND t.G = 1") == "route: eq, interval");
  CHECK(route("t.S LIKE 'a%'") == "route: interval");
  CHECK(route("t.N + 1 > 5") == "route: columns");
  CHECK(route("t.N > t.G") == "route: columns");
  CHECK(route("t.G = 1 AND t.N > t.G") == "route: eq");
}

}  // namespace tremula::test
