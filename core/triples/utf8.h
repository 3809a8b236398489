// Code points in valid UTF-8.
//
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

// Eight bytes at a time, four times; the last eight may overlap those before.
inline bool is_ascii(std::string_view text) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto word_at = [&](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, kWord);
    return word;
  };
  std::uint64_t bits = 0;
  std::size_t at = 0;
  for (; at + 4 * kWord <= text.size(); at += 4 * kWord) {
    bits |= (word_at(at) | word_at(at + kWord)) |
            (word_at(at + 2 * kWord) | word_at(at + 3 * kWord));
  }
  for (; at + kWord <= text.size(); at += kWord) bits |= word_at(at);
  if (at < text.size() && at > 0) {
    bits |= word_at(text.size() - kWord);
  } else {
    for (; at < text.size(); ++at) bits |= static_cast<unsigned char>(text[at]);
  }
  return (bits & 0x8080'8080'8080'8080) == 0;
}

inline std::size_t count_code_points(std::string_view text) {
  if (is_ascii(text)) return text.size();
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace tremula::triples
