// Oracle: SQLite with the functions that the printed selects need; it says what a result must be.
//
//   write statement --run()--> rows changed, or the constraint that refused it
//   select --rows()--> JSON array text as TreeQL prints it
//
// Thread: one.
#pragma once

#include <string>
#include <vector>

struct sqlite3;

namespace tremula::property {

class Oracle {
 public:
  Oracle();
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // Runs the statements of one TreeQL statement, all or none.
  // Returns: false if a constraint refused it.
  // Requires: SQLite understands it (else the test is wrong, and it aborts with a message).
  bool run(const std::vector<std::string>& statements);
  // The one column of a select's rows as a JSON array.
  // Returns: false if SQLite can't say (a run-time error, or too deeply nested for it).
  bool rows(const std::string& select, std::string& result);
  // Rows that the last single statement changed.
  int changes() const;

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace tremula::property
