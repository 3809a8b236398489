#include "tests/persist/log_workload.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "tests/property/rng.h"

namespace tremula::persist {

using property::Rng;

std::string commit_of(std::uint64_t version) {
  Rng rng(version);
  const int kind = rng.below(20);
  const int size = kind == 0  ? rng.between(4000, 12000)
                   : kind < 8 ? rng.between(200, 900)
                              : rng.below(40);
  std::string record = std::to_string(version) + ":";
  for (int i = 0; i < size; ++i) record += static_cast<char>(rng.below(256));
  return record;
}

Opened open_log(base::FileSystem& files, const LogRecovery& recovery) {
  Opened opened;
  opened.last = recovery.next_version - 1;
  auto log = Log::open(files, kLogDirectory, small_log(), recovery,
                       [&](const LogCommit& commit, std::uint64_t) -> base::Result<void> {
                         if (opened.first == 0) opened.first = commit.version;
                         if (commit.version != opened.last + 1) opened.wrong = true;
                         if (commit.record != commit_of(commit.version)) opened.wrong = true;
                         opened.last = commit.version;
                         return {};
                       });
  if (log.ok()) {
    opened.log = std::move(log).value();
    if (opened.log->last_version() != opened.last) opened.wrong = true;
  } else {
    opened.error = log.error();
  }
  return opened;
}

void LogWorkload::note() {
  now_.calls = calls_ ? calls_() : 0;
  timeline_.push_back(now_);
}

const LogWorkload::Promise& LogWorkload::promise_after(std::size_t calls) const {
  const auto later = std::find_if(timeline_.begin(), timeline_.end(),
                                  [&](const Promise& promise) { return promise.calls > calls; });
  static const Promise kNothing;
  return later == timeline_.begin() ? kNothing : *std::prev(later);
}

template <typename T>
bool LogWorkload::succeeded(const base::Result<T>& result) {
  if (result.ok()) return true;
  if (!base::is_disk_full(result.error())) error_ = result.error().message;
  return false;
}

bool LogWorkload::open() {
  if (log_) return true;
  Opened opened = open_log(files_, now_.recovery);
  if (!opened.log) {
    if (!base::is_disk_full(opened.error)) error_ = opened.error.message;
    return false;
  }
  CHECK(!opened.wrong);
  CHECK(opened.last >= now_.durable);
  CHECK(opened.last <= now_.appended);
  log_ = std::move(opened.log);
  first_in_file_ = opened.last + 1;  // an append begins another file
  now_.appended = opened.last;
  now_.durable = opened.last;  // what was read is synced
  now_.recovery.first_log = std::max<std::uint64_t>(now_.recovery.first_log, 1);
  note();
  return true;
}

bool LogWorkload::append(int commits) {
  std::vector<std::string> records;
  std::vector<LogCommit> group;
  const std::uint64_t first = log_->last_version() + 1;
  for (int i = 0; i < commits; ++i)
    records.push_back(commit_of(first + static_cast<std::uint64_t>(i)));
  for (int i = 0; i < commits; ++i)
    group.push_back({first + static_cast<std::uint64_t>(i), records[static_cast<std::size_t>(i)]});
  // Before the call: what fails may have been written all the same.
  now_.appended = std::max(now_.appended, group.back().version);
  note();
  const std::uint64_t file_before = log_->end().log;
  if (!succeeded(log_->append(group, now_.recovery.manifest_edits))) return false;
  if (log_->end().log != file_before) first_in_file_ = first;
  return true;
}

bool LogWorkload::sync() {
  if (!succeeded(log_->sync())) return false;
  now_.durable = log_->last_version();
  note();
  return true;
}

bool LogWorkload::mark() { return succeeded(log_->mark(now_.recovery.manifest_edits)); }

bool LogWorkload::close() {
  const auto end = log_->close(now_.recovery.manifest_edits);
  const std::uint64_t last = log_->last_version();
  if (!succeeded(end)) return false;
  log_.reset();
  now_.durable = last;
  now_.recovery.closed_end = end.value();
  ++now_.recovery.manifest_edits;
  note();
  return true;
}

void LogWorkload::release(bool all) {
  now_.recovery.first_log = log_->end().log;
  // What is in the files of triples is durable, also if the log was not synced so far.
  const std::uint64_t flushed = all ? log_->last_version() : first_in_file_ - 1;
  now_.recovery.next_version = std::max(now_.recovery.next_version, flushed + 1);
  now_.durable = std::max(now_.durable, flushed);
  ++now_.recovery.manifest_edits;
  note();
  static_cast<void>(succeeded(log_->release_below(now_.recovery.first_log)));
}

void LogWorkload::run(int steps, bool kills) {
  Rng rng(seed_);
  for (int step = 0; step < steps && error_.empty(); ++step) {
    if (!open()) continue;
    const int what = rng.below(100);
    if (what < 55) {
      static_cast<void>(append(rng.between(1, 4)));
    } else if (what < 75) {
      if (sync() && rng.chance(70)) static_cast<void>(mark());
    } else if (what < 85) {
      release(rng.chance(50));
    } else if (what < 93 || !kills) {
      static_cast<void>(close());
    } else {
      kill();
    }
  }
}

}  // namespace tremula::persist
