#include "core/lsm/followed_files.h"

#include <limits>
#include <utility>

#include "core/lsm/manifest.h"

namespace tremula::lsm {

namespace {

// Readings of a manifest that may meet its being written before it is called broken. Each meets
// another moment of it; two in a row are rare.
constexpr int kReadings = 100;

LsmOptions held_open(LsmOptions options) {
  options.open_files_max = std::numeric_limits<std::size_t>::max();
  return options;
}

}  // namespace

FollowedFiles::FollowedFiles(base::FileSystem& files, std::string directory,
                             const LsmOptions& options)
    : files_(&files),
      directory_(std::move(directory)),
      tree_files_(files, directory_, held_open(options)),
      version_(std::make_shared<const Version>()),
      snapshot_(make_snapshot(version_)) {}

base::Result<void> FollowedFiles::open_files(const ManifestContents& contents, FileMap& opened) {
  for (const auto& [number, file] : contents.files) {
    if (opened.contains(number)) continue;
    const auto known = open_files_.find(number);
    if (known != open_files_.end()) {
      opened.emplace(number, known->second);
      continue;
    }
    TREMULA_TRY_ASSIGN(FileRef made, tree_files_.open(file.info));
    opened.emplace(number, std::move(made));
  }
  return {};
}

base::Result<void> FollowedFiles::refresh() {
  FileMap opened;
  std::uint64_t failed_at = 0;  // the edits of a manifest whose files could not be opened
  for (int reading = 1;; ++reading) {
    auto dump = Manifest::dump(*files_, directory_, [](std::string_view) {});
    if (!dump.ok()) {
      if (reading == kReadings) return dump.error();
      continue;
    }
    const ManifestContents& contents = dump.value().contents;
    const auto done = open_files(contents, opened);
    if (!done.ok()) {
      // The same manifest still names a file that can't be opened: nobody has taken it away.
      if (failed_at == dump.value().edits || reading == kReadings) return done;
      failed_at = dump.value().edits;
      continue;
    }
    std::erase_if(opened, [&](const auto& file) { return !contents.files.contains(file.first); });
    TREMULA_TRY_ASSIGN(version_, make_version(contents, opened));
    snapshot_ = make_snapshot(version_);
    open_files_ = std::move(opened);
    state_ = contents.state;
    edits_ = dump.value().edits;
    return {};
  }
}

}  // namespace tremula::lsm
