// BlockCache: decoded blocks of SSTs, as many as fit its bound.
//
//   (file number, block) -> place -> block       the hand goes round the places and evicts
//
// Eviction is by the clock: a block that was asked for since the hand last passed is spared once
// (Corbato's second chance). Blocks of files that are gone are not asked for any more and leave by
// themselves; file numbers are never used twice.
// Invariants, tested by check_invariants():
//   B1  memory_bytes() is the sum of the blocks kept, and not over the bound.
//   B2  a block stays valid as long as somebody holds it, whether it is kept here or not.
// Errors: those of SstReader::read(); a block that could not be read is not kept.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/flat_map.h"
#include "core/base/result.h"
#include "core/lsm/sst.h"

namespace tremula::lsm {

class BlockCache {
 public:
  explicit BlockCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The block, from here or read.  Cost: a look-up; or a read and what it evicts.
  base::Result<SstReader::BlockRef> get(const SstReader& reader, std::size_t block) {
    const std::uint32_t* const place = place_of_.find({reader.info().number, block});
    if (place == nullptr) return load(reader, block);
    Place& kept = places_[*place];
    kept.used = true;
    ++hits_;
    return kept.block;
  }
  // Takes effect at once.
  void set_bytes_max(std::size_t bytes_max);
  std::size_t bytes_max() const { return bytes_max_; }
  std::size_t memory_bytes() const { return bytes_; }
  std::size_t blocks() const { return place_of_.size(); }
  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }
  void check_invariants() const;  // Cost: O(blocks).

 private:
  struct Key {
    std::uint64_t file = 0;
    std::uint64_t block = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct HashKey {
    std::uint64_t operator()(const Key& key) const {
      return base::hash_combine(key.file, key.block);
    }
  };
  struct Place {
    Key key;
    SstReader::BlockRef block;  // null: free
    std::size_t bytes = 0;
    bool used = false;
  };

  base::Result<SstReader::BlockRef> load(const SstReader& reader, std::size_t block);
  void keep(const Key& key, const SstReader::BlockRef& block);
  // Until `wanted` more bytes fit.  Requires: they can.
  void evict_for(std::size_t wanted);

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  std::size_t hand_ = 0;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_places_;
  base::FlatMap<Key, std::uint32_t, HashKey> place_of_;
};

}  // namespace tremula::lsm
