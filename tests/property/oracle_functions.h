// The functions that TreeQL's rules need and SQLite lacks: JSON text as TreeQL prints it, exact
// sums, group_concat in an order.  Thread: those of the connection.
#pragma once

#include <string>

struct sqlite3;

namespace tremula::property {

void register_oracle_functions(sqlite3* db);

// A REAL as TreeQL prints it.
std::string real_text(double value);

}  // namespace tremula::property
