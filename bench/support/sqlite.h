// A prepared statement of sqlite3. An error of sqlite3 ends the benchmark: it is a bug in it.
// Thread: any one.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tremula::bench {

// Ends the program with sqlite3's message unless `status` is one of success.
void must(int status, sqlite3* db);

// A database in memory, unless a file is named. Runs `schema` at once.
class SqliteDatabase {
 public:
  explicit SqliteDatabase(const char* schema, const std::string& path = ":memory:");
  ~SqliteDatabase() { sqlite3_close(db_); }
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  void exec(const char* text) { must(sqlite3_exec(db_, text, nullptr, nullptr, nullptr), db_); }
  sqlite3* get() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

class SqliteQuery {
 public:
  SqliteQuery(const SqliteDatabase& db, const char* text);
  ~SqliteQuery() { sqlite3_finalize(statement_); }
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  SqliteQuery& bind(int place, std::int64_t value);
  SqliteQuery& bind(int place, const std::string& value);  // Borrowed: until the next bind
  SqliteQuery& integers(std::initializer_list<std::int64_t> values);
  // Returns: whether there is a row; after the last one the query may run again.
  bool step();
  void run() { while (step()) {} }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  std::string_view text(int column);  // Borrowed: until the next step

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace tremula::bench
