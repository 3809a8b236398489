// RowTable: the in-memory triples of one type, columnar by attribute, with dense slots and the old side of the transaction in hand.
//
//   key bytes -> slot     column of attr 1: [v v v _ v]     column of attr 2: [v _ v v v]     touched: slot -> old cells
//
// A cell is the triple [type, attr, subj_id]; Kind::kMissing means there is none. The row's own triple is `exists`.
// Writes go in place. The first write of a cell in a transaction keeps the old value; so does each of a statement, for undo.
// Invariants, each tested by check_invariants():
//   M1  a key has one slot as long as it is in use on either side: insert after delete finds the same slot again.
//   M2  text is stored once, owned by its cell; what a write replaces lives until settle() (or until it was undone).
//   M3  outside a transaction nothing is touched and both sides answer the same.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/triples/catalog.h"
#include "core/triples/relation.h"

namespace tremula::lsm {

class RowTable final : public triples::Relation {
 public:
  explicit RowTable(triples::TypeId type);
  ~RowTable() override;
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  triples::TypeId type() const;

  // --- Reading (see Relation) ---
  triples::Slot slot_end() const override;
  bool exists(triples::Slot slot, triples::Side side) const override;
  triples::Value read(triples::Slot slot, triples::ColumnIndex column, triples::Side side) const override;
  std::string_view key(triples::Slot slot) const override;
  std::size_t row_count(triples::Side side) const override;
  std::span<const triples::RowChange> changes() const override;
  std::span<const triples::Slot> write_log() const override;
  // The slot of a key in use on either side, or kNoSlot; ask exists() which.  Cost: O(1).
  triples::Slot find(std::string_view key) const;
  // The cell as stored on the new side, without DEFAULT, conversion or hiding; kMissing: no triple.
  triples::Value stored(triples::Slot slot, triples::ColumnIndex column) const;

  // --- Columns ---
  // The place of `attr`, made if it has none yet. Stable for the table's life.
  triples::ColumnIndex column(triples::AttrId attr);
  std::size_t column_count() const;
  triples::AttrId attr_of(triples::ColumnIndex column) const;
  // How the column reads from now on (new side): type, DEFAULT, visibility. Columns never declared read as they are (kAny).
  // Rows whose reading differs because of it are changes of the transaction in hand.
  // Cost: O(rows) if the column held or defaulted to anything.
  void declare(const triples::ColumnDef& definition);

  // --- Writing; the new side ---
  // Inserts a row without cells, or revives the deleted row of this key with all cells missing.
  // Requires: no row of this key on the new side.
  triples::Slot insert(std::string_view key);
  // Requires: exists(slot, kNew).
  void erase(triples::Slot slot);
  // Stores a copy of `value` (kMissing: removes the triple; kNull: an explicit NULL). Writing what is there already is no write.
  void write(triples::Slot slot, triples::ColumnIndex column, triples::Value value);

  // --- Transactions ---
  // A statement begins: undo_statement() goes back to here.
  void begin_statement();
  void undo_statement();
  void rollback();  // back to the old side, everything; then settled
  // Computes changes(): net, without rows that are as they were. May be called again after more writes.
  void seal();
  void settle();    // the new side becomes the only one; slots and text that only the old side had are freed
  bool touched() const;

  std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tremula::lsm
