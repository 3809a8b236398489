#include "tests/tidy/source_text.h"

#include <algorithm>

namespace tremula::tidy {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_name_byte(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)); }

bool ends_access_label(std::string_view text) {
  text = trimmed(text);
  return text == "public:" || text == "protected:" || text == "private:";
}

// The brace that closes the one at `at`, or the end.
std::size_t end_of_braces(std::string_view code, std::size_t at) {
  std::size_t depth = 0;
  for (; at < code.size(); ++at) {
    depth += code[at] == '{' ? 1 : 0;
    depth -= code[at] == '}' ? 1 : 0;
    if (depth == 0) break;
  }
  return at;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_name_byte(text[at - 1])) &&
        (end == text.size() || !is_name_byte(text[end])))
      return true;
  }
  return false;
}

// Whether what stands before a `{` opens a function: a parameter list, and nothing that opens a
// type, a namespace or a list of values.
bool opens_function(std::string_view head) {
  head = trimmed(head);
  if (head.empty() || head.find('(') == std::string_view::npos) return false;
  if (head.ends_with("=") || head.ends_with("return") || head.ends_with(",") || head.ends_with("("))
    return false;
  for (const char* word : {"class", "struct", "union", "enum", "namespace"}) {
    // `struct` may stand in a function's head too, as in its return type; its `(` decides.
    const std::size_t at = head.find(word);
    if (has_word(head, word) && head.find('(') > at && head.find(')') == std::string_view::npos)
      return false;
  }
  return true;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

// The end of the literal that begins with the quote at `at`.
std::size_t end_of_literal(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

// The end of the raw string whose quote stands at `at`.
std::size_t end_of_raw(std::string_view text, std::size_t at) {
  const std::size_t open = text.find('(', at);
  if (open == std::string_view::npos) return text.size();
  const std::string close = ")" + std::string(text.substr(at + 1, open - at - 1)) + "\"";
  const std::size_t end = text.find(close, open);
  return end == std::string_view::npos ? text.size() : end + close.size();
}

// The end of what is no code at `at`, or `at` if code stands there.
std::size_t end_of_silence(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) == "//") return std::min(text.find('\n', at), text.size());
  if (text.substr(at, 2) == "/*") {
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (text[at] == '"')
    return at > 0 && text[at - 1] == 'R' ? end_of_raw(text, at) : end_of_literal(text, at);
  const bool separates_digits = at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1]));
  if (text[at] == '\'' && !separates_digits) return end_of_literal(text, at);
  return at;
}

}  // namespace

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::size_t columns_of(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<Include> includes_of(const std::vector<std::string>& lines) {
  std::vector<Include> includes;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = trimmed(lines[i]);
    if (!line.starts_with("#include")) continue;
    const std::size_t open = line.find_first_of("<\"");
    if (open == std::string_view::npos) continue;
    const bool angled = line[open] == '<';
    const std::size_t close = line.find(angled ? '>' : '"', open + 1);
    if (close == std::string_view::npos) continue;
    includes.push_back({std::string(line.substr(open + 1, close - open - 1)), i + 1, angled});
  }
  return includes;
}

std::string without_comments_and_texts(std::string_view text) {
  std::string code(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_silence(text, at);
    for (std::size_t i = at; i < end; ++i)
      if (code[i] != '\n') code[i] = ' ';
    at = std::max(end, at + 1);
  }
  // Directives have no braces that belong to anything.
  for (std::size_t at = 0; at < code.size();) {
    std::size_t end = std::min(code.find('\n', at), code.size());
    if (trimmed(std::string_view(code).substr(at, end - at)).starts_with('#')) {
      while (end < code.size() && end > at && code[end - 1] == '\\')
        end = std::min(code.find('\n', end + 1), code.size());
      for (std::size_t i = at; i < end; ++i)
        if (code[i] != '\n') code[i] = ' ';
    }
    at = end + 1;
  }
  return code;
}

std::vector<Function> functions_of(std::string_view text) {
  const std::string code = without_comments_and_texts(text);
  std::vector<Function> functions;
  std::size_t head = 0;        // where the words before the next brace begin
  std::size_t depth = 0;       // of braces inside the function that is open
  std::size_t first_line = 0;  // of that function; 0: none is open
  for (std::size_t at = 0; at < code.size(); ++at) {
    const char c = code[at];
    if (first_line != 0) {
      depth += c == '{' ? 1 : 0;
      depth -= c == '}' ? 1 : 0;
      if (depth > 0) continue;
      functions.push_back({first_line, line_at(code, at)});
      first_line = 0;
      head = at + 1;
    } else if (c == '{' && at > 0 && is_name_byte(code[at - 1])) {
      at = end_of_braces(code, at);  // a value, as in a constructor's list: the head goes on
    } else if (c == '{') {
      const std::string_view before = std::string_view(code).substr(head, at - head);
      if (opens_function(before)) {
        first_line = line_at(code, head + before.find_first_not_of(" \t\r\n"));
        depth = 1;
      }
      head = at + 1;
    } else if (c == ';' || c == '}' ||
               ends_access_label(std::string_view(code).substr(head, at + 1 - head))) {
      head = at + 1;
    }
  }
  return functions;
}

}  // namespace tremula::tidy
