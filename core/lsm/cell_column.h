// CellColumn: the cells of one column by slot, in chunks of 256 slots.
//
//   chunk   0: [v v v ... v]   1: all missing (one shared array)   2: cold (null: loaded when read)
//
// Texts are owned by their cells, or, if they came from a file, by their chunk: such Values are
// marked `kept_by_chunk`, and nobody frees them one by one.
// Invariant, tested by check_invariants(): a cold chunk was not written since it was last flushed.
// A Value stays valid until its cell is set or its chunk dropped.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/prefetch.h"
#include "core/lsm/cell_texts.h"
#include "core/lsm/cold_source.h"
#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::lsm {

class CellColumn {
 public:
  static constexpr unsigned kChunkBits = 8;
  static constexpr triples::Slot kChunkSlots = 1U << kChunkBits;

  // Borrowed: both outlive the column.
  CellColumn(triples::AttrId attr, ColdState& cold, CellTexts& texts)
      : attr_(attr), cold_(&cold), texts_(&texts) {}
  ~CellColumn();
  CellColumn(CellColumn&&) noexcept;
  CellColumn& operator=(CellColumn&&) = delete;

  triples::AttrId attr() const { return attr_; }
  // Requires: slot < 256 * chunk_count().
  triples::Value get(triples::Slot slot) const {
    const std::size_t chunk = slot >> kChunkBits;
    const triples::Value* cells = cells_[chunk];
    if (cells == nullptr) [[unlikely]]
      cells = load(chunk);
    if (cold_->source != nullptr) states_[chunk].used = true;
    return cells[slot & (kChunkSlots - 1)];
  }
  // The cells of a chunk, or null if it is cold.
  const triples::Value* chunk(std::size_t index) const { return cells_[index]; }
  // The same, loaded if it is cold.
  const triples::Value* loaded_chunk(std::size_t index) const {
    return cells_[index] != nullptr ? cells_[index] : load(index);
  }
  // Somebody read a cold chunk without loading it; these are its cells.
  // The first time that a column is read so nothing is kept: most of it may never be asked for
  // again. What is asked for twice is loaded.
  // Returns: the cells, there or here.
  const triples::Value* note_scanned(std::size_t index, const triples::Value* cells) const {
    return scanned_++ < cells_.size() ? cells : keep(index, cells);
  }
  // Brings a cell nearer that is in memory.
  void prefetch(triples::Slot slot) const {
    const triples::Value* cells = cells_[slot >> kChunkBits];
    if (cells != nullptr) base::prefetch(&cells[slot & (kChunkSlots - 1)]);
  }
  void prefetch_text(triples::Slot slot) const {
    const triples::Value* cells = cells_[slot >> kChunkBits];
    if (cells == nullptr) return;
    const triples::Value& cell = cells[slot & (kChunkSlots - 1)];
    if (cell.has_bytes()) base::prefetch(cell.data);
  }
  // Leaves the cell missing.  Returns: what it held; its text is the caller's.
  triples::Value take(triples::Slot slot) {
    const triples::Value value = get(slot);
    if (value.is_missing()) return value;
    const std::size_t chunk = slot >> kChunkBits;
    if (cold_->source != nullptr) states_[chunk].version = cold_->version;
    cells_[chunk][slot & (kChunkSlots - 1)] = triples::Value::missing();
    return value;
  }
  // Takes the value's text over; the cell's former text is the caller's.
  void set(triples::Slot slot, triples::Value value);
  std::size_t chunk_count() const { return cells_.size(); }
  // Appends chunks without cells.
  void grow(std::size_t chunks);
  // There are `chunks` chunks, all cold.  Requires: no cell was set yet.
  void start_cold(std::size_t chunks) {
    cells_.assign(chunks, nullptr);
    states_.assign(chunks, State{});
  }
  // Drops the chunk if it is in memory, was not used since the last call, and nothing in it is
  // newer than `flushed`.  Returns: whether it did.
  bool drop(std::size_t chunk, std::uint64_t flushed);
  // Of cells, and of the texts that chunks keep; not of those that cells own.
  std::size_t memory_bytes() const {
    return bytes_ + cells_.capacity() * sizeof(triples::Value*) +
           states_.capacity() * sizeof(State);
  }

 private:
  // What is known of a chunk besides; nobody asks unless there is a source.
  struct State {
    char* text = nullptr;  // of the cells that came from a file
    std::size_t text_size = 0;
    std::uint64_t version = 0;  // of the last transaction that wrote here
    bool used = false;
  };
  const triples::Value* load(std::size_t chunk) const;
  const triples::Value* keep(std::size_t chunk, const triples::Value* from) const;
  void free_chunk(std::size_t chunk) const;

  triples::AttrId attr_;
  ColdState* cold_;
  CellTexts* texts_;
  // By chunk; null: cold. Apart from the states, so that a cell is found through few cache lines.
  mutable std::vector<triples::Value*> cells_;
  mutable std::vector<State> states_;
  mutable std::size_t bytes_ = 0;
  mutable std::size_t scanned_ = 0;  // chunks, while they were cold
};

}  // namespace tremula::lsm
