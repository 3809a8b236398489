// shapes. Claim: whatever its WHERE looks like, a subscription that a commit doesn't touch costs
// the commit nothing.
// Baseline: sqlite3, running every subscribed query again.
//
// n subscriptions of one shape with different constants; commits beside them modify items, and
// notes (case NAME.note) where the shape reads these; then commits that touch the first alone.
//   or       one column or another         in      one column in a list of three
//   like     a prefix                      mixed   two columns between bounds, one of them wide
//   join     by a column of the parent     exists  a child with conditions of its own
//   counts   of children, per parent       offset  a window of children with OFFSET, per parent
//   any      a scalar of the children compared with a constant
//   shapes   as many different plan shapes as there are subscriptions
#include <tremula/tremula.h>

#include <array>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/engine.h"
#include "bench/support/json.h"
#include "bench/support/sqlite.h"

namespace tremula::bench {
namespace {

constexpr std::string_view kSchema =
    "TABLE item = 1 (id INT = 1 KEY, grp INT = 2 INDEX, val INT = 3 INDEX, state INT = 4,"
    " title TEXT = 5);"
    "TABLE note = 2 (id INT = 1 KEY, item INT = 2 INDEX, author INT = 3, val INT = 4);";
constexpr const char* kSqliteSchema =
    "CREATE TABLE item(id INTEGER PRIMARY KEY, grp INT, val INT, state INT, title TEXT);"
    "CREATE INDEX item_grp ON item(grp);"
    "CREATE INDEX item_val ON item(val);"
    "CREATE TABLE note(id INTEGER PRIMARY KEY, item INT, author INT, val INT);"
    "CREATE INDEX note_item ON note(item);"
    "CREATE INDEX note_author ON note(author);";

// Item `id` is of group `id`, but that the first hundred are of group 0; each has two notes.
constexpr std::int64_t kBeside = 100;
struct Item {
  std::int64_t id, grp, val, state;
  std::string title;
};
struct Note {
  std::int64_t id, item, author, val;
};

Item item_of(std::int64_t id) {
  const std::int64_t grp = id <= kBeside ? 0 : id;
  std::string number = std::to_string(1'000'000 + grp);
  return {id, grp, 1'000'000'000 + 10 * grp, 1000 + 10 * grp, "k" + number + " an item"};
}
Note note_of(std::int64_t id) {
  return {id, (id + 1) / 2, item_of((id + 1) / 2).grp, 100 + id % 2};
}

using Parameters = std::array<std::int64_t, 4>;

struct Case {
  std::string name;
  std::string select;  // $a $b $c $d, or $t: the text that items of group $a begin with
  std::string sql;     // ?1 ?2 ?3 ?4 ?5
  bool notes = false;  // reads them
};

// Of subscription `index`: the group, and bounds around the val and the state of its item.
Parameters parameters_of(std::size_t index) {
  const Item item = item_of(static_cast<std::int64_t>(index) + kBeside + 1);
  return {item.grp, item.val, item.state, item.state + 10};
}
std::string prefix_of(std::size_t index) {
  return "k" + std::to_string(1'000'000 + parameters_of(index)[0]) + "%";
}

std::vector<Case> cases() {
  const std::string select = "SELECT { i.id, i.title } FROM item AS i WHERE ";
  const std::string sql = "SELECT i.id, i.title FROM item AS i WHERE ";
  auto same = [&](std::string name, const std::string& tql, const std::string& where,
                  bool notes = false) {
    return Case{std::move(name), select + tql, sql + where + " ORDER BY i.id", notes};
  };
  return {
      same("or", "i.grp = $a OR i.val = $b", "i.grp = ?1 OR i.val = ?2"),
      same("in", "i.grp IN ($a, $b, $c)", "i.grp IN (?1, ?2, ?3)"),
      same("like", "i.title LIKE $t", "i.title LIKE ?5"),
      same("mixed", "i.val >= 7 AND i.val <= 9 + 2 * $b AND i.state >= $c AND i.state < $d",
           "i.val >= 7 AND i.val <= 9 + 2 * ?2 AND i.state >= ?3 AND i.state < ?4"),
      {"join",
       "SELECT { n.id, n.val, i.title } FROM note AS n JOIN item AS i ON i.id = n.item"
       " WHERE i.grp = $a",
       "SELECT n.id, n.val, i.title FROM note AS n JOIN item AS i ON i.id = n.item"
       " WHERE i.grp = ?1 ORDER BY n.id",
       true},
      same("exists",
           "EXISTS (SELECT 1 FROM note AS n WHERE n.item = i.id AND n.author = $a"
           " AND n.val >= 100)",
           "EXISTS (SELECT 1 FROM note AS n WHERE n.item = i.id AND n.author = ?1"
           " AND n.val >= 100)",
           true),
      {"counts",
       "SELECT { i.id, i.title, notes: (SELECT count(*) FROM note AS n"
       " WHERE n.item = i.id AND n.val >= 101) } FROM item AS i WHERE i.grp = $a",
       "SELECT i.id, i.title, (SELECT count(*) FROM note AS n WHERE n.item = i.id"
       " AND n.val >= 101) FROM item AS i WHERE i.grp = ?1 ORDER BY i.id",
       true},
      {"offset",
       "SELECT { i.id, i.title, notes: [SELECT { n.id, n.val } FROM note AS n"
       " WHERE n.item = i.id ORDER BY n.val DESC LIMIT 3 OFFSET 1] }"
       " FROM item AS i WHERE i.grp = $a",
       "SELECT i.id, i.title, (SELECT json_group_array(v) FROM (SELECT n.val AS v FROM note AS n"
       " WHERE n.item = i.id ORDER BY n.val DESC, n.id LIMIT 3 OFFSET 1))"
       " FROM item AS i WHERE i.grp = ?1 ORDER BY i.id",
       true},
  };
}

// The select of subscription `index`, in each engine's language: another plan shape for each.
Case shape_of(std::size_t index) {
  static constexpr std::string_view kEqual[] = {"i.grp = $a", "i.val = $b", "i.state = $c",
                                                "i.title LIKE $t"};
  static constexpr std::string_view kRange[] = {"", " AND i.val >= 7", " AND i.val < $b + 5",
                                                " AND i.id >= 8 AND i.id < 900000000"};
  static constexpr std::string_view kOrder[] = {"i.id", "i.val", "i.state", "i.title"};
  const std::size_t equal = 1 + index % 15, range = index / 15 % 4, order = index / 60;
  std::string where;
  for (std::size_t i = 0; i < 4; i++)
    if ((equal >> i & 1) != 0) where += (where.empty() ? "" : " AND ") + std::string(kEqual[i]);
  where += kRange[range];
  std::string by = std::string(kOrder[order % 4]) + (order / 4 % 2 == 0 ? "" : " DESC");
  by += ", " + std::string(kOrder[order / 8 % 4]) + (order / 32 % 2 == 0 ? "" : " DESC");
  Case made{"shapes", "SELECT { i.id, i.title } FROM item AS i WHERE " + where + " ORDER BY " + by,
            "", false};
  made.sql = "SELECT i.id, i.title FROM item AS i WHERE " + where + " ORDER BY " + by + ", i.id";
  for (const auto& [from, to] : {std::pair{"$a", "?1"}, {"$b", "?2"}, {"$c", "?3"}, {"$t", "?5"}})
    while (made.sql.find(from) != std::string::npos) made.sql.replace(made.sql.find(from), 2, to);
  return made;
}

class Base {
 public:
  virtual ~Base() = default;
  virtual void load(std::int64_t items) = 0;
  virtual void subscribe(const Case& what, std::size_t index) = 0;
  // Return how many listeners heard.
  virtual std::size_t set_item(const Item& item) = 0;
  virtual std::size_t set_note(const Note& note) = 0;
  virtual std::vector<std::int64_t> ids(std::size_t index) = 0;
};

class TremulaShapes final : public Base {
 public:
  TremulaShapes() { db_.run(kSchema).value(); }

  void load(std::int64_t items) override {
    db_.transact([&](tremula::Transaction& tx) {
         for (std::int64_t id = 1; id <= items; id++) {
           const Item i = item_of(id);
           tx.insert("item", {{"id", i.id},
                              {"grp", i.grp},
                              {"val", i.val},
                              {"state", i.state},
                              {"title", i.title}});
           for (const std::int64_t note : {2 * id - 1, 2 * id}) {
             const Note n = note_of(note);
             tx.insert("note",
                       {{"id", n.id}, {"item", n.item}, {"author", n.author}, {"val", n.val}});
           }
         }
       })
        .value();
  }

  void subscribe(const Case& what, std::size_t index) override {
    const Parameters p = parameters_of(index);
    const std::string text = prefix_of(index);
    std::vector<NamedValue> used;
    const NamedValue all[] = {{"a", p[0]}, {"b", p[1]}, {"c", p[2]}, {"d", p[3]}, {"t", text}};
    for (const NamedValue& value : all)
      if (what.select.find("$" + std::string(value.name)) != std::string::npos)
        used.push_back(value);
    subscriptions_.push_back(
        db_.subscribe(what.select, used, [this](const Delta&) { heard_++; }).value());
  }

  std::size_t set_item(const Item& i) override {
    heard_ = 0;
    db_.transact([&](tremula::Transaction& tx) {
         tx.update("item", i.id, {{"val", i.val}, {"state", i.state}, {"title", i.title}});
       })
        .value();
    return heard_;
  }
  std::size_t set_note(const Note& n) override {
    heard_ = 0;
    db_.transact([&](tremula::Transaction& tx) {
         tx.update("note", n.id, {{"val", n.val}});
       })
        .value();
    return heard_;
  }
  std::vector<std::int64_t> ids(std::size_t index) override {
    return ids_of(subscriptions_.at(index).json());
  }

 private:
  Database db_ = Database::in_memory();
  std::size_t heard_ = 0;
  std::vector<Subscription> subscriptions_;
};

class SqliteShapes final : public Base {
 public:
  void load(std::int64_t items) override {
    db_.exec("BEGIN");
    SqliteQuery item(db_, "INSERT INTO item VALUES(?,?,?,?,?)");
    SqliteQuery note(db_, "INSERT INTO note VALUES(?,?,?,?)");
    for (std::int64_t id = 1; id <= items; id++) {
      const Item i = item_of(id);
      item.integers({i.id, i.grp, i.val, i.state}).bind(5, i.title).run();
      for (const std::int64_t number : {2 * id - 1, 2 * id}) {
        const Note n = note_of(number);
        note.integers({n.id, n.item, n.author, n.val}).run();
      }
    }
    db_.exec("COMMIT");
  }
  void subscribe(const Case& what, std::size_t index) override {
    if (queries_.empty() || what.sql != texts_.back()) {
      queries_.push_back(std::make_unique<SqliteQuery>(db_, what.sql.c_str()));
      texts_.push_back(what.sql);
    }
    subscriptions_.push_back({index, queries_.back().get(), what.sql, 0});
    subscriptions_.back().hash = run(subscriptions_.back(), nullptr);
  }
  std::size_t set_item(const Item& i) override {
    set_item_.integers({i.val, i.state}).bind(3, i.title).bind(4, i.id).run();
    return run_all();
  }
  std::size_t set_note(const Note& n) override {
    set_note_.integers({n.val, n.id}).run();
    return run_all();
  }
  std::vector<std::int64_t> ids(std::size_t index) override {
    std::vector<std::int64_t> result;
    run(subscriptions_.at(index), &result);
    return result;
  }

 private:
  struct Subscribed {
    std::size_t index;
    SqliteQuery* query;
    std::string sql;
    std::size_t hash;
  };
  std::size_t run_all() {
    std::size_t changed = 0;
    for (Subscribed& s : subscriptions_) {
      const std::size_t hash = run(s, nullptr);
      changed += hash != s.hash ? 1 : 0;
      s.hash = hash;
    }
    return changed;
  }
  std::size_t run(Subscribed& s, std::vector<std::int64_t>* ids) {
    const Parameters p = parameters_of(s.index);
    const std::string text = prefix_of(s.index);
    for (int i = 0; i < 4; i++)
      if (s.sql.find("?" + std::to_string(i + 1)) != std::string::npos)
        s.query->bind(i + 1, p[static_cast<std::size_t>(i)]);
    if (s.sql.find("?5") != std::string::npos) s.query->bind(5, text);
    std::size_t hash = 1;
    while (s.query->step()) {
      hash = hash * 31 + static_cast<std::size_t>(s.query->integer(0));
      hash = hash * 31 + std::hash<std::string_view>()(s.query->text(1));
      if (s.sql.find("i.title, ") != std::string::npos ||
          s.sql.find("n.val, i") != std::string::npos)
        hash = hash * 31 + std::hash<std::string_view>()(s.query->text(2));
      if (ids) ids->push_back(s.query->integer(0));
    }
    return hash;
  }

  SqliteDatabase db_{kSqliteSchema};
  SqliteQuery set_item_{db_, "UPDATE item SET val = ?, state = ?, title = ? WHERE id = ?"};
  SqliteQuery set_note_{db_, "UPDATE note SET val = ? WHERE id = ?"};
  std::vector<std::unique_ptr<SqliteQuery>> queries_;
  std::vector<std::string> texts_;
  std::vector<Subscribed> subscriptions_;
};

std::unique_ptr<Base> make_base(const std::string& engine) {
  if (engine == "sqlite3") return std::make_unique<SqliteShapes>();
  return std::make_unique<TremulaShapes>();
}

struct Grower {
  std::string name, engine_name;
  bool full = false;
  const Case* one = nullptr;  // null: another shape for each
  std::unique_ptr<Base> engine = make_base(engine_name);
  std::size_t subscriptions = 0;
  std::int64_t commits = 0;

  Figure figure(std::string_view kind, const std::string& suffix = "") const {
    return {"shapes", name + suffix, std::string(kind), engine_name,
            static_cast<std::int64_t>(subscriptions)};
  }
  void grow(std::size_t count) {
    Samples one_more;
    const std::int64_t before = resident_bytes();
    const std::size_t had = subscriptions;
    for (; subscriptions < count; subscriptions++) {
      const Case what = one != nullptr ? *one : shape_of(subscriptions);
      const Clock::time_point begin = Clock::now();
      engine->subscribe(what, subscriptions);
      one_more.add(ns_since(begin));
    }
    report(figure("next"), one_more);
    if (engine_name == "sqlite3" || count - had < 1000) return;
    const auto grown = static_cast<double>(resident_bytes() - before);
    report(figure("memory"), "each", grown / static_cast<double>(count - had), "bytes");
  }

  // Modifies items, or notes, of group 0 (`touched`: of the first subscription's).
  double commit(bool notes, bool touched) {
    Samples samples;
    const std::size_t count = full ? (engine_name == "sqlite3" ? 20 : 3000) : 20;
    for (std::size_t i = 0; i < count; i++) {
      const std::int64_t at = touched ? kBeside + 1 : 1 + commits % kBeside;
      Item item = item_of(at);
      Note note = note_of(2 * at);
      ++commits;
      if (!touched) item.val = 2'000'000 + commits, item.state = 1 + commits % 900;
      item.title += std::to_string(commits);
      note.val = 100 + commits / kBeside % 2 * 2;  // another one each time round
      const Clock::time_point begin = Clock::now();
      const std::size_t heard = notes ? engine->set_note(note) : engine->set_item(item);
      samples.add(ns_since(begin));
      if (!touched) check(figure("check"), "hearers", std::to_string(heard), "0");
      if (touched && one != nullptr && !notes)
        check(figure("check"), "hearers", std::to_string(heard), "1");
    }
    report(figure(touched ? "touched" : "untouched", notes ? ".note" : ""), samples);
    return samples.percentile_us(50);
  }
};

std::string joined(const std::vector<std::int64_t>& ids) {
  std::string text;
  for (const std::int64_t id : ids) text += std::to_string(id) + " ";
  return text;
}

// sqlite3 must find the same rows after the same commits.
void check_rows(Grower& grower, std::int64_t items) {
  if (grower.engine_name == "sqlite3") return;
  Grower twin{grower.name, "sqlite3", grower.full, grower.one};
  twin.engine->load(items);
  for (std::int64_t i = 1; i <= kBeside + 1; i++) twin.engine->set_item(item_of(i));
  std::size_t there = 0;
  for (const std::size_t index :
       {std::size_t{0}, grower.subscriptions / 2, grower.subscriptions - 1}) {
    twin.engine->subscribe(grower.one != nullptr ? *grower.one : shape_of(index), index);
    check(grower.figure("check"), "rows of subscription " + std::to_string(index),
          joined(grower.engine->ids(index)), joined(twin.engine->ids(there++)));
  }
}

void run(const std::string& name, const Case* one, const std::string& engine, bool full) {
  Grower grower{name, engine, full, one};
  std::vector<std::size_t> counts = {10, 100};
  // The first results of `like` and `mixed` find many rows each: fewer are enough.
  const bool scans = name == "like" || name == "mixed";
  if (full && engine != "sqlite3")
    counts = {10, 1000, scans ? 2'000u : one != nullptr ? 100'000u : 3'000u};
  const auto items = static_cast<std::int64_t>(counts.back()) + kBeside + 1;
  grower.engine->load(items);
  const bool notes = one != nullptr && one->notes;
  double first[2] = {}, last[2] = {};
  for (const std::size_t count : counts) {
    grower.grow(count);
    for (int n = 0; n <= (notes ? 1 : 0); n++) {
      last[n] = grower.commit(n == 1, false);
      if (count == counts.front()) first[n] = last[n];
    }
    grower.commit(false, true);
  }
  check_rows(grower, items);
  for (int n = 0; n <= (notes ? 1 : 0); n++)
    report(grower.figure("untouched", n == 1 ? ".note" : ""), "growth", last[n] / first[n], "x");
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  std::vector<Case> list = cases();
  list.push_back({"shapes", "", "", false});
  for (const Case& one : list) {
    if (!options.wants(one.name)) continue;
    for (const std::string engine : {"tremula", "sqlite3"}) {
      if (!options.wants_engine(engine)) continue;
      const Case* shape = one.select.empty() ? nullptr : &one;
      apart([&] { run(one.name, shape, engine, options.full); });
    }
  }
  return exit_status();
}
