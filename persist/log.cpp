#include "persist/log.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "core/base/bytes.h"
#include "core/triples/commit_record.h"
#include "persist/log_format.h"
#include "persist/log_reader.h"

namespace tremula::persist {

using base::Error;
using base::File;
using base::OpenMode;
using base::Result;

namespace {

constexpr std::uint64_t kAllocationUnit = 4096;

}  // namespace

struct Log::State {
  State(base::FileSystem& files_in, std::string directory_in, const LogOptions& options_in)
      : files(files_in), directory(std::move(directory_in)), options(options_in) {}

  base::FileSystem& files;
  std::string directory;
  LogOptions options;

  // The last file. Nothing is appended to one that an earlier process wrote: `is_ours` is false
  // until this process begins its own.
  std::unique_ptr<File> file;
  std::uint64_t number = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t end = 0;
  std::uint64_t synced = 0;
  bool is_ours = false;
  bool was_closed = false;  // by the process before; nothing was appended since
  bool is_marked = false;   // the last record says that all before it is synced
  std::uint64_t last_version = 0;

  // The file after it, if it was begun already: a header, and no record.
  std::unique_ptr<File> next_file;
  std::uint64_t next_file_bytes = 0;

  std::map<std::uint64_t, std::uint64_t> older_files;  // number -> bytes
  std::uint64_t first_needed = 0;                      // older files below are spare
  std::optional<Error> failed;
  std::string record;  // reused

  std::string path_of(std::uint64_t log) const { return directory + "/" + log_name(log); }
  std::string new_path() const { return directory + "/" + std::string(kNewLogName); }

  Result<void> recover(const LogEnd& found, const LogRecovery& recovery);
  Result<void> write_again();
  Result<void> remove_spares(std::size_t keep);
  // Whether a record with so large a body fits into the file, and a kNext behind it.
  bool fits(std::uint64_t body_bytes) const {
    return end + kRecordHeaderBytes + padded(body_bytes) + kNextRecordBytes <= file_bytes;
  }
  // Makes the next file's header and whole size durable, with its name.
  Result<void> prepare_next(std::uint64_t body_bytes);
  Result<bool> prepare_from_spare(std::uint64_t bytes);
  Result<void> prepare_new(std::uint64_t bytes);
  Result<void> take_next(std::unique_ptr<File> made, const std::string& path, std::uint64_t bytes);
  Result<void> begin_next(std::uint64_t body_bytes, std::uint64_t manifest_edits);

  // `record` has a header's room and the body. Written behind the last one.
  Result<void> write_record(RecordKind kind, std::uint64_t manifest_edits,
                            std::uint64_t first_version);
  Result<void> write_bodiless(RecordKind kind, std::uint64_t manifest_edits) {
    record.assign(kRecordHeaderBytes, '\0');
    return write_record(kind, manifest_edits, last_version + 1);
  }
  Result<void> append(std::span<const LogCommit> group, std::uint64_t manifest_edits);
  Result<void> sync();
  Result<LogPosition> close(std::uint64_t manifest_edits, bool anew);

  // Keeps an error that must not be tried again.
  template <typename T>
  Result<T> finally(Result<T> result) {
    if (!result.ok() && !base::is_disk_full(result.error())) failed = result.error();
    return result;
  }
};

Result<void> Log::State::remove_spares(std::size_t keep) {
  for (auto older = older_files.begin();
       older != older_files.end() && older->first < first_needed;) {
    if (keep > 0 && older->second >= options.file_bytes) {
      --keep;
      ++older;
      continue;
    }
    TREMULA_TRY(files.remove(path_of(older->first)));
    older = older_files.erase(older);
  }
  return {};
}

Result<void> Log::State::recover(const LogEnd& found, const LogRecovery& recovery) {
  TREMULA_TRY_ASSIGN(const bool has_leftover, files.exists(new_path()));
  if (has_leftover) TREMULA_TRY(files.remove(new_path()));
  last_version = found.last_version;
  first_needed = recovery.first_log;
  if (found.end.log == 0) {
    TREMULA_TRY(prepare_next(0));
    number = 1;
    file = std::move(next_file);
    file_bytes = next_file_bytes;
    end = synced = kLogHeaderBytes;
    is_ours = true;
    return {};
  }
  number = found.end.log;
  end = found.end.offset;
  was_closed = found.closed;
  older_files = found.files;
  file_bytes = older_files[number];
  older_files.erase(number);
  TREMULA_TRY_ASSIGN(file, files.open(path_of(number), OpenMode::kReadWrite));
  if (!was_closed) TREMULA_TRY(write_again());
  synced = end;
  if (found.next_is_there) {
    next_file_bytes = older_files[number + 1];
    older_files.erase(number + 1);
    TREMULA_TRY_ASSIGN(next_file, files.open(path_of(number + 1), OpenMode::kReadWrite));
  }
  return remove_spares(options.spare_files);
}

// What a process had written that was killed, or whose sync failed, may be in the system's memory
// alone; in the second case the system takes it for written, and a sync would pass it over.
Result<void> Log::State::write_again() {
  constexpr std::uint64_t kPieceBytes = 1U << 20;
  std::string piece;
  for (std::uint64_t at = 0; at < end; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min(kPieceBytes, end - at)));
    TREMULA_TRY_ASSIGN(const std::size_t got, file->read(at, piece));
    if (got < piece.size())
      return Error{base::ErrorCode::kIo, path_of(number) + ": became shorter"};
    TREMULA_TRY(file->write(at, piece));
  }
  return file->sync();
}

