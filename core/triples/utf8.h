// Code points in valid UTF-8.
//
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tremula::triples {

// How many bytes the code point takes that begins with `first`.
inline std::size_t code_point_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Moves `at` past one code point, never beyond the end.  Requires: at < text.size().
inline void skip_code_point(std::string_view text, std::size_t& at) {
  at += code_point_bytes(text[at]);
  if (at > text.size()) at = text.size();
}

// The code point at `at`, which is moved past it.  Requires: at < text.size().
inline std::uint32_t read_code_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t end = at + code_point_bytes(text[at]);
  ++at;
  if (first < 0xC0) return first;
  std::uint32_t point = first & (end - at == 1 ? 0x1Fu : end - at == 2 ? 0x0Fu : 0x07u);
  for (; at < end && at < text.size(); ++at) {
    point = point << 6 | (static_cast<unsigned char>(text[at]) & 0x3Fu);
  }
  return point;
}

inline std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace tremula::triples
