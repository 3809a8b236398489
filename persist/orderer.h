// Orderer: makes of what processes mean to do what is done: one commit record per submission.
//
//   (process, number, seen, intents) + base (LsmTree with memtables) -> effect: CommitRecord
//       the process's row: its number | rows that were deleted | rows that were inserted, updated
//
// The process's row (kProcessType, keyed by its id) stands in the same record as what it did, so
// that a submission is ordered exactly once however often it comes: the number is acknowledgement,
// cursor and data in one.
// A new life takes a slot that no row ever had. An effect without rows is a transaction too: who
// counts its own pending ones counts on it.
// Errors: io, corrupt: the files can't be read.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/crdt/intent.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/commit_record.h"

namespace tremula::persist {

// The cells of a process's row: the number of its last transaction; and, in the last record before
// a memtable is frozen, which versions its recent ones got (varint number, varint version, ...):
// what the log tells of them may go with the memtable.
inline constexpr triples::AttrId kNumberAttr{1};
inline constexpr triples::AttrId kRecentAttr{2};
// If the last one was a merge: how many records it took.
inline constexpr triples::AttrId kMergedAttr{3};

class Orderer {
 public:
  // `tree`: the base; whatever is ordered is applied to it before the next call.
  explicit Orderer(lsm::LsmTree& tree) : tree_(tree) {}

  // The number of the last transaction of a process; 0: none.
  base::Result<std::uint64_t> last_number(std::uint64_t process);

  enum class Outcome : std::uint8_t {
    kEffect,   // it is to be ordered
    kKnown,    // it was, before
    kRefused,  // it can't be: see refusal(). The number is free
    kMerge,    // it merges merge_lines(): the caller makes the effect, and calls end_merge()
  };
  // Makes the effect of a submission, which gets `version`. Appends it to `effect`.
  // `with_recent`: the memtable may be frozen behind this record.
  base::Result<Outcome> order(std::uint64_t process, std::uint64_t number, std::string_view record,
                              std::uint64_t version, bool with_recent,
                              triples::CommitWriter& effect);
  // schema_conflict: another process has changed the catalog since.  corrupt: no submission.
  const base::Error& refusal() const { return refusal_; }
  // Borrowed: from the submission.
  std::string_view merge_lines() const { return merge_lines_; }
  // The merge in hand took `merged` records and is ordered as `version`: appends to its effect
  // whose it was.  See order().
  base::Result<void> end_merge(std::uint64_t process, std::uint64_t number, std::uint64_t version,
                               std::size_t merged, bool with_recent, triples::CommitWriter& effect);

  // For what was ordered otherwise.
  // The catalog may have changed up to here: whoever has seen less may not change it.
  void pass_catalog(std::uint64_t version) { catalog_version_ = version; }
  // Takes a place for a new row.
  base::Result<triples::Slot> take_slot(triples::TypeId type);
  // A record that was read in the log at opening: which numbers it acknowledges.
  base::Result<void> note(std::string_view commit_record, std::uint64_t version);

 private:
  struct Process {
    triples::Slot slot = triples::kNoSlot;  // of its row; kNoSlot: it has none yet
    std::uint64_t number = 0;
    std::uint64_t version = 0;  // that the number was ordered as
    // Transactions that later ones may stand on, and the versions that they were ordered as.
    std::deque<std::pair<std::uint64_t, std::uint64_t>> recent;
  };
  // A row that the submission in hand names.
  struct Row {
    triples::TypeId type{};
    std::string key;
    triples::Slot slot = triples::kNoSlot;
    bool was_alive = false;
    std::uint64_t birth = 0;
    crdt::RowImage image;
    std::vector<std::pair<triples::AttrId, triples::OwnedValue>> before;  // cells that were read
  };

  base::Result<Process*> process_of(std::uint64_t id);
  // The version of an own transaction that an intent stands on.
  std::uint64_t version_of(const Process& process, std::uint64_t number) const;
  // Does all rows to their images.  Returns: false if it is refused.
  base::Result<bool> rebase_rows(const Process& process, std::uint64_t number,
                                 const crdt::Submission& submission, std::uint64_t version);
  Row* find_row(triples::TypeId type, std::string_view key);
  void note_row(Row& row);
  base::Result<Row*> row_of(triples::TypeId type, std::string_view key);
  base::Result<void> read_cells(Row& row, const std::vector<crdt::IntentCell>& cells);
  bool refuse(base::ErrorCode code, std::string message);
  base::Result<void> write(std::uint64_t version, triples::CommitWriter& effect);
  static void write_update(const Row& row, triples::CommitWriter& effect);
  // `merged`: of a merge.
  base::Result<void> write_process(std::uint64_t id, Process& process, std::uint64_t number,
                                   std::optional<std::size_t> merged, bool with_recent,
                                   triples::CommitWriter& effect);

  lsm::LsmTree& tree_;
  std::unordered_map<std::uint64_t, Process> processes_;
  std::map<triples::TypeId, triples::Slot> slot_ends_;
  std::uint64_t catalog_version_ = 0;
  base::Error refusal_;
  // Of the submission in hand.
  std::deque<Row> rows_;
  std::map<std::pair<triples::TypeId, std::string_view>, Row*> row_at_;  // once they are many
  bool changes_catalog_ = false;
  std::string_view merge_lines_;
  crdt::IntentRow intent_;
};

}  // namespace tremula::persist
