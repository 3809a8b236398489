#include "persist/memory_wire.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace tremula::persist {

namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Error gone(const char* doing) {
  return {ErrorCode::kIo, std::string("in memory: ") + doing + ": the other end is gone"};
}

// One direction of a connection.
struct Pipe {
  std::string on_the_way;
  std::string arrived;
  bool has_ended = false;        // the sender is gone
  bool end_has_arrived = false;  // and the receiver may know
  bool has_no_reader = false;
  std::size_t size() const { return on_the_way.size() + arrived.size(); }
  bool is_moving() const { return !on_the_way.empty() || (has_ended && !end_has_arrived); }
};

struct Ends {
  std::array<Pipe, 2> pipes;  // [0]: from who connected to who listens
};

// What a waiter looks at.  Requires: the mutex.
class MemoryEndpoint {
 public:
  virtual ~MemoryEndpoint() = default;
  virtual bool is_ready(bool to_send) const = 0;
};

}  // namespace

struct MemoryWire::State {
  class MemoryConnection;
  class MemoryListener;
  class MemoryWaiter;

  explicit State(const MemoryWireOptions& with) : options(with) {}
  void settle() {
    if (!options.by_hand) {
      for (const auto& each : ends) deliver_all(*each);
    }
    std::erase_if(ends, [](const auto& each) {
      return std::all_of(each->pipes.begin(), each->pipes.end(),
                         [](const Pipe& pipe) { return pipe.has_ended; });
    });
    changed.notify_all();
  }
  static void deliver_all(Ends& each) {
    for (Pipe& pipe : each.pipes) {
      pipe.arrived += std::exchange(pipe.on_the_way, {});
      pipe.end_has_arrived = pipe.has_ended;
    }
  }

  const MemoryWireOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, MemoryListener*> listeners;
  std::vector<std::shared_ptr<Ends>> ends;  // of connections with an end that lives
};

class MemoryWire::State::MemoryConnection : public Connection, public MemoryEndpoint {
 public:
  MemoryConnection(std::shared_ptr<State> state, std::shared_ptr<Ends> ends, std::size_t side)
      : state_(std::move(state)), ends_(std::move(ends)), side_(side) {}
  ~MemoryConnection() override {
    const std::lock_guard guard(state_->mutex);
    out().has_ended = true;
    in().has_no_reader = true;
    in().on_the_way.clear();
    state_->settle();
  }
  Result<std::size_t> send(std::string_view bytes) override {
    const std::lock_guard guard(state_->mutex);
    if (out().has_no_reader) return gone("send");
    const std::size_t room = state_->options.room - std::min(state_->options.room, out().size());
    const std::size_t taken = std::min(room, bytes.size());
    out().on_the_way.append(bytes.substr(0, taken));
    state_->settle();
    return taken;
  }
  Result<std::size_t> receive(std::span<char> to) override {
    const std::lock_guard guard(state_->mutex);
    Pipe& pipe = in();
    if (pipe.arrived.empty() && pipe.end_has_arrived) return gone("receive");
    const std::size_t taken = std::min(to.size(), pipe.arrived.size());
    std::copy_n(pipe.arrived.begin(), taken, to.begin());
    pipe.arrived.erase(0, taken);
    if (taken > 0) state_->changed.notify_all();  // there is room again
    return taken;
  }
  bool is_ready(bool to_send) const override {
    const Pipe& in = ends_->pipes[1 - side_];
    const Pipe& out = ends_->pipes[side_];
    return !in.arrived.empty() || in.end_has_arrived || out.has_no_reader ||
           (to_send && out.size() < state_->options.room);
  }

 private:
  Pipe& out() { return ends_->pipes[side_]; }
  Pipe& in() { return ends_->pipes[1 - side_]; }

  std::shared_ptr<State> state_;
  std::shared_ptr<Ends> ends_;
  std::size_t side_;
};

