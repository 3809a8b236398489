// Bytes as text: two hexadecimal digits each, in small letters.
//
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace tremula::base {

inline void put_hex(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char byte : bytes) {
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[static_cast<unsigned char>(byte) & 15];
  }
}

inline std::string hex(std::string_view bytes) {
  std::string text;
  put_hex(text, bytes);
  return text;
}

}  // namespace tremula::base
