// LogTail: reads the ordered transactions of a log that another thread or process writes.
//
//   at -> [LOG-000007 ... kNext] -> [LOG-000008 ... ordered]      what lies behind isn't looked at
//
// Whoever ordered a transaction says so, and how far; up to there every byte is in the files and
// stays as it is until the log is released. What isn't there, or fails its checksums, has been
// released and used again: the tail is lost, and its owner begins anew from the files.
// Errors: io.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "persist/log.h"

namespace tremula::persist {

class LogTail {
 public:
  // Reads on behind the transaction `version`; the record that begins at `at` holds the one after
  // it, or stands before that. An offset of 0 is the file's beginning.
  LogTail(base::FileSystem& files, std::string directory, LogPosition at, std::uint64_t version);
  ~LogTail();
  LogTail(LogTail&&) noexcept;
  LogTail& operator=(LogTail&&) noexcept;

  enum class Read : std::uint8_t {
    kCommit,  // here is the next
    kEnd,     // all up to `ordered` were given
    kLost,    // the log doesn't have it any more; so it stays
  };
  // The next transaction up to `ordered`, which somebody who knows has said.
  // Borrowed: `commit.record` until the next call.
  base::Result<Read> next(std::uint64_t ordered, LogCommit& commit);

  // Of the last transaction that was given.
  std::uint64_t version() const;
  // The log from here on is still wanted: files below may be released.
  LogPosition position() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tremula::persist
