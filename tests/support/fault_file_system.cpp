#include "tests/support/fault_file_system.h"

#include <array>
#include <utility>

namespace tremula::support {

using base::Error;
using base::ErrorCode;
using base::Result;

const char* call_name(CallKind kind) {
  static constexpr std::array kNames = {"open",   "read",     "write",          "sync",
                                        "size",   "resize",   "exists",         "rename",
                                        "remove", "list",     "make_directory", "sync_directory",
                                        "lock",   "identity", "free_space"};
  return kNames.at(static_cast<std::size_t>(kind));
}

bool changes_disk(CallKind kind) {
  switch (kind) {
    case CallKind::kOpen:
    case CallKind::kWrite:
    case CallKind::kSync:
    case CallKind::kResize:
    case CallKind::kRename:
    case CallKind::kRemove:
    case CallKind::kMakeDirectory:
    case CallKind::kSyncDirectory:
    case CallKind::kLock: return true;
    default: return false;
  }
}

namespace {

bool needs_room(const Call& call) {
  switch (call.kind) {
    case CallKind::kOpen: return call.mode == base::OpenMode::kCreate;
    case CallKind::kWrite:
    case CallKind::kResize:
    case CallKind::kMakeDirectory: return true;
    default: return false;
  }
}

Call call_of(CallKind kind, const std::string& path) {
  Call call;
  call.kind = kind;
  call.path = path;
  return call;
}

}  // namespace

void FaultFileSystem::fail(const Fault& fault) {
  const std::lock_guard guard(mutex_);
  fault_ = fault;
  calls_at_fault_ = calls_;
  has_failed_ = false;
}

void FaultFileSystem::before_each_call(std::function<void(std::size_t call)> hook) {
  const std::lock_guard guard(mutex_);
  hook_ = std::move(hook);
}

std::size_t FaultFileSystem::calls() const {
  const std::lock_guard guard(mutex_);
  return calls_;
}

bool FaultFileSystem::has_failed() const {
  const std::lock_guard guard(mutex_);
  return has_failed_;
}

FaultFileSystem::Verdict FaultFileSystem::judge(const Call& call) {
  const std::lock_guard guard(mutex_);
  ++calls_;
  if (hook_) hook_(calls_);
  const std::size_t n = calls_ - calls_at_fault_;
  const bool due = fault_.call != 0 && (fault_.lasting ? n >= fault_.call : n == fault_.call);
  Verdict verdict = Verdict::kPass;
  if (due && fault_.kind == FaultKind::kIo) verdict = Verdict::kFail;
  if (due && fault_.kind == FaultKind::kDiskFull && needs_room(call))
    verdict = Verdict::kFailForRoom;
  if (due && fault_.kind == FaultKind::kShortWrite && call.kind == CallKind::kWrite)
    verdict = Verdict::kShort;
  if (verdict != Verdict::kPass) has_failed_ = true;
  if (verdict == Verdict::kPass) {
    record_.push_back(call);
  } else if (verdict == Verdict::kShort) {
    record_.push_back(call);
    record_.back().bytes.resize(call.bytes.size() / 2);
  }
  return verdict;
}

Error FaultFileSystem::error_of(const Call& call, Verdict verdict) const {
  std::string message = call.path + ": " + call_name(call.kind) + ": ";
  message += verdict == Verdict::kFailForRoom ? std::string(base::kDiskFullReason)
                                              : "Input/output error (injected)";
  return {ErrorCode::kIo, std::move(message)};
}

Result<void> FaultFileSystem::pass(Call call, const std::function<Result<void>()>& forward) {
  const Verdict verdict = judge(call);
  if (verdict != Verdict::kPass) return error_of(call, verdict);
  return forward();
}

class FaultFileSystem::FaultFile : public base::File {
 public:
  FaultFile(FaultFileSystem* files, std::unique_ptr<base::File> below, std::string path,
            std::uint64_t number)
      : files_(files), below_(std::move(below)), path_(std::move(path)), number_(number) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    TREMULA_TRY(files_->pass(call(CallKind::kRead), [] { return Result<void>(); }));
    return below_->read(offset, out);
  }
  Result<void> write(std::uint64_t offset, std::string_view bytes) override {
    Call write = call(CallKind::kWrite);
    write.number = offset;
    write.bytes = bytes;
    const Verdict verdict = files_->judge(write);
    if (verdict == Verdict::kPass) return below_->write(offset, bytes);
    if (verdict == Verdict::kShort) {
      TREMULA_TRY(below_->write(offset, bytes.substr(0, bytes.size() / 2)));
    }
    return files_->error_of(write, verdict);
  }
  Result<void> sync() override {
    if (files_->sync_hook_) files_->sync_hook_();
    {
      const std::lock_guard guard(files_->mutex_);
      // Not recorded and not passed on: it means nothing any more.
      if (files_->unsyncable_.contains(path_)) return {};
    }
    const Call sync = call(CallKind::kSync);
    const Verdict verdict = files_->judge(sync);
    if (verdict == Verdict::kPass) return below_->sync();
    const std::lock_guard guard(files_->mutex_);
    files_->unsyncable_.insert(path_);
    return files_->error_of(sync, verdict);
  }
  Result<std::uint64_t> size() override {
    TREMULA_TRY(files_->pass(call(CallKind::kSize), [] { return Result<void>(); }));
    return below_->size();
  }
  Result<void> resize(std::uint64_t size) override {
    Call resize = call(CallKind::kResize);
    resize.number = size;
    return files_->pass(std::move(resize), [&] { return below_->resize(size); });
  }

