// A log under a made-up history: what the tests of the log share.
//
//   LogWorkload work(files, seed);
//   work.run(steps)    appends, syncs, marks, releases, closes and opens again, as the seed says
//   work.timeline()    what was promised after which call
//
// The manifest is played by `recovery`, whose changes count as durable at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file_system.h"
#include "persist/log.h"

namespace tremula::persist {

inline const std::string kLogDirectory = "dir";

// Files so small that the history runs through many.
inline LogOptions small_log() {
  return {.first_file_bytes = 4096, .file_bytes = 8192, .spare_files = 1};
}

// The record of a version: of many sizes, the same for every run, as no other version's.
std::string commit_of(std::uint64_t version);

// What a log held when it was opened: versions first..last, each as commit_of says.
struct Opened {
  std::unique_ptr<Log> log;  // null: it could not be opened
  base::Error error;
  std::uint64_t first = 0;  // 0: no commit
  std::uint64_t last = 0;   // the last version of all: of the files, if the log has none
  bool wrong = false;       // another's bytes, or a gap
};
Opened open_log(base::FileSystem& files, const LogRecovery& recovery);

class LogWorkload {
 public:
  // What holds after a number of calls of the file system.
  struct Promise {
    std::size_t calls = 0;
    LogRecovery recovery;
    std::uint64_t durable = 0;   // versions up to here were synced
    std::uint64_t appended = 0;  // versions up to here were handed over, or may have been
  };

  LogWorkload(base::FileSystem& files, std::uint64_t seed) : files_(files), seed_(seed) {}
  // How the calls are counted; without it they aren't.
  void count_calls_by(std::function<std::size_t()> calls) { calls_ = std::move(calls); }
  // Stops at the first error, but for a full disk's: what failed is tried again later.
  // `kills`: leaves the log without closing it now and then.
  void run(int steps, bool kills);
  // Opens, if that wasn't done.  Returns: whether the log is open.
  bool open();
  bool append(int commits);
  bool sync();
  bool mark();
  bool close();
  void kill() { log_.reset(); }
  // As if what stands in the older files, or all, had been flushed.
  void release(bool all);

  const std::string& error() const { return error_; }
  const std::vector<Promise>& timeline() const { return timeline_; }
  // What holds now, and what held after that many calls.
  const Promise& promise() const { return now_; }
  const Promise& promise_after(std::size_t calls) const;
  Log* log() { return log_.get(); }

 private:
  void note();
  template <typename T>
  bool succeeded(const base::Result<T>& result);

  base::FileSystem& files_;
  std::uint64_t seed_;
  std::function<std::size_t()> calls_;
  std::unique_ptr<Log> log_;
  Promise now_;
  std::vector<Promise> timeline_;
  std::string error_;
  std::uint64_t first_in_file_ = 1;  // the first version in the log's last file
};

}  // namespace tremula::persist
