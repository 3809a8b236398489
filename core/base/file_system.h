// FileSystem: everything that Tremula asks of a disk. The engine touches files through this alone.
//
//   persist/posix_file_system     the machine's files
//   persist/memory_file_system    files in memory, with the durability of a disk: what was not
//                                 synced can be dropped (tests; and what has no disk)
//
// Durability, as POSIX has it: written bytes survive a power cut once File::sync() has returned; a
// name (created, renamed, removed) once sync_directory() of its directory has.
// Errors: io, with the path and the system's reason in the message; locked where said. Of the io
// errors a full disk alone may pass: is_disk_full() tells it, and what failed may be tried again.
// Thread: a FileSystem may be used by several threads at once, a File too for read(); other calls
// on one File are made by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace tremula::base {

// What the message of an io error ends with if the disk, or the user's share of it, is full.
inline constexpr std::string_view kDiskFullReason = "no space left on the disk";
inline bool is_disk_full(const Error& error) {
  return error.code == ErrorCode::kIo && error.message.ends_with(kDiskFullReason);
}

class File {
 public:
  virtual ~File() = default;
  // Reads at `offset` until `out` is full or the file ends.  Returns: how many bytes were read.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<char> out) = 0;
  // Writes all of `bytes` at `offset`, beyond the end too (the gap reads as zeros). After an error
  // any part of them may have been written.
  virtual Result<void> write(std::uint64_t offset, std::string_view bytes) = 0;
  // Contents and size are on the disk when it returns. After an error nothing is known of what was
  // written since the last sync that succeeded: it must not be tried again, and every later sync
  // of this File gives the same error.
  virtual Result<void> sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
  // Makes the file `size` bytes long; what is added reads as zeros and has its place on the disk.
  virtual Result<void> resize(std::uint64_t size) = 0;
};

// Held while it lives; given up by the end of the process, however that comes.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : std::uint8_t {
  kRead,       // must be there
  kReadWrite,  // must be there
  kCreate,     // must not be there
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  // Names in a directory, without "." and "..", sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  // Nothing happens if it is there. Its parent must be there.
  virtual Result<void> make_directory(const std::string& directory) = 0;
  virtual Result<void> sync_directory(const std::string& directory) = 0;
  // Takes the lock of a file, which is made if needed, and writes `note` into it. With an empty
  // one the file must be there, is left as it is, and need not be writable.
  // Errors: locked, with the note that its holder wrote; io.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path,
                                                 const std::string& note) = 0;
  // What tells the file from every other of the machine, and from its copies.
  virtual Result<std::uint64_t> identity(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_space(const std::string& directory) = 0;
  virtual std::int64_t now_ms() = 0;    // since 1970; may jump
  virtual std::int64_t ticks_ms() = 0;  // of a clock that never goes back
};

}  // namespace tremula::base
