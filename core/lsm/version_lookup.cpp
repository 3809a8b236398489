// Version: point reads.
#include <algorithm>

#include "core/lsm/version.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::Slot;
using triples::TypeId;

namespace {

// The entry of a slot in blocks [first, end) of a file, all of one column.
base::Result<std::optional<StoredCell>> find_in(const TreeFile& file, std::size_t first,
                                                std::size_t end, const EntryKey& key,
                                                BlockCache& cache) {
  std::optional<StoredCell> none;
  const std::size_t block = file.reader->seek(key);
  if (block < first || block >= end) return none;
  TREMULA_TRY_ASSIGN(const SstReader::BlockRef read, cache.get(*file.reader, block));
  const auto at = std::lower_bound(read->slots.begin(), read->slots.end(), key.slot);
  if (at == read->slots.end() || *at != key.slot) return none;
  const auto index = static_cast<std::size_t>(at - read->slots.begin());
  return std::optional<StoredCell>(
      {triples::OwnedValue(read->values[index]), read->versions[index]});
}

}  // namespace

base::Result<std::optional<KeyState>> find_key(const Version& version, TypeId type,
                                               std::string_view key) {
  std::optional<KeyState> none;
  const auto column = version.columns.find({type, kKeyAttr});
  if (column == version.columns.end()) return none;
  for (const ColumnPart& part : column->second.young) {
    TREMULA_TRY_ASSIGN(auto found, part.file->reader->find_key(type, key));
    if (found) return found;
  }
  for (const std::vector<FileRef>& level : column->second.levels) {
    const auto file = std::partition_point(
        level.begin(), level.end(),
        [&](const FileRef& candidate) { return candidate->info().last_key < key; });
    if (file == level.end()) continue;
    TREMULA_TRY_ASSIGN(auto found, (*file)->reader->find_key(type, key));
    if (found) return found;
  }
  return none;
}

base::Result<std::optional<StoredCell>> find_cell(const Version& version, TypeId type, AttrId attr,
                                                  Slot slot, BlockCache& cache) {
  std::optional<StoredCell> none;
  const auto column = version.columns.find({type, attr});
  if (column == version.columns.end()) return none;
  const EntryKey key{type, attr, slot, {}};
  for (const ColumnPart& part : column->second.young) {
    TREMULA_TRY_ASSIGN(auto found,
                       find_in(*part.file, part.first_block, part.end_block, key, cache));
    if (found) return found;
  }
  for (const std::vector<FileRef>& level : column->second.levels) {
    const auto file = std::partition_point(
        level.begin(), level.end(),
        [&](const FileRef& candidate) { return candidate->info().last_slot < slot; });
    if (file == level.end()) continue;
    TREMULA_TRY_ASSIGN(auto found,
                       find_in(**file, 0, (*file)->reader->blocks().size(), key, cache));
    if (found) return found;
  }
  return none;
}

base::Result<Slot> slot_end(const Version& version, TypeId type, BlockCache& cache) {
  Slot end = 0;
  const auto column = version.columns.find({type, triples::kRowAttr});
  if (column == version.columns.end()) return end;
  for (const ColumnPart& part : column->second.young) {
    TREMULA_TRY_ASSIGN(const SstReader::BlockRef last,
                       cache.get(*part.file->reader, part.end_block - 1));
    end = std::max(end, static_cast<Slot>(last->slots.back()) + 1);
  }
  for (const std::vector<FileRef>& level : column->second.levels) {
    if (!level.empty()) end = std::max(end, level.back()->info().last_slot + 1);
  }
  return end;
}

}  // namespace tremula::lsm
