// Fuzzes what reads logs, behind the checksums: two files whose records are any bytes, sealed as a
// writer would where the input says so. What is read must be read again as the same, an append must
// follow it, and an error must be `corrupt`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "persist/log.h"
#include "persist/log_format.h"
#include "persist/memory_file_system.h"

namespace {

using namespace tremula::persist;
using tremula::base::ByteReader;
using tremula::base::OpenMode;
using tremula::base::Result;

constexpr std::uint64_t kFileBytes = 8192;

// A file of records: for each one byte of kind (its top bit: not sealed), small numbers, a body.
std::string file_of(std::uint64_t number, ByteReader& input) {
  std::string file = encode_log_header(number, kFileBytes);
  std::uint8_t kind = 0;
  while (file.size() < kFileBytes / 2 && input.u8(kind) && kind != 0xFF) {
    std::uint8_t synced_to = 0, edits = 0, version = 0, size = 0;
    std::string_view body;
    if (!input.u8(synced_to) || !input.u8(edits) || !input.u8(version) || !input.u8(size)) break;
    if (!input.bytes(std::min<std::size_t>(size, input.left()), body)) break;
    std::string record(kRecordHeaderBytes, '\0');
    record += body;
    finish_record(record,
                  {.kind = static_cast<RecordKind>(kind & 0x7F),
                   .synced_to = std::uint64_t{synced_to} * 8,
                   .manifest_edits = edits,
                   .first_version = version},
                  number, file.size());
    if ((kind & 0x80) != 0) record[synced_to % record.size()] ^= 1;
    file += record;
  }
  file.resize(kFileBytes, '\0');
  return file;
}

struct Read {
  std::vector<std::string> commits;  // "version:record"
  std::uint64_t last_version = 0;
  bool ok = false;
};

Read read(MemoryFileSystem& files, const LogRecovery& recovery, bool append) {
  Read read;
  auto log = Log::open(
      files, "d", {.first_file_bytes = 4096}, recovery,
      [&](const LogCommit& commit, std::uint64_t) -> Result<void> {
        read.commits.push_back(std::to_string(commit.version) + ":" + std::string(commit.record));
        return {};
      });
  read.ok = log.ok();
  if (!read.ok) {
    TREMULA_ASSERT(log.error().code == tremula::base::ErrorCode::kCorrupt);
    return read;
  }
  read.last_version = log.value()->last_version();
  if (append) {
    const LogCommit commit{read.last_version + 1, "appended"};
    TREMULA_ASSERT(log.value()->append({&commit, 1}, recovery.manifest_edits).ok());
    TREMULA_ASSERT(log.value()->sync().ok());
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input({reinterpret_cast<const char*>(data), size});
  LogRecovery recovery;
  std::uint8_t next_version = 0, edits = 0, closed = 0;
  if (!input.u8(next_version) || !input.u8(edits) || !input.u8(closed)) return 0;
  recovery.first_log = 1;
  recovery.next_version = std::uint64_t{next_version} + 1;
  recovery.manifest_edits = edits;
  if (closed != 0) recovery.closed_end = {1, closed};
  MemoryFileSystem files;
  TREMULA_ASSERT(files.make_directory("d").ok());
  for (const std::uint64_t number : {1, 2}) {
    if (number == 2 && input.empty()) break;
    auto file = files.open("d/" + log_name(number), OpenMode::kCreate);
    TREMULA_ASSERT(file.ok() && file.value()->write(0, file_of(number, input)).ok());
  }
  const auto checked = Log::check(files, "d", recovery, [](std::string_view) {});
  const Read first = read(files, recovery, true);
  // A check also reads the transactions' rows, which are any bytes here.
  TREMULA_ASSERT(!checked.ok() || first.ok);
  if (!first.ok) return 0;
  Read second = read(files, recovery, false);
  TREMULA_ASSERT(second.ok && second.last_version == first.last_version + 1);
  TREMULA_ASSERT(second.commits.size() == first.commits.size() + 1);
  second.commits.pop_back();
  TREMULA_ASSERT(second.commits == first.commits);
  return 0;
}
