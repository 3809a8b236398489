#include "core/lsm/block_cache.h"

#include "core/base/check.h"

namespace tremula::lsm {

base::Result<SstReader::BlockRef> BlockCache::load(const SstReader& reader, std::size_t block) {
  ++misses_;
  auto loaded = reader.read(block);
  if (loaded.ok()) keep({reader.info().number, block}, loaded.value());
  return loaded;
}

void BlockCache::keep(const Key& key, const SstReader::BlockRef& block) {
  const std::size_t bytes = block->memory_bytes();
  if (bytes > bytes_max_) return;
  evict_for(bytes);
  if (free_places_.empty()) {
    free_places_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t place = free_places_.back();
  free_places_.pop_back();
  // A new block must be asked for once more to be spared.
  places_[place] = {key, block, bytes, false};
  place_of_.insert(key, place);
  bytes_ += bytes;
}

void BlockCache::evict_for(std::size_t wanted) {
  while (bytes_ + wanted > bytes_max_) {
    hand_ = hand_ + 1 < places_.size() ? hand_ + 1 : 0;
    Place& place = places_[hand_];
    if (place.block == nullptr) continue;
    if (place.used) {
      place.used = false;
      continue;
    }
    place_of_.erase(place.key);
    bytes_ -= place.bytes;
    place = {};
    free_places_.push_back(static_cast<std::uint32_t>(hand_));
  }
}

void BlockCache::set_bytes_max(std::size_t bytes_max) {
  bytes_max_ = bytes_max;
  evict_for(0);
}

void BlockCache::check_invariants() const {
  std::size_t bytes = 0;
  std::size_t blocks = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (place.block == nullptr) continue;
    const std::uint32_t* const found = place_of_.find(place.key);
    TREMULA_ASSERT(found != nullptr && *found == i);
    TREMULA_ASSERT(place.bytes == place.block->memory_bytes());
    bytes += place.bytes;
    ++blocks;
  }
  TREMULA_ASSERT(bytes == bytes_ && bytes_ <= bytes_max_);
  TREMULA_ASSERT(blocks == place_of_.size() && blocks + free_places_.size() == places_.size());
}

}  // namespace tremula::lsm
