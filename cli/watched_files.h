// WatchedFiles: the machine's files, and a bar that shows how much of a directory was gone through.
//
//   check, backup, restore -> WatchedFiles -> the files     bytes read and written -> ProgressBar
//
// Thread: the main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cli/progress_bar.h"
#include "core/base/file_system.h"

namespace tremula::cli {

class WatchedFiles final : public base::FileSystem {
 public:
  // passes: how often a call goes through the bytes of `directory`, about.
  WatchedFiles(std::unique_ptr<base::FileSystem> files, const std::string& directory,
               std::uint64_t passes);

  base::Result<std::unique_ptr<base::File>> open(const std::string& path,
                                                 base::OpenMode mode) override;
  base::Result<bool> exists(const std::string& path) override { return files_->exists(path); }
  base::Result<void> rename(const std::string& from, const std::string& to) override {
    return files_->rename(from, to);
  }
  base::Result<void> remove(const std::string& path) override { return files_->remove(path); }
  base::Result<std::vector<std::string>> list(const std::string& directory) override {
    return files_->list(directory);
  }
  base::Result<void> make_directory(const std::string& directory) override {
    return files_->make_directory(directory);
  }
  base::Result<void> sync_directory(const std::string& directory) override {
    return files_->sync_directory(directory);
  }
  base::Result<std::unique_ptr<base::FileLock>> lock(const std::string& path,
                                                     const std::string& note) override {
    return files_->lock(path, note);
  }
  base::Result<std::uint64_t> identity(const std::string& path) override {
    return files_->identity(path);
  }
  base::Result<std::uint64_t> free_space(const std::string& directory) override {
    return files_->free_space(directory);
  }
  std::int64_t now_ms() override { return files_->now_ms(); }
  std::int64_t ticks_ms() override { return files_->ticks_ms(); }

  void end_bar() { bar_.clear(); }  // before something is printed

 private:
  class Watched;
  void moved(std::uint64_t bytes);

  std::unique_ptr<base::FileSystem> files_;
  ProgressBar bar_{ProgressBar::Unit::kBytes};
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace tremula::cli
