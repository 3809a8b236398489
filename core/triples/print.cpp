#include <cstring>

#include "core/triples/number_text.h"
#include "core/triples/value_ops.h"

namespace tremula::triples {

namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// How many bytes stand before the first that needs an escape. Eight are looked at together: a byte
// is below n if taking n from it borrows, and is c if it is zero after `^ c`.
std::size_t plain_size(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kHigh = kOnes * 0x80;
  const auto are_plain = [&text](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t quote = word ^ kOnes * '"';
    const std::uint64_t backslash = word ^ kOnes * '\\';
    const std::uint64_t found = ((word - kOnes * 0x20) & ~word) | ((quote - kOnes) & ~quote) |
                                ((backslash - kOnes) & ~backslash);
    return (found & kHigh) == 0;
  };
  std::size_t i = 0;
  while (i + 8 <= text.size() && are_plain(i)) i += 8;
  if (i + 8 > text.size() && text.size() >= 8 && are_plain(text.size() - 8)) return text.size();
  while (i < text.size() && !needs_escape(text[i])) ++i;
  return i;
}

void print_escaped(char c, std::string& out) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

void print_int(std::int64_t number, std::string& out) {
  char buffer[kNumberTextMax];
  out.append(buffer, format_int(number, buffer));
}

// The six bits that a base64 digit stands for, or -1.
int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

void print_real(double number, std::string& out) {
  char buffer[kNumberTextMax];
  out.append(buffer, format_real(number, buffer));
}

void print_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (;;) {
    const std::size_t plain = plain_size(text);
    out.append(text, 0, plain);
    if (plain == text.size()) break;
    print_escaped(text[plain], out);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

void print_base64(std::string_view bytes, std::string& out) {
  const auto byte = [bytes](std::size_t i) {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kBase64[bits >> 18];
    out += kBase64[bits >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64[bits >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64[bits & 63] : '=';
  }
}

bool parse_base64(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  const std::size_t before = out.size();
  const auto refuse = [&out, before] {
    out.resize(before);
    return false;
  };
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t padding = i + 4 < text.size() || text[i + 3] != '=' ? 0
                                : text[i + 2] == '='                      ? 2
                                                                          : 1;
    unsigned bits = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const int digit = j < 4 - padding ? base64_digit(text[i + j]) : 0;
      if (digit < 0) return refuse();
      bits = bits << 6 | static_cast<unsigned>(digit);
    }
    // Bits behind the last byte: two texts would mean the same bytes.
    if ((bits & ((1u << (8 * padding)) - 1)) != 0) return refuse();
    for (std::size_t j = 0; j < 3 - padding; ++j) out += static_cast<char>(bits >> (16 - 8 * j));
  }
  return true;
}

void print_json(Value value, std::string& out) {
  switch (value.kind) {
    case Kind::kNull:
    case Kind::kMissing: out += "null"; return;
    case Kind::kBool: out += value.boolean ? "true" : "false"; return;
    case Kind::kInt: print_int(value.integer, out); return;
    case Kind::kReal: print_real(value.number, out); return;
    case Kind::kText: print_json_string(value.view(), out); return;
    case Kind::kBytes:
      out += '"';
      print_base64(value.view(), out);
      out += '"';
      return;
    case Kind::kJson: out += value.view(); return;
  }
}

void print_text(Value value, std::string& out) {
  if (value.has_bytes()) {
    out += value.view();
  } else {
    print_json(value, out);
  }
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kAny: return "any";
    case Type::kBool: return "BOOL";
    case Type::kInt: return "INT";
    case Type::kReal: return "REAL";
    case Type::kText: return "TEXT";
    case Type::kBytes: return "BYTES";
    case Type::kJson: return "JSON";
  }
  return {};
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNull:
    case Kind::kMissing: return "null";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kReal: return "real";
    case Kind::kText: return "text";
    case Kind::kBytes: return "bytes";
    case Kind::kJson: return "json";
  }
  return {};
}

}  // namespace tremula::triples
