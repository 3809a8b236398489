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

constexpr std::size_t kWordKeyMax = 7;
constexpr unsigned kSizeShift = 56;
constexpr std::uint64_t kLongMark = std::uint64_t{0xFF} << kSizeShift;

}  // namespace

KeyIndex::Word KeyIndex::word_of(std::string_view key) {
  if (key.size() > kWordKeyMax) return kLongMark | base::hash_bytes(key) >> 8;
  Word word = 0;
  std::memcpy(&word, key.data(), key.size());
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word | Word{key.size() + 1} << kSizeShift;
}

std::string_view KeyIndex::Cell::view() const {
  if (size != kOutside) return {bytes.data(), size};
  Outside outside;
  std::memcpy(&outside.data, bytes.data(), sizeof outside.data);
  std::memcpy(&outside.size, bytes.data() + sizeof outside.data, sizeof outside.size);
  return {outside.data, outside.size};
}

KeyIndex::~KeyIndex() {
  places_.for_each([this](const Place& place) {
    if (cell(place.slot).size == kOutside) delete[] key(place.slot).data();
  });
}

Slot KeyIndex::find_in_memory(std::string_view key) const {
  const Word word = word_of(key);
  const Place* found = places_.find(base::hash_int(word), [&](const Place& place) {
    return place.word == word && (word < kLongMark || cell(place.slot).view() == key);
  });
  if (found == nullptr) return kNoSlot;
  if (cold_->source != nullptr) chunks_[found->slot >> kChunkBits].used = true;
  return found->slot;
}

Slot KeyIndex::find(std::string_view key) const {
  const Slot known = find_in_memory(key);
  if (known != kNoSlot || cold_chunks_ == 0) return known;
  const auto found = cold_->source->find(key);
  if (!found.ok()) {
    cold_->fail(found.error());
    return kNoSlot;
  }
  const Slot slot = found.value();
  if (slot == kNoSlot || slot >> kChunkBits >= chunks_.size()) return kNoSlot;
  // In a chunk in memory it would have been found, were it not deleted since.
  if (chunks_[slot >> kChunkBits].cells) return kNoSlot;
  load(slot >> kChunkBits);
  return find_in_memory(key);
}

// A chunk that can't be loaded has no keys; the error is noted, and whoever asked gives it to the
// user instead of an answer.
void KeyIndex::load(std::size_t index) const {
  TREMULA_ASSERT(cold_->source != nullptr);
  Chunk& chunk = chunks_[index];
  chunk.cells = std::make_unique<Cell[]>(kChunkSize);
  --cold_chunks_;
  ++cold_->loads;
  const auto begin = static_cast<Slot>(index << kChunkBits);
  const auto loaded =
      cold_->source->cells(triples::kRowAttr, begin, begin + static_cast<Slot>(kChunkSize),
                           [this](Slot slot, triples::Value key) { place_key(key.view(), slot); });
  if (!loaded.ok()) cold_->fail(loaded.error());
}

void KeyIndex::start_cold(std::size_t chunks) {
  TREMULA_ASSERT(chunks_.empty());
  chunks_.resize(chunks);
  cold_chunks_ = chunks;
}

void KeyIndex::add(std::string_view key, Slot slot) {
  while (chunks_.size() <= slot >> kChunkBits) {
    chunks_.emplace_back().cells = std::make_unique<Cell[]>(kChunkSize);
  }
  Chunk& chunk = chunks_[slot >> kChunkBits];
  if (!chunk.cells) load(slot >> kChunkBits);
  chunk.version = cold_->version;
  place_key(key, slot);
}

void KeyIndex::place_key(std::string_view key, Slot slot) const {
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
  places_.insert({word_of(key), slot});
}

void KeyIndex::remove(Slot slot) {
  Chunk& chunk = chunks_[slot >> kChunkBits];
  if (!chunk.cells) load(slot >> kChunkBits);
  chunk.version = cold_->version;
  remove_from(chunk, slot);
}

void KeyIndex::remove_from(Chunk& chunk, Slot slot) const {
  Cell& cell = chunk.cells[slot & (kChunkSize - 1)];
  const std::string_view bytes = cell.view();
  const Place* place = places_.find(base::hash_int(word_of(bytes)),
                                    [slot](const Place& p) { return p.slot == slot; });
  TREMULA_ASSERT(place != nullptr);
  places_.erase(place);
  if (cell.size == kOutside) {
    outside_bytes_ -= bytes.size();
    delete[] bytes.data();
  }
  cell.size = 0;
}

bool KeyIndex::drop(std::size_t index, std::uint64_t flushed) {
  Chunk& chunk = chunks_[index];
  if (!chunk.cells || chunk.version > flushed) return false;
  if (std::exchange(chunk.used, false)) return false;
  for (std::size_t i = 0; i < kChunkSize; ++i) {
    const auto slot = static_cast<Slot>(index << kChunkBits | i);
    if (chunk.cells[i].size != 0) remove_from(chunk, slot);
  }
  chunk.cells.reset();
  ++cold_chunks_;
  return true;
}

std::size_t KeyIndex::memory_bytes() const {
  return (chunks_.size() - cold_chunks_) * kChunkSize * sizeof(Cell) +
         chunks_.capacity() * sizeof(Chunk) + places_.memory_bytes() + outside_bytes_;
}

void KeyIndex::check_invariants() const {
  places_.check_invariants();
  std::size_t outside = 0;
  places_.for_each([&](const Place& place) {
    TREMULA_ASSERT(find(key(place.slot)) == place.slot);
    if (cell(place.slot).size == kOutside) outside += key(place.slot).size();
  });
  TREMULA_ASSERT(outside == outside_bytes_);
}

}  // namespace tremula::lsm
