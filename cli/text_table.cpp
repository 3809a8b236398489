#include "cli/text_table.h"

#include <wchar.h>

#include <algorithm>
#include <numeric>

#include "core/triples/utf8.h"

namespace tremula::cli {
namespace {

constexpr std::size_t kGap = 2;        // between columns
constexpr std::size_t kNarrowest = 4;  // a column is never shortened below this

std::size_t point_width(std::uint32_t point) {
  const int width = wcwidth(static_cast<wchar_t>(point));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

void pad(std::string& line, std::string_view text, std::size_t width, bool to_the_right) {
  const std::size_t used = display_width(text);
  const std::size_t blanks = width > used ? width - used : 0;
  if (to_the_right) line.append(blanks, ' ');
  line.append(text);
  if (!to_the_right) line.append(blanks, ' ');
}

void end_line(std::string& text, std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line;
  text += '\n';
  line.clear();
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();)
    width += point_width(triples::read_code_point(text, at));
  return width;
}

std::string display_text(const Value& value) {
  if (value.is_null()) return "NULL";
  if (value.kind() != ValueKind::kText) return value.to_json();
  const std::string& text = value.as_text();
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7F;
  });
  return plain ? text : value.to_json();
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t used = 1;  // of the …
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size(); end = at) {
    used += point_width(triples::read_code_point(text, at));
    if (used > width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

void TextTable::add_row(std::string_view row_json) {
  const Cells cells = cells_of(row_json);
  if (columns_.empty()) {
    for (const auto& [name, value] : cells) columns_.push_back(name);
  }
  std::vector<Cell>& row = rows_.emplace_back();
  for (const auto& [name, value] : cells) {
    const bool number = value.kind() == ValueKind::kInt || value.kind() == ValueKind::kReal;
    row.push_back({display_text(value), number});
  }
}

std::vector<std::size_t> TextTable::widths(std::size_t width_max) const {
  std::vector<std::size_t> widths;
  for (const std::string& name : columns_) widths.push_back(display_width(name));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  if (width_max == 0 || widths.empty()) return widths;
  std::size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (total > width_max) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
    --total;
  }
  return widths;
}

std::string TextTable::text(std::size_t width_max) const {
  const std::vector<std::size_t> width = widths(width_max);
  std::string text;
  std::string line;
  auto add_cell = [&](std::size_t column, const std::string& cell, bool to_the_right) {
    if (column > 0) line.append(kGap, ' ');
    pad(line, shorten(cell, width[column]), width[column], to_the_right);
  };
  for (std::size_t i = 0; i < width.size(); ++i) {
    const bool number = !rows_.empty() && i < rows_.front().size() && rows_.front()[i].to_the_right;
    add_cell(i, columns_[i], number);
  }
  if (!width.empty()) end_line(text, line);
  for (std::size_t i = 0; i < width.size(); ++i) add_cell(i, std::string(width[i], '-'), false);
  if (!width.empty()) end_line(text, line);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < width.size(); ++i)
      add_cell(i, row[i].text, row[i].to_the_right);
    end_line(text, line);
  }
  text += "(" + std::to_string(rows_.size()) + (rows_.size() == 1 ? " row)\n" : " rows)\n");
  return text;
}

}  // namespace tremula::cli
