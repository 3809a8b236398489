// KeyIndex: the key bytes of rows by slot, and the slot of a key.
//
//   places  [ . | word, slot | word, slot | . ]  --slot-->  keys  [ bytes | bytes | -> long bytes ]
//
// A key of up to 7 bytes, as small numbers have, is its place's word, so that it is found without a
// look at its cell. Cells keep all keys by slot: up to 15 bytes in the cell, longer ones beside it.
// They lie in chunks of 256 slots; those of a cold chunk are in the files alone (ColdSource).
// Invariants, tested by check_invariants():
//   K1  find(key(slot)) is slot for every slot that has a key.
//   K2  a key's bytes stay where they are until it is removed or its chunk dropped.
//   K3  exactly the keys of chunks in memory have places.
// Thread: the writer thread alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/base/place_table.h"
#include "core/base/prefetch.h"
#include "core/lsm/cold_source.h"
#include "core/triples/ids.h"

namespace tremula::lsm {

class KeyIndex {
 public:
  // Borrowed: outlives the index.
  explicit KeyIndex(ColdState& cold) : cold_(&cold) {}
  ~KeyIndex();
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  // Returns: the slot, or kNoSlot.  Cost: O(1), one cache miss for a short key, else two; reads the
  // files if chunks are cold and it isn't in the others.
  triples::Slot find(std::string_view key) const;
  // Requires: the slot has a key.
  std::string_view key(triples::Slot slot) const { return cell(slot).view(); }
  // Brings the key of a slot nearer.  Requires: the slot has a key.
  void prefetch(triples::Slot slot) const {
    const Chunk& chunk = chunks_[slot >> kChunkBits];
    if (chunk.cells) base::prefetch(&chunk.cells[slot & (kChunkSize - 1)]);
  }
  // Brings the place of a key nearer.
  void prefetch(std::string_view key) const { places_.prefetch(base::hash_int(word_of(key))); }
  // Requires: neither the key nor the slot is in use here.
  void add(std::string_view key, triples::Slot slot);
  // Requires: the slot has a key.
  void remove(triples::Slot slot);
  // The key is that of a new row by now: files that are older don't have it there.
  // Requires: the slot has a key.
  void renew(triples::Slot slot) {
    (void)cell(slot);
    chunks_[slot >> kChunkBits].version = cold_->version;
  }
  // The first `chunks` chunks are cold.  Requires: nothing was added yet.
  void start_cold(std::size_t chunks);
  std::size_t chunk_count() const { return chunks_.size(); }
  // As CellColumn::drop().
  bool drop(std::size_t chunk, std::uint64_t flushed);
  // Keys in memory.
  std::size_t size() const { return places_.size(); }
  std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  static constexpr std::size_t kInlineMax = 15;
  static constexpr unsigned char kOutside = 0xFF;
  static constexpr std::size_t kChunkBits = 8;
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
  // Of a short key its bytes and, in the highest byte, their number + 1; of others hash and a mark
  // there. 0: no key.
  using Word = std::uint64_t;
  static constexpr Word kMoved = 1;  // a word of no key: its highest byte is zero
  struct [[gnu::packed, gnu::aligned(4)]] Place {
    Word word = 0;
    triples::Slot slot = 0;

    std::uint64_t hash() const { return base::hash_int(word); }
    bool is_empty() const { return word == 0; }
    bool is_moved() const { return word == kMoved; }
    void mark_moved() { word = kMoved; }
  };
  static_assert(sizeof(Place) == 12);
  struct Chunk {
    std::unique_ptr<Cell[]> cells;  // null: cold; a cell of size 0 has no key
    std::uint64_t version = 0;      // of the last transaction that wrote here
    bool used = false;
  };

  Cell& cell(triples::Slot slot) const {
    Chunk& chunk = chunks_[slot >> kChunkBits];
    if (!chunk.cells) [[unlikely]]
      load(slot >> kChunkBits);
    if (!chunk.used) chunk.used = true;
    return chunk.cells[slot & (kChunkSize - 1)];
  }
  static Word word_of(std::string_view key);
  triples::Slot find_in_memory(std::string_view key) const;
  void load(std::size_t chunk) const;
  void place_key(std::string_view key, triples::Slot slot) const;
  void remove_from(Chunk& chunk, triples::Slot slot) const;

  // Loading a chunk changes what is in memory, not what the index says.
  ColdState* cold_;
  mutable std::vector<Chunk> chunks_;  // chunks, so that growth moves no key
  mutable base::PlaceTable<Place> places_;
  mutable std::size_t cold_chunks_ = 0;
  mutable std::size_t outside_bytes_ = 0;
};

}  // namespace tremula::lsm
