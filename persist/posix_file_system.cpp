#include "persist/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/hash.h"
#include "persist/posix_descriptor.h"

namespace tremula::persist {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// What is asked of the system in one call at most; some systems refuse 2 GiB.
constexpr std::size_t kCallBytesMax = 1U << 30;
constexpr std::size_t kNoteBytesMax = 256;
constexpr mode_t kFileMode = 0666;       // less what the umask takes
constexpr mode_t kDirectoryMode = 0777;  // the same

Error system_error(const std::string& path, const char* doing, int code) {
  std::string reason = code == ENOSPC || code == EDQUOT ? std::string(base::kDiskFullReason)
                                                        : std::generic_category().message(code);
  return {ErrorCode::kIo, path + ": " + doing + ": " + std::move(reason)};
}

// A path goes to the system as text that ends at its first zero byte.
Result<void> check_path(const std::string& path) {
  if (path.find('\0') == std::string::npos) return {};
  return Error{ErrorCode::kIo, std::string(path.c_str()) + ": a path may not hold a zero byte"};
}

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  TREMULA_TRY(check_path(path));
  Descriptor opened(
      uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
  if (opened.number() < 0) return system_error(path, "open", errno);
  return opened;
}

Result<std::size_t> read_fully(int number, const std::string& path, std::uint64_t offset,
                               std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t step = std::min(out.size() - done, kCallBytesMax);
    const ssize_t got = uninterrupted([&] {
      return ::pread(number, out.data() + done, step, static_cast<off_t>(offset + done));
    });
    if (got < 0) return system_error(path, "read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> write_fully(int number, const std::string& path, std::uint64_t offset,
                         std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t step = std::min(bytes.size(), kCallBytesMax);
    const ssize_t put = uninterrupted(
        [&] { return ::pwrite(number, bytes.data(), step, static_cast<off_t>(offset)); });
    if (put < 0) return system_error(path, "write", errno);
    // Nothing written and no reason given: there is no room, as far as POSIX has a meaning for it.
    if (put == 0) return system_error(path, "write", ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

class PosixFile : public base::File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    return read_fully(descriptor_.number(), path_, offset, out);
  }
  Result<void> write(std::uint64_t offset, std::string_view bytes) override {
    return write_fully(descriptor_.number(), path_, offset, bytes);
  }
  Result<void> sync() override {
    if (failed_sync_.has_value()) return *failed_sync_;
    // A size that has changed is synced too: without it the data could not be read (POSIX).
    if (uninterrupted([&] { return ::fdatasync(descriptor_.number()); }) == 0) return {};
    // The system may have dropped what it could not write and call the pages clean: a second
    // fsync would succeed and mean nothing.
    failed_sync_ = system_error(path_, "sync", errno);
    return *failed_sync_;
  }
  Result<std::uint64_t> size() override {
    struct stat status {};
    if (::fstat(descriptor_.number(), &status) != 0) return system_error(path_, "size", errno);
    return static_cast<std::uint64_t>(status.st_size);
  }
  Result<void> resize(std::uint64_t size) override {
    TREMULA_TRY_ASSIGN(const std::uint64_t old_size, this->size());
    if (size <= old_size) {
      const auto cut = [&] { return ::ftruncate(descriptor_.number(), static_cast<off_t>(size)); };
      if (uninterrupted(cut) != 0) return system_error(path_, "resize", errno);
      return {};
    }
    int code = EINTR;  // posix_fallocate returns its error
    while (code == EINTR)
      code = ::posix_fallocate(descriptor_.number(), static_cast<off_t>(old_size),
                               static_cast<off_t>(size - old_size));
    if (code != 0) return system_error(path_, "resize", code);
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string path_;
  std::optional<Error> failed_sync_;
};

class PosixLock : public base::FileLock {
 public:
  explicit PosixLock(std::unique_ptr<PrivateDescriptor> held) : held_(std::move(held)) {}

 private:
  std::unique_ptr<PrivateDescriptor> held_;
};

std::uint64_t identity_of(const struct stat& status) {
  const std::array<std::uint64_t, 2> place = {static_cast<std::uint64_t>(status.st_dev),
                                              static_cast<std::uint64_t>(status.st_ino)};
  return base::hash_bytes({reinterpret_cast<const char*>(place.data()), sizeof place});
}

class PosixFileSystem : public base::FileSystem {
 public:
  Result<std::unique_ptr<base::File>> open(const std::string& path, base::OpenMode mode) override {
    const int flags = mode == base::OpenMode::kRead        ? O_RDONLY
                      : mode == base::OpenMode::kReadWrite ? O_RDWR
                                                           : O_RDWR | O_CREAT | O_EXCL;
    TREMULA_TRY_ASSIGN(Descriptor opened, open_descriptor(path, flags));
    return std::unique_ptr<base::File>(std::make_unique<PosixFile>(std::move(opened), path));
  }
  Result<bool> exists(const std::string& path) override {
    TREMULA_TRY(check_path(path));
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error(path, "look up", errno);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    TREMULA_TRY(check_path(from));
    TREMULA_TRY(check_path(to));
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return system_error(from, ("rename to " + to).c_str(), errno);
  }
  Result<void> remove(const std::string& path) override {
    TREMULA_TRY(check_path(path));
    if (::unlink(path.c_str()) == 0) return {};
    return system_error(path, "remove", errno);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    TREMULA_TRY(check_path(directory));
    const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), ::closedir);
    if (!opened) return system_error(directory, "list", errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(opened.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    if (errno != 0) return system_error(directory, "list", errno);
    std::sort(names.begin(), names.end());
    return names;
  }
  Result<void> make_directory(const std::string& directory) override {
    TREMULA_TRY(check_path(directory));
    if (::mkdir(directory.c_str(), kDirectoryMode) == 0) return {};
    const int code = errno;
    struct stat status {};
    if (code == EEXIST && ::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      return {};
    return system_error(directory, "make the directory", code);
  }
  Result<void> sync_directory(const std::string& directory) override {
    TREMULA_TRY_ASSIGN(const Descriptor opened, open_descriptor(directory, O_RDONLY | O_DIRECTORY));
    if (uninterrupted([&] { return ::fsync(opened.number()); }) == 0) return {};
    if (errno == EINVAL) return {};  // a file system whose directories need no sync
    return system_error(directory, "sync the directory", errno);
  }
  Result<std::unique_ptr<base::FileLock>> lock(const std::string& path,
                                               const std::string& note) override;
  Result<std::uint64_t> identity(const std::string& path) override {
    TREMULA_TRY(check_path(path));
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return system_error(path, "look up", errno);
    return identity_of(status);
  }
  Result<std::uint64_t> free_space(const std::string& directory) override {
    TREMULA_TRY(check_path(directory));
    struct statvfs status {};
    if (uninterrupted([&] { return ::statvfs(directory.c_str(), &status); }) != 0)
      return system_error(directory, "look up the free space", errno);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }
  std::int64_t now_ms() override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  std::int64_t ticks_ms() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
};

Error locked_error(int number, const std::string& path) {
  std::array<char, kNoteBytesMax> note{};
  const auto size = read_fully(number, path, 0, note);
  std::string holder(note.data(), size.ok() ? size.value() : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  // Its holder may be just about to write it.
  if (holder.empty()) holder = "another process";
  return {ErrorCode::kLocked, path + ": locked by " + holder};
}

Result<std::unique_ptr<base::FileLock>> PosixFileSystem::lock(const std::string& path,
                                                              const std::string& note) {
  TREMULA_TRY(check_path(path));
  const int access = note.empty() ? O_RDONLY : O_RDWR | O_CREAT;
  // A child that is forked off shares its parent's flock and would keep it after its death.
  auto held = std::make_unique<PrivateDescriptor>([&] {
    return uninterrupted([&] { return ::open(path.c_str(), access | O_CLOEXEC, kFileMode); });
  });
  const int number = held->number();
  if (number < 0) return system_error(path, "open", errno);
  if (uninterrupted([&] { return ::flock(number, LOCK_EX | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return locked_error(number, path);
    return system_error(path, "lock", errno);
  }
  // Somebody may have put another file there between the two calls: its lock is not ours.
  struct stat locked {};
  struct stat named {};
  if (::fstat(number, &locked) != 0) return system_error(path, "lock", errno);
  if (::stat(path.c_str(), &named) != 0) return system_error(path, "lock", errno);
  if (identity_of(locked) != identity_of(named))
    return Error{ErrorCode::kLocked, path + ": was replaced while it was locked"};
  if (note.empty())
    return std::unique_ptr<base::FileLock>(std::make_unique<PosixLock>(std::move(held)));
  // Written before the old note's rest is cut, to keep its place on a full disk. Where even that is
  // refused, the lock holds all the same: the note is for people.
  const auto noted = write_fully(number, path, 0, note + "\n");
  if (!noted.ok() && !base::is_disk_full(noted.error())) return noted.error();
  if (::ftruncate(number, noted.ok() ? static_cast<off_t>(note.size() + 1) : 0) != 0)
    return system_error(path, "lock", errno);
  return std::unique_ptr<base::FileLock>(std::make_unique<PosixLock>(std::move(held)));
}

}  // namespace

std::string absolute_path(const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) == nullptr) return path;
  return std::string(here) + "/" + path;
}

std::unique_ptr<base::FileSystem> make_posix_file_system() {
  return std::make_unique<PosixFileSystem>();
}

}  // namespace tremula::persist
