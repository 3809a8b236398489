#include "cli/watched_files.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/forwarding_file.h"

namespace tremula::cli {

class WatchedFiles::Watched final : public base::ForwardingFile {
 public:
  Watched(WatchedFiles& owner, std::unique_ptr<base::File> file)
      : ForwardingFile(std::move(file)), owner_(owner) {}

  base::Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    auto got = ForwardingFile::read(offset, out);
    if (got.ok()) owner_.moved(got.value());
    return got;
  }
  base::Result<void> write(std::uint64_t offset, std::string_view bytes) override {
    auto done = ForwardingFile::write(offset, bytes);
    if (done.ok()) owner_.moved(bytes.size());
    return done;
  }

 private:
  WatchedFiles& owner_;
};

// What can't be listed or asked counts nothing: the call itself will say why.
WatchedFiles::WatchedFiles(std::unique_ptr<base::FileSystem> files, const std::string& directory,
                           std::uint64_t passes)
    : files_(std::move(files)) {
  const auto names = files_->list(directory);
  if (!names.ok()) return;
  for (const std::string& name : names.value()) {
    const auto file = files_->open(directory + "/" + name, base::OpenMode::kRead);
    if (!file.ok()) continue;
    const auto size = file.value()->size();
    if (size.ok()) total_ += size.value();
  }
  total_ *= passes;
}

base::Result<std::unique_ptr<base::File>> WatchedFiles::open(const std::string& path,
                                                             base::OpenMode mode) {
  auto opened = files_->open(path, mode);
  if (!opened.ok()) return opened;
  return std::unique_ptr<base::File>(std::make_unique<Watched>(*this, std::move(opened).value()));
}

// The bar never says that all is done: the end of the call does.
void WatchedFiles::moved(std::uint64_t bytes) {
  done_ += bytes;
  if (total_ > 0) bar_.show(std::min(done_, total_ - 1), total_);
}

}  // namespace tremula::cli
