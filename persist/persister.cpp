#include "persist/persister.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/check.h"
#include "persist/persister_state.h"

namespace tremula::persist {

namespace {

using std::chrono::milliseconds;

// Commits of this time go into the log as one group.
constexpr int kNapMs = 2;
constexpr int kFullNapMs = 20;                     // between tries to append on a full disk
constexpr std::size_t kUrgentBytes = 512U << 10;   // in the queue: no nap
constexpr std::size_t kRecordBytesMax = 1U << 30;  // of one transaction

base::Error ended(const std::string& directory) {
  return {base::ErrorCode::kIo, directory + ": the database is closed"};
}

}  // namespace

Persister::Persister(std::unique_ptr<State> state) : state_(std::move(state)) {}

Persister::~Persister() {
  if (state_) (void)close();  // whoever wants to know how it ended calls close()
}

lsm::LsmTree& Persister::tree() { return *state_->tree; }
const StampBook& Persister::stamps() const { return state_->stamps; }
std::uint64_t Persister::recovered_version() const { return state_->recovered; }

// --- From any thread ---

base::Result<std::uint64_t> Persister::submit(std::string_view commit_record, bool wants_stamps) {
  State& s = *state_;
  if (commit_record.size() > kRecordBytesMax) {
    return base::Error{base::ErrorCode::kIo, "a transaction of " +
                                                 std::to_string(commit_record.size()) +
                                                 " bytes is too large: at most 1 GiB"};
  }
  std::unique_lock lock(s.mutex);
  if (!s.queue.has_room(commit_record.size())) {
    ++s.waits_for_room;
    if (s.has_thread) s.nudge();
    s.room.wait(lock, [&] {
      return s.failure || s.disk_full || s.is_ending || !s.has_thread || s.is_shared ||
             s.queue.has_room(commit_record.size());
    });
  }
  if (s.failure) return *s.failure;
  if (s.is_ending) return ended(s.directory);
  if (s.is_shared) {
    return base::Error{base::ErrorCode::kLocked, s.directory + ": is shared with others now"};
  }
  if (!s.queue.has_room(commit_record.size())) {
    if (s.disk_full) return *s.disk_full;
    return base::Error{base::ErrorCode::kIo, s.directory + ": the log in memory is full"};
  }
  s.queue.push(commit_record, ++s.submitted, wants_stamps);
  const bool wakes = std::exchange(s.is_asleep, false) || s.queue.bytes() >= kUrgentBytes;
  const std::uint64_t version = s.submitted;
  lock.unlock();
  if (wakes) s.nudge();
  return version;
}

void Persister::set_catalog(std::shared_ptr<const triples::Catalog> catalog) {
  const std::lock_guard guard(state_->mutex);
  state_->catalog = std::move(catalog);
}

base::Result<void> Persister::with_base(const BaseVisitor& visit) {
  State& s = *state_;
  {
    const std::lock_guard guard(s.mutex);
    ++s.base_waiters;
  }
  const std::lock_guard stepping(s.stepping);
  {
    const std::lock_guard guard(s.mutex);
    --s.base_waiters;
    s.wake.notify_one();
  }
  for (;;) {
    const bool ordered_some = s.order();
    const std::lock_guard guard(s.mutex);
    if (s.failure) return *s.failure;
    if (s.is_ending) return ended(s.directory);
    if (s.taken.empty() && s.queue.empty()) break;
    if (!ordered_some && s.disk_full) return *s.disk_full;
  }
  // What the tree has is in the log, then.
  if (!s.hand.empty() && !s.append_hand()) {
    const std::lock_guard guard(s.mutex);
    return s.failure ? *s.failure : *s.disk_full;
  }
  TREMULA_TRY(s.take_site());  // who tells or takes changes has a name
  base::Result<void> visited = visit(*s.tree, s.stamps);
  const std::lock_guard guard(s.mutex);
  s.base_moved = true;  // what was ordered here waits for its sync
  s.is_asleep = false;
  s.nudge();
  return visited;
}

base::Result<void> Persister::wait_ordered(std::uint64_t version) {
  return state_->wait(State::Stage::kOrdered, version);
}

base::Result<void> Persister::wait_durable(std::uint64_t version) {
  return state_->wait(State::Stage::kDurable, version);
}

// Whether the stage is reached, or will not be; nullopt: neither.  Requires: the mutex.
std::optional<base::Result<void>> Persister::State::outcome(Stage of, std::uint64_t version) const {
  if ((of == Stage::kOrdered ? ordered : durable) >= version) return base::Result<void>();
  if (failure) return base::Result<void>(*failure);
  if (disk_full && ordered < version) return base::Result<void>(*disk_full);
  return std::nullopt;
}

base::Result<void> Persister::State::wait(Stage of, std::uint64_t version) {
  std::unique_lock guard(mutex);
  version = std::min(version, submitted);  // whoever names a later one waits for all there is
  disk_full.reset();                       // there may be room by now: it is tried once more
  std::uint64_t& wanted = of == Stage::kOrdered ? wanted_ordered : wanted_durable;
  wanted = std::max(wanted, version);
  for (;;) {
    if (auto result = outcome(of, version)) return std::move(*result);
    if (has_thread) {
      is_asleep = false;
      nudge();
      stage.wait(guard, [&] { return outcome(of, version).has_value() || !has_thread; });
      continue;
    }
    if (is_ending) return ended(directory);
    guard.unlock();  // nobody else steps
    (void)step();
    guard.lock();
  }
}

PersisterStatus Persister::status() const {
  const State& s = *state_;
  const std::lock_guard lock(s.mutex);
  lsm::LsmStats stats = s.stats;
  stats.memtable_bytes = s.memtable_bytes;
  return {.submitted = s.submitted,
          .ordered = s.ordered,
          .durable = s.durable,
          .queue_bytes = s.queue.bytes(),
          .waits_for_room = s.waits_for_room,
          .syncs = s.syncs,
          .log_bytes = s.log_bytes,
          .lsm = std::move(stats),
          .error = s.failure ? s.failure->message : std::string()};
}

std::uint64_t Persister::flushed_version() const {
  const std::lock_guard lock(state_->mutex);
  return state_->flushed;
}

Persister::Files Persister::files() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->snapshot, state_->flushed};
}

