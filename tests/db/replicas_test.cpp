// Replicas through files: random databases in directories exchange changes in every way there is,
// and end up with the same rows and the same records: those that the contract leaves of all that
// were ever made (tests/crdt/oracle.h).
//
//   TREMULA_TEST_SCALE=10 db_test -tc="replicas*"    ten times as many seeds
//   TREMULA_TEST_SEED=77 db_test -tc="replicas*"     this seed alone
#include <doctest/doctest.h>
#include <tremula/tremula.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "db/open_on.h"
#include "persist/directory.h"
#include "persist/memory_file_system.h"
#include "persist/memory_wire.h"
#include "tests/crdt/oracle.h"
#include "tests/db/support.h"
#include "tests/property/rng.h"

namespace tremula::test {
namespace {

using property::Rng;

constexpr int kKeys = 4;

struct Column {
  const char* name;
  const char* declaration;
  std::vector<std::string> values;  // as they are written
};

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns = {
      {"Name", "Name TEXT = 2", {"'a'", "'b'", "''", "'\"\\é'", "NULL"}},
      {"Best", "Best INT = 3 MAX", {"0", "1", "2", "3", "NULL"}},
      {"Least", "Least REAL = 4 MIN", {"0", "1", "1.5", "2", "NULL"}},
      {"Plays", "Plays INT = 5 COUNTER DEFAULT 10", {"8", "9", "10", "11", "14"}},
      {"Tags",
       "Tags JSON = 6 SET",
       {"[]", "[1]", "[2]", "['x']", "[1, 'x']", "[1, 2, 'x']", "['x', 1, 1]", "NULL"}},
      {"Title", "Title TEXT = 7 DEFAULT 'none'", {"'a'", "'none'", "'c'", "NULL"}},
      {"mood", "mood TEXT = 8", {"'blue'", "'red'", "''", "NULL"}},
  };
  return kColumns;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  return lines;
}

bool is_end(const std::string& line) { return line.find("\"table\"") == std::string::npos; }

class Replica {
 public:
  // `is_shared`: two processes have the directory open, and each call goes to one of them.
  Replica(Rng& rng, bool is_small, bool is_shared) : rng_(rng), is_shared_(is_shared) {
    options_.sync_delay_ms = 0;
    if (is_small) options_.memory_bytes = 1;  // every chunk goes, every memtable is small
    open();
  }

  void open() {
    live_.clear();
    processes_.clear();
    const int count = is_shared_ ? 2 : 1;
    while (static_cast<int>(processes_.size()) < count) open_process();
    listen();
  }

  // What stands in the directory goes on in another one, which has a name of its own.
  void restore() {
    live_.clear();
    processes_.clear();
    const std::string next = directory_ + "r";
    const auto restored = persist::restore_directory(files_, directory_, next);
    if (!restored.ok()) FAIL(restored.error().message);
    directory_ = next;
    open();
  }

  std::string changes(std::uint64_t since) {
    std::string text;
    const auto told =
        db().changes(since, [&](std::string_view line) { text += std::string(line) + "\n"; });
    if (!told.ok()) FAIL(told.error().text);
    return text;
  }

  std::size_t merge(const std::string& file) {
    Database& to = db();
    const std::uint64_t before = to.version();
    const auto merged = to.merge(file);
    if (!merged.ok()) FAIL(merged.error().text, "\n", file);
    // A name that the others had not heard of takes its number first.
    const std::uint64_t commits = to.version() - before;
    const bool may_number = is_shared_ && commits == 2;
    CHECK((may_number || commits == (merged.value() > 0 ? 1 : 0)));
    return merged.value();
  }

  // Declares what is named; the key-only table too, or not.
  void declare(const std::set<std::string>& names, bool keys_too) {
    std::string text = "TABLE Song = 1 (Id INT = 1 KEY";
    for (const Column& column : columns()) {
      if (names.contains(column.name)) text += ", " + std::string(column.declaration);
    }
    must(text + ");");
    if (keys_too) must("TABLE Seen = 2 (Id INT = 1, At TEXT = 2, KEY (Id, At));");
    names_ = names;
    has_keys_ = has_keys_ || keys_too;
    listen();
  }

