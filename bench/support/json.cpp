#include "bench/support/json.h"

#include <tremula/value.h>

#include <charconv>
#include <utility>

#include "bench/support/tracker.h"

namespace tremula::bench {

std::vector<std::string_view> elements(std::string_view array) {
  std::vector<std::string_view> result;
  int depth = 0;
  bool quoted = false;
  std::size_t begin = 1;
  for (std::size_t i = 0; i < array.size(); i++) {
    const char c = array[i];
    if (quoted) {
      if (c == '\\') i++;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '[' || c == '{') depth++;
    const bool closes = c == ']' || c == '}';
    if ((c == ',' && depth == 1) || (closes && depth == 1)) {
      if (i > begin) result.push_back(array.substr(begin, i - begin));
      begin = i + 1;
    }
    if (closes) depth--;
  }
  return result;
}

std::int64_t first_integer(std::string_view value) {
  if (value.starts_with("{")) value.remove_prefix(value.find(':') + 1);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::vector<std::int64_t> ids_of(std::string_view array) {
  std::vector<std::int64_t> ids;
  for (const std::string_view element : elements(array)) ids.push_back(first_integer(element));
  return ids;
}

std::int64_t place_of(std::string_view path) { return first_integer(path.substr(1)); }

std::string row_checksum(std::string_view array) {
  Checksum sum;
  for (const std::int64_t id : ids_of(array)) sum.add(id);
  return sum.text();
}

std::string tree_checksum(std::string_view array) {
  Checksum sum;
  for (const std::string_view row : elements(array)) {
    std::int64_t id = 0;
    std::int64_t owner = 0;
    std::vector<std::pair<std::int64_t, std::int64_t>> authors;
    std::vector<std::int64_t> labels;
    for (const auto& [name, value] : cells_of(row)) {
      if (name == "id") id = value.as_int();
      if (name == "owner") owner = first_integer(value.as_text());
      if (name == "labels") labels = ids_of(value.as_text());
      if (name != "comments") continue;
      for (const std::string_view comment : elements(value.as_text())) {
        const Cells cells = cells_of(comment);
        authors.emplace_back(cells.at(0).second.as_int(),
                             first_integer(cells.at(1).second.as_text()));
      }
    }
    sum.add(tree_text(id, owner, authors, labels));
  }
  return sum.text();
}

}  // namespace tremula::bench
