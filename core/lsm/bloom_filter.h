// BloomFilter: says of most keys that a file does not hold that it doesn't.
//
//   64 bytes | 64 bytes | ...     a key's hash picks one block of 64 bytes, and 6 bits in it
//
// About 10 bits a key; one cache line is looked at per question. (Cache-efficient blocked filters:
// Putze, Sanders, Singler 2007.) Hashes are given by the caller and stand on the disk by their
// bits: they must be the same on every machine.
// Thread: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::lsm {

class BloomFilterBuilder {
 public:
  void add(std::uint64_t hash) { hashes_.push_back(hash); }
  std::size_t keys() const { return hashes_.size(); }
  // Nothing for no keys.
  std::string finish();

 private:
  std::vector<std::uint64_t> hashes_;
};

inline constexpr std::size_t kBloomBlockBytes = 64;

// False: no key with this hash was added.
// Requires: what finish() gave.
bool bloom_may_contain(std::string_view filter, std::uint64_t hash);

}  // namespace tremula::lsm
