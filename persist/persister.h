// Persister: orders the transactions of its processes, makes them durable, and keeps the tree.
//
//   submit -> queue (bounded) -> step: append to the log -> apply to the tree -> fsync when due
//                                      -> flush and compact in slices while nobody waits
//
// Stages of a commit (sync.md section 1): applied (its caller's own business), ordered (in the log
// file), durable (synced). By default an fsync is at most `sync_delay_ms` behind.
// An error of the log is final: the persister takes no more commits, everything waits no longer and
// gets the error (`io`). A full disk is not final: what is in the queue stays there until there is
// room, submit() gives `io` once the queue is full.
// Thread: submit, wait_*, status: any. step(), start(), close(): one at a time. The thread is
// optional: tests step by hand.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "persist/log.h"

namespace tremula::persist {

struct PersisterOptions {
  std::size_t queue_bytes = 64U << 20;  // the bound of the log in memory (sync.md section 1)
  std::int64_t sync_delay_ms = 50;
  std::size_t work_slice_bytes = 256U << 10;
  LogOptions log;
  lsm::LsmOptions lsm;
};

struct PersisterStatus {
  std::uint64_t submitted = 0;  // the version of the last commit taken
  std::uint64_t ordered = 0;
  std::uint64_t durable = 0;
  std::size_t queue_bytes = 0;
  std::uint64_t waits_for_room = 0;  // submits that found the queue full
  std::uint64_t syncs = 0;
  std::uint64_t log_bytes = 0;
  lsm::LsmStats lsm;
  std::string error;  // the final one's message, or empty
};

class Persister {
 public:
  // Locks the directory (made if it isn't there), opens the tree and replays the log into it.
  // Errors: locked (with the holder's pid), corrupt, io.
  static base::Result<std::unique_ptr<Persister>> open(base::FileSystem& files,
                                                       const std::string& directory,
                                                       const PersisterOptions& options);
  ~Persister();  // closes, if nobody did

  // What the directory held when it was opened; before the first step() only.
  lsm::LsmTree& tree();
  std::uint64_t recovered_version() const;  // of the last commit in the log or the files

  // Takes a transaction. Waits for room in the queue while a thread is running.
  // Returns: its version.  Errors: io (the queue is full and the disk too, or the log has failed).
  base::Result<std::uint64_t> submit(std::string_view commit_record);
  base::Result<void> wait_ordered(std::uint64_t version);
  base::Result<void> wait_durable(std::uint64_t version);
  PersisterStatus status() const;
  // All commits up to here are in files.
  std::uint64_t flushed_version() const;
  // The files of now.
  std::shared_ptr<const lsm::LsmSnapshot> snapshot() const;

  // One turn: takes what is in the queue, syncs if due, works a slice.  Returns: whether anything
  // was done.
  bool step();
  void start();  // a thread that steps
  // Orders and syncs everything, notes the clean end, ends the thread and gives up the lock.
  base::Result<void> close();

 private:
  struct State;
  explicit Persister(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tremula::persist
