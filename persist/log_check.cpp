// The log as text for people: `tremula check DIR --dump FILE`.
#include <array>
#include <string>

#include "core/triples/commit_record.h"
#include "persist/log.h"
#include "persist/log_format.h"
#include "persist/log_reader.h"

namespace tremula::persist {
namespace {

using base::Result;

std::string name_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kGroup: return "group";
    case RecordKind::kMark: return "mark";
    case RecordKind::kClosed: return "closed";
    case RecordKind::kNext: return "next";
  }
  return "kind " + std::to_string(static_cast<unsigned>(kind));
}

// How many rows of what fate: all of it would be more than anyone reads.
Result<std::string> rows_text(std::string_view record) {
  triples::CommitReader reader(record);
  triples::WrittenRow row;
  std::array<std::size_t, 3> counts{};
  std::size_t cells = 0;
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) break;
    ++counts.at(static_cast<std::size_t>(row.fate));
    cells += row.cells.size();
  }
  return std::to_string(counts[0]) + " inserted, " + std::to_string(counts[1]) + " updated, " +
         std::to_string(counts[2]) + " deleted, " + std::to_string(cells) + " cells";
}

}  // namespace

Result<void> Log::check(base::FileSystem& files, const std::string& directory,
                        const LogRecovery& recovery,
                        const std::function<void(std::string_view line)>& line) {
  const auto visit = [&](const LogRecord& record) -> Result<void> {
    const std::string where =
        log_name(record.position.log) + " " + std::to_string(record.position.offset);
    line(where + ": " + name_of(record.header.kind) + ", version " +
         std::to_string(record.header.first_version) + ", " +
         std::to_string(record.header.body_bytes) + " bytes, synced to " +
         std::to_string(record.header.synced_to) + ", manifest edits " +
         std::to_string(record.header.manifest_edits));
    if (record.header.kind != RecordKind::kGroup) return {};
    return visit_group(record, where, [&](const LogCommit& commit) -> Result<void> {
      auto rows = rows_text(commit.record);
      if (!rows.ok()) {
        rows.error().message = directory + "/" + where + ": version " +
                               std::to_string(commit.version) + ": " + rows.error().message;
        return std::move(rows).error();
      }
      line("  version " + std::to_string(commit.version) + ": " + rows.value());
      return {};
    });
  };
  TREMULA_TRY_ASSIGN(const LogEnd found, read_log(files, directory, recovery, visit));
  if (found.end.log == 0) return {};
  line(log_name(found.end.log) + " " + std::to_string(found.end.offset) + ": " +
       (found.closed ? "closed" : "the end, as a crash left it"));
  return {};
}

}  // namespace tremula::persist
