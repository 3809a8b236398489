// Version: the files that count at one moment, open, and by column.
//
//   level 0   F F F            youngest first; each holds many columns
//   column    (type, attr) ->  its parts of level 0 | its files of level 1, 2, ... in order
//
// Versions share their files. A snapshot is one that somebody holds.
// Invariants, checked when a version is made (corrupt if they don't hold):
//   V1  a file from level 1 on holds entries of one (type, attr) alone.
//   V2  the files of one column and level don't overlap.
// Thread: immutable; share const ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/lsm/block_cache.h"
#include "core/lsm/lsm_tree.h"
#include "core/lsm/manifest_edit.h"
#include "core/lsm/sst.h"

namespace tremula::lsm {

using ColumnId = std::pair<triples::TypeId, triples::AttrId>;

// A file of the tree, open, and where its columns lie.
struct TreeFile {
  struct Column {
    ColumnId id;
    std::size_t first_block = 0;
    std::size_t end_block = 0;
    std::uint64_t bytes = 0;  // of these blocks
    std::uint64_t entries = 0;
  };
  explicit TreeFile(std::shared_ptr<const SstReader> opened);
  const SstInfo& info() const { return reader->info(); }

  std::shared_ptr<const SstReader> reader;
  std::vector<Column> columns;  // in order
};
using FileRef = std::shared_ptr<const TreeFile>;
using FileMap = std::map<std::uint64_t, FileRef>;  // by number

// What a file holds of one column.
struct ColumnPart {
  FileRef file;
  std::size_t first_block = 0;
  std::size_t end_block = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

struct ColumnFiles {
  std::vector<ColumnPart> young;             // of level 0, youngest first
  std::vector<std::vector<FileRef>> levels;  // [0] is level 1

  const std::vector<FileRef>& level(std::uint32_t level) const;
  std::uint64_t bytes(std::uint32_t level) const;
  // Bytes of the largest: a file of level 0, or a deeper level.
  std::uint64_t largest_part() const;
  // Whether a level deeper than this one has files.
  bool reaches_below(std::uint32_t level) const;
};

struct Version {
  std::vector<FileRef> level0;  // youngest first
  std::map<ColumnId, ColumnFiles> columns;
};
using VersionRef = std::shared_ptr<const Version>;

// Errors: corrupt.
base::Result<VersionRef> make_version(const ManifestContents& contents, const FileMap& files);

// Of a file from level 1 on.
EntryKey first_key(const SstInfo& info);
EntryKey last_key(const SstInfo& info);

std::shared_ptr<const LsmSnapshot> make_snapshot(VersionRef version);

// --- Point reads (version_lookup.cpp).  Errors: of reading. ---
// What the files say of a key.  Returns: nullopt: nothing.
base::Result<std::optional<KeyState>> find_key(const Version& version, triples::TypeId type,
                                               std::string_view key);
// The newest entry of a cell, a tombstone too.  Returns: nullopt: none.
base::Result<std::optional<StoredCell>> find_cell(const Version& version, triples::TypeId type,
                                                  triples::AttrId attr, triples::Slot slot,
                                                  BlockCache& cache);
// One more than the greatest slot of a row, deleted ones' too as far as the files know them.
base::Result<triples::Slot> slot_end(const Version& version, triples::TypeId type,
                                     BlockCache& cache);

}  // namespace tremula::lsm
