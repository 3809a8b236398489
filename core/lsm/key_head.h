// The beginning of a key as a number, which sorts as the keys do: a comparison of two numbers
// settles most comparisons of keys.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tremula::lsm {

// Keys with different heads compare as these; with equal ones all is open.
inline std::uint64_t key_head(std::string_view key) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < sizeof head; ++i)
    head = head << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
  return head;
}

}  // namespace tremula::lsm
