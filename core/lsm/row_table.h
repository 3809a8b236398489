// RowTable: the in-memory triples of one type, columnar by attribute, with dense slots and the old
// side of the transaction in hand.
//
//   key bytes -> slot      column of attr 1: [v v v _ v]      column of attr 2: [v _ v v v]
//                          touched: slot -> old cells         undo: what the statement in hand did
//
// A cell is the triple [type, attr, subj_id]; Kind::kMissing means there is none. The row's own
// triple is a flag. Writes go in place; the first write of a cell in a transaction keeps the old
// value for the old side, each write of a statement keeps what it replaced for undo_statement().
// Cells and keys lie in chunks of 256 slots. A table that is attached to a ColdSource loads a chunk
// when it is first read, and drops chunks again in drop_cold().
// Invariants, each tested by check_invariants():
//   M1  a key has one slot as long as it is in use on either side: insert after delete finds the
//       same slot again. Slots and keys are given up at settle() and rollback() alone.
//   M2  text is stored once and has one owner: its cell, the old cells, the undo log, or the list
//       of what was replaced; so every value that was ever read lives until settle() or rollback().
//   M3  outside a transaction nothing is touched and both sides answer the same.
//   M4  a row that is deleted has its cells cleared in memory, so that a chunk never brings back
//       what was deleted and not yet flushed.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/lsm/cell_column.h"
#include "core/lsm/cell_texts.h"
#include "core/lsm/cold_source.h"
#include "core/lsm/key_index.h"
#include "core/triples/catalog.h"
#include "core/triples/commit_record.h"
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
  triples::Value read(triples::Slot slot, triples::ColumnIndex column,
                      triples::Side side) const override;
  std::unique_ptr<triples::ColumnReader> read_column(triples::ColumnIndex column) const override;
  std::size_t list_batch(triples::Slot first, std::uint8_t* out) const override;
  void prefetch(triples::Slot slot, triples::ColumnMask columns) const override;
  void prefetch_texts(triples::Slot slot, triples::ColumnMask columns) const override;
  // The same for one cell.
  void prefetch_cell(triples::Slot slot, triples::ColumnIndex column) const {
    columns_[column].cells.prefetch(slot);
  }
  std::string_view key(triples::Slot slot) const override;
  std::size_t row_count(triples::Side side) const override;
  std::span<const triples::RowChange> changes() const override;
  std::span<const triples::Slot> write_log() const override;
  // The slot of a key in use on either side, or kNoSlot; ask exists() which.  Cost: O(1).
  triples::Slot find(std::string_view key) const;
  // Brings nearer what find() will wait for.
  void prefetch_key(std::string_view key) const { keys_.prefetch(key); }
  // The cell as stored on the new side, without DEFAULT, conversion or hiding; kMissing: no triple.
  // Requires: exists(slot, kNew).
  triples::Value stored(triples::Slot slot, triples::ColumnIndex column) const;
  // The same of the old side.  Requires: exists(slot, kOld).
  triples::Value stored_of_old(triples::Slot slot, triples::ColumnIndex column) const;

  // --- Columns ---
  // The place of `attr`, made if it has none yet. Stable for the table's life.
  triples::ColumnIndex column(triples::AttrId attr);
  std::size_t column_count() const;
  triples::AttrId attr_of(triples::ColumnIndex column) const;
  // How the column reads from now on (new side): type, DEFAULT, visibility. Columns never declared
  // read as they are (kAny). Rows whose reading differs because of it are changes of the
  // transaction in hand, and stand in the write log.  Cost: O(rows) if it may change a reading.
  void declare(const triples::ColumnDef& definition);

  // --- Writing; the new side ---
  // Inserts a row without cells, or revives the deleted row of this key with all cells missing.
  // The key's bytes are copied.
  // Requires: no row of this key on the new side.
  triples::Slot insert(std::string_view key);
  // The same for a row whose slot is known from the log.
  // Requires: besides, the slot is not in use on either side.
  void insert_at(std::string_view key, triples::Slot slot);
  // From now on insert() takes slots at the end alone: others count on those that were given up.
  void take_new_slots() { takes_new_slots_ = true; }
  // Requires: exists(slot, kNew).
  void erase(triples::Slot slot);
  // Stores a copy of `value` (kMissing: removes the triple; kNull: an explicit NULL). Writing what
  // is there already is no write.  Requires: exists(slot, kNew).
  void write(triples::Slot slot, triples::ColumnIndex column, triples::Value value);

  // --- Transactions ---
  // A statement begins: undo_statement() goes back to here.
  void begin_statement();
  void undo_statement();
  void rollback();  // back to the old side, everything; then settled
  // Computes changes(): net, without rows that are as they were. May be called again after more
  // writes.  Cost: O(touched rows), or O(rows) if columns were declared anew.
  void seal();
  // The new side becomes the only one; slots and text that only the old side had are freed.
  void settle();
  bool touched() const;
  // Whether any triple differs between the sides, however the columns read.
  bool differs() const;
  // Appends the rows whose triples differ, as stored: what makes the new side of the old one.
  // Cost: O(touched rows).
  void record(triples::CommitWriter& to) const;

  // --- Cold rows ---
  // The table's rows are those of `source`; nothing but their slots is loaded.
  // Requires: there are no rows.  Borrowed: the source outlives the table.  Cost: O(rows).
  base::Result<void> attach(ColdSource& source);
  // The version of the transaction in hand: what it writes can't be dropped until it is flushed.
  void set_version(std::uint64_t version) { cold_.version = version; }
  // Drops chunks that were not used lately and hold nothing newer than `flushed`, about `bytes` of
  // them.  Returns: the bytes that are free now.
  // Requires: outside a transaction; nobody holds a Value or a key of this table.
  std::size_t drop_cold(std::size_t bytes, std::uint64_t flushed);
  // The first chunk that could not be loaded: nothing read since is to be believed. kOk: none.
  const base::Error& load_error() const { return cold_.error; }
  // Chunks loaded so far.
  std::size_t loads() const { return cold_.loads; }

  // Of rows, keys and text, and of what the transaction in hand keeps.  Cost: O(columns).
  std::size_t memory_bytes() const;
  void check_invariants() const;  // Cost: O(cells).

 private:
  class Reader;
  // How a column reads; stays where it is until the step is settled, for DEFAULTs are read from it.
  struct Declaration {
    triples::Type type = triples::Type::kAny;
    bool visible = true;
    std::uint8_t plain_kind = kNoKind;  // cells of this kind read as they are
    triples::OwnedValue missing;        // what a cell without a triple reads
  };
  struct Column {
    CellColumn cells;
    const Declaration* now = nullptr;
    const Declaration* old = nullptr;  // `now`, unless declared anew in this transaction
    std::vector<std::unique_ptr<const Declaration>> declarations;  // that may still be read
  };
  // What a row was before the transaction, if it was written.
  struct Touched {
    triples::Slot slot = triples::kNoSlot;
    std::uint32_t old_cells = kNone;    // the first of a chain in old_cells_; only if in_old
    std::uint32_t fresh_statement = 0;  // inserted empty in this one: undoing it empties the row
    bool in_old = false;
    std::uint16_t erasures = 0;  // in this transaction, undone ones aside; stops at the most
    triples::ColumnMask in_chain = 0;  // a column whose bit is not set has no old cell
  };
  struct OldCell {
    triples::ColumnIndex column = 0;
    std::uint32_t next = kNone;
    triples::Value value;
  };
  enum class Action : std::uint8_t { kInsertFresh, kInsert, kErase, kCell, kFirstCell, kDeclare };
  struct Undo {
    Action action = Action::kCell;
    triples::Slot slot = triples::kNoSlot;
    triples::ColumnIndex column = 0;
    triples::Value before;  // of kCell; of kFirstCell the chain has it
  };
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  static constexpr std::uint16_t kErasuresMax = 0xFFFF;
  static constexpr std::uint8_t kNoKind = 0xFF;

  static triples::Value reading(const Declaration& declaration, triples::Value stored);
  const OldCell* find_old_cell(const Touched& touched, triples::ColumnIndex column) const;

  Touched& touch(triples::Slot slot);
  // Made in its place: a step that is made first and then copied is read before it is all written,
  // for which a processor waits.
  void note_undo(Action action, triples::Slot slot, triples::ColumnIndex column = 0,
                 triples::Value before = triples::Value::null()) {
    Undo& step = undo_.emplace_back();
    step.action = action;
    step.slot = slot;
    step.column = column;
    step.before = before;
  }
  void log_write(triples::Slot slot);
  triples::Slot take_slot();
  // Both take the value's text over.
  void replace(triples::Slot slot, triples::ColumnIndex column, triples::Value value);
  void set_cell(triples::Slot slot, triples::ColumnIndex column, triples::Value value);
  bool is_empty(triples::Slot slot) const;
  void clear_cells(triples::Slot slot);
  void undo(const Undo& step);
  void log_readings(triples::ColumnIndex column, const Declaration& from, const Declaration& to);
  triples::ColumnMask changed_columns(triples::Slot slot) const;

  // Requires: the row is on both sides.
  bool differs(const Touched& touched) const;
  void record_insert(triples::Slot slot, triples::CommitWriter& to) const;
  void record_update(const Touched& touched, triples::CommitWriter& to) const;

  void restore_old(const Touched& touched);
  void release(triples::Slot slot);
  void settle_declarations(triples::Side side);
  void forget_transaction();
  void retire(triples::Value value);
  void insert_in(triples::Slot slot, bool is_new);
  void extend_to(triples::Slot end);
  void list_free_slots();
  bool is_here(triples::Slot slot) const { return (flags_[slot] & kExists) != 0; }
  bool is_touched(triples::Slot slot) const { return (flags_[slot] & kTouched) != 0; }
  bool has_old_cells(triples::Slot slot) const { return (flags_[slot] & kHasOldCells) != 0; }
  void set_here(triples::Slot slot, bool here);
  const Touched& touched_at(triples::Slot slot) const { return touched_[*touch_of_.find(slot)]; }

  static constexpr std::uint8_t kExists = 1;   // on the new side
  static constexpr std::uint8_t kTouched = 2;  // by the transaction in hand
  // Of a touched row, so that most questions of its old side need no look into the books.
  static constexpr std::uint8_t kInOld = 4;
  static constexpr std::uint8_t kHasOldCells = 8;
  static constexpr std::uint8_t kOfTransaction = kTouched | kInOld | kHasOldCells;

  const triples::TypeId type_;
  const Declaration undeclared_{};
  mutable ColdState cold_;  // errors of reading are noted here
  CellTexts texts_;
  KeyIndex keys_{cold_};
  std::vector<std::uint8_t> flags_;                       // by slot
  base::FlatMap<triples::Slot, std::uint32_t> touch_of_;  // touched slot -> place in touched_
  std::vector<Column> columns_;
  std::size_t drop_hand_ = 0;  // where drop_cold() goes on
  base::FlatMap<triples::AttrId, triples::ColumnIndex> column_of_;
  std::vector<triples::Slot> free_slots_;
  bool free_is_stale_ = false;  // free_slots_ is to be made anew
  bool takes_new_slots_ = false;
  std::size_t rows_ = 0;  // on the new side
  std::size_t old_rows_ = 0;

  // Of the transaction in hand.
  bool is_touched_ = false;
  std::uint32_t statement_ = 1;
  std::vector<Touched> touched_;
  std::vector<OldCell> old_cells_;
  std::vector<Undo> undo_;                             // of the statement in hand
  std::vector<const Declaration*> undo_declarations_;  // what the kDeclares among them replaced
  std::vector<triples::Value> replaced_;  // text on neither side, but perhaps still looked at
  std::vector<triples::ColumnIndex> redeclared_;  // repeats possible
  std::vector<triples::RowChange> changes_;
  std::vector<triples::Slot> write_log_;
  mutable std::size_t write_log_shown_ = 0;  // as far as anyone saw it
};

}  // namespace tremula::lsm
