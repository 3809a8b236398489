// TreeState: what the manifest knows beside the files; opaque to the tree.
// Thread: values.
#pragma once

#include <cstdint>
#include <string>

namespace tremula::lsm {

struct TreeState {
  std::uint64_t applied_version = 0;  // all commits up to here are in the files
  std::uint64_t first_log = 0;        // logs below are not needed any more
  std::uint64_t log_end_number = 0;   // noted by a clean close: the log's last file and its end;
  std::uint64_t log_end_offset = 0;   //   0, 0: not closed cleanly
  // 16 bytes that name the replica, then what names it had before (persist/stamp_book.h).
  std::string site;
  std::uint64_t lock_identity = 0;    // FileSystem::identity of DIR/LOCK when the site was noted
  friend bool operator==(const TreeState&, const TreeState&) = default;
};

}  // namespace tremula::lsm
