// SQLite as the judge of what the contract leaves to it.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <span>
#include <string>
#include <vector>

#include "core/triples/value_ops.h"

namespace tremula::triples {

class SqliteOracle {
 public:
  SqliteOracle() { REQUIRE(sqlite3_open(":memory:", &database_) == SQLITE_OK); }
  ~SqliteOracle() { sqlite3_close(database_); }
  SqliteOracle(const SqliteOracle&) = delete;
  SqliteOracle& operator=(const SqliteOracle&) = delete;

  // The value of an expression over ?1, ?2, ... An error is NULL, as in the contract.
  // Borrowed: valid until the next call.
  Value ask(const std::string& expression, std::span<const Value> arguments) {
    sqlite3_stmt* statement = nullptr;
    const std::string sql = "SELECT " + expression;
    REQUIRE(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    for (std::size_t i = 0; i < arguments.size(); ++i) bind(statement, i, arguments[i]);
    Value value = Value::null();
    if (sqlite3_step(statement) == SQLITE_ROW) value = take(statement);
    sqlite3_finalize(statement);
    return value;
  }

 private:
  static void bind(sqlite3_stmt* statement, std::size_t i, Value value) {
    const int place = static_cast<int>(i) + 1;
    const int size = static_cast<int>(value.size);
    switch (value.kind) {
      case Kind::kInt: sqlite3_bind_int64(statement, place, value.integer); break;
      case Kind::kReal: sqlite3_bind_double(statement, place, value.number); break;
      case Kind::kText: sqlite3_bind_text(statement, place, value.data, size, nullptr); break;
      case Kind::kBytes:
        if (size == 0) {
          sqlite3_bind_zeroblob(statement, place, 0);
        } else {
          sqlite3_bind_blob(statement, place, value.data, size, nullptr);
        }
        break;
      default: sqlite3_bind_null(statement, place); break;
    }
  }

  Value take(sqlite3_stmt* statement) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, 0));
    switch (sqlite3_column_type(statement, 0)) {
      case SQLITE_INTEGER: return Value::int_of(sqlite3_column_int64(statement, 0));
      case SQLITE_FLOAT: return Value::real(sqlite3_column_double(statement, 0));
      case SQLITE_TEXT:
        kept_.assign(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)), size);
        return Value::text_of(kept_);
      case SQLITE_BLOB:
        kept_.assign(static_cast<const char*>(sqlite3_column_blob(statement, 0)), size);
        return Value::bytes_of(kept_);
      default: return Value::null();
    }
  }

  sqlite3* database_ = nullptr;
  std::string kept_;
};

}  // namespace tremula::triples
