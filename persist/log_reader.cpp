#include "persist/log_reader.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace tremula::persist {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::uint64_t kReservedMax = 64U << 20;

std::string at_offset(std::uint64_t offset) { return " at offset " + std::to_string(offset); }

// Whether a record was ever written into a file of this number.
bool has_record(std::string_view file, std::uint64_t number) {
  for (std::uint64_t at = kLogHeaderBytes; at < file.size(); at += kRecordAlignment)
    if (decode_record_header(file, number, at).has_value()) return true;
  return false;
}

class LogReader {
 public:
  LogReader(base::FileSystem& files, const std::string& directory, const LogRecovery& recovery,
            const RecordVisitor& visit)
      : files_(files), directory_(directory), recovery_(recovery), visit_(visit) {}

  Result<LogEnd> run() {
    TREMULA_TRY(list());
    found_.last_version = recovery_.next_version - 1;
    std::uint64_t number = std::max<std::uint64_t>(recovery_.first_log, 1);
    const bool may_be_new =
        recovery_.first_log == 0 && recovery_.next_version == 1 && recovery_.closed_end.log == 0;
    if (found_.files.empty() && may_be_new) return found_;
    for (bool goes_on = true; goes_on; ++number) {
      TREMULA_TRY(read_file(number));
      TREMULA_TRY_ASSIGN(goes_on, read_records(number));
    }
    TREMULA_TRY(check_end());
    return std::move(found_);
  }

 private:
  std::string path_of(std::uint64_t number) const { return directory_ + "/" + log_name(number); }
  static Error corrupt(std::string message) {
    return {ErrorCode::kCorrupt, std::move(message) + "; restore a backup"};
  }

  Result<void> list() {
    TREMULA_TRY_ASSIGN(const std::vector<std::string> names, files_.list(directory_));
    for (const std::string& name : names)
      if (const auto number = log_number(name)) found_.files[*number] = 0;
    std::uint64_t largest = 0;
    for (auto& [number, bytes] : found_.files) {
      TREMULA_TRY_ASSIGN(const auto file, files_.open(path_of(number), base::OpenMode::kRead));
      TREMULA_TRY_ASSIGN(bytes, file->size());
      largest = std::max(largest, bytes);
    }
    // No file's bytes are moved to make room for the next one's; a file that is longer is damaged.
    bytes_.reserve(static_cast<std::size_t>(std::min(largest, kReservedMax)));
    return {};
  }

  Result<void> read_file(std::uint64_t number) {
    const std::string path = path_of(number);
    if (!found_.files.contains(number)) return corrupt(path + ": is missing");
    TREMULA_TRY_ASSIGN(const auto file, files_.open(path, base::OpenMode::kRead));
    bytes_.resize(static_cast<std::size_t>(found_.files[number]));
    TREMULA_TRY_ASSIGN(const std::size_t got, file->read(0, bytes_));
    bytes_.resize(got);
    TREMULA_TRY_ASSIGN(begun_bytes_, decode_log_header(bytes_, number, path));
    return {};
  }

  // Reads the good records from the file's beginning.  Returns: whether the next file goes on.
  Result<bool> read_records(std::uint64_t number) {
    found_.end = {number, kLogHeaderBytes};
    closed_at_.reset();
    for (;;) {
      const std::uint64_t offset = found_.end.offset;
      const auto header = decode_record_header(bytes_, number, offset);
      if (!header.has_value()) return false;
      const auto body = decode_record_body(bytes_, number, offset, *header);
      if (!body.has_value()) return false;
      const LogRecord record{found_.end, *header, *body};
      TREMULA_TRY(check_record(record));
      TREMULA_TRY(visit_(record));
      found_.end.offset += kRecordHeaderBytes + padded(header->body_bytes);
      if (header->kind == RecordKind::kClosed) closed_at_ = found_.end.offset;
      if (header->kind == RecordKind::kNext) return true;
    }
  }

