// The persister of a shared directory: taking intents, ordering them, telling everybody.
#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "persist/persister_state.h"
#include "persist/stamps.h"
#include "persist/tree_catalog.h"

namespace tremula::persist {

namespace {

constexpr std::size_t kTurnBytes = 1U << 20;  // of submissions that one step orders

}  // namespace

// --- From any thread ---

bool Persister::is_shared() const { return state_->is_shared.load(std::memory_order_acquire); }

std::uint64_t Persister::share() {
  State& s = *state_;
  const std::lock_guard guard(s.mutex);
  s.turn_shared();
  s.nudge();
  return s.submitted;
}

base::Result<Persister::SharedStart> Persister::wait_shared_start() {
  State& s = *state_;
  std::unique_lock guard(s.mutex);
  TREMULA_ASSERT(s.is_shared);
  while (!s.shared_start) {
    if (s.failure) return *s.failure;
    if (s.disk_full) return *s.disk_full;
    if (s.has_thread) {
      s.nudge();
      s.stage.wait(guard,
                   [&] { return s.shared_start || s.failure || s.disk_full || !s.has_thread; });
      continue;
    }
    guard.unlock();  // nobody else steps
    (void)step();
    guard.lock();
  }
  return *s.shared_start;
}

base::Result<void> Persister::submit_intents(std::uint64_t number, std::string_view submission) {
  State& s = *state_;
  std::unique_lock guard(s.mutex);
  TREMULA_ASSERT(s.is_shared);
  const auto has_room = [&] {
    return s.submissions.empty() || s.submission_bytes + submission.size() <= s.options.queue_bytes;
  };
  if (!has_room()) {
    ++s.waits_for_room;
    if (s.has_thread) s.nudge();
    s.room.wait(guard, [&] {
      return s.failure || s.disk_full || s.is_ending || !s.has_thread || has_room();
    });
  }
  if (s.failure) return *s.failure;
  if (s.is_ending) {
    return base::Error{base::ErrorCode::kIo, s.directory + ": the database is closed"};
  }
  if (!has_room()) {
    if (s.disk_full) return *s.disk_full;
    return base::Error{base::ErrorCode::kIo, s.directory + ": the log in memory is full"};
  }
  if (number <= s.own_acknowledged) return {};
  s.own_submitted = number;
  s.own_refusal.reset();
  s.submission_bytes += submission.size();
  s.submissions.push_back({s.options.process, number, std::string(submission)});
  const bool wakes = std::exchange(s.is_asleep, false);
  guard.unlock();
  if (wakes) s.nudge();
  return {};
}

base::Result<void> Persister::wait_acknowledged(std::uint64_t number) {
  State& s = *state_;
  std::unique_lock guard(s.mutex);
  s.disk_full.reset();  // there may be room by now: it is tried once more
  for (;;) {
    if (s.own_acknowledged >= number) return {};
    if (s.own_refusal && s.own_refusal->first == number) return s.own_refusal->second;
    if (s.failure) return *s.failure;
    if (s.disk_full) return *s.disk_full;
    TREMULA_ASSERT(number <= s.own_submitted);
    if (s.has_thread) {
      s.nudge();
      s.stage.wait(guard, [&] {
        return s.own_acknowledged >= number || s.own_refusal || s.failure || s.disk_full ||
               !s.has_thread;
      });
      continue;
    }
    if (s.is_ending) {
      return base::Error{base::ErrorCode::kIo, s.directory + ": the database is closed"};
    }
    guard.unlock();  // nobody else steps
    (void)step();
    guard.lock();
  }
}

bool Persister::is_refused(std::uint64_t number) const {
  const std::lock_guard guard(state_->mutex);
  return state_->own_refusal && state_->own_refusal->first == number;
}

void Persister::want_durable(std::uint64_t version) {
  State& s = *state_;
  const std::lock_guard guard(s.mutex);
  s.wanted_durable = std::max(s.wanted_durable, std::min(version, s.submitted));
  s.nudge();
}

void Persister::passed(std::uint64_t log) {
  State& s = *state_;
  const std::lock_guard guard(s.mutex);
  s.own_log = std::max(s.own_log, log);
}

// --- What the hub asks ---

base::Result<std::uint64_t> Persister::State::join(std::uint64_t process) {
  {
    const std::lock_guard guard(mutex);
    turn_shared();
  }
  hub->publish(marks());  // its welcome carries them
  if (!orderer) orderer.emplace(*tree);
  auto number = orderer->last_number(process);
  if (!number.ok()) {
    fail(number.error());
    return number;
  }
  // The effect in hand isn't in the log yet, and may never be.
  const bool is_in_hand = !effect.empty() && submissions.front().process == process;
  return is_in_hand ? number.value() - 1 : number.value();
}

void Persister::State::submit(std::uint64_t process, std::uint64_t number,
                              std::string_view record) {
  const std::lock_guard guard(mutex);
  submission_bytes += record.size();
  submissions.push_back({process, number, std::string(record)});
}

void Persister::State::want_durable(std::uint64_t version) {
  const std::lock_guard guard(mutex);
  wanted_durable = std::max(wanted_durable, std::min(version, submitted));
}

void Persister::State::turn_shared() {
  if (is_shared) return;
  is_shared.store(true, std::memory_order_release);
  room.notify_all();
}

// --- Stepping ---

bool Persister::State::receive() {
  bool takes = false;
  {
    const std::lock_guard guard(mutex);
    takes = !disk_full && !failure && submission_bytes < options.queue_bytes;
  }
  return hub->receive(*this, takes);
}

// Makes records of submissions and puts each into the log and the tree: the next one stands on it.
// Returns: whether any was done.
bool Persister::State::order_submissions() {
  if (!is_shared) return false;
  std::size_t bytes = 0;
  for (bool any = false;; any = true) {
    const Submitted* first = nullptr;
    {
      const std::lock_guard guard(mutex);
      if (failure || !queue.empty() || !taken.empty()) return any;
      if (!shared_start) {
        // All that this process wrote alone is in the log: the order goes on for everybody.
        shared_start = {log->end(), appended, snapshot, flushed};
        // Who has taken over may have read less than the host before had ordered.
        own_log = options.shared_at_once ? released : log->end().log;
        if (!orderer) orderer.emplace(*tree);
        orderer->pass_catalog(appended);
        adopt_is_due = options.shared_at_once;  // as an open does
        stage.notify_all();
      }
    }
    if (effect.empty() && !adopt_declared()) return any;
    {
      const std::lock_guard guard(mutex);
      if (submissions.empty() || bytes >= kTurnBytes) return any;
      first = &submissions.front();  // a deque leaves it where it is when more come
    }
    bytes += first->record.size() + 1;
    if (!order_one(*first)) return any;
    // Behind a record that tells all of the recent ones; they may be many.
    if (may_freeze && tree->wants_freeze() && tree->can_freeze()) return true;
  }
}

// Returns: false if the log doesn't take it now.
bool Persister::State::order_one(const Submitted& submitted) {
  if (effect.empty()) {
    effect_is_last = tree->wants_freeze() && tree->can_freeze();
    const auto outcome = orderer->order(submitted.process, submitted.number, submitted.record,
                                        appended + 1, effect_is_last, effect);
    if (!outcome.ok()) {
      fail(outcome.error());
      return false;
    }
    if (outcome.value() == Orderer::Outcome::kRefused) refuse(submitted, orderer->refusal());
    // The host before had ordered it, and its end came before its word. A client's welcome says so.
    if (outcome.value() == Orderer::Outcome::kKnown) acknowledge_own(submitted);
    base::Result<bool> ready = false;
    if (outcome.value() == Orderer::Outcome::kMerge) ready = make_merge(submitted);
    if (outcome.value() == Orderer::Outcome::kEffect) ready = stamp_effect();
    if (!ready.ok()) {
      fail(ready.error());
      return false;
    }
    if (!ready.value()) {
      drop_front();
      return true;
    }
  }
  return append(submitted);
}

// What the processes declare is read from the tree: this one may not have taken it in.
// Returns: true: there is an effect.
base::Result<bool> Persister::State::stamp_effect() {
  TREMULA_TRY_ASSIGN(declares, writes_catalog(effect.view()));
  if (declares) {
    // What it moves over to a new declaration keeps its stamps.
    TREMULA_TRY_ASSIGN(triples::Catalog read, read_tree_catalog(*tree, effect.view()));
    tree_catalog = std::make_shared<const triples::Catalog>(std::move(read));
  }
  TREMULA_TRY(read_catalog());
  TREMULA_TRY_ASSIGN(stamped_effect,
                     stamp_record(effect.view(), appended + 1, *tree, *tree_catalog, stamps));
  return true;
}

// The effect in hand, into the log and the tree.  Returns: whether it is in the log.
bool Persister::State::append_effect() {
  const LogCommit commit{appended + 1, stamped_effect};
  if (!append_to_log(std::span(&commit, 1))) return false;
  (void)apply(commit, log->end().log);  // else it has failed for good
  if (std::exchange(declares, false)) adopt_is_due = true;
  const std::lock_guard guard(mutex);
  ordered = this->submitted = appended;
  stage.notify_all();
  return true;
}

bool Persister::State::append(const Submitted& submitted) {
  if (!append_effect()) return false;
  may_freeze = effect_is_last;
  effect.clear();
  if (submitted.process != options.process && hub)
    hub->acknowledge(submitted.process, submitted.number);
  acknowledge_own(submitted);
  drop_front();
  const std::lock_guard guard(mutex);
  return !failure;
}

// If it is this process's: whoever waits for it waits no longer.
void Persister::State::acknowledge_own(const Submitted& submitted) {
  if (submitted.process != options.process) return;
  own_ordered = submitted.number;
  const std::lock_guard guard(mutex);
  own_acknowledged = submitted.number;
  stage.notify_all();
}

void Persister::State::refuse(const Submitted& submitted, const base::Error& error) {
  if (submitted.process != options.process) {
    if (hub) hub->refuse(submitted.process, submitted.number, error);
    return;
  }
  const std::lock_guard guard(mutex);
  own_refusal = {submitted.number, error};
  own_submitted = submitted.number;
  stage.notify_all();
}

void Persister::State::drop_front() {
  const std::lock_guard guard(mutex);
  submission_bytes -= submissions.front().record.size();
  submissions.pop_front();
  room.notify_all();
}

Watermarks Persister::State::marks() const {
  return {.ordered = appended,
          .end = log->end(),
          .durable = synced,
          .first_log = released,
          .manifest_edits = tree->edits(),
          .flushed = tree->state().applied_version,
          .acknowledged = own_ordered};
}

void Persister::State::tell() {
  if (!is_shared) {
    if (hub) hub->send();
    return;
  }
  bool goes_on = false;
  {
    const std::lock_guard guard(mutex);
    if (failure && hub && !std::exchange(has_failed_hub, true)) hub->fail(*failure);
    // Before that, who joins is welcomed all the same: what was ordered till then can be read.
    goes_on = shared_start && !failure;
  }
  if (goes_on) {
    const auto done = release_log();
    if (!done.ok()) fail(done.error());
    const Watermarks now = marks();
    if (told != now) {
      told = now;
      if (hub) {
        hub->publish(now);
        hub->send();
      }
      // After the others: whoever is answered by the board knows that they were told.
      if (options.board != nullptr) options.board->publish(now);
      return;
    }
  }
  if (hub) hub->send();
}

// --- What is kept for those who are behind ---

// The lowest log that somebody reads; all needed by the tree alone if the log has grown too long.
std::uint64_t Persister::State::wanted_log() const {
  const std::uint64_t needed = tree->state().first_log;
  if (!is_shared || log->bytes() > options.kept_log_bytes) return needed;
  std::uint64_t wanted = needed;
  if (hub) wanted = std::min(wanted, hub->oldest_log().value_or(needed));
  const std::lock_guard guard(mutex);
  return shared_start ? std::min(wanted, own_log) : wanted;
}

base::Result<void> Persister::State::release_log() {
  const std::uint64_t wanted = wanted_log();
  if (wanted <= released) return {};
  TREMULA_TRY(log->release_below(wanted));
  released = wanted;
  return {};
}

}  // namespace tremula::persist