 private:
  Call call(CallKind kind) const {
    Call call = call_of(kind, path_);
    call.file = number_;
    return call;
  }
  FaultFileSystem* files_;
  std::unique_ptr<base::File> below_;
  std::string path_;
  std::uint64_t number_;
};

Result<std::unique_ptr<base::File>> FaultFileSystem::open(const std::string& path,
                                                          base::OpenMode mode) {
  Call call = call_of(CallKind::kOpen, path);
  call.mode = mode;
  {
    const std::lock_guard guard(mutex_);
    call.file = ++files_opened_;
  }
  const std::uint64_t number = call.file;
  const Verdict verdict = judge(call);
  if (verdict != Verdict::kPass) return error_of(call, verdict);
  TREMULA_TRY_ASSIGN(std::unique_ptr<base::File> opened, below_->open(path, mode));
  return std::unique_ptr<base::File>(
      std::make_unique<FaultFile>(this, std::move(opened), path, number));
}

Result<bool> FaultFileSystem::exists(const std::string& path) {
  TREMULA_TRY(pass(call_of(CallKind::kExists, path), [] { return Result<void>(); }));
  return below_->exists(path);
}
Result<void> FaultFileSystem::rename(const std::string& from, const std::string& to) {
  Call call = call_of(CallKind::kRename, from);
  call.to = to;
  return pass(std::move(call), [&] { return below_->rename(from, to); });
}
Result<void> FaultFileSystem::remove(const std::string& path) {
  return pass(call_of(CallKind::kRemove, path), [&] { return below_->remove(path); });
}
Result<std::vector<std::string>> FaultFileSystem::list(const std::string& directory) {
  TREMULA_TRY(pass(call_of(CallKind::kList, directory), [] { return Result<void>(); }));
  return below_->list(directory);
}
Result<void> FaultFileSystem::make_directory(const std::string& directory) {
  return pass(call_of(CallKind::kMakeDirectory, directory),
              [&] { return below_->make_directory(directory); });
}
Result<void> FaultFileSystem::sync_directory(const std::string& directory) {
  return pass(call_of(CallKind::kSyncDirectory, directory),
              [&] { return below_->sync_directory(directory); });
}
Result<std::unique_ptr<base::FileLock>> FaultFileSystem::lock(const std::string& path,
                                                              const std::string& note) {
  Call call = call_of(CallKind::kLock, path);
  call.bytes = note;
  TREMULA_TRY(pass(std::move(call), [] { return Result<void>(); }));
  return below_->lock(path, note);
}
Result<std::uint64_t> FaultFileSystem::identity(const std::string& path) {
  TREMULA_TRY(pass(call_of(CallKind::kIdentity, path), [] { return Result<void>(); }));
  return below_->identity(path);
}
Result<std::uint64_t> FaultFileSystem::free_space(const std::string& directory) {
  TREMULA_TRY(pass(call_of(CallKind::kFreeSpace, directory), [] { return Result<void>(); }));
  return below_->free_space(directory);
}

