// What tests ask of a text.
#pragma once

#include <cstddef>
#include <string>

namespace tremula::support {

// How often `part`, which is not empty, stands in the text.
inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

}  // namespace tremula::support
