#include "tests/property/oracle.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

#include "tests/property/oracle_functions.h"

namespace tremula::property {

Oracle::Oracle() {
  if (sqlite3_open(":memory:", &db_) != SQLITE_OK) std::abort();
  sqlite3_exec(db_, "PRAGMA case_sensitive_like = OFF", nullptr, nullptr, nullptr);
  register_oracle_functions(db_);
}

Oracle::~Oracle() { sqlite3_close(db_); }

bool Oracle::run(const std::vector<std::string>& statements) {
  const bool several = statements.size() > 1;
  if (several) sqlite3_exec(db_, "SAVEPOINT whole", nullptr, nullptr, nullptr);
  for (const std::string& statement : statements) {
    char* message = nullptr;
    const int code = sqlite3_exec(db_, statement.c_str(), nullptr, nullptr, &message);
    if (code == SQLITE_OK) continue;
    if (code != SQLITE_CONSTRAINT) {
      std::fprintf(stderr, "oracle: %s\n  %s\n", message, statement.c_str());
      std::abort();
    }
    sqlite3_free(message);
    if (several) sqlite3_exec(db_, "ROLLBACK TO whole; RELEASE whole", nullptr, nullptr, nullptr);
    return false;
  }
  if (several) sqlite3_exec(db_, "RELEASE whole", nullptr, nullptr, nullptr);
  return true;
}

bool Oracle::rows(const std::string& select, std::string& result) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_, select.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    const std::string message = sqlite3_errmsg(db_);
    if (message == "parser stack overflow") return false;
    std::fprintf(stderr, "oracle: %s\n  %s\n", message.c_str(), select.c_str());
    std::abort();
  }
  result = "[";
  int code = SQLITE_OK;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (result.size() > 1) result += ',';
    const unsigned char* text = sqlite3_column_text(statement, 0);
    result += text == nullptr ? "null" : reinterpret_cast<const char*>(text);
  }
  result += ']';
  sqlite3_finalize(statement);
  return code == SQLITE_DONE;
}

int Oracle::changes() const { return sqlite3_changes(db_); }

}  // namespace tremula::property
