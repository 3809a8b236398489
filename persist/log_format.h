// The bytes of a log file. Numbers are little-endian; `seed(o)` is base::checksum_seed(log, o).
//
//   header   0  8  "TREMULOG"
//            8  4  format, 1
//           12  4  zero
//           16  8  number of the log
//           24  8  bytes of the file, when it was begun
//           32  8  XXH3 64 of bytes 0 to 31, seed(0)
//           40     the first record
//
//   record   0  8  XXH3 64 of bytes 8 to 47, seed(offset of the record)
//            8  7  bytes of the body
//           15  1  kind: 1 group, 2 mark, 3 closed, 4 next
//           16  8  synced to: the file is known as synced below this offset
//           24  8  manifest edits: how many the manifest had
//           32  8  first version: of a group's first transaction; else the version that comes next
//           40  8  XXH3 64 of the body and its padding, seed(offset of the body)
//           48     body, then zeros up to a multiple of 8
//
//   body     group   for each transaction: varint size | commit record
//            next    8  number of the next log
//            mark, closed: nothing
//
// Thread: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace tremula::persist {

inline constexpr std::uint32_t kLogFormat = 1;
inline constexpr std::uint64_t kLogHeaderBytes = 40;
inline constexpr std::uint64_t kRecordHeaderBytes = 48;
inline constexpr std::uint64_t kRecordAlignment = 8;
inline constexpr std::uint64_t kNextRecordBytes = kRecordHeaderBytes + 8;
inline constexpr std::string_view kNewLogName = "LOG-NEW";  // a file that has no number yet

enum class RecordKind : std::uint8_t { kGroup = 1, kMark = 2, kClosed = 3, kNext = 4 };

struct RecordHeader {
  RecordKind kind{};
  std::uint64_t body_bytes = 0;
  std::uint64_t synced_to = 0;
  std::uint64_t manifest_edits = 0;
  std::uint64_t first_version = 0;
  std::uint64_t body_check = 0;
};

constexpr std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

// "LOG-000007", and back.  Returns: nothing if the name is no log's.
std::string log_name(std::uint64_t number);
std::optional<std::uint64_t> log_number(std::string_view name);

std::string encode_log_header(std::uint64_t number, std::uint64_t file_bytes);
// Returns: the bytes that the file had when it was begun.
// Errors: corrupt, unsupported; `path` stands in the message.
base::Result<std::uint64_t> decode_log_header(std::string_view file, std::uint64_t number,
                                              const std::string& path);

// Completes a record: `record` holds kRecordHeaderBytes of anything and the body.
void finish_record(std::string& record, RecordHeader header, std::uint64_t number,
                   std::uint64_t offset);

// The record at `offset` of a file.  Returns: nothing if it is bad; with its body, or alone.
std::optional<RecordHeader> decode_record_header(std::string_view file, std::uint64_t number,
                                                 std::uint64_t offset);
std::optional<std::string_view> decode_record_body(std::string_view file, std::uint64_t number,
                                                   std::uint64_t offset,
                                                   const RecordHeader& header);
// The same of the bytes that stand there, from the record's first on.
std::optional<RecordHeader> decode_record_at(std::string_view record, std::uint64_t number,
                                             std::uint64_t offset);
std::optional<std::string_view> decode_body_at(std::string_view record, std::uint64_t number,
                                               std::uint64_t offset, const RecordHeader& header);

}  // namespace tremula::persist
