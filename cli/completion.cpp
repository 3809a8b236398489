#include "cli/completion.h"

#include <algorithm>
#include <cctype>

#include "cli/dot_commands.h"

namespace tremula::cli {
namespace {

constexpr std::string_view kKeywords[] = {
    "AND",    "AS",    "ASC",    "BEGIN",   "BETWEEN",     "BOOL",          "BY",       "BYTES",
    "CASE",   "CAST",  "COMMIT", "COUNTER", "DEFAULT",     "DELETE",        "DESC",     "DISTINCT",
    "DROP",   "ELSE",  "END",    "ESCAPE",  "EXISTS",      "EXPLAIN",       "EXPORT",   "FALSE",
    "FILTER", "FIRST", "FLUSH",  "FROM",    "GLOB",        "GROUP",         "HAVING",   "IMPORT",
    "IN",     "INDEX", "INNER",  "INSERT",  "INT",         "INTO",          "IS",       "JOIN",
    "JSON",   "KEY",   "LAST",   "LEFT",    "LIKE",        "LIMIT",         "LIVE",     "LWW",
    "MAX",    "MIN",   "NOT",    "NULL",    "NULLS",       "OFFSET",        "ON",       "OR",
    "ORDER",  "OUTER", "REAL",   "REF",     "REPLACE",     "RESERVED",      "ROLLBACK", "SELECT",
    "SET",    "SHOW",  "STATS",  "STRICT",  "SUBSCRIBE",   "SUBSCRIPTIONS", "SYNC",     "TABLE",
    "TABLES", "TEXT",  "THEN",   "TRUE",    "UNSUBSCRIBE", "UPDATE",        "UPSERT",   "VALUES",
    "WHEN",   "WHERE",
};

char upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool begins_as(std::string_view keyword, std::string_view prefix) {
  return prefix.size() <= keyword.size() &&
         std::equal(prefix.begin(), prefix.end(), keyword.begin(),
                    [](char typed, char c) { return upper(typed) == c; });
}

void add_keywords(std::string_view prefix, std::vector<std::string>& words) {
  const bool small = std::any_of(prefix.begin(), prefix.end(), [](char c) {
    return std::islower(static_cast<unsigned char>(c));
  });
  for (const std::string_view keyword : kKeywords) {
    if (!begins_as(keyword, prefix)) continue;
    std::string word(keyword);
    if (small) std::transform(word.begin(), word.end(), word.begin(), lower);
    // What was typed stays as it was typed.
    words.push_back(std::string(prefix) + word.substr(prefix.size()));
  }
}

void add_names(Database& database, std::string_view select, std::string_view before,
               std::string_view prefix, std::vector<std::string>& words) {
  const auto names = database.query(select);
  if (!names) return;  // inside a BEGIN of the shell's session, or no table yet
  for (std::size_t i = 0; i < names.value().size(); ++i) {
    const std::string name = names.value().value(i, "name").as_text();
    if (name.starts_with(prefix)) words.push_back(std::string(before) + name);
  }
}

}  // namespace

std::vector<std::string> complete(Database& database, std::string_view prefix) {
  std::vector<std::string> words;
  if (prefix.starts_with('.')) {
    for (const DotCommand& command : dot_commands())
      if (command.name.starts_with(prefix)) words.emplace_back(command.name);
    std::sort(words.begin(), words.end());
    return words;
  }
  const std::size_t point = prefix.rfind('.');
  const std::size_t begin = point == std::string_view::npos ? 0 : point + 1;
  const std::string_view before = prefix.substr(0, begin);
  const std::string_view typed = prefix.substr(begin);
  if (begin == 0) {
    add_keywords(typed, words);
    add_names(database, "SELECT t.name FROM tremula_table AS t", before, typed, words);
  }
  add_names(database, "SELECT c.name FROM tremula_column AS c", before, typed, words);
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace tremula::cli