Result<void> Log::State::take_next(std::unique_ptr<File> made, const std::string& path,
                                   std::uint64_t bytes) {
  TREMULA_TRY(made->write(0, encode_log_header(number + 1, bytes)));
  TREMULA_TRY(made->sync());
  TREMULA_TRY(files.rename(path, path_of(number + 1)));
  TREMULA_TRY(files.sync_directory(directory));
  next_file = std::move(made);
  next_file_bytes = bytes;
  return {};
}

Result<bool> Log::State::prepare_from_spare(std::uint64_t bytes) {
  for (const auto& [spare, spare_bytes] : older_files) {
    if (spare >= first_needed) return false;
    if (spare_bytes < bytes) continue;
    TREMULA_TRY_ASSIGN(auto opened, files.open(path_of(spare), OpenMode::kReadWrite));
    TREMULA_TRY(take_next(std::move(opened), path_of(spare), spare_bytes));
    older_files.erase(spare);
    return true;
  }
  return false;
}

Result<void> Log::State::prepare_new(std::uint64_t bytes) {
  const std::string path = new_path();
  TREMULA_TRY_ASSIGN(const bool is_there, files.exists(path));
  if (is_there) TREMULA_TRY(files.remove(path));
  TREMULA_TRY_ASSIGN(auto made, files.open(path, OpenMode::kCreate));
  // Twice the last one, so that a small database has a small log, and a busy one few files.
  std::uint64_t wanted =
      std::min(std::max(options.first_file_bytes, 2 * file_bytes), options.file_bytes);
  wanted = std::max(wanted, bytes);
  auto resized = made->resize(wanted);
  if (!resized.ok() && base::is_disk_full(resized.error()) && wanted > bytes) {
    wanted = bytes;
    resized = made->resize(wanted);
  }
  if (resized.ok()) resized = take_next(std::move(made), path, wanted);
  if (!resized.ok() && base::is_disk_full(resized.error())) {
    made.reset();
    TREMULA_TRY(files.remove(path));
  }
  return resized;
}

Result<void> Log::State::prepare_next(std::uint64_t body_bytes) {
  std::uint64_t bytes =
      kLogHeaderBytes + kRecordHeaderBytes + padded(body_bytes) + kNextRecordBytes;
  bytes = (bytes + kAllocationUnit - 1) / kAllocationUnit * kAllocationUnit;
  if (next_file && next_file_bytes >= bytes) return {};
  next_file.reset();  // too small: another takes its name
  TREMULA_TRY_ASSIGN(const bool recycled, prepare_from_spare(bytes));
  if (recycled) return {};
  return prepare_new(bytes);
}

Result<void> Log::State::begin_next(std::uint64_t body_bytes, std::uint64_t manifest_edits) {
  // The next file comes first: a kNext whose file is missing is damage.
  TREMULA_TRY(prepare_next(body_bytes));
  record.assign(kRecordHeaderBytes, '\0');
  base::put_u64(record, number + 1);
  TREMULA_TRY(write_record(RecordKind::kNext, manifest_edits, last_version + 1));
  // Nothing may stand in the next file while a power cut could still take this one's end.
  TREMULA_TRY(sync());
  older_files[number] = file_bytes;
  ++number;
  file = std::move(next_file);
  file_bytes = next_file_bytes;
  end = synced = kLogHeaderBytes;
  is_ours = true;
  was_closed = false;
  return {};
}

Result<void> Log::State::write_record(RecordKind kind, std::uint64_t manifest_edits,
                                      std::uint64_t first_version) {
  finish_record(record,
                {.kind = kind,
                 .synced_to = synced,
                 .manifest_edits = manifest_edits,
                 .first_version = first_version},
                number, end);
  TREMULA_TRY(file->write(end, record));
  end += record.size();
  is_marked = kind == RecordKind::kMark;
  return {};
}

