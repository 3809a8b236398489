#include "core/lsm/key_index.h"

#include <bit>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "core/base/hash.h"

namespace tremula::lsm {

using triples::kNoSlot;
using triples::Slot;

namespace {

constexpr std::size_t kPlacesMin = 8;

std::uint32_t short_hash(std::string_view key) {
  const auto hash = static_cast<std::uint32_t>(base::hash_bytes(key) >> 32);
  return hash == 0 ? 1 : hash;  // 0 marks an empty place
}

}  // namespace

std::string_view KeyIndex::Cell::view() const {
  if (size != kOutside) return {bytes.data(), size};
  Outside outside;
  std::memcpy(&outside.data, bytes.data(), sizeof outside.data);
  std::memcpy(&outside.size, bytes.data() + sizeof outside.data, sizeof outside.size);
  return {outside.data, outside.size};
}

KeyIndex::~KeyIndex() {
  for (const Place& place : places_) {
    if (place.hash != 0 && cell(place.slot).size == kOutside) delete[] key(place.slot).data();
  }
}

Slot KeyIndex::find(std::string_view key) const {
  if (size_ == 0) return kNoSlot;
  const std::uint32_t hash = short_hash(key);
  for (std::size_t at = home(hash); places_[at].hash != 0; at = (at + 1) & mask()) {
    if (places_[at].hash == hash && cell(places_[at].slot).view() == key) return places_[at].slot;
  }
  return kNoSlot;
}

void KeyIndex::add(std::string_view key, Slot slot) {
  while (chunks_.size() <= slot >> kChunkBits) {
    chunks_.push_back(std::make_unique<Cell[]>(kChunkSize));
  }
  Cell& target = cell(slot);
  if (key.size() <= kInlineMax) {
    std::memcpy(target.bytes.data(), key.data(), key.size());
    target.size = static_cast<unsigned char>(key.size());
  } else {
    char* copy = new char[key.size()];
    std::memcpy(copy, key.data(), key.size());
    const auto size = static_cast<std::uint32_t>(key.size());
    const char* data = copy;
    std::memcpy(target.bytes.data(), &data, sizeof data);
    std::memcpy(target.bytes.data() + sizeof data, &size, sizeof size);
    target.size = kOutside;
    outside_bytes_ += key.size();
  }
  if (size_ >= places_.size() / 4 * 3) grow();
  put({short_hash(key), slot});
  ++size_;
}

void KeyIndex::remove(Slot slot) {
  const std::string_view bytes = key(slot);
  std::size_t at = home(short_hash(bytes));
  while (places_[at].hash != 0 && places_[at].slot != slot) at = (at + 1) & mask();
  TREMULA_ASSERT(places_[at].hash != 0);
  close_hole(at);
  --size_;
  if (cell(slot).size == kOutside) {
    outside_bytes_ -= bytes.size();
    delete[] bytes.data();
  }
  cell(slot).size = 0;
}

void KeyIndex::put(Place place) {
  std::size_t at = home(place.hash);
  while (places_[at].hash != 0) at = (at + 1) & mask();
  places_[at] = place;
}

void KeyIndex::grow() {
  std::vector<Place> smaller(places_.empty() ? kPlacesMin : places_.size() * 2);
  smaller.swap(places_);
  shift_ = 32 - std::countr_zero(places_.size());
  for (const Place& place : smaller) {
    if (place.hash != 0) put(place);
  }
}

void KeyIndex::close_hole(std::size_t hole) {
  const std::size_t mask = this->mask();
  for (std::size_t next = (hole + 1) & mask; places_[next].hash != 0; next = (next + 1) & mask) {
    // It may move into the hole only if its home is not behind the hole.
    if (((next - home(places_[next].hash)) & mask) < ((next - hole) & mask)) continue;
    places_[hole] = places_[next];
    hole = next;
  }
  places_[hole] = {};
}

std::size_t KeyIndex::memory_bytes() const {
  return chunks_.size() * kChunkSize * sizeof(Cell) + places_.capacity() * sizeof(Place) +
         outside_bytes_;
}

void KeyIndex::check_invariants() const {
  std::size_t count = 0;
  std::size_t outside = 0;
  for (const Place& place : places_) {
    if (place.hash == 0) continue;
    ++count;
    TREMULA_ASSERT(find(key(place.slot)) == place.slot);
    if (cell(place.slot).size == kOutside) outside += key(place.slot).size();
  }
  TREMULA_ASSERT(count == size_);
  TREMULA_ASSERT(outside == outside_bytes_);
}

}  // namespace tremula::lsm
