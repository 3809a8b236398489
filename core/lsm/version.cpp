#include "core/lsm/version.h"

#include <algorithm>

#include "core/lsm/cell_scan.h"
#include "core/lsm/merge_cursor.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::Slot;
using triples::TypeId;

namespace {

base::Error damaged(std::string what) { return {base::ErrorCode::kCorrupt, std::move(what)}; }

// Of a scan that has no reason to stop earlier.
constexpr std::size_t kBatchMax = kBlockEntriesMax;

base::Result<void> put_file(Version& version, const LevelFile& file, const FileRef& open) {
  const SstInfo& info = file.info;
  if (info.first_type != info.last_type || info.first_attr != info.last_attr) {
    return damaged(sst_name(info.number) + ": a file of level " + std::to_string(file.level) +
                   " holds more than one column");
  }
  auto& levels = version.columns[{info.first_type, info.first_attr}].levels;
  if (levels.size() < file.level) levels.resize(file.level);
  levels[file.level - 1].push_back(open);
  return {};
}

base::Result<void> sort_levels(ColumnFiles& column) {
  for (std::vector<FileRef>& level : column.levels) {
    std::sort(level.begin(), level.end(), [](const FileRef& a, const FileRef& b) {
      return first_key(a->info()) < first_key(b->info());
    });
    for (std::size_t i = 1; i < level.size(); ++i) {
      if (last_key(level[i - 1]->info()) >= first_key(level[i]->info())) {
        return damaged(sst_name(level[i]->info().number) + ": overlaps " +
                       sst_name(level[i - 1]->info().number) + " of its level");
      }
    }
  }
  return {};
}

class VersionSnapshot final : public LsmSnapshot {
 public:
  explicit VersionSnapshot(VersionRef version) : version_(std::move(version)) {}

  base::Result<void> scan(TypeId type, AttrId attr, const EntryVisitor& visit) const override {
    return scan_range(type, attr, std::nullopt, visit, nullptr);
  }
  base::Result<void> scan(TypeId type, AttrId attr, Slot begin, Slot end, const EntryVisitor& visit,
                          BlockCache* cache) const override {
    TREMULA_ASSERT(attr != kKeyAttr);
    if (begin >= end) return {};
    return scan_range(type, attr, SlotRange{begin, end}, visit, cache);
  }
  base::Result<void> scan_since(TypeId type, AttrId attr, std::uint64_t since,
                                const EntryVisitor& visit) const override;
  std::unique_ptr<ColdScan> scan_cells(TypeId type, AttrId attr) const override {
    const auto column = version_->columns.find({type, attr});
    return make_cell_scan({type, attr},
                          column == version_->columns.end() ? nullptr : &column->second);
  }
  base::Result<std::vector<std::uint8_t>> living_slots(TypeId type, AttrId attr) const override;
  base::Result<Slot> find_key(TypeId type, std::string_view key) const override;
  std::vector<std::pair<TypeId, AttrId>> columns() const override {
    std::vector<std::pair<TypeId, AttrId>> ids;
    for (const auto& [id, files] : version_->columns) ids.push_back(id);
    return ids;
  }

 private:
  base::Result<void> scan_range(TypeId type, AttrId attr, std::optional<SlotRange> range,
                                const EntryVisitor& visit, BlockCache* cache) const;
  static base::Result<void> visit_all(MergeCursor& cursor, const EntryVisitor& visit);
  VersionRef version_;
};

// The parts of a source that may have anything newer than `since`.
MergeSource newer_parts(const MergeSource& source, std::uint64_t since) {
  MergeSource parts;
  for (const ColumnPart& part : source) {
    const auto& blocks = part.file->reader->blocks();
    bool is_open = false;
    for (std::size_t block = part.first_block; block < part.end_block; ++block) {
      const bool counts = blocks[block].newest > since;
      if (counts && !is_open) {
        parts.push_back(part);
        parts.back().first_block = block;
      }
      if (counts) parts.back().end_block = block + 1;
      is_open = counts;
    }
  }
  return parts;
}

base::Result<void> VersionSnapshot::scan_range(TypeId type, AttrId attr,
                                               std::optional<SlotRange> range,
                                               const EntryVisitor& visit, BlockCache* cache) const {
  const auto column = version_->columns.find({type, attr});
  if (column == version_->columns.end()) return {};
  MergeCursor cursor({type, attr}, sources_of(column->second), range, cache);
  return visit_all(cursor, visit);
}

// What is newer is never hidden by what is left out: of one key the younger source has the greater
// version.
base::Result<void> VersionSnapshot::scan_since(TypeId type, AttrId attr, std::uint64_t since,
                                               const EntryVisitor& visit) const {
  const auto column = version_->columns.find({type, attr});
  if (column == version_->columns.end()) return {};
  std::vector<MergeSource> sources;
  for (const MergeSource& source : sources_of(column->second)) {
    MergeSource parts = newer_parts(source, since);
    if (!parts.empty()) sources.push_back(std::move(parts));
  }
  MergeCursor cursor({type, attr}, std::move(sources));
  return visit_all(cursor, [&](const Entry& entry) {
    if (entry.version > since) visit(entry);
  });
}

base::Result<void> VersionSnapshot::visit_all(MergeCursor& cursor, const EntryVisitor& visit) {
  while (true) {
    TREMULA_TRY_ASSIGN(const MergeCursor::Batch batch, cursor.next(kBatchMax));
    if (batch.size() == 0) return {};
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Entry entry = batch.entry(i);
      if (!entry.value.is_missing()) visit(entry);
    }
  }
}

