#include "core/lsm/bloom_filter.h"

namespace tremula::lsm {
namespace {

constexpr std::size_t kBitsPerKey = 10;
constexpr int kProbes = 6;
constexpr unsigned kProbeBits = 9;  // of 512 in a block

std::size_t block_of(std::uint64_t hash, std::size_t blocks) {
  return static_cast<std::size_t>((hash >> 32) * blocks >> 32);
}

// Six places of nine bits, apart from the bits that picked the block.
std::uint64_t places_of(std::uint64_t hash) { return (hash * 0x9E3779B97F4A7C15ULL) >> 10; }

}  // namespace

std::string BloomFilterBuilder::finish() {
  constexpr std::size_t kBlockBits = kBloomBlockBytes * 8;
  const std::size_t blocks = (hashes_.size() * kBitsPerKey + kBlockBits - 1) / kBlockBits;
  std::string filter(blocks * kBloomBlockBytes, '\0');
  for (const std::uint64_t hash : hashes_) {
    char* const block = filter.data() + block_of(hash, blocks) * kBloomBlockBytes;
    std::uint64_t places = places_of(hash);
    for (int i = 0; i < kProbes; ++i, places >>= kProbeBits) {
      const std::uint64_t bit = places & ((1U << kProbeBits) - 1);
      block[bit / 8] = static_cast<char>(block[bit / 8] | 1 << bit % 8);
    }
  }
  hashes_.clear();
  return filter;
}

bool bloom_may_contain(std::string_view filter, std::uint64_t hash) {
  const std::size_t blocks = filter.size() / kBloomBlockBytes;
  if (blocks == 0) return false;
  const char* const block = filter.data() + block_of(hash, blocks) * kBloomBlockBytes;
  std::uint64_t places = places_of(hash);
  for (int i = 0; i < kProbes; ++i, places >>= kProbeBits) {
    const std::uint64_t bit = places & ((1U << kProbeBits) - 1);
    if ((block[bit / 8] >> bit % 8 & 1) == 0) return false;
  }
  return true;
}

}  // namespace tremula::lsm
