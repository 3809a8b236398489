// Opening a directory: lock, manifest, files, and the log's commits that the files lack.
#include <unistd.h>

#include <algorithm>
#include <random>

#include "persist/persister_state.h"

namespace tremula::persist {

namespace {

std::string random_bytes(std::size_t count) {
  std::random_device random;
  std::string bytes;
  while (bytes.size() < count) bytes.push_back(static_cast<char>(random()));
  return bytes;
}

std::string parent_of(const std::string& directory) {
  const std::size_t end = directory.find_last_not_of('/');
  const std::size_t slash = directory.rfind('/', end);
  if (slash == std::string::npos || end == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

}  // namespace

base::Result<void> Persister::State::open() {
  TREMULA_TRY(take_lock());
  // Before anything slow: others wait in line for it.
  if (options.wire != nullptr) {
    auto listening = Hub::listen(*options.wire, directory);
    // A file system without sockets, or a full one, still holds a database: for one process, as
    // others find it locked. Whoever takes over has others that wait, and leaves it to them.
    if (!listening.ok() && options.shared_at_once) return listening.error();
    if (listening.ok()) hub = std::move(listening).value();
  }
  TREMULA_TRY_ASSIGN(tree, lsm::LsmTree::open(files, directory, options.lsm));
  TREMULA_TRY(replay());
  TREMULA_TRY(note_site());
  TREMULA_TRY_ASSIGN(stamps, StampBook::load(*tree, site_is_due ? due_site : tree->state().site));
  appended = synced = submitted = ordered = durable = recovered;
  released = tree->state().first_log;
  publish();
  if (options.shared_at_once) {
    const std::lock_guard guard(mutex);
    turn_shared();
    // What was replayed may end in the middle of what one record alone tells (write_process).
    may_freeze = false;
    // Of the host before; from here on the failures are this one's.
    if (options.board != nullptr) options.board->clear_failure();
  }
  if (hub) hub->publish(marks());
  return {};
}

base::Result<void> Persister::State::take_lock() {
  TREMULA_TRY_ASSIGN(const bool is_there, files.exists(directory));
  if (!is_there) {
    TREMULA_TRY(files.make_directory(directory));
    TREMULA_TRY(files.sync_directory(parent_of(directory)));
  }
  TREMULA_TRY_ASSIGN(lock, files.lock(directory + "/LOCK", "pid " + std::to_string(getpid())));
  return {};
}

// A replica has a name of its own. A copied directory, whose lock is another file than the one
// noted, takes a new one, but with its first write alone: until then it has nothing of its own.
// What was written before keeps the name it had.
base::Result<void> Persister::State::note_site() {
  TREMULA_TRY_ASSIGN(lock_identity, files.identity(directory + "/LOCK"));
  lsm::TreeState state = tree->state();
  site_is_due = state.site.size() < kSiteIdBytes || state.lock_identity != lock_identity;
  if (site_is_due) due_site = rename_site(state.site, random_bytes(kSiteIdBytes), recovered);
  if (state.first_log != 0) return {};
  // From now on a log that isn't there is damage, and no sign of a new directory.
  state.first_log = std::min<std::uint64_t>(log->end().log, 1);
  return tree->set_state(state);
}

// Before anything is appended to the log.
base::Result<void> Persister::State::take_site() {
  if (!site_is_due) return {};
  lsm::TreeState state = tree->state();
  state.site = due_site;
  state.lock_identity = lock_identity;
  TREMULA_TRY(tree->set_state(state));
  site_is_due = false;
  return {};
}

base::Result<void> Persister::State::replay() {
  const lsm::TreeState& state = tree->state();
  const std::uint64_t in_files = state.applied_version;
  const LogRecovery recovery{.first_log = state.first_log,
                             .closed_end = {state.log_end_number, state.log_end_offset},
                             .manifest_edits = tree->edits(),
                             .next_version = in_files + 1};
  std::uint64_t last = in_files;
  // Who takes over is asked for what the host before has ordered.
  if (options.shared_at_once) orderer.emplace(*tree);
  const auto apply_commit = [&](const LogCommit& commit, std::uint64_t file) -> base::Result<void> {
    if (commit.version <= in_files) return {};
    if (commit.version != last + 1) {
      return base::Error{base::ErrorCode::kCorrupt, directory + ": the log goes on with commit " +
                                                        std::to_string(commit.version) +
                                                        ", commit " + std::to_string(last + 1) +
                                                        " was expected"};
    }
    last = commit.version;
    if (orderer) TREMULA_TRY(orderer->note(commit.record, commit.version));
    // The memtable may grow past its bound here: it is flushed once the database is open.
    return tree->apply(commit.record, commit.version, file);
  };
  TREMULA_TRY_ASSIGN(log, Log::open(files, directory, options.log, recovery, apply_commit));
  recovered = last;
  return {};
}

base::Result<std::unique_ptr<Persister>> Persister::open(base::FileSystem& files,
                                                         const std::string& directory,
                                                         const PersisterOptions& options) {
  auto state = std::make_unique<State>(files, directory, options);
  TREMULA_TRY(state->open());
  return std::unique_ptr<Persister>(new Persister(std::move(state)));
}

}  // namespace tremula::persist
