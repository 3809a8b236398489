#include "core/lsm/compaction.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace tremula::lsm {

namespace {

constexpr std::uint64_t kLevelFactor = 10;
// What a slice takes at once is in memory together, so it is less where values are large.
constexpr std::size_t kBatchEntries = 4096;
constexpr std::size_t kBatchBytes = 1U << 20;
constexpr std::size_t kEntriesBetweenChecks = 16;  // of a file's size
constexpr std::uint64_t kStaleFactor = 4;          // bytes replaced for each byte above
constexpr std::uint64_t kStaleLevel1Share = 64;    // of level 1 must become free

// The keys of a column's parts of level 0.
struct KeyRange {
  EntryKey first;  // its bytes are an index's
  EntryKey last;   // its bytes are in last_bytes
  std::string last_bytes;
};

std::uint64_t level_bytes_max(std::uint32_t level, const LsmOptions& options) {
  std::uint64_t bytes = options.level1_bytes;
  for (std::uint32_t i = 1; i < level && bytes < std::numeric_limits<std::uint64_t>::max() / 16;
       ++i)
    bytes *= kLevelFactor;
  return bytes;
}

double level0_score(const Version& version, const LsmOptions& options) {
  const std::size_t files = version.level0.size();
  if (files <= options.level0_files) return 0;
  return static_cast<double>(files) /
         static_cast<double>(std::max<std::size_t>(1, options.level0_files));
}

struct Fullest {
  double score = 0;
  ColumnId id;
  std::uint32_t level = 0;
};

// The column's level that is furthest over its bound.
Fullest fullest_level(const Version& version, const LsmOptions& options) {
  Fullest fullest;
  for (const auto& [id, column] : version.columns) {
    for (std::uint32_t level = 1; level <= column.levels.size() && level < kLevelMax; ++level) {
      const double score = static_cast<double>(column.bytes(level)) /
                           static_cast<double>(level_bytes_max(level, options));
      if (score > 1 && score > fullest.score) fullest = {score, id, level};
    }
  }
  return fullest;
}

// The upper parts of a column, and what they may replace of the rest.
struct Covered {
  std::uint64_t gain = 0;   // bytes that go if every entry above replaces one below
  std::uint32_t level = 0;  // the deepest of the upper parts
};

struct PartSize {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  std::uint32_t level = 0;
};

// Youngest first.
std::vector<PartSize> part_sizes(const ColumnFiles& column) {
  std::vector<PartSize> parts;
  for (const ColumnPart& young : column.young) parts.push_back({young.bytes, young.entries, 0});
  for (std::uint32_t level = 1; level <= column.levels.size(); ++level) {
    PartSize part{0, 0, level};
    for (const FileRef& file : column.level(level)) {
      part.bytes += file->info().size;
      part.entries += file->info().entries;
    }
    if (part.entries > 0) parts.push_back(part);
  }
  return parts;
}

// Wherever the parts are divided into upper and lower ones: the division that frees the most.
Covered covered_part(const ColumnFiles& column) {
  const std::vector<PartSize> parts = part_sizes(column);
  PartSize below;
  for (const PartSize& part : parts) {
    below.bytes += part.bytes;
    below.entries += part.entries;
  }
  Covered best;
  PartSize above;
  for (const PartSize& part : parts) {
    above = {above.bytes + part.bytes, above.entries + part.entries, part.level};
    below.bytes -= part.bytes;
    below.entries -= part.entries;
    if (below.entries == 0) break;
    const std::uint64_t entries = std::min(above.entries, below.entries);
    // Less than a quarter of a column isn't worth reading it.
    if (entries < below.entries / 4) continue;
    const std::uint64_t replaced = below.bytes / below.entries * entries;
    if (replaced < kStaleFactor * above.bytes || replaced - above.bytes <= best.gain) continue;
    best = {replaced - above.bytes, above.level};
  }
  return best;
}

// Few bytes that may make many needless: what was deleted, purged or set to NULL lies under them,
// and no bound of a level would ever bring the two together.
struct Stale {
  std::uint64_t level0_gain = 0;  // of bringing all of level 0 down
  std::uint64_t gain = 0;         // of this column and level
  ColumnId id;
  std::uint32_t level = 0;
};

Stale find_stale(const Version& version, const LsmOptions& options) {
  Stale stale;
  for (const auto& [id, column] : version.columns) {
    const Covered covered = covered_part(column);
    if (!column.young.empty()) stale.level0_gain += covered.gain;
    if (covered.level == 0 || covered.gain <= stale.gain) continue;
    stale.gain = covered.gain;
    stale.id = id;
    stale.level = covered.level;
  }
  // A job must give back more than it is asked to rewrite, and be worth its fsyncs.
  std::uint64_t level0_bytes = 0;
  for (const FileRef& file : version.level0) level0_bytes += file->info().size;
  const std::uint64_t least = options.level1_bytes / kStaleLevel1Share;
  if (stale.level0_gain < std::max(level0_bytes, least)) stale.level0_gain = 0;
  if (stale.gain < least) stale.gain = 0;
  return stale;
}

// The files of a level, sorted, that have keys of a range: [first, second).
std::pair<std::size_t, std::size_t> overlapping(const std::vector<FileRef>& level,
                                                const EntryKey& first, const EntryKey& last) {
  const auto begin = std::partition_point(level.begin(), level.end(), [&](const FileRef& file) {
    return last_key(file->info()) < first;
  });
  const auto end = std::partition_point(
      begin, level.end(), [&](const FileRef& file) { return first_key(file->info()) <= last; });
  return {static_cast<std::size_t>(begin - level.begin()),
          static_cast<std::size_t>(end - level.begin())};
}

std::uint64_t bytes_of(const std::vector<FileRef>& level,
                       std::pair<std::size_t, std::size_t> part) {
  std::uint64_t bytes = 0;
  for (std::size_t i = part.first; i < part.second; ++i) bytes += level[i]->info().size;
  return bytes;
}

std::vector<FileRef> slice(const std::vector<FileRef>& level,
                           std::pair<std::size_t, std::size_t> part) {
  return {level.begin() + static_cast<std::ptrdiff_t>(part.first),
          level.begin() + static_cast<std::ptrdiff_t>(part.second)};
}

// Takes one part into the range. The index has the first key of each block, so the last key may
// cost reading a block: only if files of level 1 lie beyond.
base::Result<void> widen(KeyRange& range, const ColumnPart& part, const ColumnFiles& column) {
  const auto& blocks = part.file->reader->blocks();
  const auto first_of = [](const SstReader::BlockPlace& place) {
    return EntryKey{place.type, place.attr, place.first_slot, place.first_key};
  };
  range.first = std::min(range.first, first_of(blocks[part.first_block]));
  EntryKey last = first_of(blocks[part.end_block - 1]);
  SstReader::BlockRef block;  // keeps the bytes of `last`
  const std::vector<FileRef>& level1 = column.level(1);
  if (!level1.empty() && last_key(level1.back()->info()) > last) {
    TREMULA_TRY_ASSIGN(block, part.file->reader->read(part.end_block - 1));
    if (last.attr == kKeyAttr) {
      last.key = block->keys.back();
    } else {
      last.slot = block->slots.back();
    }
  }
  if (last > EntryKey{range.last.type, range.last.attr, range.last.slot, range.last_bytes}) {
    range.last = last;
    range.last_bytes = last.key;
  }
  return {};
}

base::Result<CompactionPlan> plan_level0(const Version& version, const LsmOptions& options) {
  CompactionPlan plan;
  plan.to = 1;
  for (const FileRef& file : version.level0) plan.inputs.push_back({0, file->info().number});
  for (const auto& [id, column] : version.columns) {
    if (column.young.empty()) continue;
    const auto& first_block = column.young[0].file->reader->blocks()[column.young[0].first_block];
    KeyRange range{{id.first, id.second, first_block.first_slot, first_block.first_key}, {}, {}};
    for (const ColumnPart& young : column.young) TREMULA_TRY(widen(range, young, column));
    range.last.key = range.last_bytes;
    const std::vector<FileRef>& level1 = column.level(1);
    auto part = overlapping(level1, range.first, range.last);
    // A column that only grows at its end would leave a small file each time: it goes on with the
    // last one.
    if (part.first > 0 && level1[part.first - 1]->info().size < options.file_bytes / 4)
      --part.first;
    CompactionColumn planned{id, {}, !column.reaches_below(1)};
    for (const ColumnPart& young : column.young) planned.sources.push_back({young});
    const std::vector<FileRef> old = slice(level1, part);
    if (!old.empty()) planned.sources.push_back(source_of(old));
    for (const FileRef& file : old) plan.inputs.push_back({1, file->info().number});
    plan.columns.push_back(std::move(planned));
  }
  return plan;
}

void plan_move(const FileRef& file, std::uint32_t level, CompactionPlan& plan) {
  plan.inputs.push_back({level, file->info().number});
  plan.moved.push_back({level + 1, file->info()});
}

CompactionPlan plan_level(const Fullest& fullest, const ColumnFiles& column,
                          const LsmOptions& options) {
  const std::vector<FileRef>& upper = column.level(fullest.level);
  const std::vector<FileRef>& lower = column.level(fullest.level + 1);
  const bool is_bottom = !column.reaches_below(fullest.level + 1);
  CompactionPlan plan;
  plan.to = fullest.level + 1;
  std::uint64_t bytes = column.bytes(fullest.level);
  const std::uint64_t bytes_max = level_bytes_max(fullest.level, options);
  const FileRef* best = nullptr;
  std::pair<std::size_t, std::size_t> best_part;
  double best_ratio = 0;
  for (const FileRef& file : upper) {
    const SstInfo& info = file->info();
    const auto part = overlapping(lower, first_key(info), last_key(info));
    const bool drops = is_bottom && info.tombstones > 0;
    if (part.first == part.second && !drops && bytes > bytes_max) {
      plan_move(file, fullest.level, plan);
      bytes -= info.size;
    }
    const double ratio =
        static_cast<double>(bytes_of(lower, part)) / static_cast<double>(info.size);
    if (best != nullptr && ratio >= best_ratio) continue;
    best = &file;
    best_part = part;
    best_ratio = ratio;
  }
  if (!plan.moved.empty()) return plan;
  CompactionColumn planned{fullest.id, {source_of({*best})}, is_bottom};
  plan.inputs.push_back({fullest.level, (*best)->info().number});
  const std::vector<FileRef> old = slice(lower, best_part);
  if (!old.empty()) planned.sources.push_back(source_of(old));
  for (const FileRef& file : old) plan.inputs.push_back({plan.to, file->info().number});
  plan.columns.push_back(std::move(planned));
  return plan;
}

// How many entries of these sources may be in memory at once.
std::size_t batch_entries(const std::vector<MergeSource>& sources) {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 1;
  for (const MergeSource& source : sources) {
    for (const ColumnPart& part : source) {
      const auto& blocks = part.file->reader->blocks();
      for (std::size_t i = part.first_block; i < part.end_block; ++i) {
        bytes += blocks[i].size;
        entries += blocks[i].entries;
      }
    }
  }
  const std::uint64_t bytes_of_entry = 1 + bytes / entries;
  return std::clamp<std::size_t>(kBatchBytes / bytes_of_entry, 1, kBatchEntries);
}

}  // namespace

