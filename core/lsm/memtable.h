// Memtable: the newest writes, by row, until they are flushed.
//
//   (type, slot) -> row: fate, key, cells [attr, value, version]     one place per row
//   MemtableCursor  -> entries in the order of the LSM: [type, attr, slot], then the keys
//
// A slot that was given up and taken again by another key within one memtable leaves both keys:
// the old one's key entry says deleted.
// Invariants:
//   1  the cells of a row are sorted by attr, each attr once.
//   2  a row that was inserted first has nothing living in the files: its deletion leaves a dead
//      key alone.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/lsm/entry.h"
#include "core/lsm/key_block.h"
#include "core/triples/commit_record.h"

namespace tremula::lsm {

// What a memtable or a file says of a cell. Its bytes are borrowed from there.
struct CellState {
  triples::Value value;  // kMissing: removed
  std::uint64_t version = 0;
};

// The state of a row as the memtable has it. Borrowed from the memtable.
struct MemtableRow {
  triples::TypeId type{};
  triples::Slot slot = triples::kNoSlot;
  triples::Fate fate = triples::Fate::kUpdated;  // against what the files have
  std::string_view key;
  std::vector<triples::WrittenCell> cells;  // each attr once, the newest value
};

class Memtable {
 public:
  Memtable();
  ~Memtable();
  Memtable(const Memtable&) = delete;
  Memtable& operator=(const Memtable&) = delete;

  // Takes one row of a transaction in.  Cost: O(cells), and copies of their bytes.
  void apply(const triples::WrittenRow& row, std::uint64_t version);
  bool empty() const;
  // Of rows, cells and bytes; what was overwritten counts until the memtable goes.
  std::size_t memory_bytes() const;
  // First every row that the files have and that was deleted here, then every living row: in this
  // order they can be done again, whatever rows took over slots or keys of others. `wants`: of
  // which types; null: of all.
  using WantsType = bool (*)(triples::TypeId type);
  void visit_rows(const std::function<void(const MemtableRow&)>& visit,
                  WantsType wants = nullptr) const;

  // --- Point reads (memtable_lookup.cpp) ---
  // What was said here of a key, or of a cell; of kRowAttr: of the row itself, its key as BYTES.
  // Returns: nullopt: nothing, older sources count.
  // Cost: O(1), O(log cells); the first call of find_key makes an index of all keys, which apply()
  // keeps from then on.
  std::optional<KeyState> find_key(triples::TypeId type, std::string_view key) const;
  std::optional<CellState> get(triples::TypeId type, triples::AttrId attr,
                               triples::Slot slot) const;
  // Appends the attrs of the cells that it has of a row.  Returns: false: there may be more in
  // older sources.
  bool row_attrs(triples::TypeId type, triples::Slot slot,
                 std::vector<triples::AttrId>& attrs) const;
  // One more than the greatest slot that was written here; 0: none.  Cost: O(rows).
  triples::Slot slot_end(triples::TypeId type) const;

 private:
  friend class MemtableCursor;
  struct State;
  std::unique_ptr<State> state_;
};

// The entries of a memtable in the order of their keys, piece by piece, so that flushing it can be
// done in slices. A row that was deleted gives a tombstone for itself and for every attr of its
// type that the files have.
// Borrowed: the memtable, to which nothing may be applied meanwhile.
class MemtableCursor {
 public:
  // `attrs`: those of a type that the files have.  `since`: rows that have nothing newer than this
  // version are left out.
  using AttrsOfType = std::function<std::vector<triples::AttrId>(triples::TypeId)>;
  MemtableCursor(const Memtable& memtable, const AttrsOfType& attrs, std::uint64_t since = 0);
  ~MemtableCursor();
  // Fills `out` anew with the next entries: `most` at most, all of one (type, attr). None may come
  // where a type or its keys begin: that they are put in order is work enough for one call.
  // Returns: false at the end.  Borrowed: the bytes, from the memtable.
  bool next(std::vector<Entry>& out, std::size_t most);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tremula::lsm