  // Returns: the records that it made.
  std::vector<std::string> commit() {
    Database& to = db();
    const std::uint64_t before = to.version();
    std::string script;
    for (int count = rng_.between(1, 3); count > 0; --count) script += statement();
    const std::string printed = run(to, "BEGIN;" + script + "COMMIT;");
    CAPTURE(script);
    CAPTURE(printed);
    // A key may be there already; anything else is a fault.
    for (const std::string& line : lines_of(printed)) {
      if (line.starts_with("!")) REQUIRE(line.starts_with("! duplicate_key"));
    }
    std::vector<std::string> made;
    for (const std::string& line : lines_of(changes(before))) {
      if (!is_end(line)) made.push_back(line);
    }
    if (to.version() == before) CHECK(made.empty());
    return made;
  }

  std::string dump() {
    std::set<std::string> sorted;
    for (const std::string& line : lines_of(changes(0))) {
      if (!is_end(line)) sorted.insert(crdt::without_position(line));
    }
    std::string text;
    for (const std::string& line : sorted) text += line;
    return text;
  }

  std::string rows() {
    std::string text = run(db(), select());
    if (has_keys_) text += "\n" + run(db(), "SELECT s.Id, s.At FROM Seen AS s;");
    return text;
  }

  void check_listener() {
    if (names_.empty()) return;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      Database& process = synced(*processes_[i]);
      const std::string fresh = "[" + joined(run(process, select())) + "]";
      CHECK(live_[i].json() == fresh);
    }
  }

  std::uint64_t version() { return db().version(); }

 private:
  // One of the processes, that has seen what the others did.
  Database& db() { return synced(*processes_[rng_.next() % processes_.size()]); }
  Database& synced(Database& process) {
    if (!is_shared_) return process;
    for (const auto& each : processes_) REQUIRE(each->run("SYNC").ok());
    REQUIRE(process.run("SYNC").ok());
    return process;
  }
  void open_process() {
    const auto borrowed = std::shared_ptr<base::FileSystem>(&files_, [](base::FileSystem*) {});
    auto opened = is_shared_ ? db::OpenOn::open(borrowed, wire_, directory_, options_)
                             : db::OpenOn::open(borrowed, directory_, options_);
    if (!opened.ok()) FAIL(opened.error().text);
    processes_.push_back(std::make_unique<Database>(std::move(opened).value()));
  }
  void must(const std::string& script) {
    const auto done = db().run(script);
    if (!done.ok()) FAIL(script, "\n", done.error().text);
  }
  static std::string joined(std::string lines) {
    std::replace(lines.begin(), lines.end(), '\n', ',');
    return lines;
  }
  std::string select() const {
    std::string text = "SELECT { s.Id";
    for (const std::string& name : names_) text += ", s." + name;
    return text + " } FROM Song AS s";
  }
  void listen() {
    live_.clear();
    if (names_.empty()) return;
    for (const auto& process : processes_) {
      auto opened = synced(*process).subscribe(select(), {}, [](const Delta&) {});
      if (!opened.ok()) FAIL(opened.error().text);
      live_.push_back(std::move(opened).value());
    }
  }

