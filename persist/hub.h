// Hub: the host's side of the connections. The persister's thread drives it.
//
//   peers ==frames==> receive -> HubHost::join, submit, want_durable
//   peers <==frames== send    <- welcome | watermarks | refusals | failure
//
// What waits for a peer is bounded: of watermarks only the newest are sent, when what was sent
// before has gone out; a peer that answers nothing costs one frame and one set of marks. A peer
// that sends nonsense is told so by one frame and put out; nobody else notices.
// Thread: the one that steps; wake(): any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "persist/messages.h"
#include "persist/watermarks.h"
#include "persist/wire.h"

namespace tremula::persist {

// What the hub asks of the persister. Called inside Hub::receive() alone.
class HubHost {
 public:
  virtual ~HubHost() = default;
  // A process has come, or has come back: transactions are taken as intents from now on, and the
  // log is kept for it (Hub::oldest_log).
  // Returns: the number of its last ordered transaction; 0: none.
  // Errors: it is told, and put out.
  virtual base::Result<std::uint64_t> join(std::uint64_t process) = 0;
  // A transaction of a process that has joined; its numbers come without gaps from the one after
  // join()'s. It is answered by acknowledge(), for this number or a later one, or by refuse().
  virtual void submit(std::uint64_t process, std::uint64_t number, std::string_view record) = 0;
  // A process waits for this version to be durable.
  virtual void want_durable(std::uint64_t version) = 0;
};

struct HubOptions {
  std::size_t peers_max = 256;           // who comes beyond is told so and put out
  std::size_t receive_bytes = 1U << 20;  // of one peer in one turn, about
};

struct HubStats {
  std::size_t peers = 0;      // processes that have joined
  std::uint64_t put_out = 0;  // connections that were closed for nonsense
};

class Hub {
 public:
  // Listens.  Requires: the caller holds DIR/LOCK, and calls this before anything slow: from now on
  // others wait in line for their welcome.
  static base::Result<std::unique_ptr<Hub>> listen(Wire& wire, const std::string& directory,
                                                   const HubOptions& options = {});
  ~Hub();  // the connections end: peers try to take DIR/LOCK

  // --- From any thread ---
  void wake();  // ends the wait() under way, or the next one

  // --- From the thread that steps ---
  // Waits until a peer sends something, a slow one takes bytes again, or wake(); -1: for ever.
  void wait(int timeout_ms);
  // Takes what came. Nothing is read from the peers while `takes` is false (a full disk): they
  // wait.
  // Returns: whether anything came.
  bool receive(HubHost& host, bool takes = true);
  // For all peers; `marks.acknowledged` is not looked at.
  void publish(const Watermarks& marks);
  // The number of a process's last ordered transaction. Nothing happens if it is not connected.
  void acknowledge(std::uint64_t process, std::uint64_t number);
  // Its transaction `number`, the last that it sent, will not be ordered: it forgets it, and gives
  // the number to its next one.
  void refuse(std::uint64_t process, std::uint64_t number, const base::Error& error);
  // The persister takes no more transactions.
  void fail(const base::Error& error);
  // Sends what it can without waiting. To be called after publish() and the like.
  void send();

  // The lowest log that a process which has joined may still read; nullopt: none has joined, or
  // all have said that they read nothing below. A process that is too slow isn't waited for:
  // whoever releases logs above publishes it as Watermarks::first_log; it opens again.
  std::optional<std::uint64_t> oldest_log() const;
  HubStats stats() const;

  // Nobody can connect any more; those who are connected stay, until the hub ends.
  // To be called while DIR/LOCK is still held; the hub ends after it was given up, so that
  // the peers find it free.
  void unlisten();

 private:
  struct State;
  explicit Hub(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tremula::persist
