#include "cli/outline.h"

#include <algorithm>

#include "cli/json_text.h"
#include "cli/text_table.h"
#include "tremula/tremula.h"

namespace tremula::cli {
namespace {

constexpr std::size_t kIndent = 2;

void add_value(std::string_view json, std::size_t indent, std::vector<std::string>& lines);

void add_object(std::string_view object, std::size_t indent, std::vector<std::string>& lines) {
  std::string scalars(indent, ' ');
  std::vector<std::pair<std::string, std::string>> nested;
  bool first = true;
  for (const auto& [name, value] : cells_of(object)) {
    if (value.kind() == ValueKind::kJson) {
      nested.emplace_back(name, value.as_text());
      continue;
    }
    scalars += (first ? "" : "   ") + name + ": " + display_text(value);
    first = false;
  }
  if (!first) lines.push_back(std::move(scalars));
  for (const auto& [name, json] : nested) {
    lines.push_back(std::string(indent + kIndent, ' ') + name + (json == "[]" ? ": none" : ""));
    add_value(json, indent + 2 * kIndent, lines);
  }
}

void add_value(std::string_view json, std::size_t indent, std::vector<std::string>& lines) {
  if (json.starts_with('{')) return add_object(json, indent, lines);
  if (!json.starts_with('[')) {
    lines.push_back(std::string(indent, ' ') + std::string(json));
    return;
  }
  for (const std::string_view element : elements_of(json)) add_value(element, indent, lines);
}

}  // namespace

std::vector<std::string> outline(std::string_view result) {
  std::vector<std::string> lines;
  add_value(result, 0, lines);
  return lines;
}

std::vector<ChangedLine> compare_lines(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after) {
  // common[i][j]: the lines that the rests of both from i and j on have in common, in order.
  std::vector<std::vector<std::size_t>> common(before.size() + 1,
                                               std::vector<std::size_t>(after.size() + 1, 0));
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i][j] = before[i] == after[j] ? common[i + 1][j + 1] + 1
                                           : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<ChangedLine> lines;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      lines.push_back({LineChange::kSame, after[j]});
      ++i, ++j;
    } else if (j == after.size() || (i < before.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back({LineChange::kRemoved, before[i++]});
    } else {
      lines.push_back({LineChange::kAdded, after[j++]});
    }
  }
  return lines;
}

}  // namespace tremula::cli