  std::string statement() {
    const std::string key = std::to_string(rng_.between(1, kKeys));
    if (has_keys_ && rng_.chance(20)) {
      const std::string at = rng_.chance(50) ? "'x'" : "'y'";
      if (rng_.chance(40)) return "DELETE FROM Seen WHERE Id = " + key + ";";
      return "UPSERT INTO Seen {Id: " + key + ", At: " + at + "};";
    }
    const int kind = rng_.below(10);
    if (kind >= 8) return "DELETE FROM Song WHERE Id = " + key + ";";
    std::string cells;
    const bool is_update = kind >= 5;
    for (const Column& column : columns()) {
      // Without a declaration a column is written by its name; here only `mood` is, and not by
      // UPDATE, which knows it once an INSERT has named it.
      const bool is_declared = names_.contains(column.name);
      if (!is_declared && (column.name != std::string("mood") || is_update)) continue;
      if (!rng_.chance(35)) continue;
      const std::string& value = rng_.pick(column.values);
      if (is_update) {
        cells += (cells.empty() ? "" : ", ") + std::string(column.name) + " = " + value;
      } else {
        cells += ", " + std::string(column.name) + ": " + value;
      }
    }
    if (is_update && cells.empty()) return "";
    if (is_update) return "UPDATE Song SET " + cells + " WHERE Id = " + key + ";";
    return (kind < 3 ? "INSERT" : "UPSERT") + std::string(" INTO Song {Id: ") + key + cells + "};";
  }

  Rng& rng_;
  const bool is_shared_;
  Options options_;
  persist::MemoryFileSystem files_;
  std::string directory_ = "db";
  std::shared_ptr<persist::MemoryWire> wire_ = std::make_shared<persist::MemoryWire>();
  std::vector<std::unique_ptr<Database>> processes_;
  std::vector<Subscription> live_;  // of each process
  std::set<std::string> names_;
  bool has_keys_ = false;
};

class Run {
 public:
  Run(std::uint64_t seed, bool is_shared) : rng_(seed) {
    const int count = rng_.between(3, 5);
    for (int i = 0; i < count; ++i) {
      replicas_.push_back(std::make_unique<Replica>(rng_, rng_.chance(50), is_shared));
      std::set<std::string> names;
      for (const Column& column : columns()) {
        if (!rng_.chance(column.name == std::string("mood") ? 70 : 15)) names.insert(column.name);
      }
      declared_.push_back(names);
      // Some have nothing declared when the first changes come.
      is_bare_.push_back(rng_.chance(20));
      if (!is_bare_.back()) replicas_.back()->declare(names, rng_.chance(70));
    }
    seen_.resize(replicas_.size());
    cursors_.assign(replicas_.size(), std::vector<std::uint64_t>(replicas_.size()));
  }