namespace {

// Repeats a record on a disk in memory. What failed below fails here too, and is no matter.
class Replay {
 public:
  void step(const Call& call) {
    switch (call.kind) {
      case CallKind::kOpen: {
        auto opened = disk_.open(call.path, call.mode);
        if (opened.ok()) files_[call.file] = std::move(opened).value();
        return;
      }
      case CallKind::kWrite:
        return with_file(call,
                         [&](base::File& file) { return file.write(call.number, call.bytes); });
      case CallKind::kResize:
        return with_file(call, [&](base::File& file) { return file.resize(call.number); });
      case CallKind::kSync: return with_file(call, [](base::File& file) { return file.sync(); });
      case CallKind::kRename: return static_cast<void>(disk_.rename(call.path, call.to));
      case CallKind::kRemove: return static_cast<void>(disk_.remove(call.path));
      case CallKind::kMakeDirectory: return static_cast<void>(disk_.make_directory(call.path));
      case CallKind::kSyncDirectory: return static_cast<void>(disk_.sync_directory(call.path));
      case CallKind::kLock: return static_cast<void>(disk_.lock(call.path, call.bytes));
      default: return;
    }
  }
  const persist::MemoryFileSystem& disk() const { return disk_; }

 private:
  void with_file(const Call& call, const std::function<Result<void>(base::File&)>& act) {
    const auto file = files_.find(call.file);
    if (file != files_.end()) static_cast<void>(act(*file->second));
  }
  persist::MemoryFileSystem disk_;
  std::map<std::uint64_t, std::unique_ptr<base::File>> files_;
};

}  // namespace

void PowerCuts::visit(const Visitor& visit) const {
  Replay replay;
  const auto cut = [&](std::size_t calls, const persist::PowerCut& power_cut) {
    const std::unique_ptr<persist::MemoryFileSystem> disk =
        replay.disk().after_power_cut(power_cut);
    std::string what = "power cut after call " + std::to_string(calls);
    if (calls > 0)
      what += " (" + std::string(call_name((*record_)[calls - 1].kind)) + " " +
              (*record_)[calls - 1].path + ")";
    what += ": data " + std::to_string(power_cut.data_percent) + " % of " +
            std::to_string(power_cut.piece_bytes) + ", names " +
            std::to_string(power_cut.names_percent) + " %, seed " + std::to_string(power_cut.seed);
    visit(*disk, calls, what);
  };
  for (std::size_t calls = 0; calls <= record_->size(); ++calls) {
    if (calls > 0) {
      replay.step((*record_)[calls - 1]);
      if (!changes_disk((*record_)[calls - 1].kind)) continue;
    }
    for (const int data : {0, 100})
      for (const int names : {0, 100}) cut(calls, {.data_percent = data, .names_percent = names});
    for (int seed = 0; seed < seeds_; ++seed) {
      static constexpr std::array kPercents = {10, 50, 90};
      cut(calls, {.seed = calls * 1000 + static_cast<std::uint64_t>(seed),
                  .data_percent = kPercents.at(static_cast<std::size_t>(seed) % 3),
                  .names_percent = kPercents.at(static_cast<std::size_t>(seed / 3) % 3),
                  .piece_bytes = seed % 2 == 0 ? 512U : 4096U});
    }
  }
}

}  // namespace tremula::support
