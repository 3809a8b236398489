// Reads a log from its first needed file to its end, by the rules of persist/log.h; writes nothing.
//
//   LOG-000003 ... kNext -> LOG-000004 ... kNext -> LOG-000005 ... end
//   below the first: spare files, whose bytes mean nothing
//
// Errors: io, corrupt, unsupported; what the visitor gives.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "persist/log.h"
#include "persist/log_format.h"

namespace tremula::persist {

// Borrowed: the reader's file, until the visitor returns.
struct LogRecord {
  LogPosition position;
  RecordHeader header;
  std::string_view body;
};

// What was found. `end.log` is 0 in a directory that never had a log.
struct LogEnd {
  LogPosition end;                 // behind the last good record
  std::uint64_t last_version = 0;  // of the last commit in the log or in the files
  bool closed = false;             // the last file ends there, with kClosed
  // The file after the last is there, without a record: a crash came between its two beginnings.
  bool next_is_there = false;
  std::map<std::uint64_t, std::uint64_t> files;  // all numbers that are there -> bytes
};

using RecordVisitor = std::function<base::Result<void>(const LogRecord&)>;
base::Result<LogEnd> read_log(base::FileSystem& files, const std::string& directory,
                              const LogRecovery& recovery, const RecordVisitor& visit);

// Calls `visit` for the transactions of a group.
// Errors: corrupt, with `where` in the message; what `visit` gives.
base::Result<void> visit_group(const LogRecord& record, const std::string& where,
                               const std::function<base::Result<void>(const LogCommit&)>& visit);

}  // namespace tremula::persist
