#include "db/json_text.h"

#include "core/base/check.h"
#include "core/triples/value_ops.h"

namespace tremula::db {

namespace {

// The end of the value that begins at `at`.
std::size_t value_end(std::string_view text, std::size_t at) {
  int depth = 0;
  for (bool in_string = false; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth > 0 && (c == '}' || c == ']')) {
      --depth;
    } else if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']')) {
      return at;
    }
  }
  return at;
}

unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

}  // namespace

void for_each_member(std::string_view object,
                     const std::function<void(std::string_view, std::string_view)>& member) {
  TREMULA_ASSERT(object.size() >= 2 && object.front() == '{');
  std::string name;
  for (std::size_t at = 1; at < object.size() && object[at] != '}';) {
    const std::size_t name_end = value_end(object, at);
    name.clear();
    unescape_json_string(object.substr(at, name_end - at), name);
    const std::size_t end = value_end(object, name_end + 1);
    member(name, object.substr(name_end + 1, end - name_end - 1));
    at = end < object.size() && object[end] == ',' ? end + 1 : end;
  }
}

std::size_t json_array_size(std::string_view array) {
  if (array.size() < 2 || array.front() != '[' || array == "[]") return 0;
  std::size_t size = 1;
  for (std::size_t at = value_end(array, 1); array[at] == ','; at = value_end(array, at + 1)) {
    ++size;
  }
  return size;
}

void unescape_json_string(std::string_view quoted, std::string& out) {
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      out += quoted[i];
      continue;
    }
    switch (const char c = quoted[++i]) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': {
        // We print \u00xx for controls alone, so the code point is one byte.
        out += static_cast<char>(hex_digit(quoted[i + 3]) * 16 + hex_digit(quoted[i + 4]));
        i += 4;
        break;
      }
      default: out += c;
    }
  }
}

void begin_member(std::string& out, std::string_view name) {
  if (!out.empty() && out.back() != '{' && out.back() != '[') out += ',';
  triples::print_json_string(name, out);
  out += ':';
}

}  // namespace tremula::db
