// FollowedBase: a directory that another process holds, read as a whole: its files, and the log
// above them up to a version that is known as ordered.
//
//   MANIFEST, SSTs + log -> tree (in memory above the files) + LogTail, to read on from there
//
// Errors: io, corrupt.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "persist/log_tail.h"

namespace tremula::persist {

struct FollowedBase {
  std::unique_ptr<lsm::LsmTree> tree;
  std::uint64_t version = 0;  // all up to here is in the tree
  std::unique_ptr<LogTail> tail;
};

// `ordered`: the version that the reader wants; it may get a newer one, which is durable then.
// Cost: of the log above the files.
base::Result<FollowedBase> read_followed_base(base::FileSystem& files, const std::string& directory,
                                              std::uint64_t ordered,
                                              const lsm::LsmOptions& options);

}  // namespace tremula::persist
