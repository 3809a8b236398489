#include "cli/quoted.h"

namespace tremula::cli {

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

Result<std::string> inner_select(Database& database, std::string_view select) {
  const auto plan = database.explain(select);
  if (!plan) return plan.error();
  const std::size_t last = select.find_last_not_of(" \t\r\n;");
  return std::string(select.substr(0, last + 1)) + "\n";  // it may end in a comment
}

std::string import_statement(std::string_view table, std::string_view file, bool replace) {
  return "IMPORT " + quoted(table, '"') + " FROM " + quoted(file, '\'') +
         (replace ? " REPLACE;" : ";");
}

std::string export_statement(std::string_view select, std::string_view file) {
  return "EXPORT (" + std::string(select) + ") TO " + quoted(file, '\'') + ";";
}

}  // namespace tremula::cli
