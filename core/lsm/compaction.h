// Compaction: which files to bring together next, and doing it in slices.
//
//   level 0   F F F  --all of them, column by column-->  level 1   |c1 ..|..|  |c2 ..|  ...
//   level n   |..|X|..|  --and what it overlaps-------->  level n+1 |..|YYYYY|..|
//
// A level that is over its bound gives the file whose keys overlap the least of the next level, by
// bytes; files that overlap nothing move there as they are. Levels are of one column each
// (LevelDB's leveled compaction, with the choice of file of RocksDB's kMinOverlappingRatio).
// At the deepest level that a column has, tombstones are dropped. Entries of dead keys stay.
// When no level is over its bound, a column whose upper entries are small and may replace much of
// what lies below (rows were deleted, a column purged or set to NULL) is brought together, too.
// Thread: one at a time; pick_compaction() is a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/lsm/manifest_edit.h"
#include "core/lsm/merge_cursor.h"
#include "core/lsm/tree_files.h"
#include "core/lsm/version.h"

namespace tremula::lsm {

// The entries of one column that are brought together.
struct CompactionColumn {
  ColumnId id;
  std::vector<MergeSource> sources;  // youngest first
  bool drops_tombstones = false;
};

struct CompactionPlan {
  std::uint32_t to = 0;                   // the level of what comes out
  std::vector<CompactionColumn> columns;  // in order; empty: files are moved alone
  std::vector<FileGone> inputs;
  std::vector<LevelFile> moved;  // at their new level
};

// Errors: of reading.  Returns: nullopt if there is nothing to do.
base::Result<std::optional<CompactionPlan>> pick_compaction(const Version& version,
                                                            const LsmOptions& options);
// Whether there is; what pick_compaction() asks first.  Cost: O(columns and files).
bool wants_compaction(const Version& version, const LsmOptions& options);

class CompactionJob {
 public:
  CompactionJob(CompactionPlan plan, TreeFiles& files, std::size_t file_bytes)
      : plan_(std::move(plan)), output_(files), file_bytes_(file_bytes) {}

  // Takes about `budget` bytes of entries.  Returns: whether all is done and the output synced.
  base::Result<bool> step(std::size_t budget);
  ManifestEdit edit() const;
  base::Result<void> abandon() { return output_.abandon(); }

 private:
  base::Result<bool> step_column(std::size_t& budget);

  CompactionPlan plan_;
  OutputFiles output_;
  std::size_t file_bytes_;
  std::size_t column_ = 0;
  std::optional<MergeCursor> cursor_;  // of the column in hand
  std::size_t batch_entries_ = 0;      // that are taken from it at once
};

// What an entry counts against a budget, and what a file does that is finished.
inline std::size_t work_bytes(const Entry& entry) {
  return 16 + entry.key.key.size() + (entry.value.has_bytes() ? entry.value.size : 0);
}
inline constexpr std::size_t kFileWorkBytes = 64U << 10;

}  // namespace tremula::lsm
