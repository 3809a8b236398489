// TreeFiles: the SSTs of a directory as files: made, opened, removed.
// OutputFiles: what a job writes: files one after the other, all of them kept or none.
// What open() gives may read through the FileSystem at any time: that outlives every snapshot.
// Errors: io, corrupt.  Thread: one at a time; the files that open() gives as SstReader says.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/sst.h"
#include "core/lsm/version.h"

namespace tremula::lsm {

class TreeFiles {
 public:
  TreeFiles(base::FileSystem& files, std::string directory, const LsmOptions& options)
      : files_(&files),
        directory_(std::move(directory)),
        options_(options.sst),
        open_files_max_(options.open_files_max) {}

  std::string path(std::uint64_t number) const { return directory_ + "/" + sst_name(number); }
  base::Result<FileRef> open(const SstInfo& info) const;
  base::Result<void> remove(std::uint64_t number) { return files_->remove(path(number)); }
  // Numbers of all SSTs that are there.
  base::Result<std::vector<std::uint64_t>> list() const;
  base::Result<void> sync_names() { return files_->sync_directory(directory_); }
  // A file with the next number.
  base::Result<std::unique_ptr<SstWriter>> create();

  std::uint64_t next_number() const { return next_number_; }
  // Numbers below are not given out any more.
  void pass_number(std::uint64_t next) { next_number_ = next > next_number_ ? next : next_number_; }
  void count_written(std::uint64_t bytes) { bytes_written_ += bytes; }
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  base::FileSystem* files_;
  std::string directory_;
  SstOptions options_;
  std::size_t open_files_max_;
  // Of readers, which may go on another thread.
  std::shared_ptr<std::atomic<std::size_t>> open_files_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::uint64_t next_number_ = 1;
  std::uint64_t bytes_written_ = 0;
};

class OutputFiles {
 public:
  explicit OutputFiles(TreeFiles& files) : files_(&files) {}

  // Requires: within a file, a key greater than the one before.
  base::Result<void> add(const Entry& entry) {
    if (writer_ == nullptr) TREMULA_TRY(begin());
    return writer_->add(entry);
  }
  // Of the file in hand.
  std::uint64_t size() const { return writer_ == nullptr ? 0 : writer_->size(); }
  // Ends the file in hand, if there is one; it is synced, its name is not.
  base::Result<void> finish();
  const std::vector<SstInfo>& finished() const { return finished_; }
  // Removes all of them, the unfinished one too: nobody knows of them.
  base::Result<void> abandon();

 private:
  base::Result<void> begin();

  TreeFiles* files_;
  std::unique_ptr<SstWriter> writer_;
  std::vector<SstInfo> finished_;
  std::vector<std::uint64_t> created_;
};

}  // namespace tremula::lsm
