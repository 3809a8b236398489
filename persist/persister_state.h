// The inside of Persister.
//
//   shared, under `mutex`      queue, versions of the stages, what somebody waits for, errors
//   of the stepping side       log, tree, what was taken and is not in the log yet
//
// Whoever steps takes chunks from the queue under the mutex and does everything slow without it, so
// that a committing thread waits for a few moved pointers at most.
// Thread: members say which.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/base/flat_map.h"
#include "persist/commit_queue.h"
#include "persist/hub.h"
#include "persist/merging.h"
#include "persist/orderer.h"
#include "persist/persister.h"
#include "persist/watermarks.h"

namespace tremula::persist {

struct Persister::State final : HubHost {
  State(base::FileSystem& on, std::string in, const PersisterOptions& with)
      : files(on), directory(std::move(in)), options(with), queue(with.queue_bytes) {}

  // --- Opening (persister_open.cpp) ---
  base::Result<void> open();
  base::Result<void> take_lock();
  base::Result<void> note_site();
  base::Result<void> take_site();
  base::Result<void> replay();

  // --- Stepping (persister_steps.cpp) ---
  bool step();
  bool order();
  bool append_to_log(std::span<const LogCommit> commits);
  bool take_group();
  base::Result<void> stamp_group();
  void hash_rows(std::string_view record);
  bool append_stamped();
  bool sync_if_due();
  bool sync();
  bool work();
  bool work_slice(std::size_t budget);
  bool overdue() const;
  bool freeze_is_due() const;
  void publish();
  void count_files();
  void fail(const base::Error& error);  // for good
  base::Result<void> finish();          // of close(), when no thread steps

  // --- Shared (persister_shared.cpp) ---
  // HubHost, on the stepping side.
  base::Result<std::uint64_t> join(std::uint64_t process) override;
  void submit(std::uint64_t process, std::uint64_t number, std::string_view record) override;
  void want_durable(std::uint64_t version) override;
  struct Submitted {
    std::uint64_t process = 0;
    std::uint64_t number = 0;
    std::string record;
  };
  void turn_shared();  // requires the mutex
  bool receive();
  // Effects that are in the tree and not in the log yet: those of the first submissions, and, alone
  // or behind a declaration, one of nobody's.
  struct Hand {
    bool empty() const { return ends.empty(); }

    std::string bytes;              // records, one behind the other
    std::vector<std::size_t> ends;  // of each
    std::size_t submissions = 0;    // that they were made of
    bool is_closed = false;         // nothing may follow in it
    bool is_last = false;           // the memtable may be frozen behind it
  };
  bool order_submissions();
  const Submitted* next_submission();
  bool make_hand();
  base::Result<void> make_one(const Submitted& submitted, bool is_last);
  base::Result<void> take_in_hand(std::string_view record);
  bool append_hand();
  void acknowledge_hand();
  void acknowledge_own(std::uint64_t number);
  base::Result<void> stamp_effect();
  // Merges (persister_merge.cpp).
  base::Result<void> read_catalog();
  base::Result<Merged> resolve(std::string_view lines, Adopt what, StampBook& after);
  base::Result<void> make_merge(const Submitted& submitted, bool is_last);
  base::Result<void> adopt_kept();
  void refuse(const Submitted& submitted, const base::Error& error);
  void drop_front(std::size_t count);
  void tell();  // everybody, how far it is
  Watermarks marks() const;
  std::uint64_t wanted_log() const;
  base::Result<void> release_log();
  void sleep(std::unique_lock<std::mutex>& guard, int timeout_ms);
  void nudge();  // the thread, which waits
  // Applies what the log has to the tree.  Returns: whether it went well.
  bool apply(const LogCommit& commit, std::uint64_t file);

  // --- Waiting (persister.cpp) ---
  enum class Stage : std::uint8_t { kOrdered, kDurable };
  base::Result<void> wait(Stage stage, std::uint64_t version);
  std::optional<base::Result<void>> outcome(Stage stage, std::uint64_t version) const;
  bool is_urgent() const;
  void run();
  void stop();

