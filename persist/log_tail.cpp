#include "persist/log_tail.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/bytes.h"
#include "persist/log_format.h"

namespace tremula::persist {

using base::Result;

namespace {

constexpr std::size_t kReadBytes = 64U << 10;  // at once, if the record isn't longer

}  // namespace

struct LogTail::State {
  State(base::FileSystem& on, std::string in, LogPosition at, std::uint64_t after)
      : files(on), directory(std::move(in)), position(at), version(after) {
    position.offset = std::max(position.offset, kLogHeaderBytes);
  }

  Result<bool> open();
  // The bytes [offset, offset + size) of the file.  Returns: fewer, if the file ends before.
  Result<std::string_view> bytes(std::uint64_t offset, std::uint64_t size);
  struct Record {
    RecordHeader header;
    std::string_view body;
    std::uint64_t end = 0;
  };
  Result<std::optional<Record>> find_record();
  Result<bool> read_record();

  base::FileSystem& files;
  std::string directory;
  LogPosition position;  // of the record that is read, or comes next
  std::uint64_t version = 0;
  bool is_lost = false;

  std::unique_ptr<base::File> file;  // position.log
  std::string window;                // what was read of it last
  std::uint64_t window_at = 0;
  std::size_t window_bytes = 0;

  // The group in hand.
  std::string_view rest;
  std::uint64_t rest_version = 0;  // of its first transaction
  std::uint64_t next_offset = 0;   // behind the record
};

// Returns: whether it is there.
Result<bool> LogTail::State::open() {
  if (file) return true;
  const std::string path = directory + "/" + log_name(position.log);
  TREMULA_TRY_ASSIGN(const bool is_there, files.exists(path));
  if (!is_there) return false;
  auto opened = files.open(path, base::OpenMode::kRead);
  if (!opened.ok()) {
    // It may have gone since.
    TREMULA_TRY_ASSIGN(const bool is_still_there, files.exists(path));
    if (is_still_there) return opened.error();
    return false;
  }
  file = std::move(opened).value();
  window_bytes = 0;
  return true;
}

// What was read ahead may have been written meanwhile: a window serves one record and those behind
// it that are whole in it.
Result<std::string_view> LogTail::State::bytes(std::uint64_t offset, std::uint64_t size) {
  const bool is_in = offset >= window_at && offset + size <= window_at + window_bytes;
  if (!is_in) {
    const auto wanted = static_cast<std::size_t>(std::max<std::uint64_t>(size, kReadBytes));
    if (window.size() < wanted || window.size() > 4 * std::max(wanted, kReadBytes)) {
      window.resize(wanted);
      window.shrink_to_fit();
    }
    window_bytes = 0;
    TREMULA_TRY_ASSIGN(window_bytes, file->read(offset, {window.data(), wanted}));
    window_at = offset;
  }
  const std::size_t begin = static_cast<std::size_t>(offset - window_at);
  return std::string_view(window).substr(begin, std::min<std::size_t>(size, window_bytes - begin));
}

// The record at `position`.  Returns: nothing if there is none that is whole.
Result<std::optional<LogTail::State::Record>> LogTail::State::find_record() {
  TREMULA_TRY_ASSIGN(const std::string_view head, bytes(position.offset, kRecordHeaderBytes));
  const auto header = decode_record_at(head, position.log, position.offset);
  if (!header) return std::optional<Record>();
  const std::uint64_t size = kRecordHeaderBytes + padded(header->body_bytes);
  TREMULA_TRY_ASSIGN(const std::string_view whole, bytes(position.offset, size));
  const auto body = decode_body_at(whole, position.log, position.offset, *header);
  if (!body) return std::optional<Record>();
  return std::optional<Record>({*header, *body, position.offset + size});
}

// Takes the record at `position`: a group into `rest`; behind others.
// Returns: false if it is gone.
Result<bool> LogTail::State::read_record() {
  TREMULA_TRY_ASSIGN(const bool is_open, open());
  if (!is_open) return false;
  TREMULA_TRY_ASSIGN(std::optional<Record> record, find_record());
  if (!record) {
    // Read before it was written? There may have been half of another one, whose host died.
    window_bytes = 0;
    TREMULA_TRY_ASSIGN(record, find_record());
    if (!record) return false;
  }
  next_offset = record->end;
  switch (record->header.kind) {
    case RecordKind::kGroup:
      rest = record->body;
      rest_version = record->header.first_version;
      return true;
    case RecordKind::kNext:
      position = {position.log + 1, kLogHeaderBytes};
      file.reset();
      return true;
    case RecordKind::kMark:
    case RecordKind::kClosed: position.offset = next_offset; return true;
  }
  return false;
}

LogTail::LogTail(base::FileSystem& files, std::string directory, LogPosition at,
                 std::uint64_t version)
    : state_(std::make_unique<State>(files, std::move(directory), at, version)) {}
LogTail::~LogTail() = default;
LogTail::LogTail(LogTail&&) noexcept = default;
LogTail& LogTail::operator=(LogTail&&) noexcept = default;

Result<LogTail::Read> LogTail::next(std::uint64_t ordered, LogCommit& commit) {
  State& s = *state_;
  while (!s.is_lost && s.version < ordered) {
    if (s.rest.empty()) {
      TREMULA_TRY_ASSIGN(const bool is_there, s.read_record());
      s.is_lost = !is_there;
      continue;
    }
    base::ByteReader group(s.rest);
    if (s.rest_version > s.version + 1 || !group.sized(commit.record)) {
      s.is_lost = true;
      break;
    }
    commit.version = s.rest_version++;
    s.rest = group.rest();
    if (s.rest.empty()) s.position.offset = s.next_offset;
    if (commit.version <= s.version) continue;
    s.version = commit.version;
    return Read::kCommit;
  }
  return s.is_lost ? Read::kLost : Read::kEnd;
}

std::uint64_t LogTail::version() const { return state_->version; }
LogPosition LogTail::position() const { return state_->position; }

}  // namespace tremula::persist
