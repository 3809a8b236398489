#include "core/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tremula::base {

std::uint64_t checksum_seed(std::uint64_t number, std::uint64_t offset) {
  // Each step can be undone, so for one file no two offsets share a seed; the odd factor keeps
  // file n at offset m apart from file m at offset n.
  std::uint64_t seed = number * 0x9e3779b97f4a7c15ULL;
  seed = (seed ^ (seed >> 29)) * 0xbf58476d1ce4e5b9ULL;
  seed += offset;
  seed = (seed ^ (seed >> 32)) * 0x94d049bb133111ebULL;
  return seed ^ (seed >> 29);
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string checksum_text(std::uint64_t checksum) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; checksum >>= 4) text[i] = "0123456789abcdef"[checksum & 15];
  return text;
}

}  // namespace tremula::base
