// Wire: how processes that share a directory speak to each other. Nothing else knows of sockets.
//
//   persist/posix_wire     unix sockets: DIR/persister.sock
//   persist/memory_wire    byte queues in memory, delivered at once or as a test says
//
// A connection carries bytes in order, both ways, and says when the other end is gone. No call but
// Waiter::wait() waits.
// Errors: io, with the path and the system's reason in the message.
// Thread: a Wire may be used by several threads at once; an endpoint by one at a time; of a Waiter
// wake() by any, wait() by one. What a wire made ends before it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace tremula::persist {

// What can be waited for. Ended by its destructor: the other end hears of it.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
};

class Connection : public Endpoint {
 public:
  // Returns: how many of the bytes were taken; fewer than there are: no room for more now.
  // Errors: io: the other end is gone.
  virtual base::Result<std::size_t> send(std::string_view bytes) = 0;
  // Returns: how many bytes came; 0: none now.
  // Errors: io: the other end is gone, and everything that it sent was received.
  // Requires: room in `out`.
  virtual base::Result<std::size_t> receive(std::span<char> out) = 0;
};

class Listener : public Endpoint {
 public:
  // Returns: a connection that somebody made; null: nobody did.
  virtual base::Result<std::unique_ptr<Connection>> accept() = 0;
};

// An endpoint to wait for: that something came (a connection, bytes, the other end's end), and if
// `to_send`, that there is room to send.
struct Watch {
  Endpoint* endpoint = nullptr;
  bool to_send = false;
  bool is_ready = false;  // set by wait()
};

// What one thread sleeps on.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // Ends the wait that is under way, or else the next one.
  virtual void wake() = 0;
  // Waits until an endpoint is ready, wake() is called or the time is over (-1: never). 0
  // looks only: a wake is kept for the next wait.  Requires: endpoints of the same wire.
  virtual void wait(std::span<Watch> watches, int timeout_ms) = 0;
};

class Wire {
 public:
  virtual ~Wire() = default;
  // Whoever connects from now on waits for accept(). A name that a dead process left is taken over.
  // Requires: the caller holds DIR/LOCK.
  virtual base::Result<std::unique_ptr<Listener>> listen(const std::string& directory) = 0;
  // Returns: a connection; null: nobody listens (now).
  virtual base::Result<std::unique_ptr<Connection>> connect(const std::string& directory) = 0;
  virtual base::Result<std::unique_ptr<Waiter>> make_waiter() = 0;
};

}  // namespace tremula::persist
