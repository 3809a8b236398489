// SstBlock: the decoded entries of one block of an SST.
// Thread: immutable once decoded; share const ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::lsm {

// More than a writer ever puts into a block; a reader takes no more.
inline constexpr std::size_t kBlockEntriesMax = 65'536;

struct SstBlock {
  SstBlock() = default;
  SstBlock(const SstBlock&) = delete;  // keys and values point into `bytes`
  SstBlock& operator=(const SstBlock&) = delete;

  triples::TypeId type{};
  triples::AttrId attr{};
  std::vector<triples::Slot> slots;    // of a column block, ascending
  std::vector<std::string_view> keys;  // of a key block, ascending
  std::vector<triples::Value> values;
  std::vector<std::uint64_t> versions;
  std::string bytes;

  std::size_t memory_bytes() const;
};

}  // namespace tremula::lsm
