// Aggregates and conditions batch by batch give what they give row by row: the same select with a
// sub-select in it runs in a graph, which knows no batches.
//
//   random rows, some deleted, some without cells     in memory | files | both | inside BEGIN
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "db/open_on.h"
#include "persist/memory_file_system.h"
#include "tests/db/support.h"

namespace tremula::test {
namespace {

using Random = std::mt19937_64;

constexpr std::int64_t kRows = 1'500;  // several batches, the last one not full

std::string pick(Random& random, const std::vector<std::string>& of) {
  return of[random() % of.size()];
}

// A literal of a column's kind; near the edges where sums leave INT and REAL is not exact.
std::string literal(Random& random, const std::string& column) {
  if (random() % 6 == 0) return "NULL";
  if (column == "i") {
    return pick(random, {"0", "1", "-7", "42", "9223372036854775807", "-9223372036854775807"});
  }
  if (column == "r") {
    return pick(random, {"0.0", "1.5", "-0.1", "1e300", "-1e300", "1e-300", "3.25", "1e308"});
  }
  if (column == "b") return pick(random, {"TRUE", "FALSE"});
  if (column == "t" || column == "d") {
    return pick(random, {"''", "'a'", "'abc'", "'Zebra, striped'", "'\u00e9t\u00e9 \u2603'",
                         "'a text of more than thirty-two bytes, all of them plain'"});
  }
  return pick(random, {"1", "1.0", "2", "'x'", "TRUE", "'1'", "NULL", "2.5"});  // JSON
}

const std::vector<std::string> kColumns = {"i", "r", "b", "t", "d", "j"};

void run_all(Database& db, const std::string& script) {
  const auto result = db.run(script);
  REQUIRE_MESSAGE(result.ok(), result.error().message << " in " << script.substr(0, 300));
}

void insert_rows(Database& db, Random& random, std::int64_t begin, std::int64_t end) {
  std::string script = "BEGIN;";
  for (std::int64_t id = begin; id < end; ++id) {
    std::string names = "id";
    std::string values = std::to_string(id);
    for (const std::string& column : kColumns) {
      if (random() % 5 == 0) continue;  // no triple: DEFAULT or NULL
      names += ", " + column;
      values += ", " + literal(random, column);
    }
    script += "INSERT INTO rows (" + names + ") VALUES (" + values + ");";
  }
  run_all(db, script + "COMMIT;");
}

using Execute = std::function<void(const std::string&)>;

void change_rows(const Execute& execute, Random& random, int changes) {
  for (int i = 0; i < changes; ++i) {
    const std::string id = std::to_string(random() % kRows);
    const std::string column = pick(random, kColumns);
    execute(random() % 3 == 0 ? "DELETE FROM rows WHERE id = " + id
                              : "UPDATE rows SET " + column + " = " + literal(random, column) +
                                    " WHERE id = " + id);
  }
}

void change_rows(Database& db, Random& random, int changes) {
  change_rows([&](const std::string& statement) { run_all(db, statement + ";"); }, random, changes);
}

std::string value_expr(Random& random, int depth) {
  const std::string column = "x." + pick(random, {"id", "i", "r", "b", "t", "d", "j", "late"});
  if (depth == 0) return column;
  const auto inner = [&] { return value_expr(random, depth - 1); };
  switch (random() % 7) {
    case 0: return "length(x." + pick(random, {"t", "d"}) + ")";
    case 1: return "(x.i + " + pick(random, {"1", "x.id", "9223372036854775807", "0.5"}) + ")";
    case 2: return "(x.r * " + pick(random, {"2", "x.i", "x.r"}) + ")";
    case 3: return "coalesce(x.t, x.d)";
    case 4: return "CASE WHEN x.b THEN x.i ELSE x.id END";
    case 5: return "abs(x.r)";
    default: return inner();
  }
}

std::string condition(Random& random, int depth) {
  if (depth > 0 && random() % 2 == 0) {
    const std::string op = random() % 2 == 0 ? " AND " : " OR ";
    const std::string both =
        "(" + condition(random, depth - 1) + op + condition(random, depth - 1) + ")";
    return random() % 4 == 0 ? "NOT " + both : both;
  }
  switch (random() % 8) {
    case 0: return "x.b";
    case 1: return "x.t LIKE '%a%'";
    case 2: return "x.i IN (0, 1, 42)";
    case 3: return "x." + pick(random, kColumns) + " IS " + pick(random, {"", "NOT "}) + "NULL";
    case 4: return "length(x.t) >= 3";
    case 5: return "x.t " + pick(random, {"=", "<", ">=", "<>"}) + " 'abc'";
    case 6: return "x.r " + pick(random, {"=", "<", ">", "<="}) + " 1.5";
    default: return "x.i " + pick(random, {"=", "<", ">", "<=", ">=", "<>"}) + " 1";
  }
}

std::string aggregate(Random& random) {
  std::string text;
  const std::string distinct = random() % 4 == 0 ? "DISTINCT " : "";
  switch (random() % 8) {
    case 0: text = "count(*)"; break;
    case 1: text = "count(" + distinct + value_expr(random, 1) + ")"; break;
    case 2: text = "min(" + value_expr(random, 1) + ")"; break;
    case 3: text = "max(" + value_expr(random, 1) + ")"; break;
    case 4: text = "avg(" + distinct + "x." + pick(random, {"i", "r", "id"}) + ")"; break;
    case 5: text = "total(x." + pick(random, {"i", "r", "id"}) + ")"; break;
    case 6: text = "sum(length(x." + pick(random, {"t", "d", "late"}) + "))"; break;
    default: text = "sum(" + distinct + "x." + pick(random, {"i", "r", "id"}) + ")"; break;
  }
  if (random() % 3 == 0) text += " FILTER (WHERE " + condition(random, 0) + ")";
  return text;
}

std::string window(Random& random) {
  std::string text;
  if (random() % 3 != 0) {
    text = " ORDER BY " + value_expr(random, 1) + pick(random, {"", " DESC", " NULLS LAST"});
    if (random() % 2 == 0) text += ", x.i DESC";
  }
  text += " LIMIT " + pick(random, {"0", "1", "7", "300", "2000"});
  if (random() % 2 == 0) text += " OFFSET " + pick(random, {"0", "3", "1400"});
  return text;
}

using Query = std::function<std::string(const std::string&)>;

void compare_some(const Query& query, Random& random, int selects) {
  for (int i = 0; i < selects; ++i) {
    const std::string where = random() % 3 == 0 ? "TRUE" : condition(random, 2);
    const std::string shape =
        random() % 4 == 0 ? "{ x.id, v: " + value_expr(random, 1) + " }"
                          : "{ a: " + aggregate(random) + ", b: " + aggregate(random) + " }";
    const std::string end = random() % 2 == 0 || shape.starts_with("{ a") ? "" : window(random);
    const std::string select = "SELECT " + shape + " FROM rows AS x WHERE " + where;
    CAPTURE(select);
    CAPTURE(end);
    const std::string by_row = query(select + " AND EXISTS (SELECT { o.id } FROM one AS o)" + end);
    CHECK(query(select + end) == by_row);
  }
}

void compare_some(Database& db, Random& random, int selects) {
  const auto query = [&](const std::string& select) {
    const auto rows = db.query(select);
    REQUIRE_MESSAGE(rows.ok(), rows.error().message << " in " << select);
    return rows.value().json();
  };
  compare_some(query, random, selects);
}

const char* const kTables =
    "TABLE rows = 1 (id INT = 1 KEY, i INT = 2, r REAL = 3, b BOOL = 4, t TEXT = 5,"
    " d TEXT = 6 DEFAULT 'as declared', j JSON = 7);"
    "TABLE one = 2 (id INT = 1 KEY); INSERT INTO one (id) VALUES (1);";
// A column that no row has a cell of, and another type for one that has.
const char* const kDeclaredAnew =
    "TABLE rows = 1 (id INT = 1 KEY, i INT = 2, r REAL = 3, b BOOL = 4, t TEXT = 5,"
    " d TEXT = 6 DEFAULT 'declared anew', j JSON = 7, late TEXT = 8 DEFAULT 'late');";

}  // namespace

TEST_CASE("batches give what rows give, in memory, in files, and in both") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    auto files = std::make_shared<persist::MemoryFileSystem>();
    Options options;
    if (seed % 2 == 0) options.memory_bytes = 1;  // chunks are dropped whenever they may be
    const auto open = [&] { return db::OpenOn::open(files, "db", options).value(); };
    auto db = std::make_unique<Database>(open());
    run_all(*db, kTables);
    insert_rows(*db, random, 0, kRows);
    change_rows(*db, random, 60);
    run_all(*db, kDeclaredAnew);
    compare_some(*db, random, 25);
    for (int round = 0; round < 3; ++round) {
      CAPTURE(round);
      if (round < 2) run_all(*db, "FLUSH;");
      db.reset();  // round 2: the log alone has what was written last
      db = std::make_unique<Database>(open());
      compare_some(*db, random, 20);
      change_rows(*db, random, 60);  // on rows in files
      compare_some(*db, random, 20);
    }
    db->transact([&](Transaction& tx) {
        change_rows([&](const std::string& statement) { tx.execute(statement); }, random, 40);
        compare_some([&](const std::string& select) { return tx.query(select).json(); }, random,
                     15);
      }).value();
    compare_some(*db, random, 10);
  }
}

}  // namespace tremula::test
