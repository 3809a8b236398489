// What any thread asks of a link, and the link's own thread. Its turns are in link_steps.cpp.
#include "persist/link.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/check.h"
#include "persist/link_state.h"

namespace tremula::persist {

using base::Error;
using base::ErrorCode;
using base::Result;

Link::Link(std::unique_ptr<State> state) : state_(std::move(state)) {}

Link::~Link() { close(); }

Result<std::unique_ptr<Link>> Link::make(Wire& wire, const std::string& directory,
                                         WatermarkBoard& board, Succession& succession,
                                         const LinkOptions& options) {
  auto state = std::make_unique<State>(wire, directory, board, succession, options);
  TREMULA_TRY_ASSIGN(state->waiter, wire.make_waiter());
  return std::unique_ptr<Link>(new Link(std::move(state)));
}

Result<std::unique_ptr<Link>> Link::open(Wire& wire, const std::string& directory,
                                         WatermarkBoard& board, Succession& succession,
                                         const LinkOptions& options) {
  using Clock = std::chrono::steady_clock;
  TREMULA_TRY_ASSIGN(auto link, make(wire, directory, board, succession, options));
  State& s = *link->state_;
  const auto patience = Clock::now() + std::chrono::milliseconds(options.grace_ms);
  for (;;) {
    if (s.step()) continue;
    const LinkState state = s.state.load();
    if (state == LinkState::kFailed) return *s.final_error;
    if (state == LinkState::kHost) return link;
    if (state == LinkState::kJoined) break;
    // Who holds the lock and doesn't listen doesn't share: `tremula check` is one.
    if (!s.connection && Clock::now() >= patience) return s.last_error;
    s.sleep();
  }
  link->start();
  return link;
}

LinkState Link::state() const { return state_->state.load(); }

// --- From any thread ---

Result<void> Link::submit(std::uint64_t number, std::string_view record) {
  State& s = *state_;
  std::unique_lock guard(s.mutex);
  const auto has_room = [&] {
    return s.unacknowledged.empty() || s.bytes + record.size() <= s.options.unacknowledged_bytes;
  };
  s.changed.wait(guard, [&] { return s.ends_waits() || !s.has_thread || has_room(); });
  if (s.state.load() == LinkState::kHost) {
    guard.unlock();
    TREMULA_TRY(s.succession.submit(number, record));
    guard.lock();
    s.refusal.reset();  // of this number, by the host before
    return {};
  }
  TREMULA_TRY(s.why_not());
  if (!has_room()) return Error{ErrorCode::kIo, s.directory + ": too much waits for the host"};
  TREMULA_ASSERT(number == s.submitted + 1);
  s.submitted = number;
  s.refusal.reset();
  s.bytes += record.size();
  s.unacknowledged.push_back({number, std::string(record)});
  s.stir();
  return {};
}

Result<void> Link::wait_acknowledged(std::uint64_t number) {
  State& s = *state_;
  std::unique_lock guard(s.mutex);
  const auto is_refused = [&] { return s.refusal && s.refusal->number == number; };
  s.changed.wait(guard, [&] { return s.acknowledged >= number || is_refused() || s.ends_waits(); });
  if (s.acknowledged >= number) return {};
  if (is_refused()) return s.refusal->error;
  if (s.state.load() == LinkState::kHost) {
    guard.unlock();
    return s.succession.wait_acknowledged(number);
  }
  return s.why_not();
}

bool Link::is_refused(std::uint64_t number) const {
  const std::lock_guard guard(state_->mutex);
  return state_->refusal && state_->refusal->number == number;
}

Result<void> Link::wait_durable(std::uint64_t version) {
  State& s = *state_;
  {
    const std::lock_guard guard(s.mutex);
    if (s.state.load() == LinkState::kHost) {
      s.succession.want_durable(version);
    } else if (version > s.wanted_durable) {
      s.wanted_durable = version;
      s.stir();
    }
  }
  return s.board.wait([version](const Watermarks& marks) { return marks.durable >= version; });
}

Result<void> Link::ask() {
  State& s = *state_;
  std::unique_lock guard(s.mutex);
  const std::uint64_t question = ++s.asked;
  s.stir();
  s.changed.wait(guard, [&] { return s.answered >= question || s.ends_waits(); });
  if (s.answered >= question || s.state.load() == LinkState::kHost) return {};
  return s.why_not();
}

void Link::passed(std::uint64_t log) {
  State& s = *state_;
  const std::lock_guard guard(s.mutex);
  if (log <= s.passed_log) return;
  s.passed_log = log;
  s.stir();
}

// Whether nothing more is to be waited for: this is the host, has failed, or ends.
bool Link::State::ends_waits() const {
  return state.load() == LinkState::kHost || failure || final_error || is_ending;
}

Result<void> Link::State::why_not() const {
  if (final_error) return *final_error;
  if (failure) return *failure;
  if (is_ending) return Error{ErrorCode::kIo, directory + ": the database is closed"};
  return {};
}

// There is something to send.  Requires: the mutex.
void Link::State::stir() {
  if (std::exchange(is_asleep, false)) waiter->wake();
}

// --- The thread ---

bool Link::step() { return state_->step(); }

void Link::start() {
  State& s = *state_;
  TREMULA_ASSERT(!s.has_thread);
  s.has_thread = true;
  s.thread = std::thread([&s] { s.run(); });
}

void Link::State::run() {
  for (;;) {
    {
      const std::lock_guard guard(mutex);
      if (is_ending) return;
    }
    if (step()) continue;
    const LinkState now = state.load();
    if (now == LinkState::kHost || now == LinkState::kFailed) return;
    sleep();
  }
}

// Until something comes, or is there to be sent; or, while no host is known, for a little longer
// each time.
void Link::State::sleep() {
  std::vector<Watch> watches;
  int timeout_ms = -1;
  if (connection) {
    watches.push_back({connection.get(), !unsent.empty()});
  } else {
    retry_ms = retry_ms == 0 ? options.retry_min_ms : std::min(2 * retry_ms, options.retry_max_ms);
    timeout_ms = could_not_host ? options.retry_failed_ms : retry_ms;
  }
  {
    const std::lock_guard guard(mutex);
    if (is_ending) return;
    if (connection && has_something_to_send()) {
      if (unsent.empty()) return;
    } else {
      is_asleep = connection != nullptr;
    }
  }
  waiter->wait(watches, timeout_ms);
  const std::lock_guard guard(mutex);
  is_asleep = false;
}

void Link::close() {
  State& s = *state_;
  {
    const std::lock_guard guard(s.mutex);
    s.is_ending = true;
    s.changed.notify_all();
  }
  s.waiter->wake();
  if (s.thread.joinable()) s.thread.join();
  const std::lock_guard guard(s.mutex);
  s.has_thread = false;
  s.connection.reset();
}

}  // namespace tremula::persist
