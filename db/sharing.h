// Sharing: one process's view of a directory that others write, too.
//
//   own commit   -intents-> Membership    its rows -> Overlay; the tables have it already
//   the log      -> base                  visible = base + own pending -> tables, live queries
//
// Every transaction of others is one commit here, whole; the acknowledgement of an own one changes
// nothing that is seen. Engine::commits is base's version plus the own pending transactions.
// Errors: io, corrupt: of the log; final, every later call gives them.
// Thread: the holder of the engine's mutex; has_news(): any.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/crdt/intent.h"
#include "db/membership.h"
#include "db/overlay.h"
#include "db/store.h"
#include "persist/changed_rows.h"

namespace tremula::db {

struct Engine;

inline bool is_here(const lsm::RowTable& table, triples::Slot slot) {
  return slot != triples::kNoSlot && table.exists(slot, triples::Side::kNew);
}

class Sharing {
 public:
  // `base`: the version up to which the store has everything, and `commits` goes on after it.
  // `tick`: the key generator's last one in the directory.
  // Requires: membership and store outlive it.
  Sharing(Membership& membership, Store& store, std::uint64_t base, std::int64_t tick);

  // Whether others, or own acknowledgements, are to be taken in, or nothing can be any more.
  // Cost: one atomic load.
  bool has_news() const {
    return membership_.ordered() != base_ || failure_.code != base::ErrorCode::kOk;
  }
  // Up to which version there is something to take in, as far as is known.
  std::uint64_t ordered() const { return membership_.ordered(); }
  std::uint64_t base() const { return base_; }
  std::size_t pending() const { return overlay_.pending_count(); }
  // The number of the last own transaction that was given to the persister.
  std::uint64_t last_number() const { return last_number_; }

  // Gives the sealed transaction in hand to the persister; seal again after it. A change of the
  // catalog waits until it is ordered.
  // Errors: schema_conflict, if another process changed the catalog meanwhile; io. A change of the
  // catalog may be ordered after an io yet, and comes as what others commit, then; until that is
  // decided nothing else is given to the persister.
  base::Result<void> submit(std::uint64_t step);

  // Writes the next ordered transaction's effects as the transaction in hand, which the caller
  // steps and settles.
  // Returns: nothing if there is none; else whether it was an own one, that changes nothing; kLost:
  // the log doesn't have it any more: restart() goes on.
  // Requires: outside a transaction.
  enum class Taken : std::uint8_t { kNothing, kOwn, kForeign, kLost };
  base::Result<Taken> take_next();
  // After kLost: all of the directory, at a version above base(); and what differs there from what
  // is seen here, written as the transaction in hand, whose version is not below.
  // Errors: io, corrupt; final.
  base::Result<persist::FollowedBase> find_restart();
  base::Result<void> restart(const persist::FollowedBase& from);
  // What take_next() wrote is settled.
  void settled();

  // Chunks that were last written up to this step are in files that have everything up to the
  // version `flushed`.
  std::uint64_t droppable(std::uint64_t flushed);

  // Gives lines of other replicas' changes to the persister, or, without lines, asks it to bring to
  // light what is declared by now; waits until that is ordered. It comes as what others commit.
  // Returns: its number; 0: all of it is here already.
  // Errors: corrupt (the lines); io.  Requires: outside a transaction.
  base::Result<std::uint64_t> submit_merge(std::string_view lines);
  // The last merge that take_next() gave, and how many records it took.
  struct TakenMerge {
    std::uint64_t number = 0;
    std::size_t changes = 0;
  };
  const TakenMerge& taken_merge() const { return taken_merge_; }

  const base::Error& failure() const { return failure_; }

 private:
  struct Forgotten {
    triples::TypeId type{};
    triples::Slot slot = triples::kNoSlot;
  };
  // Whose a transaction is: number 0: another process's.
  base::Result<TakenMerge> read_process(triples::CommitReader& rows);
  bool is_merge(std::uint64_t number) const;
  base::Result<void> decide();
  base::Result<void> decide_before();
  base::Result<Taken> take(const persist::LogCommit& commit);
  base::Result<void> apply(const triples::WrittenRow& row, std::uint64_t version, bool is_own);
  base::Result<void> write(const triples::WrittenRow& row);
  base::Result<void> acknowledge(std::uint64_t number, std::uint64_t version);
  void write_whole(const persist::ChangedRow& row);
  static void rebase_on(OverlayRow& pending, const persist::ChangedRow& row);
  base::Result<void> acknowledge_up_to(const lsm::LsmTree& tree);
  void show(const OverlayRow& row);
  void capture(OverlayRow& row);
  triples::Slot place(lsm::RowTable& table, std::string_view key, triples::Slot file);
  void forget_later(triples::TypeId type, triples::Slot slot) {
    forgotten_.push_back({type, slot});
  }
  base::Error misfit(const triples::WrittenRow& row) const;

  Membership& membership_;
  Store& store_;
  std::string process_key_;  // of its row in the log
  std::uint64_t base_;
  std::int64_t tick_;  // the last one that was submitted
  std::uint64_t last_number_ = 0;
  Overlay overlay_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>>
      steps_;                         // own steps -> versions, acknowledged
  std::vector<Forgotten> forgotten_;  // aliases of rows that are gone once this is settled
  triples::CommitWriter record_;
  triples::WrittenRow row_;  // of what is taken in; kept for its memory
  crdt::IntentWriter intents_;
  // Own ones on their way that come as others' do: merges, and what is undecided.
  std::deque<std::uint64_t> merges_;
  bool is_undecided_ = false;  // the last own one: whoever waited for it gave up
  TakenMerge taken_merge_;
  base::Error failure_;
};

}  // namespace tremula::db
