#include "bench/support/sqlite.h"

#include <cstdio>
#include <cstdlib>

namespace tremula::bench {

void must(int status, sqlite3* db) {
  if (status == SQLITE_OK || status == SQLITE_DONE || status == SQLITE_ROW) return;
  std::fprintf(stderr, "sqlite3: %s\n", sqlite3_errmsg(db));
  std::exit(1);
}

SqliteDatabase::SqliteDatabase(const char* schema, const std::string& path) {
  must(sqlite3_open(path.c_str(), &db_), db_);
  exec(schema);
}

SqliteQuery::SqliteQuery(const SqliteDatabase& db, const char* text) : db_(db.get()) {
  must(sqlite3_prepare_v3(db_, text, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr), db_);
}

SqliteQuery& SqliteQuery::bind(int place, std::int64_t value) {
  must(sqlite3_bind_int64(statement_, place, value), db_);
  return *this;
}

SqliteQuery& SqliteQuery::bind(int place, const std::string& value) {
  const int size = static_cast<int>(value.size());
  must(sqlite3_bind_text(statement_, place, value.data(), size, SQLITE_STATIC), db_);
  return *this;
}

SqliteQuery& SqliteQuery::integers(std::initializer_list<std::int64_t> values) {
  int place = 1;
  for (const std::int64_t value : values) bind(place++, value);
  return *this;
}

bool SqliteQuery::step() {
  const int status = sqlite3_step(statement_);
  must(status, db_);
  if (status == SQLITE_ROW) return true;
  sqlite3_reset(statement_);
  return false;
}

std::string_view SqliteQuery::text(int column) {
  return {reinterpret_cast<const char*>(sqlite3_column_text(statement_, column)),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace tremula::bench
