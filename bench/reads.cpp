// reads. Claim: a prepared one-shot SELECT costs what it reads, not what the engine is.
// Baseline: sqlite3 with the same indexes, prepared statements.
//
//   key     one row by its key                top_k   a group's newest ten, by an index and a sort
//   group   the rows of a group, by an index  in      three keys
//   count   how many rows a group has         tree    a row with the others of its group
#include <tremula/tremula.h>

#include <functional>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/json.h"
#include "bench/support/sqlite.h"

namespace tremula::bench {
namespace {

struct Case {
  std::string name, select, sql;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {"key", "SELECT { i.id, i.val, i.title } FROM item AS i WHERE i.id = $a",
       "SELECT id, val, title FROM item WHERE id = ?1"},
      {"in", "SELECT { i.id, i.val } FROM item AS i WHERE i.id IN ($a, $a + 1, $a + 2)",
       "SELECT id, val FROM item WHERE id IN (?1, ?1 + 1, ?1 + 2) ORDER BY id"},
      {"group", "SELECT { i.id, i.title } FROM item AS i WHERE i.grp = $a",
       "SELECT id, title FROM item WHERE grp = ?1 ORDER BY id"},
      {"top_k",
       "SELECT { i.id, i.val } FROM item AS i WHERE i.grp = $a ORDER BY i.val DESC LIMIT 10",
       "SELECT id, val FROM item WHERE grp = ?1 ORDER BY val DESC, id LIMIT 10"},
      {"count", "SELECT { n: count(*) } FROM item AS i WHERE i.grp = $a",
       "SELECT count(*) FROM item WHERE grp = ?1"},
      {"tree",
       "SELECT { i.id, near: [SELECT { o.id, o.val } FROM item AS o WHERE o.grp = i.grp"
       " ORDER BY o.val LIMIT 3] } FROM item AS i WHERE i.id = $a",
       "SELECT i.id, (SELECT json_group_array(val) FROM (SELECT o.val FROM item AS o"
       " WHERE o.grp = i.grp ORDER BY o.val, o.id LIMIT 3)) FROM item AS i WHERE i.id = ?1"},
  };
  return list;
}

constexpr std::int64_t kRowsOfGroup = 50;
std::int64_t val_of(std::int64_t id) { return id * 7919 % 100'003; }
// The id or the group that read `index` asks for.
std::int64_t asked(std::size_t index, std::int64_t rows) {
  return static_cast<std::int64_t>(index) * 7919 % (rows / kRowsOfGroup - 3);
}

std::string ids_text(const std::vector<std::int64_t>& ids) {
  std::string text;
  for (const std::int64_t id : ids) text += std::to_string(id) + " ";
  return text;
}

// Runs read `index`; returns the first numbers of its rows if asked for.
using Reader = std::function<void(std::size_t index, std::vector<std::int64_t>* ids)>;

void time_reads(const Case& one, const std::string& engine, std::int64_t rows, std::size_t count,
                const Reader& read) {
  Samples samples;
  for (std::size_t i = 0; i < count; i++) {
    const Clock::time_point begin = Clock::now();
    read(i, nullptr);
    samples.add(ns_since(begin));
  }
  report({"reads", one.name, "read", engine, rows}, samples);
}

SqliteDatabase& load_sqlite(std::int64_t rows) {
  static SqliteDatabase db(
      "CREATE TABLE item(id INTEGER PRIMARY KEY, grp INT, val INT, title TEXT);"
      "CREATE INDEX item_grp ON item(grp);");
  db.exec("BEGIN");
  SqliteQuery insert(db, "INSERT INTO item VALUES(?,?,?,'an item')");
  for (std::int64_t id = 0; id < rows; id++)
    insert.integers({id, id / kRowsOfGroup, val_of(id)}).run();
  db.exec("COMMIT");
  return db;
}

Reader sqlite_reader(SqliteQuery& query, std::int64_t rows) {
  return [&query, rows](std::size_t index, std::vector<std::int64_t>* ids) {
    query.bind(1, asked(index, rows));
    while (query.step()) {
      if (ids) ids->push_back(query.integer(0));
    }
  };
}

void run_sqlite(std::int64_t rows, std::size_t count, const Options& options) {
  SqliteDatabase& db = load_sqlite(rows);
  for (const Case& one : cases()) {
    if (!options.wants(one.name)) continue;
    SqliteQuery query(db, one.sql.c_str());
    time_reads(one, "sqlite3", rows, count, sqlite_reader(query, rows));
  }
}

void run_tremula(std::int64_t rows, std::size_t count, const Options& options) {
  Database db = Database::in_memory();
  db.run("TABLE item = 1 (id INT = 1 KEY, grp INT = 2 INDEX, val INT = 3, title TEXT = 4);")
      .value();
  db.transact([&](tremula::Transaction& tx) {
      for (std::int64_t id = 0; id < rows; id++)
        tx.insert(
            "item",
            {{"id", id}, {"grp", id / kRowsOfGroup}, {"val", val_of(id)}, {"title", "an item"}});
    }).value();
  SqliteDatabase& twin = load_sqlite(rows);
  for (const Case& one : cases()) {
    if (!options.wants(one.name)) continue;
    Statement statement = db.prepare(one.select).value();
    std::size_t bytes = 0;
    const Reader read = [&](std::size_t index, std::vector<std::int64_t>* ids) {
      const NamedValue a{"a", asked(index, rows)};
      statement
          .for_each(std::span<const NamedValue>(&a, 1),
                    [&](std::string_view row) {
                      bytes += row.size();
                      if (ids) ids->push_back(first_integer(row));
                      return true;
                    })
          .value();
    };
    time_reads(one, "tremula", rows, count, read);
    SqliteQuery query(twin, one.sql.c_str());
    for (const std::size_t index : {0, 1, 17}) {
      std::vector<std::int64_t> got, wanted;
      read(index, &got);
      sqlite_reader(query, rows)(index, &wanted);
      check({"reads", one.name, "check", "tremula", rows}, "rows", ids_text(got), ids_text(wanted));
    }
  }
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  const std::int64_t rows = options.full ? 100'000 : 1000;
  const std::size_t count = options.full ? 20'000 : 100;
  if (options.wants_engine("tremula")) apart([&] { run_tremula(rows, count, options); });
  if (options.wants_engine("sqlite3")) apart([&] { run_sqlite(rows, count, options); });
  return exit_status();
}
