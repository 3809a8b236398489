#include "cli/live_results.h"

#include <algorithm>
#include <utility>

#include "cli/json_text.h"
#include "cli/text_table.h"

namespace tremula::cli {
namespace {

constexpr std::size_t kLinesMin = 2;  // of a result: its title, and one of the others
constexpr const char* kBold = "\033[1m";
constexpr const char* kPlain = "\033[0m";

// A result's lines below its title; no more than are asked for, the last one tells what is missing.
// json: of as many rows as there are lines at least, or all.
std::vector<std::string> rows_of(const std::string& json, const ChangeMark& marks,
                                 std::size_t lines_max, std::size_t columns) {
  TextTable table({});
  for (const auto& row : elements_of(json)) table.add_row(row);
  std::vector<std::string> lines;
  table.print_rows(columns, marks, [&](const std::string& line) {
    lines.push_back(line);
    return lines.size() <= lines_max;
  });
  if (lines.size() <= lines_max) return lines;
  lines.resize(lines_max - 1);
  lines.push_back("…");
  return lines;
}

std::string counted(std::size_t rows) {
  return std::to_string(rows) + (rows == 1 ? " row" : " rows");
}

}  // namespace

LiveResults::Result* LiveResults::find(std::string_view name) {
  const auto found = std::find_if(results_.begin(), results_.end(),
                                  [name](const Result& result) { return result.name == name; });
  return found == results_.end() ? nullptr : &*found;
}

void LiveResults::follow(const Session& session) {
  const std::vector<std::string> names = session.subscriptions();
  std::erase_if(results_, [&names](const Result& result) {
    return std::find(names.begin(), names.end(), result.name) == names.end();
  });
  for (const std::string& name : names)
    if (find(name) == nullptr) results_.push_back({name, {}, 0, false});
}

void LiveResults::take(const Output& output) {
  Result* result = find(output.subscription);
  if (output.kind == OutputKind::kSnapshot) {
    if (result != nullptr) std::erase_if(results_, [&](const Result& r) { return &r == result; });
    results_.push_back({std::string(output.subscription), {}, 0, false});
    return;
  }
  if (result == nullptr) return;  // it ended with the commit that is being delivered
  if (std::exchange(result->shown, false)) result->marks = {};
  for (const auto& [name, value] : cells_of(output.text)) {
    if (name == "commit") result->commit = static_cast<std::uint64_t>(value.as_int());
    if (name == "patch") mark_patch(result->marks, value.as_text());
  }
}

std::vector<std::string> LiveResults::lines(const Session& session, std::size_t rows_max,
                                            std::size_t columns) {
  follow(session);
  std::vector<std::string> lines;
  std::size_t left = results_.size();
  for (Result& result : results_) {
    const std::size_t room = rows_max - lines.size();
    if (room < kLinesMin) break;
    const std::size_t share = std::max(room / left, kLinesMin);
    const auto json = session.result_of(result.name, share);
    const auto row_count = session.row_count_of(result.name);
    if (!json || !row_count) continue;  // it ended since
    std::string title = "── " + result.name + " · " + counted(row_count.value());
    if (result.commit > 0) title += " · commit " + std::to_string(result.commit);
    std::string shown = shorten(title + " ", columns);
    for (std::size_t used = display_width(shown); used < columns; ++used) shown += "─";
    lines.push_back(kBold + shown + kPlain);
    for (std::string& line : rows_of(json.value(), result.marks, share - 1, columns))
      lines.push_back(std::move(line));
    result.shown = true;
    --left;
  }
  if (left > 0 && !lines.empty())
    lines.back() = shorten("… and " + std::to_string(left) + " more: .subscriptions", columns);
  return lines;
}

}  // namespace tremula::cli
