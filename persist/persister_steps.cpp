// What a step of the persister does, and what its end does.
#include <algorithm>

#include "core/base/check.h"
#include "core/triples/commit_record.h"
#include "persist/persister_state.h"
#include "persist/stamps.h"

namespace tremula::persist {

namespace {

constexpr std::size_t kTurnBytes = 1U << 20;  // of one record of the log
constexpr std::int64_t kFullRetryMs = 50;     // between tries of the tree on a full disk
// What an open need not read the log for any more: a smaller rest is left to the log.
constexpr std::size_t kFlushAtCloseBytes = 256U << 10;
// A longer log is not left to be read for the sake of a small rest.
constexpr std::uint64_t kLogAtCloseBytes = 1U << 20;

}  // namespace

bool Persister::State::step() {
  const std::lock_guard steps(stepping);
  {
    const std::lock_guard guard(mutex);
    if (failure && !hub) return false;
  }
  const bool received = hub && receive();
  bool has_failed = false;
  {
    const std::lock_guard guard(mutex);
    has_failed = failure.has_value();
  }
  bool worked = false;
  if (!has_failed) {
    // A flush that can't keep up holds the log back, and so, by the queue, who commits.
    if (!overdue()) worked = order() || order_submissions();
    tell();  // before anything slow
    worked = sync_if_due() || worked;
    worked = work() || worked;
  }
  tell();
  return received || worked;
}

// Takes what waits into the log and into the tree.  Returns: whether anything was ordered.
bool Persister::State::order() {
  if (!take_group()) return false;
  bool ordered_some = false;
  while (group_begin < group.size()) {
    const auto ready = stamp_group();
    if (!ready.ok()) {
      fail(ready.error());
      return ordered_some;
    }
    if (!append_stamped()) return ordered_some;
    ordered_some = true;
  }
  group.clear();
  group_begin = group_stamped = 0;
  {
    const std::lock_guard guard(mutex);
    memtable_bytes = tree->memtable_bytes();
    queue.give_back(taken);
    room.notify_all();
  }
  taken.clear();
  return true;
}

// Returns: false: nothing waits.
bool Persister::State::take_group() {
  if (!taken.empty()) return true;  // a full disk left it
  {
    const std::lock_guard guard(mutex);
    queue.take(kTurnBytes, taken);
    catalog_now = catalog;
  }
  for (const CommitChunk& chunk : taken) chunk.list(group);
  return !taken.empty();
}

// Of the rows that a record writes and merging knows, and of those whose graves it writes.
void Persister::State::hash_rows(std::string_view record) {
  row_hashes.clear();
  triples::CommitReader reader(record);
  triples::WrittenRow row;
  for (;;) {
    const auto more = reader.next(row);
    if (!more.ok() || !more.value()) return;  // what is broken is found by its stamping
    if (row.type == kGraveType) row_hashes.push_back(base::hash_bytes(row.key));
    if (is_merged_type(row.type))
      row_hashes.push_back(base::hash_bytes(grave_key(row.type, row.key)));
  }
}

// Makes transactions of the group ready for the log, from the first on that isn't there: as many as
// can be told from the tree as it is. One that is to be stamped ends there if another before it has
// written a row of its own, stamped or not.
base::Result<void> Persister::State::stamp_group() {
  if (group_stamped > group_begin) return {};
  if (std::none_of(group.begin() + static_cast<std::ptrdiff_t>(group_begin), group.end(),
                   [](const LogCommit& commit) { return commit.wants_stamps; })) {
    group_stamped = group.size();
    return {};
  }
  run_rows.clear();
  stamped.clear();
  for (; group_stamped < group.size(); ++group_stamped) {
    LogCommit& commit = group[group_stamped];
    hash_rows(commit.record);
    if (commit.wants_stamps) {
      TREMULA_ASSERT(catalog_now != nullptr);
      const auto is_written = [this](std::uint64_t row) { return run_rows.contains(row); };
      if (std::any_of(row_hashes.begin(), row_hashes.end(), is_written)) return {};
      TREMULA_TRY_ASSIGN(std::string record,
                         stamp_record(commit.record, commit.version, *tree, *catalog_now, stamps));
      commit.record = stamped.emplace_back(std::move(record));
      commit.wants_stamps = false;
    }
    for (const std::uint64_t row : row_hashes) run_rows.insert(row);
  }
  return {};
}

// Returns: false: nothing was appended.
bool Persister::State::append_stamped() {
  const auto run = std::span(group).subspan(group_begin, group_stamped - group_begin);
  if (!append_to_log(run)) return false;
  {
    const std::lock_guard guard(mutex);
    ordered = appended;
    stage.notify_all();
  }
  const std::uint64_t file = log->end().log;
  for (const LogCommit& commit : run) {
    if (!apply(commit, file)) return false;
  }
  group_begin = group_stamped;
  return true;
}

// Returns: false: nothing was appended; whoever waits was told why.
bool Persister::State::append_to_log(std::span<const LogCommit> commits) {
  base::Result<void> written = take_site();
  if (written.ok()) written = log->append(commits, tree->edits());
  if (!written.ok() && !base::is_disk_full(written.error())) {
    fail(written.error());
    return false;
  }
  const std::lock_guard guard(mutex);
  if (!written.ok()) {
    disk_full = written.error();
    room.notify_all();
    stage.notify_all();
    return false;
  }
  disk_full.reset();
  log_bytes = log->bytes();
  if (appended == synced) unsynced_since_ms = files.ticks_ms();
  appended = commits.back().version;
  is_marked = false;
  return true;
}

bool Persister::State::apply(const LogCommit& commit, std::uint64_t file) {
  const auto applied = tree->apply(commit.record, commit.version, file);
  if (!applied.ok()) {
    fail(applied.error());
    return false;
  }
  if (tree->wants_freeze()) bytes_since_freeze += commit.record.size();
  return true;
}

bool Persister::State::sync_if_due() {
  if (appended > synced) {
    // Half of the delay is left for the turn that is under way and for the fsync itself.
    const bool late = files.ticks_ms() - unsynced_since_ms >= options.sync_delay_ms / 2;
    if (!late) {
      const std::lock_guard guard(mutex);
      if (wanted_durable <= durable) return false;
    }
    return sync();
  }
  if (is_marked) return false;
  const auto noted = log->mark(tree->edits());
  if (!noted.ok() && !base::is_disk_full(noted.error())) fail(noted.error());
  is_marked = true;
  return true;
}

// Returns: whether it succeeded.
bool Persister::State::sync() {
  const auto done = log->sync();
  if (!done.ok()) {
    fail(done.error());
    return false;
  }
  synced = appended;
  const std::lock_guard guard(mutex);
  durable = synced;
  ++syncs;
  stage.notify_all();
  return true;
}

bool Persister::State::overdue() const {
  if (tree_retry_ms != 0) return false;  // the log has room of its own, for as long as it lasts
  return bytes_since_freeze > options.lsm.memtable_bytes && !tree->can_freeze();
}

// In a shared directory behind a record that says what a new host must know; and not while the tree
// has what the log hasn't.
bool Persister::State::freeze_is_due() const {
  return tree->wants_freeze() && (!is_shared || (may_freeze && hand.empty()));
}

// Flushes and compacts a slice.  Returns: whether there was anything to do.
bool Persister::State::work() {
  if (tree_retry_ms != 0) {
    if (files.ticks_ms() < tree_retry_ms) return false;
    tree_retry_ms = 0;
  }
  if (freeze_is_due() && tree->can_freeze()) {
    // What goes into files is durable in the log first, so that no file is ahead of the log.
    if (appended > synced && !sync()) return false;
    tree->freeze();
    bytes_since_freeze = 0;
  }
  if (!tree->has_work()) return false;
  const bool is_behind = tree->wants_freeze() && !tree->can_freeze();
  return work_slice(is_behind ? 4 * options.work_slice_bytes : options.work_slice_bytes);
}

bool Persister::State::work_slice(std::size_t budget) {
  const auto changed = tree->work(budget);
  if (!changed.ok()) {
    if (base::is_disk_full(changed.error())) {
      tree_retry_ms = files.ticks_ms() + kFullRetryMs;
      return false;
    }
    fail(changed.error());
    return false;
  }
  if (!changed.value()) {
    if (!stats.pinned.empty()) count_files();  // this thread alone writes them
    return true;
  }
  publish();
  const auto done = release_log();
  if (!done.ok()) fail(done.error());
  return true;
}

// Shows the files of now to other threads.
void Persister::State::publish() {
  auto files_of_now = tree->snapshot();
  {
    const std::lock_guard guard(mutex);
    snapshot.swap(files_of_now);
    flushed = tree->state().applied_version;
  }
  files_of_now.reset();  // before the files are counted: it may have been the last to pin some
  count_files();
}

void Persister::State::count_files() {
  lsm::LsmStats counted = tree->stats();
  const std::lock_guard guard(mutex);
  stats = std::move(counted);
  memtable_bytes = stats.memtable_bytes;
  log_bytes = log->bytes();
}

void Persister::State::fail(const base::Error& error) {
  const std::lock_guard guard(mutex);
  if (!failure) failure = base::Error{error.code, "read-only since: " + error.message};
  if (options.board != nullptr) options.board->fail(*failure);
  room.notify_all();
  stage.notify_all();
}

base::Result<void> Persister::State::finish() {
  for (;;) {
    {
      const std::lock_guard guard(mutex);
      if (failure) return *failure;
      if (taken.empty() && queue.empty() && submissions.empty() && hand.empty()) break;
    }
    if (order() || order_submissions()) continue;
    const std::lock_guard guard(mutex);
    if (failure) return *failure;
    if (disk_full) return *disk_full;
  }
  if (appended > synced && !sync()) return *failure;
  tell();
  // Others still read the log, and go on from there with the next host.
  const bool is_read = hub && hub->stats().peers > 0;
  const std::size_t left_to_log = std::min(kFlushAtCloseBytes, options.lsm.memtable_bytes / 2);
  bool is_flushed = false;
  const bool is_long =
      log->end().offset > kLogAtCloseBytes || log->end().log > tree->state().first_log + 1;
  if (!is_read && (tree->stats().memtable_bytes > left_to_log || is_long)) {
    const auto flushed = tree->flush();
    // On a full disk it stays in the log, where it is durable.
    if (!flushed.ok() && !base::is_disk_full(flushed.error())) return flushed;
    is_flushed = flushed.ok();
    TREMULA_TRY(log->release_below(tree->state().first_log));
  }
  lsm::TreeState state = tree->state();
  const LogPosition noted{state.log_end_number, state.log_end_offset};
  if (noted == log->end()) return {};  // nobody wrote anything
  // Of a log whose commits are all in the files, an open reads the end alone: a file of its own.
  TREMULA_TRY_ASSIGN(const LogPosition end, log->close(tree->edits(), is_flushed));
  state.log_end_number = end.log;
  state.log_end_offset = end.offset;
  if (is_flushed) state.first_log = end.log;
  TREMULA_TRY(tree->set_state(state));
  if (is_read) return {};
  return log->release_below(state.first_log);
}

}  // namespace tremula::persist