bool wants_compaction(const Version& version, const LsmOptions& options) {
  if (level0_score(version, options) > 0 || fullest_level(version, options).score > 0) return true;
  const Stale stale = find_stale(version, options);
  return stale.level0_gain > 0 || stale.gain > 0;
}

base::Result<std::optional<CompactionPlan>> pick_compaction(const Version& version,
                                                            const LsmOptions& options) {
  const double level0 = level0_score(version, options);
  const Fullest fullest = fullest_level(version, options);
  const bool is_over = level0 > 0 || fullest.score > 0;
  const Stale stale = is_over ? Stale() : find_stale(version, options);
  if (!is_over && stale.level0_gain == 0 && stale.gain == 0) return std::optional<CompactionPlan>();
  if (stale.level0_gain > 0 || (is_over && level0 >= fullest.score)) {
    TREMULA_TRY_ASSIGN(CompactionPlan plan, plan_level0(version, options));
    return std::optional(std::move(plan));
  }
  const Fullest at = is_over ? fullest : Fullest{0, stale.id, stale.level};
  return std::optional(plan_level(at, version.columns.at(at.id), options));
}

base::Result<bool> CompactionJob::step(std::size_t budget) {
  while (column_ < plan_.columns.size()) {
    if (budget == 0) return false;
    const CompactionColumn& column = plan_.columns[column_];
    if (!cursor_) {
      cursor_.emplace(column.id, column.sources);
      batch_entries_ = batch_entries(column.sources);
    }
    TREMULA_TRY_ASSIGN(const bool is_done, step_column(budget));
    if (!is_done) return false;
    cursor_.reset();
    ++column_;
  }
  return true;
}

