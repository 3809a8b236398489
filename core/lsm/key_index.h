// KeyIndex: the key bytes of rows by slot, and the slot of a key.
//
//   places  [ . | hash, slot | hash, slot | . ]  --slot-->  keys  [ bytes | bytes | -> long bytes ]
//
// A key is stored once: up to 15 bytes in its slot's cell, longer ones beside it.
// Invariants, tested by check_invariants():
//   K1  find(key(slot)) is slot for every slot that has a key.
//   K2  a key's bytes stay where they are until it is removed.
// Thread: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/triples/ids.h"

namespace tremula::lsm {

class KeyIndex {
 public:
  KeyIndex() = default;
  ~KeyIndex();
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  // Returns: the slot, or kNoSlot.  Cost: O(1), two cache misses.
  triples::Slot find(std::string_view key) const;
  // Requires: the slot has a key.
  std::string_view key(triples::Slot slot) const { return cell(slot).view(); }
  // Requires: neither the key nor the slot is in use here.
  void add(std::string_view key, triples::Slot slot);
  // Requires: the slot has a key.
  void remove(triples::Slot slot);
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  static constexpr std::size_t kInlineMax = 15;
  static constexpr unsigned char kOutside = 0xFF;
  static constexpr std::size_t kChunkBits = 10;
  static constexpr std::size_t kChunkSize = std::size_t{1} << kChunkBits;

  struct Outside {
    const char* data;
    std::uint32_t size;
  };
  // The bytes themselves and their number at the end; or, if that is kOutside, an Outside.
  struct Cell {
    alignas(Outside) std::array<char, kInlineMax> bytes;
    unsigned char size;

    std::string_view view() const;
  };
  static_assert(sizeof(Cell) == 16);
  struct Place {
    std::uint32_t hash = 0;  // 0: empty
    triples::Slot slot = triples::kNoSlot;
  };

  Cell& cell(triples::Slot slot) const {
    return chunks_[slot >> kChunkBits][slot & (kChunkSize - 1)];
  }
  std::size_t home(std::uint32_t hash) const { return hash >> shift_; }
  std::size_t mask() const { return places_.size() - 1; }
  void put(Place place);
  void grow();
  void close_hole(std::size_t hole);

  std::vector<std::unique_ptr<Cell[]>> chunks_;  // chunks, so that growth moves no key
  std::vector<Place> places_;                    // open addressing, linear probing
  int shift_ = 32;
  std::size_t size_ = 0;
  std::size_t outside_bytes_ = 0;
};

}  // namespace tremula::lsm
