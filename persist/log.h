// Log: the order of all transactions, in files that are used again.
//
//   LOG-000007   header | record | record | ... | zeros or what an earlier life left
//   record       check | size, kind | synced to | manifest edits | first version | body's check
//                | body, padded to 8 bytes
//
// A record is a group of transactions (kGroup), a mark that says how far the file is known as
// synced (kMark), the clean end (kClosed), or the last of a full file, which names the next one
// (kNext). Both checks are seeded with the log's number and the offset.
//
// Files. A file has its whole size, and its header, before its name appears; it is recycled when
// nobody needs it: an earlier life's records fail the checks, for their seeds were others. Before
// the first record of a file is written the one before it, with its kNext, is synced. A clean close
// cuts the file behind kClosed. After a crash nothing is appended to the file that was cut off by
// reading: the next append begins another, so that no record behind the cut can come back.
//
// Reading (sync.md section 1): below the last position known as synced a bad record is `corrupt`,
// with file and offset; above it the log ends at the first bad one, even if good ones follow, for a
// power cut may keep a later page and lose an earlier one. Known as synced is: all of a file if the
// next one has a record; what any good record of the file says, also behind a bad one; what a clean
// close noted in the manifest. A file that is shorter than its header says, and not closed, is
// `corrupt` too.
// After LevelDB's log, RocksDB's recycling of it, and the salts of SQLite's WAL; docs/formats.md
// has every byte.
// Errors: io, corrupt; unsupported (of a later format).  Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_system.h"
#include "core/base/result.h"

namespace tremula::persist {

struct LogPosition {
  std::uint64_t log = 0;     // number of the file
  std::uint64_t offset = 0;  // in it
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

struct LogOptions {
  std::uint64_t first_file_bytes = 256U << 10;  // each file is twice as large as the one before it
  std::uint64_t file_bytes = 16U << 20;         //   up to this; a larger group gets a larger file
  std::size_t spare_files = 2;                  // of the full size: kept for recycling
};

// One transaction in the log.
struct LogCommit {
  std::uint64_t version = 0;
  std::string_view record;    // triples::CommitRecord
  bool wants_stamps = false;  // in a queue: before it goes into the log (persist/stamps.h)
};

struct LogRecovery {
  std::uint64_t first_log = 0;       // logs below are not read; 0: the directory may be new
  LogPosition closed_end;            // noted by a clean close in the manifest; 0, 0: none
  std::uint64_t manifest_edits = 0;  // what the manifest has: a log that saw more of them is
                                     // `corrupt` (an older manifest was put back)
  std::uint64_t next_version = 1;    // the version after what the files have
};

class Log {
 public:
  // Reads the log from `recovery.first_log` on, gives the commits that the files don't have (from
  // `recovery.next_version` on) to `visit`, in order, with the number of the file each stands in,
  // and is ready to append after the last. What was read is synced. A new directory gets a log.
  using CommitVisitor = std::function<base::Result<void>(const LogCommit&, std::uint64_t log)>;
  static base::Result<std::unique_ptr<Log>> open(base::FileSystem& files,
                                                 const std::string& directory,
                                                 const LogOptions& options,
                                                 const LogRecovery& recovery,
                                                 const CommitVisitor& visit);
  // The same reading for `tremula check` and --dump: nothing is written.  `line`: one each.
  static base::Result<void> check(base::FileSystem& files, const std::string& directory,
                                  const LogRecovery& recovery,
                                  const std::function<void(std::string_view line)>& line);
  ~Log();

  // Appends a group as one record with one write; it is ordered when this returns, and stands in
  // the file end().log. After is_disk_full() it may be tried again; any other error is final.
  // Requires: a group that isn't empty; the versions go on from last_version() without gaps.
  base::Result<void> append(std::span<const LogCommit> group, std::uint64_t manifest_edits);
  // fsync. Everything appended before is durable then. An error is final: later calls give it too.
  base::Result<void> sync();
  // After a sync with nothing new to append: notes the synced position (it isn't synced itself).
  base::Result<void> mark(std::uint64_t manifest_edits);
  // The clean end, synced; spare files are removed. `anew`: it stands in a file of its own, if the
  // disk has room for one, so that those before it can be released.
  // Returns: the position that the manifest is to note.  Afterwards only release_below() may be
  // called.
  base::Result<LogPosition> close(std::uint64_t manifest_edits, bool anew = false);
  // The files below `log` are not needed any more: recycled or removed.
  // Requires: that the manifest says so (TreeState::first_log), durably.
  // Errors: io; not final, what could not be removed is tried again by the next call.
  base::Result<void> release_below(std::uint64_t log);

  LogPosition end() const;
  std::uint64_t last_version() const;
  std::uint64_t bytes() const;  // of all files that are kept

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tremula::persist
