// ManifestEdit: one change of what counts in a directory, as the manifest keeps it.
//
//   edit      item *        item = tag, contents
//   tag 1     state: applied version varint | first log varint | log end: number varint, offset
//             varint | site sized | lock identity u64
//   tag 2     next file: number varint
//   tag 3     a file more: level varint | number varint | size varint | checksum u64
//             | entries varint | tombstones varint | first key | last key
//             key: type varint | attr varint | slot varint, or for kKeyAttr size varint, the bytes
//   tag 4     a file less: level varint | number varint
//   tag 5     reserved; like any other number it is corrupt
//
// In an edit what goes is taken before what comes: a file that is moved to another level goes and
// comes.
// Errors: corrupt, saying what is wrong.  Thread: values and pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/lsm/sst.h"
#include "core/lsm/tree_state.h"
#include "core/triples/ids.h"

namespace tremula::lsm {

// The deepest level there may be: ten times as much in each, it holds more than any disk.
inline constexpr std::uint32_t kLevelMax = 12;

struct LevelFile {
  std::uint32_t level = 0;
  SstInfo info;
  friend bool operator==(const LevelFile&, const LevelFile&) = default;
};
struct FileGone {
  std::uint32_t level = 0;
  std::uint64_t number = 0;
};

struct ManifestEdit {
  std::optional<TreeState> state;
  std::uint64_t next_file = 0;  // 0: as it was
  std::vector<LevelFile> added;
  std::vector<FileGone> removed;
};

// What all edits together say.
struct ManifestContents {
  TreeState state;
  std::uint64_t next_file = 1;               // no file has this number or a greater one
  std::map<std::uint64_t, LevelFile> files;  // by number
};

std::string encode_edit(const ManifestEdit& edit);
base::Result<ManifestEdit> decode_edit(std::string_view bytes);
base::Result<void> apply_edit(ManifestContents& contents, const ManifestEdit& edit);
// The one edit that makes these contents out of nothing.
ManifestEdit whole_edit(const ManifestContents& contents);
// Each item as a line: "+L1 SST-000007 ...".
void dump_edit(const ManifestEdit& edit, const std::function<void(std::string_view line)>& line);

// "SST-000042"
std::string sst_name(std::uint64_t number);
// Returns: 0 if this is no SST's name.
std::uint64_t sst_number(std::string_view name);

}  // namespace tremula::lsm
