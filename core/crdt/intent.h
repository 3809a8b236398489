// Intents: what a transaction means to do, as bytes that can be done again on any base.
//
//   row*     row = type, kind, key, what it stands on, cells       cell = attr, operation
//
//   row         varint type | varint own_insert * 4 + kind | varint key size, key
//               | varint cells | cell*
//   cell        varint attr | u8 op | operand
//   operand     set, max, min: value (value_bytes.h)     add: zigzag difference | zigzag start
//               elements: varint size, added values | varint size, removed values
//   merge       varint 0 | varint 3 | varint size, lines of changes | varint 0
//   submission  varint seen | varint acknowledged | row*
//
// A process's pending transactions are laid over what others have ordered by rebase(), by the
// process itself for what it sees, and by the persister for what counts; so both come to the same.
// Everything about a row is in its intent, its columns' merge rules too (they never change).
// Errors of reading: corrupt, with the offset in the bytes.
// Thread: values and pure functions.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/triples/catalog.h"
#include "core/triples/commit_record.h"
#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::crdt {

// The version of a transaction that isn't ordered yet: later than all.
inline constexpr std::uint64_t kPendingVersion = std::numeric_limits<std::uint64_t>::max();

enum class IntentKind : std::uint8_t {
  kPut,     // INSERT, UPSERT: leaves a living row. A dead one begins a new life with these cells
            // alone, a living one gets them
  kUpdate,  // holds for the life that the writer saw; else nothing
  kDelete,  // the same; no cells
  kMerge,   // no row: the key is lines of other replicas' changes (change_record.h); without lines,
            // what was kept for what is declared by now comes to light. Alone in its submission
};

enum class CellOp : std::uint8_t {
  kSet,  // LWW; kMissing removes the triple
  kMax,  // the greater of the two counts; NULL loses
  kMin,
  kAdd,       // COUNTER
  kElements,  // SET: its elements are added and removed
};

struct IntentCell {
  triples::AttrId attr{};
  CellOp op = CellOp::kSet;
  triples::Value value;        // kSet, kMax, kMin: what is written.  kAdd: the difference, INT
  std::int64_t start = 0;      // kAdd: what the cell counts from if nothing is stored: DEFAULT or 0
  std::string_view added{};    // kElements: values one behind the other (value_bytes.h): INT, TEXT
  std::string_view removed{};  //   and NULL, which stands for "set to NULL", as in set.h
};

struct IntentRow {
  triples::TypeId type{};
  IntentKind kind = IntentKind::kPut;
  // kUpdate, kDelete: the number of the newest own transaction that put this row and that was not
  // acknowledged when this one was made, its own number if that is so; 0: there was none.
  std::uint64_t own_insert = 0;
  std::string_view key;
  std::vector<IntentCell> cells;  // each attr once
};

class IntentWriter {
 public:
  void begin_row(triples::TypeId type, IntentKind kind, std::uint64_t own_insert,
                 std::string_view key, std::size_t cells);
  // As many as were announced, of:
  void set(triples::AttrId attr, triples::Value value);
  void max(triples::AttrId attr, triples::Value value);
  void min(triples::AttrId attr, triples::Value value);
  void add(triples::AttrId attr, std::int64_t difference, std::int64_t start);
  // `added`, `removed`: values one behind the other.
  void elements(triples::AttrId attr, std::string_view added, std::string_view removed);
  // The operation that the column's rule makes of a local write. `seen` is what the writer saw
  // stored (kMissing: nothing), `start` what a COUNTER counts from.
  void write(triples::AttrId attr, triples::MergeRule rule, triples::Value seen,
             triples::Value written, std::int64_t start);

  bool empty() const { return bytes_.empty(); }
  std::string_view view() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  void begin_cell(triples::AttrId attr, CellOp op);

  std::string bytes_;
  base::Arena arena_;
};

// Borrowed: the bytes, by every view and Value that comes out.
class IntentReader {
 public:
  explicit IntentReader(std::string_view intents) : rest_(intents), whole_(intents.size()) {}
  bool at_end() const { return rest_.empty(); }
  // Returns: false at the end. `row.cells` is reused.
  base::Result<bool> next(IntentRow& row);

 private:
  std::string_view rest_;
  std::size_t whole_;
};

// One transaction on its way to the persister. Which process sends it, and its number among that
// one's transactions (1, 2, 3 ... without gaps), stands beside it.
struct Submission {
  std::uint64_t seen = 0;  // the newest ordered version that its writer saw
  // Own transactions up to this number had been read in the log when it was made: neither it nor a
  // later one of this process stands on an insert up to there.
  std::uint64_t acknowledged = 0;
  std::string_view intents;  // IntentWriter's
};
std::string encode_submission(const Submission& submission);
// The rows are not looked at.  Borrowed: the bytes, by `intents`.
base::Result<Submission> decode_submission(std::string_view bytes);

// A row as far as somebody needs it: its life, and cells that are stored.
class RowImage {
 public:
  struct Cell {
    triples::AttrId attr{};
    triples::OwnedValue value;
  };

  bool is_alive = false;
  // The version of the transaction that began its life. Whoever knows only that he saw it alive may
  // say 0.
  std::uint64_t birth = 0;

  triples::Value get(triples::AttrId attr) const;  // kMissing: none
  // kMissing removes.  Returns: whether that changed it.
  bool set(triples::AttrId attr, triples::Value value);
  const std::vector<Cell>& cells() const { return cells_; }  // by attr, each once, none kMissing
  void clear_cells() { cells_.clear(); }

 private:
  std::vector<Cell> cells_;
};

// What a transaction stands on.
struct Ground {
  std::uint64_t seen = 0;  // Submission::seen
  // The version that IntentRow::own_insert was ordered as; kPendingVersion: it isn't yet; 0: none.
  std::uint64_t own_insert = 0;
  std::uint64_t now = kPendingVersion;  // the version of the transaction itself
};

// Does one row of a transaction to the row's image, as the transactions before it left it. Of the
// image only the row's life and the cells that `row` names are looked at.
// Returns: whether it has an effect.
bool rebase(RowImage& image, const IntentRow& row, const Ground& ground);

// The same for what was ordered: a row of a CommitRecord.
void apply_effect(RowImage& image, const triples::WrittenRow& row, std::uint64_t version);

}  // namespace tremula::crdt
