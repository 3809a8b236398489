// Link: a process's side of the connection to the host of its directory, until it is the host.
//
//   db --submit--> unacknowledged ==frames==> host's Hub
//   db <--WatermarkBoard--  welcome | watermarks | refusals | failure
//
//   seeking --lock taken--> host (for good)
//      |  ^
//      v  | the connection ended
//   greeting --welcome--> joined
//
// A link keeps every transaction until it is known as ordered, and sends it again to whoever hosts
// next. Exactly-once is the host's business: it drops the numbers that it has.
// Thread: submit, wait_*, ask, passed, state: any; step(), start(), close(): one at a time. The
// thread is optional: tests step by hand. Succession is called on the thread that steps, without
// any lock but the link's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "persist/watermarks.h"
#include "persist/wire.h"

namespace tremula::persist {

// Whether the error is that no descriptor is left, in this process or the system.
bool is_out_of_files(const base::Error& error);
// Whether what failed may go well later: the disk is full, or no descriptor is left.
bool may_pass(const base::Error& error);

// What turns a process into the host, and is its own way to the persister from then on.
class Succession {
 public:
  virtual ~Succession() = default;
  // Takes DIR/LOCK and opens the persister, which publishes to the same board from now on, and has
  // cleared the failure of the host before from it.
  // Errors: locked: another process is the host; may_pass(): it is tried again, and whoever waits
  // is told meanwhile; any other is final.
  virtual base::Result<void> take_over() = 0;
  // As Link's own. The first transactions are those that the old host had not acknowledged; it
  // may have ordered some of them.
  virtual base::Result<void> submit(std::uint64_t number, std::string_view record) = 0;
  virtual base::Result<void> wait_acknowledged(std::uint64_t number) = 0;
  virtual void want_durable(std::uint64_t version) = 0;
};

enum class LinkState : std::uint8_t { kSeeking, kJoined, kHost, kFailed };

struct LinkOptions {
  std::uint64_t process = 0;                     // its id: 64 random bits, new at each open
  std::size_t unacknowledged_bytes = 64U << 20;  // submit() waits beyond
  int retry_min_ms = 1;                          // between tries to lock or connect
  int retry_max_ms = 50;
  int retry_failed_ms = 500;  // after a try to host that failed: it may have read a long log
  int grace_ms = 2000;        // how long open() tries while DIR is locked and nobody listens
};

class Link {
 public:
  // Becomes the host, or a member of the host's.  Waits for the welcome; a host may have a log to
  // read first.
  // Errors: locked (by somebody who doesn't share); unsupported (a host of another version); io;
  // what take_over() gives.
  // Borrowed: all of them, until the link ends.
  static base::Result<std::unique_ptr<Link>> open(Wire& wire, const std::string& directory,
                                                  WatermarkBoard& board, Succession& succession,
                                                  const LinkOptions& options);
  // The same, without a thread: the caller steps.
  static base::Result<std::unique_ptr<Link>> make(Wire& wire, const std::string& directory,
                                                  WatermarkBoard& board, Succession& succession,
                                                  const LinkOptions& options);
  ~Link();  // closes, if nobody did

  LinkState state() const;  // one atomic load

  // Takes a transaction. Numbers go on by one from 1; one that was refused is given again.
  // Waits while too much is unacknowledged.  Errors: io (the host's log has failed; closed).
  base::Result<void> submit(std::uint64_t number, std::string_view record);
  // Waits until it is ordered.  Errors: the host's refusal; io: it may be ordered yet.
  base::Result<void> wait_acknowledged(std::uint64_t number);
  // Whether it was refused, so that it will never be ordered and its number is free; until another
  // is submitted.
  bool is_refused(std::uint64_t number) const;
  // Waits until a version is durable, and hurries the host.  Errors: io.
  base::Result<void> wait_durable(std::uint64_t version);
  // Waits for an answer of the host: the board covers then whatever anybody was told of as ordered
  // before the call.  Returns at once where this process is the host.  Errors: io.
  base::Result<void> ask();
  // This process reads no log below `log` any more.
  void passed(std::uint64_t log);

  // One turn: connects, sends, receives.  Returns: whether anything was done.
  bool step();
  void start();  // a thread that steps
  // Ends the thread and the connection. What is not acknowledged may be lost: wait for it before.
  void close();

 private:
  struct State;
  explicit Link(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tremula::persist