class MemoryWire::State::MemoryListener : public Listener, public MemoryEndpoint {
 public:
  MemoryListener(std::shared_ptr<State> state, std::string directory)
      : state_(std::move(state)), directory_(std::move(directory)) {}
  ~MemoryListener() override {
    const std::lock_guard guard(state_->mutex);
    const auto found = state_->listeners.find(directory_);
    if (found != state_->listeners.end() && found->second == this) state_->listeners.erase(found);
    for (const std::shared_ptr<Ends>& each : waiting_) {
      each->pipes[1].has_ended = true;
      each->pipes[0].has_no_reader = true;
    }
    state_->settle();
  }
  Result<std::unique_ptr<Connection>> accept() override {
    const std::lock_guard guard(state_->mutex);
    if (waiting_.empty()) return std::unique_ptr<Connection>();
    auto ends = std::move(waiting_.front());
    waiting_.pop_front();
    return std::unique_ptr<Connection>(
        std::make_unique<MemoryConnection>(state_, std::move(ends), 1));
  }
  bool is_ready(bool) const override { return !waiting_.empty(); }
  void add(std::shared_ptr<Ends> ends) { waiting_.push_back(std::move(ends)); }

 private:
  std::shared_ptr<State> state_;
  std::string directory_;
  std::deque<std::shared_ptr<Ends>> waiting_;
};

class MemoryWire::State::MemoryWaiter : public Waiter {
 public:
  explicit MemoryWaiter(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void wake() override {
    const std::lock_guard guard(state_->mutex);
    is_woken_ = true;
    state_->changed.notify_all();
  }
  void wait(std::span<Watch> watches, int timeout_ms) override {
    const auto stirred = [&] {
      bool any = is_woken_;
      for (Watch& watch : watches) {
        watch.is_ready =
            dynamic_cast<const MemoryEndpoint&>(*watch.endpoint).is_ready(watch.to_send);
        any = any || watch.is_ready;
      }
      return any;
    };
    std::unique_lock guard(state_->mutex);
    if (timeout_ms < 0) {
      state_->changed.wait(guard, stirred);
    } else {
      state_->changed.wait_for(guard, std::chrono::milliseconds(timeout_ms), stirred);
    }
    if (timeout_ms != 0) is_woken_ = false;
  }

 private:
  std::shared_ptr<State> state_;
  bool is_woken_ = false;
};

MemoryWire::MemoryWire(const MemoryWireOptions& options)
    : state_(std::make_shared<State>(options)) {}
MemoryWire::~MemoryWire() = default;

Result<std::unique_ptr<Listener>> MemoryWire::listen(const std::string& directory) {
  auto listener = std::make_unique<State::MemoryListener>(state_, directory);
  const std::lock_guard guard(state_->mutex);
  state_->listeners[directory] = listener.get();
  return std::unique_ptr<Listener>(std::move(listener));
}

Result<std::unique_ptr<Connection>> MemoryWire::connect(const std::string& directory) {
  const std::lock_guard guard(state_->mutex);
  const auto found = state_->listeners.find(directory);
  if (found == state_->listeners.end()) return std::unique_ptr<Connection>();
  auto ends = std::make_shared<Ends>();
  state_->ends.push_back(ends);
  found->second->add(ends);
  state_->changed.notify_all();
  return std::unique_ptr<Connection>(
      std::make_unique<State::MemoryConnection>(state_, std::move(ends), 0));
}

Result<std::unique_ptr<Waiter>> MemoryWire::make_waiter() {
  return std::unique_ptr<Waiter>(std::make_unique<State::MemoryWaiter>(state_));
}

bool MemoryWire::deliver(std::uint64_t random) {
  const std::lock_guard guard(state_->mutex);
  std::vector<Pipe*> moving;
  for (const auto& each : state_->ends) {
    for (Pipe& pipe : each->pipes)
      if (pipe.is_moving()) moving.push_back(&pipe);
  }
  if (moving.empty()) return false;
  Pipe& pipe = *moving[random % moving.size()];
  random /= moving.size();
  if (pipe.on_the_way.empty()) {
    pipe.end_has_arrived = true;
  } else {
    // Every other time all of it: else nothing long would ever come through.
    const std::size_t all = pipe.on_the_way.size();
    const std::size_t piece = random % 2 == 0 ? all : 1 + random / 2 % all;
    pipe.arrived.append(pipe.on_the_way, 0, piece);
    pipe.on_the_way.erase(0, piece);
  }
  state_->changed.notify_all();
  return true;
}

void MemoryWire::cut(std::uint64_t random) {
  const std::lock_guard guard(state_->mutex);
  if (state_->ends.empty()) return;
  for (Pipe& pipe : state_->ends[random % state_->ends.size()]->pipes) {
    pipe.on_the_way.clear();
    pipe.has_ended = pipe.end_has_arrived = pipe.has_no_reader = true;
  }
  state_->settle();
}

}  // namespace tremula::persist