std::shared_ptr<const lsm::LsmSnapshot> Persister::snapshot() const {
  const std::lock_guard lock(state_->mutex);
  return state_->snapshot;
}

// --- The thread ---

bool Persister::step() { return state_->step(); }

void Persister::start() {
  State& s = *state_;
  TREMULA_ASSERT(!s.has_thread && !s.is_closed);
  s.has_thread = true;
  s.thread = std::thread([&s] { s.run(); });
}

// Whether somebody waits for what a step can give.  Requires: the mutex.
bool Persister::State::is_urgent() const {
  if (disk_full) return false;
  if (!submissions.empty()) return true;
  return wanted_ordered > ordered || wanted_durable > durable || queue.bytes() >= kUrgentBytes;
}

void Persister::State::run() {
  for (;;) {
    (void)step();
    bool has_work = false;
    bool has_rest = false;
    {
      const std::lock_guard steps(stepping);
      has_work = tree_retry_ms == 0 && (tree->has_work() || freeze_is_due());
      has_rest = tree_retry_ms != 0 || appended > synced || !is_marked;
    }
    std::unique_lock guard(mutex);
    if (base_waiters > 0) {
      wake.wait(guard, [this] { return base_waiters == 0; });
    }
    if (is_ending) return;
    if (std::exchange(base_moved, false)) continue;
    if (failure) {
      if (!hub) {
        wake.wait(guard, [this] { return is_ending; });
        return;
      }
      sleep(guard, -1);  // whoever comes is told
      continue;
    }
    if (!disk_full && has_work) continue;
    if (disk_full) {
      sleep(guard, kFullNapMs);
    } else if (has_rest || !queue.empty()) {
      sleep(guard, kNapMs);
    } else {
      sleep(guard, -1);
    }
  }
}

// Until the time is over or there is something to do.  Requires: the mutex.
void Persister::State::sleep(std::unique_lock<std::mutex>& guard, int timeout_ms) {
  if (is_ending || (!failure && is_urgent())) return;
  // Who commits alone lets the thread nap, so that commits go into the log in groups; who shares
  // wakes it each time, for others wait for what he wrote.
  is_asleep = timeout_ms < 0 || is_shared;
  const auto stirred = [&] { return is_ending || is_urgent() || (timeout_ms < 0 && !is_asleep); };
  if (hub) {
    guard.unlock();
    hub->wait(timeout_ms);
    guard.lock();
  } else if (timeout_ms < 0) {
    wake.wait(guard, stirred);
  } else {
    wake.wait_for(guard, milliseconds(timeout_ms), stirred);
  }
  is_asleep = false;
}

void Persister::State::nudge() {
  if (hub) {
    hub->wake();
  } else {
    wake.notify_one();
  }
}

void Persister::State::stop() {
  {
    const std::lock_guard guard(mutex);
    is_ending = true;
    nudge();
    room.notify_all();
  }
  if (thread.joinable()) thread.join();
  const std::lock_guard guard(mutex);
  has_thread = false;
  stage.notify_all();
}

base::Result<void> Persister::close() {
  State& s = *state_;
  if (s.is_closed) return {};
  s.stop();
  base::Result<void> finished = s.finish();
  s.is_closed = true;
  if (s.hub) s.hub->unlisten();
  s.log.reset();
  s.orderer.reset();
  s.tree.reset();
  s.lock.reset();
  s.hub.reset();  // last: whoever hears of the end finds the lock free
  return finished;
}

}  // namespace tremula::persist
