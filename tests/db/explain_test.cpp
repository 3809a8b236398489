// EXPLAIN for people: what is held, what is shared, and the plan as a graph.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/text.h"
#include "tremula/tremula.h"

namespace tremula::test {
namespace {

using support::count_of;

constexpr const char* kSchema =
    "TABLE P = 1 (Id INT = 1 KEY, Name TEXT = 2);"
    "TABLE C = 2 (Id INT = 1 KEY, P INT = 2 INDEX REF P, N INT = 3);"
    "INSERT INTO P {Id: 1, Name: 'a'}, {Id: 2, Name: 'b'};"
    "INSERT INTO C {Id: 1, P: 1, N: 5}, {Id: 2, P: 1, N: 6}, {Id: 3, P: 2, N: 7};";

// The same count twice, once as a value of its own and once in an expression.
constexpr const char* kTwice =
    "SELECT { p.Name, n: (SELECT count(*) FROM C AS c WHERE c.P = p.Id), "
    "m: (SELECT count(*) FROM C AS c WHERE c.P = p.Id) + 1 } FROM P AS p ORDER BY p.Name";

}  // namespace

TEST_CASE("EXPLAIN tells a part that stands at two places once") {
  auto db = Database::in_memory();
  db.run(kSchema).value();
  const std::string plan = db.explain(kTwice).value();
  CHECK(count_of(plan, "from C") == 1);
  CHECK(count_of(plan, "part 1") == 2);
  CHECK(count_of(plan, "part 1: shared, told above\n") == 1);
  CHECK(plan.ends_with("  from P   access: scan   route: columns\n"));
}

TEST_CASE("EXPLAIN LIVE tells rows, bytes, instances and deltas of each part") {
  auto db = Database::in_memory();
  db.run(kSchema).value();
  auto live = db.subscribe(kTwice, {}, [](const Delta&) {}).value();
  std::string plan = live.explain();
  CHECK(plan.starts_with("view {Name n() m}   rows: 2   bytes: "));
  CHECK(count_of(plan, "instances: 2   rows: 2   bytes: ") == 2);  // the count of each parent
  CHECK(plan.find("   deltas: 0\n") != std::string::npos);
  db.run("INSERT INTO C {Id: 4, P: 2, N: 1};").value();
  plan = live.explain();
  CHECK(plan.substr(0, plan.find('\n')).ends_with("   deltas: 1"));
  auto other = db.subscribe(std::string(kTwice) + " LIMIT 1", {}, [](const Delta&) {}).value();
  CHECK(live.explain().find("shared by 2 plans") != std::string::npos);
}

TEST_CASE("a plan as a graph: an arrow from each operator but the last, shared parts once") {
  auto db = Database::in_memory();
  db.run(kSchema).value();
  const std::string graph = db.explain(kTwice, {}, PlanFormat::kDot).value();
  CHECK(graph.starts_with("digraph plan {\n"));
  CHECK(graph.ends_with("}\n"));
  // As many arrows as operators, less the root, and one more for the part that feeds two.
  CHECK(count_of(graph, " -> ") == count_of(graph, " [label="));
  CHECK(count_of(graph, "part 1, shared") == 1);
  CHECK(count_of(graph, "{") == count_of(graph, "}"));
}

}  // namespace tremula::test