// The oldest files first: what younger ones say is written over it.
base::Result<std::vector<std::uint8_t>> VersionSnapshot::living_slots(TypeId type,
                                                                      AttrId attr) const {
  TREMULA_ASSERT(attr != kKeyAttr);
  std::vector<std::uint8_t> living;
  const auto column = version_->columns.find({type, attr});
  if (column == version_->columns.end()) return living;
  const std::vector<MergeSource> sources = sources_of(column->second);
  for (auto source = sources.rbegin(); source != sources.rend(); ++source) {
    for (const ColumnPart& part : *source)
      TREMULA_TRY(part.file->reader->mark_slots(part.first_block, part.end_block, living));
  }
  return living;
}

base::Result<Slot> VersionSnapshot::find_key(TypeId type, std::string_view key) const {
  TREMULA_TRY_ASSIGN(const auto found, lsm::find_key(*version_, type, key));
  return found ? found->slot : triples::kNoSlot;
}

}  // namespace

TreeFile::TreeFile(std::shared_ptr<const SstReader> opened) : reader(std::move(opened)) {
  const auto& blocks = reader->blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const ColumnId id{blocks[i].type, blocks[i].attr};
    if (columns.empty() || columns.back().id != id) columns.push_back({id, i, i, 0, 0});
    columns.back().end_block = i + 1;
    columns.back().bytes += blocks[i].size;
    columns.back().entries += blocks[i].entries;
  }
}

const std::vector<FileRef>& ColumnFiles::level(std::uint32_t level) const {
  static const std::vector<FileRef> kNone;
  return level == 0 || level > levels.size() ? kNone : levels[level - 1];
}

std::uint64_t ColumnFiles::bytes(std::uint32_t of_level) const {
  std::uint64_t bytes = 0;
  for (const FileRef& file : level(of_level)) bytes += file->info().size;
  return bytes;
}

std::uint64_t ColumnFiles::largest_part() const {
  std::uint64_t largest = 0;
  for (const ColumnPart& part : young) largest = std::max(largest, part.bytes);
  for (std::uint32_t i = 1; i <= levels.size(); ++i) largest = std::max(largest, bytes(i));
  return largest;
}

bool ColumnFiles::reaches_below(std::uint32_t level) const {
  for (std::size_t i = level; i < levels.size(); ++i)
    if (!levels[i].empty()) return true;
  return false;
}

EntryKey first_key(const SstInfo& info) {
  return {info.first_type, info.first_attr, info.first_slot, info.first_key};
}
EntryKey last_key(const SstInfo& info) {
  return {info.last_type, info.last_attr, info.last_slot, info.last_key};
}

base::Result<VersionRef> make_version(const ManifestContents& contents, const FileMap& files) {
  auto version = std::make_shared<Version>();
  for (const auto& [number, file] : contents.files) {
    const auto open = files.find(number);
    TREMULA_ASSERT(open != files.end());
    if (file.level == 0) {
      version->level0.push_back(open->second);
    } else {
      TREMULA_TRY(put_file(*version, file, open->second));
    }
  }
  std::reverse(version->level0.begin(), version->level0.end());  // numbers ascend with age
  for (const FileRef& file : version->level0) {
    for (const TreeFile::Column& column : file->columns) {
      version->columns[column.id].young.push_back(
          {file, column.first_block, column.end_block, column.bytes, column.entries});
    }
  }
  for (auto& [id, column] : version->columns) TREMULA_TRY(sort_levels(column));
  return VersionRef(std::move(version));
}

std::shared_ptr<const LsmSnapshot> make_snapshot(VersionRef version) {
  return std::make_shared<VersionSnapshot>(std::move(version));
}

}  // namespace tremula::lsm
