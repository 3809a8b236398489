#include "db/shared_directory.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/triples/commit_record.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using persist::LogTail;
using persist::Persister;

namespace {

// The host's files may change between the manifest and the log.
constexpr int kReadsMax = 20;

}  // namespace

SharedDirectory::SharedDirectory(base::FileSystem& files, std::string directory,
                                 const persist::PersisterOptions& options)
    : disk_(files), directory_(std::move(directory)), options_(options) {}

SharedDirectory::~SharedDirectory() { leave(); }

// --- Becoming a member ---

Result<void> SharedDirectory::begin_as_host(Persister& persister) {
  TREMULA_TRY_ASSIGN(const Persister::SharedStart start, persister.wait_shared_start());
  adopted_ = {start.snapshot, start.flushed};
  tail_ = std::make_unique<LogTail>(disk_, directory_, start.at, start.version);
  is_started_ = true;
  host_ = &persister;
  return {};
}

Result<void> SharedDirectory::join() {
  is_opening_ = true;
  persist::LinkOptions options;
  options.process = options_.process;
  options.unacknowledged_bytes = options_.queue_bytes;
  TREMULA_TRY_ASSIGN(
      link_, persist::Link::open(*options_.wire, directory_, *options_.board, heir_, options));
  const std::lock_guard guard(opening_mutex_);
  is_opening_ = false;
  is_started_ = host_.load() == nullptr;
  if (!is_started_) adopted_ = own_persister_->files();
  return {};
}

Result<void> SharedDirectory::start() {
  memtable_.reset();
  if (is_started_) return {};
  own_persister_->start();
  return begin_as_host(*own_persister_);
}

Result<void> SharedDirectory::read() {
  followed_ = std::make_unique<lsm::FollowedFiles>(disk_, directory_, options_.lsm);
  for (int reads = 0; reads < kReadsMax; ++reads) {
    TREMULA_TRY(followed_->refresh());
    const lsm::TreeState& state = followed_->state();
    const std::uint64_t version = std::max(ordered(), state.applied_version);
    memtable_ = std::make_unique<lsm::Memtable>();
    tail_ = std::make_unique<LogTail>(disk_, directory_, persist::LogPosition{state.first_log, 0},
                                      state.applied_version);
    LogTail::Read read = LogTail::Read::kCommit;
    persist::LogCommit commit;
    triples::WrittenRow row;
    for (;;) {
      TREMULA_TRY_ASSIGN(read, tail_->next(version, commit));
      if (read != LogTail::Read::kCommit) break;
      for (triples::CommitReader rows(commit.record);;) {
        TREMULA_TRY_ASSIGN(const bool more, rows.next(row));
        if (!more) break;
        memtable_->apply(row, commit.version);
      }
    }
    if (read == LogTail::Read::kLost) continue;
    adopted_ = {followed_->snapshot(), state.applied_version};
    return {};
  }
  return Error{ErrorCode::kIo, directory_ + ": its log goes faster than it can be read"};
}

// --- Membership ---

std::uint64_t SharedDirectory::ordered() const { return options_.board->ordered(); }

Result<LogTail::Read> SharedDirectory::next(persist::LogCommit& commit) {
  TREMULA_TRY_ASSIGN(const LogTail::Read read, tail_->next(ordered(), commit));
  pass_logs();
  return read;
}

Result<persist::FollowedBase> SharedDirectory::restart() {
  TREMULA_TRY_ASSIGN(persist::FollowedBase base, read_base());
  tail_ = std::move(base.tail);
  pass_logs();
  return base;
}

void SharedDirectory::pass_logs() {
  if (const std::uint64_t log = tail_->position().log; log != passed_log_) {
    passed_log_ = log;
    if (link_) link_->passed(log);
    if (Persister* host = host_.load()) host->passed(log);
  }
}

Result<void> SharedDirectory::submit(std::uint64_t number, std::string_view submission) {
  TREMULA_TRY(link_ ? link_->submit(number, submission)
                    : host_.load()->submit_intents(number, submission));
  last_number_ = number;
  return {};
}

Result<void> SharedDirectory::wait_ordered(std::uint64_t number) {
  TREMULA_TRY(link_ ? link_->wait_acknowledged(number) : host_.load()->wait_acknowledged(number));
  return options_.board->wait(
      [number](const persist::Watermarks& marks) { return marks.acknowledged >= number; });
}

bool SharedDirectory::is_refused(std::uint64_t number) const {
  const Persister* host = host_.load();
  return (link_ && link_->is_refused(number)) || (host != nullptr && host->is_refused(number));
}

Result<void> SharedDirectory::wait_own() {
  const std::uint64_t last = last_number_;
  if (last == 0) return {};
  const auto waited = wait_ordered(last);
  if (!waited.ok() && is_refused(last)) return {};  // its writer was told; all before are ordered
  return waited;
}

Result<void> SharedDirectory::sync() {
  TREMULA_TRY(wait_own());
  if (link_) TREMULA_TRY(link_->ask());
  Persister* host = host_.load();
  if (host == nullptr) return {};
  const std::uint64_t version = host->status().ordered;
  return options_.board->wait(
      [version](const persist::Watermarks& marks) { return marks.ordered >= version; });
}

Result<void> SharedDirectory::wait_durable(std::uint64_t version) {
  return link_ ? link_->wait_durable(version) : host_.load()->wait_durable(version);
}

persist::PersisterStatus SharedDirectory::status() const {
  if (const Persister* host = host_.load()) return host->status();
  const persist::Watermarks marks = options_.board->read();
  persist::PersisterStatus status;
  status.submitted = status.ordered = marks.ordered;
  status.durable = marks.durable;
  return status;
}

Result<void> SharedDirectory::follow_files(std::uint64_t base) {
  if (const Persister* host = host_.load()) {
    Files files = host->files();
    if (files.flushed > base) return {};
    adopted_ = std::move(files);
    followed_.reset();  // they were held open
    return {};
  }
  const persist::Watermarks marks = options_.board->read();
  if (marks.flushed > base) return {};
  if (marks.manifest_edits > followed_->edits()) TREMULA_TRY(followed_->refresh());
  const std::uint64_t applied = followed_->state().applied_version;
  if (applied <= base) adopted_ = {followed_->snapshot(), applied};
  return {};
}

void SharedDirectory::leave() {
  if (link_) {
    // Who wants to know how it ended waits before.
    if (wait_own().ok()) (void)wait_durable(ordered());
    link_->close();
    link_.reset();
  }
  host_ = nullptr;
  own_persister_.reset();
}

Result<void> SharedDirectory::Heir::take_over() {
  persist::PersisterOptions options = of_.options_;
  options.shared_at_once = true;
  auto opened = Persister::open(of_.disk_, of_.directory_, options);
  if (!opened.ok() && persist::is_out_of_files(opened.error())) {
    options.lsm.open_files_max = 0;  // those that are followed are held open: open for each read
    opened = Persister::open(of_.disk_, of_.directory_, options);
  }
  TREMULA_TRY_ASSIGN(of_.own_persister_, std::move(opened));
  const std::lock_guard guard(of_.opening_mutex_);
  if (!of_.is_opening_) of_.own_persister_->start();
  of_.host_ = of_.own_persister_.get();
  return {};
}

}  // namespace tremula::db