  void run() {
    for (int steps = rng_.between(10, 45); steps > 0; --steps) {
      const std::string what = step();
      CAPTURE(what);
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        CAPTURE(i);
        replicas_[i]->check_listener();
        check_records(i);
      }
    }
    finish();
  }

 private:
  std::size_t draw() { return rng_.next() % replicas_.size(); }

  // Returns: what was done.
  std::string step() {
    const std::size_t to = draw();
    const std::size_t from = draw();
    const int kind = rng_.below(100);
    const std::string names = " " + std::to_string(to) + " " + std::to_string(from);
    if (kind < 45) {
      commit(to);
      return "commit" + names;
    }
    if (kind < 65) {
      pull(to, from);
      return "pull" + names;
    }
    if (kind < 75) {
      merge_piece(to, from);
      return "piece" + names;
    }
    if (kind < 83) {
      replicas_[to]->open();
      return "reopen" + names;
    }
    if (kind < 88) {
      declare(to);
      return "declare" + names;
    }
    if (kind < 92) {
      files_.push_back(replicas_[to]->changes(0));
      return "keep a file of" + names;
    }
    if (kind < 97) {
      if (!files_.empty()) replicas_[to]->merge(rng_.pick(files_));
      return "merge an old file into" + names;
    }
    replicas_[to]->restore();
    return "restore" + names;
  }

  // Every record is one that a commit made, and none is lost but to one that beats it.
  void check_records(std::size_t of) {
    const std::vector<std::string> lines = lines_of(replicas_[of]->dump());
    for (const std::string& line : lines) {
      if (!known_.contains(line)) FAIL("nobody made ", line);
    }
    std::vector<std::string>& before = seen_[of];
    before.insert(before.end(), lines.begin(), lines.end());
    REQUIRE(crdt::surviving_records(lines) == crdt::surviving_records(before));
    before = lines;
  }

  void commit(std::size_t to) {
    if (is_bare_[to]) return;
    for (const std::string& line : replicas_[to]->commit()) {
      made_.push_back(line);
      std::string bare = crdt::without_position(line);
      known_.insert(bare);
      const std::string_view by_name = "\"column\":\"mood\"";
      if (const std::size_t at = bare.find(by_name); at != std::string::npos) {
        known_.insert(bare.replace(at, by_name.size(), "\"column\":8"));
      }
    }
  }

  std::size_t pull(std::size_t to, std::size_t from) {
    if (to == from) return 0;
    std::uint64_t& cursor = cursors_[to][from];
    const std::size_t merged = replicas_[to]->merge(replicas_[from]->changes(cursor));
    cursor = replicas_[from]->version();
    return merged;
  }

  void merge_piece(std::size_t to, std::size_t from) {
    std::vector<std::string> piece;
    for (const std::string& line : lines_of(replicas_[from]->changes(0))) {
      for (int copies = is_end(line) ? 0 : rng_.below(3); copies > 0; --copies) {
        piece.push_back(line);
      }
    }
    for (std::size_t i = piece.size(); i > 1; --i) std::swap(piece[i - 1], piece[rng_.next() % i]);
    std::string file;
    for (const std::string& line : piece) file += line;
    replicas_[to]->merge(file);
  }

  void declare(std::size_t to) {
    if (is_bare_[to]) {
      is_bare_[to] = false;
      replicas_[to]->declare(declared_[to], rng_.chance(70));
      return;
    }
    for (const Column& column : columns()) {
      if (!declared_[to].insert(column.name).second) continue;
      replicas_[to]->declare(declared_[to], false);
      return;
    }
  }

  // All declare all, then exchange along a line of relays, to and fro, until nothing moves.
  void finish() {
    std::set<std::string> all;
    for (const Column& column : columns()) all.insert(column.name);
    for (auto& replica : replicas_) replica->declare(all, true);
    std::size_t moved = 1;
    for (std::size_t round = 0; moved > 0 && round < 2 * replicas_.size(); ++round) {
      moved = 0;
      for (std::size_t i = 1; i < replicas_.size(); ++i) {
        moved += pull(i, i - 1);
        moved += pull(i - 1, i);
      }
    }
    REQUIRE(moved == 0);
    const std::string expected = crdt::surviving_records(made_);
    const std::string rows = replicas_[0]->rows();
    for (auto& replica : replicas_) {
      replica->check_listener();
      REQUIRE(replica->dump() == expected);
      REQUIRE(replica->rows() == rows);
      replica->open();
      REQUIRE(replica->dump() == expected);
      REQUIRE(replica->rows() == rows);
    }
  }

  Rng rng_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<std::set<std::string>> declared_;
  std::vector<bool> is_bare_;
  std::vector<std::vector<std::uint64_t>> cursors_;  // [to][from]
  std::vector<std::string> files_;
  std::vector<std::string> made_;
  std::set<std::string> known_;
  std::vector<std::vector<std::string>> seen_;  // what each told after the step before
};

const char* setting(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

// Of replicas that one process has each: what looks for races finds none there.
#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 5;
#else
constexpr std::uint64_t kSeeds = 120;
#endif

void run_seeds(std::uint64_t count, bool is_shared) {
  const char* scale = setting("TREMULA_TEST_SCALE");
  std::uint64_t first = 1;
  std::uint64_t last = count * (scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10));
  if (const char* one = setting("TREMULA_TEST_SEED"); one != nullptr) {
    first = last = std::strtoull(one, nullptr, 10);
  }
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    INFO("TREMULA_TEST_SEED=", seed);
    Run(seed, is_shared).run();
  }
}

}  // namespace

TEST_CASE("replicas that have exchanged everything hold the same rows and records") {
  run_seeds(kSeeds, false);
}

TEST_CASE("replicas whose directories are shared by processes exchange as others do") {
  run_seeds(20, true);
}

}  // namespace tremula::test
