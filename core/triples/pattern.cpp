#include "core/triples/utf8.h"
#include "core/triples/value_ops.h"
#include "core/triples/value_text.h"

namespace tremula::triples {

namespace {

char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// One element of a pattern against the text. Both offsets are moved past it if it matches.
enum class Element { kMatch, kMismatch, kAnyRun };

// LIKE's elements. The escape character, if it is % or _, is no wildcard any more.
class LikePattern {
 public:
  LikePattern(std::string_view pattern, std::string_view escape)
      : pattern_(pattern), escape_(escape) {}
  std::size_t size() const { return pattern_.size(); }

  Element step(std::size_t& at, std::string_view text, std::size_t& text_at) const {
    if (!escape_.empty() && pattern_.compare(at, escape_.size(), escape_) == 0) {
      at += escape_.size();
      return at < pattern_.size() ? literal(at, text, text_at) : Element::kMismatch;
    }
    if (pattern_[at] == '%') {
      ++at;
      return Element::kAnyRun;
    }
    if (pattern_[at] != '_') return literal(at, text, text_at);
    if (text_at == text.size()) return Element::kMismatch;
    ++at;
    skip_code_point(text, text_at);
    return Element::kMatch;
  }

 private:
  // By bytes: a byte that begins no code point can't meet one that does.
  Element literal(std::size_t& at, std::string_view text, std::size_t& text_at) const {
    const std::size_t length = code_point_bytes(pattern_[at]);
    for (std::size_t i = 0; i < length && at < pattern_.size(); ++i, ++at, ++text_at) {
      if (text_at == text.size()) return Element::kMismatch;
      if (lower_ascii(pattern_[at]) != lower_ascii(text[text_at])) return Element::kMismatch;
    }
    return Element::kMatch;
  }

  std::string_view pattern_;
  std::string_view escape_;
};

// GLOB's elements: * ? [abc] [^a-z] []x]; a class that isn't closed matches nothing.
class GlobPattern {
 public:
  explicit GlobPattern(std::string_view pattern) : pattern_(pattern) {}
  std::size_t size() const { return pattern_.size(); }

  Element step(std::size_t& at, std::string_view text, std::size_t& text_at) const {
    const char c = pattern_[at];
    if (c == '*') {
      ++at;
      return Element::kAnyRun;
    }
    if (text_at == text.size()) return Element::kMismatch;
    if (c == '[') return in_class(++at, read_code_point(text, text_at));
    if (c == '?') {
      ++at;
      skip_code_point(text, text_at);
      return Element::kMatch;
    }
    return read_code_point(pattern_, at) == read_code_point(text, text_at) ? Element::kMatch
                                                                           : Element::kMismatch;
  }

 private:
  Element in_class(std::size_t& at, std::uint32_t point) const {
    bool seen = false;
    const bool inverted = at < pattern_.size() && pattern_[at] == '^';
    if (inverted) ++at;
    if (at < pattern_.size() && pattern_[at] == ']') {
      seen = point == ']';
      ++at;
    }
    std::uint32_t low = 0;  // what a range may begin with; 0: nothing
    while (at < pattern_.size() && pattern_[at] != ']') {
      const bool range =
          pattern_[at] == '-' && low > 0 && at + 1 < pattern_.size() && pattern_[at + 1] != ']';
      if (range) ++at;
      const std::uint32_t member = read_code_point(pattern_, at);
      seen = seen || (range ? low <= point && point <= member : point == member);
      low = range ? 0 : member;
    }
    if (at == pattern_.size()) return Element::kMismatch;
    ++at;
    return seen != inverted ? Element::kMatch : Element::kMismatch;
  }

  std::string_view pattern_;
};

// On a mismatch only the last run of any characters needs to grow.  Cost: O(text * pattern).
template <typename Pattern>
bool matches(const Pattern& pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t at = 0;
  std::size_t text_at = 0;
  std::size_t after_run = kNone;  // in the pattern
  std::size_t run_end = 0;        // in the text
  while (at < pattern.size() || text_at < text.size()) {
    const Element element =
        at < pattern.size() ? pattern.step(at, text, text_at) : Element::kMismatch;
    if (element == Element::kAnyRun) {
      if (at == pattern.size()) return true;
      after_run = at;
      run_end = text_at;
    } else if (element == Element::kMismatch) {
      if (after_run == kNone || run_end == text.size()) return false;
      skip_code_point(text, run_end);
      at = after_run;
      text_at = run_end;
    }
  }
  return true;
}

}  // namespace

Value like(Value text, Value pattern, Value escape) {
  const ValueText text_view(text);
  const ValueText pattern_view(pattern);
  if (text_view.is_null() || pattern_view.is_null()) return Value::null();
  const ValueText escape_view(escape);
  const bool no_escape = escape.is_null();
  if (!no_escape && (escape_view.is_null() || count_code_points(escape_view.view()) != 1)) {
    return Value::null();
  }
  return Value::boolean_of(
      matches(LikePattern(pattern_view.view(), escape_view.view()), text_view.view()));
}

Value glob(Value text, Value pattern) {
  const ValueText text_view(text);
  const ValueText pattern_view(pattern);
  if (text_view.is_null() || pattern_view.is_null()) return Value::null();
  return Value::boolean_of(matches(GlobPattern(pattern_view.view()), text_view.view()));
}

}  // namespace tremula::triples
