// MemoryWire: connections in memory, for processes that live in one program.
//
//   send -> on the way --deliver--> arrived -> receive
//
// By default what is sent has arrived. By hand it stays on the way until the test delivers it: a
// piece of a random length, of a random connection; so connections overtake each other, frames are
// cut anywhere, and the end of a connection is heard late. What was sent before it
// arrives before it.
// Thread: as Wire says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "persist/wire.h"

namespace tremula::persist {

struct MemoryWireOptions {
  bool by_hand = false;
  std::size_t room = 64U << 10;  // bytes that one end may be ahead of the other
};

class MemoryWire : public Wire {
 public:
  explicit MemoryWire(const MemoryWireOptions& options = {});
  ~MemoryWire() override;

  base::Result<std::unique_ptr<Listener>> listen(const std::string& directory) override;
  base::Result<std::unique_ptr<Connection>> connect(const std::string& directory) override;
  base::Result<std::unique_ptr<Waiter>> make_waiter() override;

  // Delivers a piece, chosen by `random`.  Returns: whether anything was on the way.
  bool deliver(std::uint64_t random);
  // Ends a connection, chosen by `random`, for both ends; what is on the way is lost.
  void cut(std::uint64_t random);

 private:
  struct State;
  std::shared_ptr<State> state_;  // endpoints share it
};

}  // namespace tremula::persist
