// Persister: orders the transactions of its processes, makes them durable, and keeps the tree.
//
//   submit -> queue (bounded) -> step: append to the log -> apply to the tree -> fsync when due
//                                      -> flush and compact in slices while nobody waits
//
// Stages of a commit (sync.md section 1): applied (its caller's own business), ordered (in the log
// file), durable (synced). By default an fsync is at most `sync_delay_ms` behind.
// Solo and shared. A directory that one process has open is *solo*: submit() takes finished commit
// records. When the first other process joins, through the hub, the persister turns *shared* for
// good: what was submitted before is ordered first, submit() takes nothing more, and all processes,
// its own too, submit what they mean to do (crdt/intent.h); the Orderer makes the records, the log
// files carry them to everybody (LogTail), and the board says how far.
// An error of the log is final: the persister takes no more commits, everything waits no longer and
// gets the error (`io`). A full disk is not final: what is in the queue stays there until there is
// room, submit() gives `io` once the queue is full.
// Thread: submit*, share, want_durable, wait_*, status, passed, is_shared: any. step(), start(),
// close(): one at a time. The thread is optional: tests step by hand.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/catalog.h"
#include "persist/log.h"
#include "persist/stamp_book.h"

namespace tremula::persist {

class Wire;
class WatermarkBoard;

struct PersisterOptions {
  std::size_t queue_bytes = 64U << 20;  // the bound of the log in memory (sync.md section 1)
  std::int64_t sync_delay_ms = 50;
  std::size_t work_slice_bytes = 256U << 10;
  LogOptions log;
  lsm::LsmOptions lsm;
  // Sharing: none without a wire. Both outlive the persister.
  Wire* wire = nullptr;
  WatermarkBoard* board = nullptr;  // published to once it is shared
  std::uint64_t process = 0;        // this process's id (crdt/intent.h); not 0 if there is a wire
  bool shared_at_once = false;      // for whoever takes over from another host
  std::uint64_t kept_log_bytes = 64U
                                 << 20;  // of log for slow processes: who is behind starts again
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

  // What records that want stamps are read by; before the first of them, and before any that
  // follows a new declaration.
  void set_catalog(std::shared_ptr<const triples::Catalog> catalog);
  // What merging knows of the directory; before the first step() only. Later see with_base().
  const StampBook& stamps() const;
  // Orders all that was submitted, and calls `visit` with the tree as it is then, while nothing
  // else is done to it. `visit` may submit.
  // Errors: its own; io.
  using BaseVisitor = std::function<base::Result<void>(lsm::LsmTree& tree, StampBook& stamps)>;
  base::Result<void> with_base(const BaseVisitor& visit);

  // Takes a transaction. Waits for room in the queue while a thread is running. `wants_stamps`: it
  // goes through stamp_record() before it goes into the log.
  // Returns: its version.  Errors: io (the queue is full and the disk too, or the log has failed);
  // locked, if is_shared(): it takes intents alone now.
  base::Result<std::uint64_t> submit(std::string_view commit_record, bool wants_stamps = false);
  base::Result<void> wait_ordered(std::uint64_t version);
  base::Result<void> wait_durable(std::uint64_t version);
  PersisterStatus status() const;

  // --- Shared ---
  bool is_shared() const;  // one atomic load; never turns back
  // Turns shared, if it isn't yet.  Returns: the last version that submit() gave out.
  std::uint64_t share();
  // Where this process begins to read what is ordered (LogTail), and the version before that: all
  // up to it was its own.  Waits until that is ordered.  Requires: is_shared().
  struct SharedStart {
    LogPosition at;
    std::uint64_t version = 0;
    // The files of then: later ones may have what this process has not read.
    std::shared_ptr<const lsm::LsmSnapshot> snapshot;
    std::uint64_t flushed = 0;  // all up to here is in them
  };
  base::Result<SharedStart> wait_shared_start();
  // This process's transaction `number`, as intents: 1, 2, 3 ... What was ordered before is
  // dropped. Waits for room.  Errors: as submit().
  base::Result<void> submit_intents(std::uint64_t number, std::string_view submission);
  // Waits until it is ordered.  Errors: the refusal (schema_conflict); io: it may be ordered yet.
  base::Result<void> wait_acknowledged(std::uint64_t number);
  // Whether it was refused, so that it will never be ordered and its number is free; until another
  // is submitted.
  bool is_refused(std::uint64_t number) const;
  // Hurries; for who waits at the board.
  void want_durable(std::uint64_t version);
  // This process reads no log below `log` any more.
  void passed(std::uint64_t log);

  // All commits up to here are in files.
  std::uint64_t flushed_version() const;
  // The files of now.
  std::shared_ptr<const lsm::LsmSnapshot> snapshot() const;
  // Both, of one moment.
  struct Files {
    std::shared_ptr<const lsm::LsmSnapshot> snapshot;
    std::uint64_t flushed = 0;
  };
  Files files() const;

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
