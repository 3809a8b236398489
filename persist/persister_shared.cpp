// The persister of a shared directory: taking intents, ordering them, telling everybody.
#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "persist/persister_state.h"
#include "persist/stamps.h"
#include "persist/tree_catalog.h"

namespace tremula::persist {

namespace {

// Of the effects that go into the log together: some ms' work, for nobody hears of them before.
constexpr std::size_t kHandBytes = 64U << 10;

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
  // What is in hand isn't in the log yet, and may never be.
  const std::lock_guard guard(mutex);
  const auto end = submissions.begin() + static_cast<std::ptrdiff_t>(hand.submissions);
  const auto in_hand = std::count_if(submissions.begin(), end, [process](const Submitted& each) {
    return each.process == process;
  });
  return number.value() - static_cast<std::uint64_t>(in_hand);
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

// Makes effects of submissions, each on the tree that those before it left, and puts them into the
// log as one record: nothing is told, synced or flushed of them before.
// Returns: whether anything was done.
bool Persister::State::order_submissions() {
  if (!is_shared) return false;
  bool begins = false;
  {
    const std::lock_guard guard(mutex);
    if (failure || !queue.empty() || !taken.empty()) return false;
    begins = !shared_start;
    if (begins) {
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
  if (begins) tell();  // whom the first turn refuses can take in why
  if (hand.empty() && !make_hand()) return false;
  return hand.empty() || append_hand();
}

// The first that nothing in hand was made of; null: there is none.
const Persister::State::Submitted* Persister::State::next_submission() {
  const std::lock_guard guard(mutex);
  if (hand.submissions == submissions.size()) return nullptr;
  return &submissions[hand.submissions];  // a deque leaves it where it is when more come
}

// Returns: whether anything was done; it may be that nothing is in hand.
bool Persister::State::make_hand() {
  const auto made = [this]() -> base::Result<bool> {
    if (std::exchange(adopt_is_due, false)) TREMULA_TRY(adopt_kept());
    bool any = !hand.empty();
    hand.is_closed = any;
    while (!hand.is_closed && hand.bytes.size() < kHandBytes) {
      const Submitted* const next = next_submission();
      if (next == nullptr) break;
      // Behind a record that tells all of the recent ones; they may be many.
      TREMULA_TRY(make_one(*next, tree->wants_freeze() && tree->can_freeze()));
      any = true;
    }
    return any;
  }();
  if (!made.ok()) fail(made.error());
  return made.ok() && made.value();
}

// Makes the effect of the first submission that isn't in hand; or, if it has none, drops it. What
// may not stand beside others is left for the next hand.
base::Result<void> Persister::State::make_one(const Submitted& submitted, bool is_last) {
  using Outcome = Orderer::Outcome;
  effect.clear();
  TREMULA_TRY_ASSIGN(const Outcome outcome,
                     orderer->order(submitted.process, submitted.number, submitted.record,
                                    appended + 1 + hand.ends.size(), is_last, effect));
  if (outcome == Outcome::kEffect) {
    ++hand.submissions;
    hand.is_last = hand.is_closed = is_last;
    return stamp_effect();
  }
  hand.is_closed = true;
  if (!hand.empty()) return {};
  if (outcome == Outcome::kMerge) {
    hand.is_last = is_last;
    TREMULA_TRY(make_merge(submitted, is_last));
    if (!hand.empty()) return {};
  }
  if (outcome == Outcome::kRefused) refuse(submitted, orderer->refusal());
  // The host before had ordered it, and its end came before its word. A client's welcome says so.
  if (outcome == Outcome::kKnown && submitted.process == options.process)
    acknowledge_own(submitted.number);
  hand = {};
  drop_front(1);
  return {};
}

// What the processes declare is read from the tree: this one may not have taken it in.
base::Result<void> Persister::State::stamp_effect() {
  const std::uint64_t version = appended + 1 + hand.ends.size();
  TREMULA_TRY(read_catalog());
  TREMULA_TRY_ASSIGN(const bool is_stamped, may_stamp(effect.view(), *tree_catalog, stamps, row));
  if (!is_stamped) return take_in_hand(effect.view());
  TREMULA_TRY_ASSIGN(const bool declares, writes_catalog(effect.view()));
  if (declares) {
    // What it moves over to a new declaration keeps its stamps.
    TREMULA_TRY_ASSIGN(triples::Catalog read, read_tree_catalog(*tree, effect.view()));
    tree_catalog = std::make_shared<const triples::Catalog>(std::move(read));
    hand.is_closed = true;
  }
  TREMULA_TRY_ASSIGN(const std::string stamped,
                     stamp_record(effect.view(), version, *tree, *tree_catalog, stamps));
  TREMULA_TRY(take_in_hand(stamped));
  if (declares) TREMULA_TRY(adopt_kept());
  return {};
}

// The next one stands on it.
base::Result<void> Persister::State::take_in_hand(std::string_view record) {
  const LogCommit commit{appended + 1 + hand.ends.size(), record};
  hand.bytes += record;
  hand.ends.push_back(hand.bytes.size());
  // It may stand in a later log than this one: that one is kept a little longer, then.
  TREMULA_TRY(tree->apply(commit.record, commit.version, log->end().log));
  if (tree->wants_freeze()) bytes_since_freeze += record.size();
  return {};
}

// Returns: false if the log doesn't take it now.
bool Persister::State::append_hand() {
  commits.clear();
  std::size_t begin = 0;
  for (const std::size_t end : hand.ends) {
    const std::string_view record = std::string_view(hand.bytes).substr(begin, end - begin);
    commits.push_back({appended + 1 + commits.size(), record});
    begin = end;
  }
  if (!append_to_log(commits)) return false;
  if (hand.submissions > 0) may_freeze = hand.is_last;
  acknowledge_hand();
  hand.bytes.clear();
  hand.ends.clear();
  hand.submissions = 0;
  hand.is_closed = hand.is_last = false;
  return true;
}

void Persister::State::acknowledge_hand() {
  {
    const std::lock_guard guard(mutex);
    ordered = this->submitted = appended;
    stage.notify_all();
  }
  std::uint64_t own = 0;
  for (std::size_t i = 0; i < hand.submissions; ++i) {
    const Submitted* each = nullptr;
    {
      const std::lock_guard guard(mutex);
      each = &submissions[i];
    }
    if (each->process == options.process) {
      own = each->number;
    } else if (hub) {
      hub->acknowledge(each->process, each->number);
    }
  }
  if (own != 0) acknowledge_own(own);
  drop_front(hand.submissions);
}

// Whoever of this process waits for it waits no longer.
void Persister::State::acknowledge_own(std::uint64_t number) {
  own_ordered = number;
  const std::lock_guard guard(mutex);
  own_acknowledged = number;
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

void Persister::State::drop_front(std::size_t count) {
  const std::lock_guard guard(mutex);
  for (; count > 0; --count) {
    submission_bytes -= submissions.front().record.size();
    submissions.pop_front();
  }
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
