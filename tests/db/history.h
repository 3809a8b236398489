// A history of commits that everybody can repeat: what the n-th commit does depends on n and on
// what the commits before it left. Two tables, one of them lax and declared anew now and then.
//
// Thread: one at a time.
#pragma once

#include <tremula/tremula.h>

#include <cstdint>
#include <string>

namespace tremula::test {

inline constexpr std::uint64_t kCommitsOfSetup = 2;

inline std::string declare_first(std::uint64_t n) {
  return "TABLE A = 1 (K INT = 1 KEY, N INT = 2 INDEX, T TEXT = 3 DEFAULT 'd" + std::to_string(n) +
         "');";
}

// Makes the n-th commit, n being version() + 1.  Returns: whether it was one.
inline Result<void> commit_next(Database& db) {
  const std::uint64_t n = db.version() + 1;
  const auto run = [&](const std::string& script) -> Result<void> {
    auto result = db.run(script);
    if (!result.ok()) return result.error();
    return {};
  };
  if (n == 1) return run(declare_first(n));
  if (n == 2) return run("TABLE B = 2 (X INT = 1, Y INT = 2, KEY (X, Y));");
  if (n % 61 == 0) return run(declare_first(n));  // all rows without T read anew
  auto done = db.transact([n](Transaction& tx) {
    const auto number = static_cast<std::int64_t>(n);
    const std::int64_t k = number * 7919 % 97;
    const std::string text(n % 40, static_cast<char>('a' + n % 26));
    if (n % 3 == 0) {
      tx.upsert("A", {{"K", k}, {"N", number}, {"T", text}});
    } else {
      tx.upsert("A", {{"K", k}, {"N", number}});
    }
    if (n % 5 == 0) tx.erase("A", {number * 31 % 97 == k ? k + 1 : number * 31 % 97});
    if (n % 2 == 0) {
      const std::string undeclared = "u" + std::to_string(n % 7);
      tx.upsert("B", {{"X", number % 11}, {"Y", number % 13}, {undeclared, number}});
    }
    if (n % 17 == 0) tx.update("A", {k}, {{"T", nullptr}});
    if (n % 23 == 0) {
      for (std::int64_t y = 0; y < 13; ++y) tx.erase("B", {number % 11, y});
    }
  });
  if (!done.ok()) return done.error();
  return {};
}

// Everything that can be seen of it.
inline std::string contents(Database& db) {
  std::string text = std::to_string(db.version());
  for (const char* select :
       {"SELECT { t.* } FROM tremula_table AS t", "SELECT { c.* } FROM tremula_column AS c"}) {
    text += "\n" + db.query(select).value().json();
  }
  if (db.version() >= 1) {
    text += "\n" + db.query("SELECT { a.* } FROM A AS a").value().json();
    text += "\n" + db.query("SELECT { a.K } FROM A AS a ORDER BY a.N DESC LIMIT 5").value().json();
  }
  if (db.version() >= 2) text += "\n" + db.query("SELECT { b.* } FROM B AS b").value().json();
  return text;
}

// The same history in memory, made as far as somebody asks for.
class Mirror {
 public:
  Mirror() : db_(Database::in_memory()) {}
  // What contents() gives at a version.  Requires: not before the last one asked for.
  std::string at(std::uint64_t version) {
    while (db_.version() < version) commit_next(db_).value();
    return contents(db_);
  }

 private:
  Database db_;
};

}  // namespace tremula::test