// Returns: whether the column is done and its last file finished.
base::Result<bool> CompactionJob::step_column(std::size_t& budget) {
  const bool drops_tombstones = plan_.columns[column_].drops_tombstones;
  while (budget > 0) {
    TREMULA_TRY_ASSIGN(const MergeCursor::Batch batch, cursor_->next(batch_entries_));
    const bool is_end = batch.size() == 0;
    std::size_t worked = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Entry entry = batch.entry(i);
      worked += work_bytes(entry);
      if (drops_tombstones && entry.value.is_missing()) continue;
      TREMULA_TRY(output_.add(entry));
      if (i % kEntriesBetweenChecks != 0 || output_.size() < file_bytes_) continue;
      TREMULA_TRY(output_.finish());
      worked += kFileWorkBytes;
    }
    if (is_end) {
      TREMULA_TRY(output_.finish());
      worked += kFileWorkBytes;
    }
    budget -= std::min(budget, worked);
    if (is_end) return true;
  }
  return false;
}

ManifestEdit CompactionJob::edit() const {
  ManifestEdit edit;
  edit.removed = plan_.inputs;
  edit.added = plan_.moved;
  for (const SstInfo& info : output_.finished()) edit.added.push_back({plan_.to, info});
  return edit;
}

}  // namespace tremula::lsm
