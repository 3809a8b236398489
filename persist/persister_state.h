// The inside of Persister.
//
//   shared, under `mutex`      queue, versions of the stages, what somebody waits for, errors
//   of the stepping side       log, tree, what was taken and is not in the log yet
//
// Whoever steps takes chunks from the queue under the mutex and does everything slow without it, so
// that a committing thread waits for a few moved pointers at most.
// Thread: members say which.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "persist/commit_queue.h"
#include "persist/persister.h"

namespace tremula::persist {

struct Persister::State {
  State(base::FileSystem& on, std::string in, const PersisterOptions& with)
      : files(on), directory(std::move(in)), options(with), queue(with.queue_bytes) {}

  // --- Opening (persister_open.cpp) ---
  base::Result<void> open();
  base::Result<void> take_lock();
  base::Result<void> note_site();
  base::Result<void> replay();

  // --- Stepping (persister_steps.cpp) ---
  bool step();
  bool order();
  bool sync_if_due();
  bool sync();
  bool work();
  bool work_slice(std::size_t budget);
  bool overdue() const;
  void publish();
  void fail(const base::Error& error);  // for good
  base::Result<void> finish();          // of close(), when no thread steps

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
  std::vector<CommitChunk> taken;  // not in the log yet: a full disk keeps them here
  std::vector<LogCommit> group;
  std::uint64_t appended = 0;          // the last version in the log
  std::uint64_t synced = 0;            // the last version that is durable
  std::int64_t unsynced_since_ms = 0;  // if appended > synced
  bool is_marked = true;               // the log says how far it is synced
  std::size_t bytes_since_freeze = 0;  // that were applied while a freeze was wanted
  std::int64_t tree_retry_ms = 0;      // a full disk stopped the tree: not before this time
  bool is_closed = false;
  std::thread thread;

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
  std::optional<base::Error> failure;    // final
  std::optional<base::Error> disk_full;  // of the last try to append
  bool has_thread = false;
  bool is_asleep = false;  // the thread waits until it is told
  bool is_ending = false;
  std::shared_ptr<const lsm::LsmSnapshot> snapshot;
  lsm::LsmStats stats;
};

}  // namespace tremula::persist
