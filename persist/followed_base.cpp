#include "persist/followed_base.h"

#include <algorithm>
#include <utility>

namespace tremula::persist {

using base::Result;

namespace {

// The host's files may change between the manifest and the log.
constexpr int kReadsMax = 20;

}  // namespace

Result<FollowedBase> read_followed_base(base::FileSystem& files, const std::string& directory,
                                        std::uint64_t ordered, const lsm::LsmOptions& options) {
  for (int reads = 0; reads < kReadsMax; ++reads) {
    FollowedBase read;
    TREMULA_TRY_ASSIGN(read.tree, lsm::LsmTree::follow(files, directory, options));
    const lsm::TreeState state = read.tree->state();
    read.version = std::max(ordered, state.applied_version);
    read.tail = std::make_unique<LogTail>(files, directory, LogPosition{state.first_log, 0},
                                          state.applied_version);
    LogCommit commit;
    for (;;) {
      TREMULA_TRY_ASSIGN(const LogTail::Read next, read.tail->next(read.version, commit));
      if (next == LogTail::Read::kEnd) return read;
      if (next == LogTail::Read::kLost) break;
      TREMULA_TRY(read.tree->apply(commit.record, commit.version, 0));
    }
  }
  return base::Error{base::ErrorCode::kIo, directory + ": its log goes faster than it can be read"};
}

}  // namespace tremula::persist
