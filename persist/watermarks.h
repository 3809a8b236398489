// Watermarks: how far the order of a directory has come, as a process knows it.
//
//   host     Persister --publish--> WatermarkBoard <--read, wait-- db
//   client   Link      --publish-->        same
//
// Whoever turns from client to host goes on with the same board: its descriptor is the one that
// the face gave away.
// Thread: WatermarkBoard: any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "core/base/result.h"
#include "persist/log.h"

namespace tremula::persist {

struct Watermarks {
  std::uint64_t ordered = 0;  // version of the last ordered transaction
  LogPosition end;            // behind it: the log may be read up to here
  std::uint64_t durable = 0;  // version of the last durable one
  std::uint64_t first_log =
      0;  // logs below may be gone: who has not passed them starts again from the files
  std::uint64_t manifest_edits = 0;  // more than before: the files have changed
  std::uint64_t flushed = 0;         // every version up to here is in the files
  std::uint64_t acknowledged = 0;    // number of this process's own last ordered transaction
  std::uint64_t answered = 0;        // the last question (Link::ask) that came before these marks
  friend bool operator==(const Watermarks&, const Watermarks&) = default;
};

class WatermarkBoard {
 public:
  // Errors: io (no descriptor is left).
  static base::Result<std::unique_ptr<WatermarkBoard>> make();
  ~WatermarkBoard();
  WatermarkBoard(const WatermarkBoard&) = delete;
  WatermarkBoard& operator=(const WatermarkBoard&) = delete;

  // The newest marks. Versions and numbers that are lower than those known count for nothing.
  // Makes the descriptor readable if others' transactions are among those newly ordered.
  void publish(const Watermarks& marks);
  // From now on no wait ends well, nothing more is acknowledged; until clear_failure() (another
  // host has taken over).
  void fail(const base::Error& error);
  void clear_failure();

  Watermarks read() const;
  // Cost: one atomic load.
  std::uint64_t ordered() const { return ordered_.load(std::memory_order_acquire); }
  std::optional<base::Error> failure() const;

  // Waits until `reached` is true of the marks.  Errors: the failure.
  base::Result<void> wait(const std::function<bool(const Watermarks&)>& reached) const;

  // Readable from the moment that others' transactions were ordered until clear_wake().
  int wake_fd() const { return wake_fd_; }
  void clear_wake();
  void wake();  // makes it readable

 private:
  explicit WatermarkBoard(int wake_fd) : wake_fd_(wake_fd) {}

  void wake_locked();  // requires the mutex

  const int wake_fd_;
  std::atomic<std::uint64_t> ordered_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Watermarks marks_;
  bool is_published_ = false;
  bool is_awake_ = false;  // the descriptor is readable
  std::optional<base::Error> failure_;
};

}  // namespace tremula::persist
