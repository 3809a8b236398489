// FaultFileSystem: passes calls on to another file system, records them, and fails where told.
//
//   FaultFileSystem files(below);
//   files.fail({.call = n, .kind = FaultKind::kIo, .lasting = true});
//   ... the program under test ...
//   PowerCuts(files.record()).visit(...)    every disk that a power cut could have left
//
// A sync that fails takes the file's promise with it, as the kernel does: later syncs of that file
// succeed and make nothing durable.
// Thread: any; the record is read when nothing runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/base/file_system.h"
#include "persist/memory_file_system.h"

namespace tremula::support {

enum class CallKind : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kSize,
  kResize,
  kExists,
  kRename,
  kRemove,
  kList,
  kMakeDirectory,
  kSyncDirectory,
  kLock,
  kIdentity,
  kFreeSpace,
};
const char* call_name(CallKind kind);

// A call that was passed on, as far as its repetition needs it.
struct Call {
  CallKind kind{};
  std::string path;
  std::uint64_t file = 0;  // of open, and of a file's calls: which open file it is
  base::OpenMode mode{};
  std::string to;            // of rename
  std::string bytes;         // of write, and the note of lock
  std::uint64_t number = 0;  // the offset of write, the size of resize
};
// Whether the disk is another afterwards.
bool changes_disk(CallKind kind);

enum class FaultKind : std::uint8_t {
  kIo,          // any call gives io
  kDiskFull,    // calls that need room give io, for a full disk
  kShortWrite,  // half of the bytes are written, then io; calls of other kinds succeed
};
struct Fault {
  std::size_t call = 0;  // the n-th from when fail() was called, from 1; 0: none
  FaultKind kind = FaultKind::kIo;
  bool lasting = false;  // all later calls too
};

class FaultFileSystem : public base::FileSystem {
 public:
  explicit FaultFileSystem(base::FileSystem& below) : below_(&below) {}

  void fail(const Fault& fault);
  // Called before each call; what it does (kill the process, say) is its own matter.
  void before_each_call(std::function<void(std::size_t call)> hook);
  // Called before each sync of a file, by the thread that syncs; it may wait there.
  void before_each_sync(std::function<void()> hook) { sync_hook_ = std::move(hook); }
  // How many calls there were, failed ones too.
  std::size_t calls() const;
  bool has_failed() const;
  // Requires: nothing runs.
  const std::vector<Call>& record() const { return record_; }

  base::Result<std::unique_ptr<base::File>> open(const std::string& path,
                                                 base::OpenMode mode) override;
  base::Result<bool> exists(const std::string& path) override;
  base::Result<void> rename(const std::string& from, const std::string& to) override;
  base::Result<void> remove(const std::string& path) override;
  base::Result<std::vector<std::string>> list(const std::string& directory) override;
  base::Result<void> make_directory(const std::string& directory) override;
  base::Result<void> sync_directory(const std::string& directory) override;
  base::Result<std::unique_ptr<base::FileLock>> lock(const std::string& path,
                                                     const std::string& note) override;
  base::Result<std::uint64_t> identity(const std::string& path) override;
  base::Result<std::uint64_t> free_space(const std::string& directory) override;
  std::int64_t now_ms() override { return below_->now_ms(); }
  std::int64_t ticks_ms() override { return below_->ticks_ms(); }

 private:
  class FaultFile;
  enum class Verdict : std::uint8_t { kPass, kShort, kFail, kFailForRoom };
  // Counts a call, and records it if it is to be passed on.
  Verdict judge(const Call& call);
  base::Error error_of(const Call& call, Verdict verdict) const;
  base::Result<void> pass(Call call, const std::function<base::Result<void>()>& forward);

  base::FileSystem* below_;
  mutable std::mutex mutex_;
  Fault fault_;
  std::size_t calls_ = 0;
  std::size_t calls_at_fault_ = 0;
  std::uint64_t files_opened_ = 0;
  bool has_failed_ = false;
  std::set<std::string> unsyncable_;  // paths whose sync has failed
  std::vector<Call> record_;
  std::function<void(std::size_t)> hook_;
  std::function<void()> sync_hook_;
};

// The disks that power cuts could have left, after every call of a record.
class PowerCuts {
 public:
  explicit PowerCuts(const std::vector<Call>& record) : record_(&record) {}
  // How many random outcomes are tried after each call, beside the four pure ones: data and names
  // lost or kept.
  PowerCuts& seeds(int seeds) {
    seeds_ = seeds;
    return *this;
  }
  // `calls`: how many of the record's calls were made; `what` says which cut it was.
  using Visitor = std::function<void(persist::MemoryFileSystem& disk, std::size_t calls,
                                     const std::string& what)>;
  void visit(const Visitor& visit) const;

 private:
  const std::vector<Call>* record_;
  int seeds_ = 4;
};

}  // namespace tremula::support
