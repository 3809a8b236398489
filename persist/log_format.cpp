#include "persist/log_format.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/checksum.h"

namespace tremula::persist {
namespace {

constexpr std::string_view kMagic = "TREMULOG";
constexpr std::string_view kPrefix = "LOG-";
constexpr std::size_t kDigitsMin = 6;
constexpr std::size_t kDigitsMax = 19;
constexpr std::uint64_t kBodyBytesMax = (std::uint64_t{1} << 56) - 1;

}  // namespace

std::string log_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigitsMin) digits.insert(0, kDigitsMin - digits.size(), '0');
  return std::string(kPrefix) + digits;
}

std::optional<std::uint64_t> log_number(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  if (name.size() < kDigitsMin || name.size() > kDigitsMax) return std::nullopt;
  if (name.size() > kDigitsMin && name.front() == '0') return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : name) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (number == 0) return std::nullopt;
  return number;
}

std::string encode_log_header(std::uint64_t number, std::uint64_t file_bytes) {
  std::string header(kMagic);
  base::put_u32(header, kLogFormat);
  base::put_u32(header, 0);
  base::put_u64(header, number);
  base::put_u64(header, file_bytes);
  base::put_u64(header, base::checksum(header, base::checksum_seed(number, 0)));
  return header;
}

base::Result<std::uint64_t> decode_log_header(std::string_view file, std::uint64_t number,
                                              const std::string& path) {
  const auto corrupt = [&](std::string what) {
    return base::Error{base::ErrorCode::kCorrupt,
                       path + ": header at offset 0: " + std::move(what) + "; restore a backup"};
  };
  if (file.size() < kLogHeaderBytes)
    return corrupt("the file has " + std::to_string(file.size()) + " bytes, expected " +
                   std::to_string(kLogHeaderBytes) + " at least");
  if (!file.starts_with(kMagic)) return corrupt("it is no log's");
  const std::string_view checked = file.substr(0, kLogHeaderBytes - 8);
  const std::uint64_t expected = base::checksum(checked, base::checksum_seed(number, 0));
  const std::uint64_t found = base::load_u64(file.data() + checked.size());
  if (found != expected)
    return corrupt("checksum is " + base::checksum_text(found) + ", expected " +
                   base::checksum_text(expected));
  const std::uint32_t format = base::load_u32(file.data() + 8);
  if (format != kLogFormat)
    return base::Error{base::ErrorCode::kUnsupported,
                       path + ": is of format " + std::to_string(format) +
                           "; this version of Tremula reads " + std::to_string(kLogFormat)};
  // The seed has the number in it already; this is for a file that was made by another's hand.
  if (base::load_u64(file.data() + 16) != number) return corrupt("it has another log's number");
  return base::load_u64(file.data() + 24);
}

void finish_record(std::string& record, RecordHeader header, std::uint64_t number,
                   std::uint64_t offset) {
  header.body_bytes = record.size() - kRecordHeaderBytes;
  TREMULA_ASSERT(header.body_bytes <= kBodyBytesMax);
  record.resize(static_cast<std::size_t>(padded(record.size())), '\0');
  const std::string_view body = std::string_view(record).substr(kRecordHeaderBytes);
  char* const at = record.data();
  base::store_u64(at + 8, static_cast<std::uint64_t>(header.kind) << 56 | header.body_bytes);
  base::store_u64(at + 16, header.synced_to);
  base::store_u64(at + 24, header.manifest_edits);
  base::store_u64(at + 32, header.first_version);
  base::store_u64(at + 40,
                  base::checksum(body, base::checksum_seed(number, offset + kRecordHeaderBytes)));
  base::store_u64(
      at, base::checksum({at + 8, kRecordHeaderBytes - 8}, base::checksum_seed(number, offset)));
}

std::optional<RecordHeader> decode_record_at(std::string_view record, std::uint64_t number,
                                             std::uint64_t offset) {
  if (record.size() < kRecordHeaderBytes) return std::nullopt;
  const char* const at = record.data();
  const std::uint64_t kind = base::load_u64(at + 8) >> 56;
  if (kind == 0) return std::nullopt;  // zeros, most of the time: not worth a checksum
  if (base::load_u64(at) !=
      base::checksum({at + 8, kRecordHeaderBytes - 8}, base::checksum_seed(number, offset)))
    return std::nullopt;
  RecordHeader header;
  header.kind = static_cast<RecordKind>(kind);
  header.body_bytes = base::load_u64(at + 8) & kBodyBytesMax;
  header.synced_to = base::load_u64(at + 16);
  header.manifest_edits = base::load_u64(at + 24);
  header.first_version = base::load_u64(at + 32);
  header.body_check = base::load_u64(at + 40);
  return header;
}

std::optional<std::string_view> decode_body_at(std::string_view record, std::uint64_t number,
                                               std::uint64_t offset, const RecordHeader& header) {
  if (record.size() < kRecordHeaderBytes) return std::nullopt;
  const std::string_view rest = record.substr(kRecordHeaderBytes);
  if (padded(header.body_bytes) > rest.size()) return std::nullopt;
  const std::string_view body = rest.substr(0, static_cast<std::size_t>(padded(header.body_bytes)));
  const std::uint64_t seed = base::checksum_seed(number, offset + kRecordHeaderBytes);
  if (base::checksum(body, seed) != header.body_check) return std::nullopt;
  return body.substr(0, static_cast<std::size_t>(header.body_bytes));
}

std::optional<RecordHeader> decode_record_header(std::string_view file, std::uint64_t number,
                                                 std::uint64_t offset) {
  if (offset > file.size()) return std::nullopt;
  return decode_record_at(file.substr(static_cast<std::size_t>(offset)), number, offset);
}

std::optional<std::string_view> decode_record_body(std::string_view file, std::uint64_t number,
                                                   std::uint64_t offset,
                                                   const RecordHeader& header) {
  if (offset > file.size()) return std::nullopt;
  return decode_body_at(file.substr(static_cast<std::size_t>(offset)), number, offset, header);
}

}  // namespace tremula::persist
