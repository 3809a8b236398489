// FollowedFiles: the files of a directory whose lock another process holds, for reading.
//
//   MANIFEST -read-> which files count -> open what is new, keep what stays -> LsmSnapshot
//
// The writer goes on meanwhile: a manifest that was read while it was written, or a file that went
// before it was opened, is read again. What is open stays readable when its name is removed, so
// every file is held open (LsmOptions::open_files_max does not count here).
// Errors: io, corrupt, unsupported.  Thread: one at a time; snapshots: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "core/lsm/tree_files.h"
#include "core/lsm/version.h"

namespace tremula::lsm {

class FollowedFiles {
 public:
  // `files` outlives this and every snapshot.
  FollowedFiles(base::FileSystem& files, std::string directory, const LsmOptions& options);
  // Takes the files of now. After an error those of before still count.
  base::Result<void> refresh();

  // As of the last refresh().
  const TreeState& state() const { return state_; }
  std::uint64_t edits() const { return edits_; }
  std::shared_ptr<const LsmSnapshot> snapshot() const { return snapshot_; }
  const VersionRef& version() const { return version_; }

 private:
  // Errors: of the try; what was opened is kept in `opened`.
  base::Result<void> open_files(const ManifestContents& contents, FileMap& opened);

  base::FileSystem* files_;
  std::string directory_;
  TreeFiles tree_files_;
  FileMap open_files_;
  TreeState state_;
  std::uint64_t edits_ = 0;
  VersionRef version_;
  std::shared_ptr<const LsmSnapshot> snapshot_;
};

}  // namespace tremula::lsm
