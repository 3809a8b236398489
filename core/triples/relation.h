// Relation: a set of rows in dense slots that answers on both sides of the transaction in hand.
//
//   slot 0 1 2 3 ...      read(slot, column, side)      changes(): the net row changes of the step
//
// The base tables (core/lsm) and the tables that operators own (groups, derived tables) are
// relations; the operators know nothing else of either.
// Invariants:
//   R1  a slot that is in use on either side is not given to another row until the step is settled.
//   R2  key(slot) is the same on both sides: a row that is deleted and inserted again in one
//   transaction keeps its slot.
//   R3  a Value read on a side stays valid until the step is settled.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::triples {

// One row that differs between the sides: entered (0,1), left (1,0), or stayed with other values
// (1,1).
struct RowChange {
  Slot slot = kNoSlot;
  bool in_old = false;
  bool in_new = false;
  ColumnMask changed = 0;  // kAllColumns for a row that entered or left
};

// Whether the processor does not see by itself that `next` is read soon after `slot`.
inline bool worth_prefetching(Slot slot, Slot next) {
  constexpr Slot kNear = 64;
  return next - slot > kNear;  // also if it stands before
}

// Rows that are read together: those of so many slots, from a multiple of it on.
inline constexpr Slot kBatchSlots = 256;

// Reads one column on the new side, batch by batch: what a scan of many rows takes instead of
// read(). Nothing that it reads is kept in memory because of it.
// Requires: while it lives nothing is written, and nothing that was loaded is dropped.
class ColumnReader {
 public:
  virtual ~ColumnReader() = default;
  // The values of the batch that begins at `first`, by slot - first, as Relation::read() gives
  // them; of slots that are not in use: anything.  Borrowed: until the next call.
  virtual const Value* read(Slot first) = 0;
};

class Relation {
 public:
  virtual ~Relation() = default;
  // Slots are below this on both sides; not every one is in use.
  virtual Slot slot_end() const = 0;
  virtual bool exists(Slot slot, Side side) const = 0;
  // The value as the column's declaration of that side reads it: missing triples give DEFAULT or
  // NULL, values of another type are converted or NULL, hidden columns are NULL.
  // Requires: exists(slot, side).
  virtual Value read(Slot slot, ColumnIndex column, Side side) const = 0;
  // Null: it is read row by row alone.
  virtual std::unique_ptr<ColumnReader> read_column(ColumnIndex) const { return nullptr; }
  // Writes slot - first of the batch's rows on the new side to `out`, which has kBatchSlots places.
  // Returns: how many.  Requires: read_column() is not null.
  virtual std::size_t list_batch(Slot, std::uint8_t*) const { return 0; }
  // Brings the cells of these columns nearer, and the key: what is known to be read soon is waited
  // for together.
  virtual void prefetch(Slot, ColumnMask) const {}
  // The same for the texts that these cells point to, once the cells are near.
  virtual void prefetch_texts(Slot, ColumnMask) const {}
  // Order-preserving bytes (key_encoding.h) that tell the row from all others of the relation.
  virtual std::string_view key(Slot slot) const = 0;
  virtual std::size_t row_count(Side side) const = 0;
  // Net changes of the transaction in hand, each slot once. Complete only after the relation was
  // sealed.
  virtual std::span<const RowChange> changes() const = 0;
  // Slots in the order in which they were written since the last settle, repeats possible: what an
  // index must look at again.
  virtual std::span<const Slot> write_log() const = 0;
};

}  // namespace tremula::triples
