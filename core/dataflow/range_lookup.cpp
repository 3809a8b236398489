#include "core/dataflow/range_lookup.h"

#include <algorithm>
#include <utility>

#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Kind;
using triples::Value;

namespace {

// Letters of a pattern whose two cases are looked up apart.
constexpr std::size_t kLettersApart = 3;

std::string encoded(Value value) {
  std::string bytes;
  triples::encode_ordered(value, bytes);
  return bytes;
}

// The mark that a text's encoding begins with.
std::string text_mark() { return encoded(Value::text_of("")).substr(0, 1); }

// Behind NULL, which meets no comparison: no encoding begins another, so a zero behind one is less
// than all that are greater.
KeyRange all_values() { return {encoded(Value::null()) + '\0', "\xFF"}; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
char upper_case(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

// Texts that begin with `begin`, and then with `rest` in whatever case.
KeyRange texts_from(const std::string& begin, std::string_view rest) {
  std::string lower = begin;
  std::string upper = begin;
  for (const char c : rest) {
    lower += upper_case(c);
    upper += lower_case(c);
  }
  return {std::move(lower), triples::prefix_end(upper)};
}

void add_cases(const std::string& begin, std::string_view rest, std::size_t letters,
               std::vector<KeyRange>& out) {
  std::string made = begin;
  while (!rest.empty() && !is_letter(rest.front())) {
    made += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty() || letters == 0) {
    out.push_back(texts_from(made, rest));
    return;
  }
  for (const char c : {upper_case(rest.front()), lower_case(rest.front())})
    add_cases(made + c, rest.substr(1), letters - 1, out);
}

// Returns: false if the pattern says nothing of how texts begin.
bool find_pattern_ranges(Value pattern, bool is_like, std::vector<KeyRange>& out) {
  if (pattern.kind != Kind::kText) return false;
  std::string_view prefix = pattern.view();
  // A zero is encoded as two bytes.
  prefix = prefix.substr(0, prefix.find_first_of(is_like ? std::string_view("%_\0", 3)
                                                         : std::string_view("*?[\0", 4)));
  if (prefix.empty()) return false;
  const std::string mark = text_mark();
  const KeyRange all = all_values();
  out.push_back({all.lower, mark});  // what is no text may print so that it matches
  if (is_like) {
    add_cases(mark, prefix, kLettersApart, out);
  } else {
    out.push_back({mark + std::string(prefix), triples::prefix_end(mark + std::string(prefix))});
  }
  out.push_back({triples::prefix_end(mark), all.upper});
  return true;
}

std::vector<KeyRange> in_both(const std::vector<KeyRange>& a, const std::vector<KeyRange>& b) {
  std::vector<KeyRange> both;
  for (const KeyRange& one : a) {
    for (const KeyRange& other : b) {
      KeyRange piece{std::max(one.lower, other.lower), std::min(one.upper, other.upper)};
      if (piece.lower < piece.upper) both.push_back(std::move(piece));
    }
  }
  return both;
}

}  // namespace

bool find_ranges(const std::vector<RangeBound>& bounds, const RowContext& row,
                 std::vector<KeyRange>& out) {
  std::vector<KeyRange> ranges = {all_values()};
  bool narrows = false;
  for (const RangeBound& bound : bounds) {
    const Value value = evaluate(*bound.value, row);
    if (value.is_null()) return true;
    std::vector<KeyRange> of_bound;
    if (bound.form != RangeBound::Form::kCompare) {
      if (!find_pattern_ranges(value, bound.form == RangeBound::Form::kLike, of_bound)) continue;
    } else {
      KeyRange range = all_values();
      std::string edge = encoded(value);
      if (bound.strict == bound.lower) edge += '\0';
      (bound.lower ? range.lower : range.upper) = std::move(edge);
      of_bound.push_back(std::move(range));
    }
    ranges = in_both(ranges, of_bound);
    narrows = true;
  }
  if (!narrows) return false;
  out = std::move(ranges);
  return true;
}

}  // namespace tremula::dataflow