  // --- Of the stepping side ---
  base::FileSystem& files;
  const std::string directory;
  const PersisterOptions options;
  std::unique_ptr<base::FileLock> lock;
  std::unique_ptr<lsm::LsmTree> tree;
  std::unique_ptr<Log> log;
  std::uint64_t recovered = 0;
  std::vector<CommitChunk> taken;             // not in the log yet: a full disk keeps them here
  std::vector<LogCommit> group;               // the transactions in them
  std::size_t group_begin = 0;                // of it: the first that isn't in the log
  std::size_t group_stamped = 0;              // and the first that isn't ready for it
  std::deque<std::string> stamped;            // records of the group that were changed
  base::FlatSet<std::uint64_t> run_rows;      // hashes of the rows that are written up to there
  std::vector<std::uint64_t> row_hashes;      // of one transaction; kept for its memory
  std::shared_ptr<const triples::Catalog> catalog_now;  // for the group in hand
  StampBook stamps;
  std::uint64_t appended = 0;          // the last version in the log
  std::uint64_t synced = 0;            // the last version that is durable
  std::int64_t unsynced_since_ms = 0;  // if appended > synced
  bool is_marked = true;               // the log says how far it is synced
  std::size_t bytes_since_freeze = 0;  // that were applied while a freeze was wanted
  std::int64_t tree_retry_ms = 0;      // a full disk stopped the tree: not before this time
  std::uint64_t lock_identity = 0;
  bool site_is_due = false;  // the first write takes a site id
  std::string due_site;      // TreeState::site as it will be then
  bool is_closed = false;
  std::thread thread;
  std::unique_ptr<Hub> hub;
  std::optional<Orderer> orderer;  // once it is shared
  Hand hand;
  triples::CommitWriter effect;    // that is being made; kept for its memory
  std::vector<LogCommit> commits;  // of the hand; kept for its memory
  triples::WrittenRow row;         // of an effect; kept for its memory
  bool may_freeze = true;          // the last record lists what is recent
  std::shared_ptr<const triples::Catalog> tree_catalog;  // null: to be read
  bool adopt_is_due = false;
  std::uint64_t released = 0;   // logs below may be gone
  bool has_failed_hub = false;  // it was told
  std::optional<Watermarks> told;
  std::uint64_t own_ordered = 0;  // the number of this process's last ordered transaction

  std::mutex stepping;  // held by whoever steps; taken before `mutex`

  // --- Shared ---
  mutable std::mutex mutex;
  std::condition_variable room;   // there may be room in the queue
  std::condition_variable wake;   // the thread has something to do
  std::condition_variable stage;  // a stage was reached, or never will be
  CommitQueue queue;
  std::uint64_t submitted = 0;
  std::uint64_t ordered = 0;
  std::uint64_t durable = 0;
  std::uint64_t wanted_ordered = 0;  // somebody waits for these
  std::uint64_t wanted_durable = 0;
  std::uint64_t flushed = 0;  // in the files that `snapshot` shows
  std::uint64_t waits_for_room = 0;
  std::uint64_t syncs = 0;
  std::uint64_t log_bytes = 0;
  std::size_t memtable_bytes = 0;
  std::optional<base::Error> failure;    // final
  std::optional<base::Error> disk_full;  // of the last try to append
  std::shared_ptr<const triples::Catalog> catalog;
  std::size_t base_waiters = 0;  // callers of with_base(): the thread lets them in
  bool base_moved = false;       // with_base() was there since the thread last looked
  bool has_thread = false;
  bool is_asleep = false;  // the thread waits until it is told
  bool is_ending = false;
  std::shared_ptr<const lsm::LsmSnapshot> snapshot;
  lsm::LsmStats stats;
  std::atomic<bool> is_shared = false;  // written under the mutex
  std::optional<SharedStart> shared_start;
  std::deque<Submitted> submissions;  // nothing is taken from the front but by who steps
  std::size_t submission_bytes = 0;   // of them
  std::uint64_t own_submitted = 0;    // the number of this process's last
  std::uint64_t own_acknowledged = 0;
  std::optional<std::pair<std::uint64_t, base::Error>> own_refusal;
  std::uint64_t own_log = 0;  // this process reads none below
};

}  // namespace tremula::persist
