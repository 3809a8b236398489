// MemoryFileSystem: files in memory, with the durability of a disk.
//
//   name  -> file    what readers see          the last sync_directory's names
//   file  -> bytes   what readers see          the last sync's bytes, and every write since
//
// after_power_cut() gives the disk as it may be found afterwards: of what was not synced nothing,
// everything, or any part is there: writes in pieces of a sector or a page, the size on its own,
// and each creation, removal or renaming on its own (a renaming is whole or not at all).
// Thread: any, as FileSystem says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file_system.h"

namespace tremula::persist {

// What becomes of what was not synced.
struct PowerCut {
  std::uint64_t seed = 0;         // the same seed, the same outcome
  int data_percent = 0;           // how likely a piece's newest bytes are kept
  int names_percent = 0;          // how likely a change of a directory is kept
  std::size_t piece_bytes = 512;  // pieces are kept or lost whole
};

class MemoryFileSystem : public base::FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

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
  std::int64_t now_ms() override;
  std::int64_t ticks_ms() override;

  // A copy of what may be left: all of it synced, nothing open, nothing locked. This one goes on.
  std::unique_ptr<MemoryFileSystem> after_power_cut(const PowerCut& cut) const;
  // As after a sync that failed: the file reads as before, and what was not synced counts as
  // written though it is not; later syncs pass it over.  Requires: there is such a file.
  void lose_unsynced(const std::string& path);
  // How many bytes all files may have; no bound at first.
  void set_capacity(std::uint64_t bytes);
  // Both clocks stand still at these times from now on.
  void set_clock(std::int64_t now_ms, std::int64_t ticks_ms);

 private:
  struct State;
  std::shared_ptr<State> state_;  // open files share it: they may outlive the file system
};

}  // namespace tremula::persist