  // Holds a record whose checksums are right against all that was read before.
  Result<void> check_record(const LogRecord& record) {
    const std::string where = path_of(record.position.log) + at_offset(record.position.offset);
    if (record.header.manifest_edits > recovery_.manifest_edits)
      return corrupt(where + ": the manifest had " + std::to_string(record.header.manifest_edits) +
                     " edits, it has " + std::to_string(recovery_.manifest_edits) +
                     ": an older one was put in its place");
    // The versions may jump over what is in the files alone: the log's end was lost before, and
    // the files were not.
    const std::uint64_t version = record.header.first_version;
    const bool known = next_version_.has_value();
    if (version > recovery_.next_version ? !known || version != *next_version_
                                         : known && version < *next_version_)
      return corrupt(where + ": begins with version " + std::to_string(version) + ", expected " +
                     std::to_string(next_version_.value_or(recovery_.next_version)));
    next_version_ = version;
    switch (record.header.kind) {
      case RecordKind::kGroup: {
        TREMULA_TRY(visit_group(record, where, [&](const LogCommit&) {
          ++*next_version_;
          return Result<void>();
        }));
        found_.last_version = std::max(found_.last_version, *next_version_ - 1);
        return {};
      }
      case RecordKind::kMark:
      case RecordKind::kClosed: return {};
      case RecordKind::kNext: {
        std::uint64_t next = 0;
        if (base::ByteReader(record.body).u64(next) && next == record.position.log + 1) return {};
        return corrupt(where + ": names log " + std::to_string(next) + " as the next");
      }
    }
    return corrupt(where + ": is of kind " +
                   std::to_string(static_cast<unsigned>(record.header.kind)));
  }

  // Whether the file that was read has all the bytes that it was begun with.
  Result<void> check_whole(std::uint64_t number) const {
    if (bytes_.size() >= begun_bytes_) return {};
    return corrupt(path_of(number) + ": the file has " + std::to_string(bytes_.size()) +
                   " bytes, expected " + std::to_string(begun_bytes_));
  }

  // Whether the log may end where it did: nothing says that more was synced.
  Result<void> check_end() {
    const auto [number, offset] = found_.end;
    const std::string where = path_of(number) + ": the record" + at_offset(offset) + " is bad";
    const auto synced_beyond = [&](std::uint64_t synced, const std::string& says) {
      return corrupt(where + ", and " + says + " says that the file was synced up to " +
                     std::to_string(synced));
    };
    if (recovery_.closed_end.log > number)
      return corrupt(path_of(recovery_.closed_end.log) + ": is missing");
    if (recovery_.closed_end.log == number && recovery_.closed_end.offset > offset)
      return synced_beyond(recovery_.closed_end.offset, "the manifest");
    if (!closed_at_.has_value()) TREMULA_TRY(check_whole(number));
    for (std::uint64_t at = offset + kRecordAlignment; at < bytes_.size(); at += kRecordAlignment) {
      const auto later = decode_record_header(bytes_, number, at);
      if (later.has_value() && later->synced_to > offset)
        return synced_beyond(later->synced_to, "the record" + at_offset(at));
    }
    found_.closed = closed_at_ == offset && bytes_.size() == offset;
    found_.next_is_there = found_.files.contains(number + 1);
    if (found_.next_is_there) {
      TREMULA_TRY(read_file(number + 1));
      TREMULA_TRY(check_whole(number + 1));
      if (has_record(bytes_, number + 1))
        return corrupt(where + ", and " + log_name(number + 1) + " goes on after it");
    }
    const std::uint64_t last = found_.files.rbegin()->first;
    if (last > number + 1) return corrupt(path_of(last) + ": no log leads to it");
    return {};
  }

  base::FileSystem& files_;
  const std::string& directory_;
  const LogRecovery& recovery_;
  const RecordVisitor& visit_;
  LogEnd found_;
  std::string bytes_;              // of the file that is read
  std::uint64_t begun_bytes_ = 0;  // what its header says of its size
  std::optional<std::uint64_t> next_version_;
  std::optional<std::uint64_t> closed_at_;  // behind the file's last kClosed
};

}  // namespace

Result<void> visit_group(const LogRecord& record, const std::string& where,
                         const std::function<Result<void>(const LogCommit&)>& visit) {
  base::ByteReader reader(record.body);
  LogCommit commit;
  commit.version = record.header.first_version;
  do {
    if (!reader.sized(commit.record))
      return Error{ErrorCode::kCorrupt, where + ": the group is malformed" +
                                            at_offset(reader.offset()) +
                                            " in it; restore a backup"};
    TREMULA_TRY(visit(commit));
    ++commit.version;
  } while (!reader.empty());
  return {};
}

Result<LogEnd> read_log(base::FileSystem& files, const std::string& directory,
                        const LogRecovery& recovery, const RecordVisitor& visit) {
  return LogReader(files, directory, recovery, visit).run();
}

}  // namespace tremula::persist