Result<void> Log::State::append(std::span<const LogCommit> group, std::uint64_t manifest_edits) {
  TREMULA_ASSERT(!group.empty() && group.front().version == last_version + 1);
  std::uint64_t body_bytes = 0;
  for (const LogCommit& commit : group)
    body_bytes += base::varint_size(commit.record.size()) + commit.record.size();
  if (!is_ours || !fits(body_bytes)) TREMULA_TRY(begin_next(body_bytes, manifest_edits));
  record.assign(kRecordHeaderBytes, '\0');
  for (const LogCommit& commit : group) {
    TREMULA_ASSERT(commit.version ==
                   group.front().version + static_cast<std::uint64_t>(&commit - group.data()));
    base::put_sized(record, commit.record);
  }
  TREMULA_TRY(write_record(RecordKind::kGroup, manifest_edits, group.front().version));
  last_version = group.back().version;
  return {};
}

Result<void> Log::State::sync() {
  if (synced == end) return {};
  const auto result = file->sync();
  if (!result.ok()) {
    failed = result.error();  // a full disk's too: nothing is known of what was written
    return result;
  }
  synced = end;
  return {};
}

Result<LogPosition> Log::State::close(std::uint64_t manifest_edits, bool anew) {
  if (!was_closed) {
    if (anew && is_ours) {
      // A full disk has no room for another file: then this one is closed.
      const auto prepared = prepare_next(0);
      if (!prepared.ok() && !base::is_disk_full(prepared.error())) return prepared.error();
      anew = prepared.ok();
    }
    if (!is_ours || anew) TREMULA_TRY(begin_next(0, manifest_edits));
    TREMULA_TRY(sync());
    if (!fits(0)) TREMULA_TRY(begin_next(0, manifest_edits));
    TREMULA_TRY(write_bodiless(RecordKind::kClosed, manifest_edits));
    TREMULA_TRY(sync());
    // Only now: a file that is cut short without a kClosed in it is damaged.
    TREMULA_TRY(file->resize(end));
    TREMULA_TRY(file->sync());
  }
  TREMULA_TRY(remove_spares(0));
  if (next_file) TREMULA_TRY(files.remove(path_of(number + 1)));
  TREMULA_TRY(files.sync_directory(directory));
  return LogPosition{number, end};
}

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(base::FileSystem& files, const std::string& directory,
                                       const LogOptions& options, const LogRecovery& recovery,
                                       const CommitVisitor& visit) {
  const auto visit_record = [&](const LogRecord& record) -> Result<void> {
    if (record.header.kind != RecordKind::kGroup) return {};
    const std::string path = directory + "/" + log_name(record.position.log);
    return visit_group(record, path, [&](const LogCommit& commit) -> Result<void> {
      if (commit.version < recovery.next_version) return {};
      return visit(commit, record.position.log);
    });
  };
  TREMULA_TRY_ASSIGN(const LogEnd found, read_log(files, directory, recovery, visit_record));
  auto state = std::make_unique<State>(files, directory, options);
  TREMULA_TRY(state->recover(found, recovery));
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

Result<void> Log::append(std::span<const LogCommit> group, std::uint64_t manifest_edits) {
  if (state_->failed.has_value()) return *state_->failed;
  return state_->finally(state_->append(group, manifest_edits));
}

Result<void> Log::sync() {
  if (state_->failed.has_value()) return *state_->failed;
  return state_->finally(state_->sync());
}

Result<void> Log::mark(std::uint64_t manifest_edits) {
  State& state = *state_;
  if (state.failed.has_value()) return *state.failed;
  if (!state.is_ours || state.is_marked || !state.fits(0)) return {};
  return state.finally(state.write_bodiless(RecordKind::kMark, manifest_edits));
}

Result<LogPosition> Log::close(std::uint64_t manifest_edits, bool anew) {
  if (state_->failed.has_value()) return *state_->failed;
  state_->options.spare_files = 0;
  return state_->finally(state_->close(manifest_edits, anew));
}

Result<void> Log::release_below(std::uint64_t log) {
  TREMULA_ASSERT(log <= state_->number);
  state_->first_needed = std::max(state_->first_needed, log);
  return state_->remove_spares(state_->options.spare_files);
}

LogPosition Log::end() const { return {state_->number, state_->end}; }
std::uint64_t Log::last_version() const { return state_->last_version; }

std::uint64_t Log::bytes() const {
  std::uint64_t bytes = state_->file_bytes + (state_->next_file ? state_->next_file_bytes : 0);
  for (const auto& [number, older_bytes] : state_->older_files) bytes += older_bytes;
  return bytes;
}

}  // namespace tremula::persist
