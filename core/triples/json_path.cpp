#include <charconv>
#include <string>

#include "core/triples/number_text.h"
#include "core/triples/value_ops.h"

namespace tremula::triples {

namespace {

// Walks canonical JSON, so it trusts what it reads. An offset stands at the first byte of a value.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  std::string_view value_at(std::size_t at) const { return text_.substr(at, end_of(at) - at); }

  // The value of the member whose name is `name`, a JSON string with its quotes.
  bool member(std::size_t& at, std::string_view name) const {
    if (text_[at] != '{') return false;
    for (std::size_t i = at + 1; text_[i] != '}';) {
      const std::size_t name_end = end_of(i);
      const std::size_t value = name_end + 1;
      if (text_.substr(i, name_end - i) == name) {
        at = value;
        return true;
      }
      i = after_comma(end_of(value));
    }
    return false;
  }

  // The element number `index`, from 0; or from the end, -1 being the last.
  bool element(std::size_t& at, std::int64_t index) const {
    if (text_[at] != '[') return false;
    if (index < 0) index += size(at);
    if (index < 0) return false;
    for (std::size_t i = at + 1; text_[i] != ']'; i = after_comma(end_of(i))) {
      if (index-- == 0) {
        at = i;
        return true;
      }
    }
    return false;
  }

 private:
  std::int64_t size(std::size_t at) const {
    std::int64_t count = 0;
    for (std::size_t i = at + 1; text_[i] != ']'; i = after_comma(end_of(i))) ++count;
    return count;
  }

  std::size_t after_comma(std::size_t at) const { return text_[at] == ',' ? at + 1 : at; }

  std::size_t end_of_string(std::size_t at) const {
    for (++at; text_[at] != '"'; ++at) at += text_[at] == '\\' ? 1 : 0;
    return at + 1;
  }

  // Of a number, true, false or null.
  std::size_t end_of_word(std::size_t at) const {
    while (at < text_.size() && text_[at] != ',' && text_[at] != ']' && text_[at] != '}') ++at;
    return at;
  }

  std::size_t end_of(std::size_t at) const {
    std::size_t depth = 0;
    for (;;) {
      switch (text_[at]) {
        case '"': at = end_of_string(at); break;
        case '{':
        case '[':
          ++depth;
          ++at;
          continue;
        case '}':
        case ']':
          --depth;
          ++at;
          break;
        case ',':
        case ':': ++at; continue;
        default: at = end_of_word(at); break;
      }
      if (depth == 0) return at;
    }
  }

  std::string_view text_;
};

unsigned hex_digit(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

// Canonical text escapes nothing but controls, quotes and backslashes.
std::string_view unescape(std::string_view inside, base::Arena& arena) {
  if (inside.find('\\') == std::string_view::npos) return inside;
  char* const out = arena.allocate(inside.size());
  char* end = out;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\') {
      *end++ = inside[i];
      continue;
    }
    switch (inside[++i]) {
      case 'b': *end++ = '\b'; break;
      case 'f': *end++ = '\f'; break;
      case 'n': *end++ = '\n'; break;
      case 'r': *end++ = '\r'; break;
      case 't': *end++ = '\t'; break;
      case 'u':
        *end++ = static_cast<char>(hex_digit(inside[i + 3]) << 4 | hex_digit(inside[i + 4]));
        i += 4;
        break;
      default: *end++ = inside[i]; break;
    }
  }
  return {out, static_cast<std::size_t>(end - out)};
}

Value value_of(std::string_view text, base::Arena& arena) {
  switch (text[0]) {
    case '{':
    case '[': return Value::json_of(text);
    case '"': return Value::text_of(unescape(text.substr(1, text.size() - 2), arena));
    case 'n': return Value::null();
    case 't': return Value::boolean_of(true);
    case 'f': return Value::boolean_of(false);
    default: return number_from_text(text);
  }
}

std::string json_string(std::string_view text) {
  std::string out;
  print_json_string(text, out);
  return out;
}

// $ then any of .name ."name" [3] [#-1]
class Path {
 public:
  explicit Path(std::string_view path) : path_(path.substr(1)) {}

  // False: no match, or not a path.
  bool follow(const Walker* walker, std::size_t& at) {
    while (!path_.empty()) {
      const char kind = path_[0];
      path_.remove_prefix(1);
      if (kind == '.') {
        std::string_view name;
        if (!take_name(name) || walker == nullptr) return false;
        if (!walker->member(at, json_string(name))) return false;
      } else if (kind == '[') {
        std::int64_t index = 0;
        if (!take_index(index) || walker == nullptr || !walker->element(at, index)) return false;
      } else {
        return false;
      }
    }
    return true;
  }

 private:
  bool take_name(std::string_view& name) {
    if (path_.starts_with('"')) {
      const std::size_t end = path_.find('"', 1);
      if (end == std::string_view::npos) return false;
      name = path_.substr(1, end - 1);
      path_.remove_prefix(end + 1);
      return true;
    }
    name = path_.substr(0, path_.find_first_of(".["));
    path_.remove_prefix(name.size());
    return !name.empty();
  }

  bool take_index(std::int64_t& index) {
    const std::size_t end = path_.find(']');
    if (end == std::string_view::npos) return false;
    std::string_view digits = path_.substr(0, end);
    path_.remove_prefix(end + 1);
    const bool from_end = digits.starts_with("#-");
    if (from_end) digits.remove_prefix(2);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size()) return false;
    if (index < 0 || (from_end && index == 0)) return false;
    if (from_end) index = -index;
    return true;
  }

  std::string_view path_;
};

bool follow(Value path, const Walker* walker, std::size_t& at) {
  if (path.kind == Kind::kInt) return walker != nullptr && walker->element(at, path.integer);
  if (path.kind != Kind::kText) return false;
  if (path.view().starts_with('$')) return Path(path.view()).follow(walker, at);
  return walker != nullptr && walker->member(at, json_string(path.view()));
}

}  // namespace

Value json_get(Value json, Value path, base::Arena& arena) {
  if (json.kind == Kind::kBytes || json.is_null() || json.is_missing()) return Value::null();
  if (json.kind == Kind::kText && !parse_json(json.view(), arena, json)) return Value::null();
  std::size_t at = 0;
  if (json.kind != Kind::kJson) return follow(path, nullptr, at) ? json : Value::null();
  const Walker walker(json.view());
  return follow(path, &walker, at) ? value_of(walker.value_at(at), arena) : Value::null();
}

Value json_get_text(Value json, Value path, base::Arena& arena) {
  Value value = json_get(json, path, arena);
  if (value.kind == Kind::kJson) value.kind = Kind::kText;
  return value;
}

}  // namespace tremula::triples
