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
  return level0_score(version, options) > 0 || fullest_level(version, options).score > 0;
}

base::Result<std::optional<CompactionPlan>> pick_compaction(const Version& version,
                                                            const LsmOptions& options) {
  const double level0 = level0_score(version, options);
  const Fullest fullest = fullest_level(version, options);
  if (level0 == 0 && fullest.score == 0) return std::optional<CompactionPlan>();
  if (level0 >= fullest.score) {
    TREMULA_TRY_ASSIGN(CompactionPlan plan, plan_level0(version, options));
    return std::optional(std::move(plan));
  }
  return std::optional(plan_level(fullest, version.columns.at(fullest.id), options));
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
