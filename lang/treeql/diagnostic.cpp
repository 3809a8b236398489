#include "lang/treeql/diagnostic.h"

#include <algorithm>

#include "lang/treeql/statement.h"

namespace tremula::treeql {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`, the case
// of letters aside.
// Cost: O(|a| * |b|).
unsigned edit_distance(std::string_view a, std::string_view b) {
  std::vector<unsigned> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (unsigned j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<unsigned>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const unsigned replaced = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

bool continues_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t line_begin(std::size_t offset, std::string_view source) {
  if (offset == 0) return 0;
  const std::size_t newline = source.rfind('\n', offset - 1);
  return newline == std::string_view::npos ? 0 : newline + 1;
}

}  // namespace

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

std::string suggestion(std::string_view name, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kLengthMax = 64;  // keeps the cost of a hopeless name low
  if (name.size() > kLengthMax) return "";
  unsigned nearest = name.size() < 3 ? 1 : static_cast<unsigned>((name.size() + 1) / 3) + 1;
  std::string_view found;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLengthMax) continue;
    const unsigned distance = edit_distance(name, candidate);
    if (distance >= nearest || distance >= candidate.size()) continue;
    nearest = distance;
    found = candidate;
  }
  return found.empty() ? "" : "; did you mean " + quoted(found) + "?";
}

Place place_of(unsigned offset, std::string_view source) {
  const std::size_t at = std::min<std::size_t>(offset, source.size());
  const std::size_t begin = line_begin(at, source);
  Place place;
  place.line += static_cast<unsigned>(std::count(source.begin(), source.begin() + begin, '\n'));
  for (std::size_t i = begin; i < at; ++i) place.column += !continues_code_point(source[i]);
  return place;
}

std::string format_error(const base::Error& error, std::string_view source) {
  std::string text = "error: " + std::string(base::error_code_name(error.code));
  if (error.span.begin == 0 && error.span.end == 0) return text + ": " + error.message;
  const Place place = place_of(error.span.begin, source);
  text += " at " + std::to_string(place.line) + ":" + std::to_string(place.column);
  text += ": " + error.message + "\n  ";
  const std::size_t at = std::min<std::size_t>(error.span.begin, source.size());
  const std::size_t begin = line_begin(at, source);
  std::string_view line = source.substr(begin, source.find('\n', begin) - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  text += line;
  text += "\n  " + std::string(place.column - 1, ' ') + "^";
  return text;
}

}  // namespace tremula::treeql
