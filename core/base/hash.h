// Hashes for tables in memory: fast, well mixed in all 64 bits, the same in every process.
// They are no checksums and are never stored.
//
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tremula::base {

inline std::uint64_t hash_multiply(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_int(std::uint64_t value) {
  return hash_multiply(value ^ 0x9E37'79B9'7F4A'7C15, 0xD6E8'FEB8'6659'FD93);
}

// The hash of a sequence from the hash of its beginning and of its next part.
inline std::uint64_t hash_combine(std::uint64_t first, std::uint64_t second) {
  return hash_multiply(first ^ 0xA076'1D64'78BD'642F, second ^ 0xE703'7ED1'A0B4'28DB);
}

inline std::uint64_t hash_load(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

inline std::uint64_t hash_bytes(std::string_view bytes) {
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = 0x2D35'8DCC'AA6C'78A5 ^ left;
  for (; left > 16; left -= 16, p += 16) {
    hash = hash_combine(hash_load(p, 8) ^ hash, hash_load(p + 8, 8));
  }
  // The last up to 16 bytes as two words that overlap, so that no length needs a loop.
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = hash_load(p, 8);
    b = hash_load(p + left - 8, 8);
  } else if (left >= 4) {
    a = hash_load(p, 4);
    b = hash_load(p + left - 4, 4);
  } else if (left > 0) {
    a = static_cast<unsigned char>(p[0]) | static_cast<std::uint64_t>(p[left / 2]) << 16;
    b = static_cast<unsigned char>(p[left - 1]);
  }
  return hash_combine(hash_combine(a ^ hash, b), bytes.size());
}

}  // namespace tremula::base
