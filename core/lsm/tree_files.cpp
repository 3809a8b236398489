#include "core/lsm/tree_files.h"

#include <algorithm>
#include <utility>

#include "core/base/forwarding_file.h"

namespace tremula::lsm {

namespace {

// One of those that are held open.
class HeldFile final : public base::ForwardingFile {
 public:
  HeldFile(std::unique_ptr<base::File> file, std::shared_ptr<std::atomic<std::size_t>> held)
      : ForwardingFile(std::move(file)), held_(std::move(held)) {
    held_->fetch_add(1);
  }
  ~HeldFile() override { held_->fetch_sub(1); }

 private:
  std::shared_ptr<std::atomic<std::size_t>> held_;
};

// Opened for each call: for reading alone.
class ReopenedFile final : public base::File {
 public:
  ReopenedFile(base::FileSystem& files, std::string path)
      : files_(&files), path_(std::move(path)) {}
  base::Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    TREMULA_TRY_ASSIGN(const auto file, files_->open(path_, base::OpenMode::kRead));
    return file->read(offset, out);
  }
  base::Result<std::uint64_t> size() override {
    TREMULA_TRY_ASSIGN(const auto file, files_->open(path_, base::OpenMode::kRead));
    return file->size();
  }
  base::Result<void> write(std::uint64_t, std::string_view) override { return refused(); }
  base::Result<void> sync() override { return refused(); }
  base::Result<void> resize(std::uint64_t) override { return refused(); }

 private:
  base::Error refused() const {
    return {base::ErrorCode::kIo, path_ + ": is opened for reading alone"};
  }
  base::FileSystem* files_;
  std::string path_;
};

}  // namespace

base::Result<FileRef> TreeFiles::open(const SstInfo& info) const {
  const std::string at = path(info.number);
  TREMULA_TRY_ASSIGN(const bool is_there, files_->exists(at));
  if (!is_there) {
    return base::Error{base::ErrorCode::kCorrupt,
                       at + ": is missing, and the manifest names it; restore the file"};
  }
  std::unique_ptr<base::File> file;
  if (open_files_->load() < open_files_max_) {
    TREMULA_TRY_ASSIGN(auto held, files_->open(at, base::OpenMode::kRead));
    file = std::make_unique<HeldFile>(std::move(held), open_files_);
  } else {
    file = std::make_unique<ReopenedFile>(*files_, at);
  }
  TREMULA_TRY_ASSIGN(auto reader, SstReader::open(std::move(file), at, info));
  return FileRef(std::make_shared<TreeFile>(std::move(reader)));
}

base::Result<std::vector<std::uint64_t>> TreeFiles::list() const {
  TREMULA_TRY_ASSIGN(const std::vector<std::string> names, files_->list(directory_));
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names)
    if (const std::uint64_t number = sst_number(name); number != 0) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

base::Result<std::unique_ptr<SstWriter>> TreeFiles::create() {
  const std::uint64_t number = next_number_++;
  TREMULA_TRY_ASSIGN(auto file, files_->open(path(number), base::OpenMode::kCreate));
  return std::make_unique<SstWriter>(std::move(file), path(number), number, options_);
}

base::Result<void> OutputFiles::begin() {
  const std::uint64_t number = files_->next_number();
  TREMULA_TRY_ASSIGN(writer_, files_->create());
  created_.push_back(number);
  return {};
}

base::Result<void> OutputFiles::finish() {
  if (writer_ == nullptr) return {};
  TREMULA_TRY_ASSIGN(SstInfo info, writer_->finish());
  files_->count_written(info.size);
  finished_.push_back(std::move(info));
  writer_.reset();
  return {};
}

base::Result<void> OutputFiles::abandon() {
  writer_.reset();
  finished_.clear();
  while (!created_.empty()) {
    TREMULA_TRY(files_->remove(created_.back()));
    created_.pop_back();
  }
  return {};
}

}  // namespace tremula::lsm
