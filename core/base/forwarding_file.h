// ForwardingFile: a File that hands each call on to another one, for those that change few of them.
//
// Thread: as the file it holds.
#pragma once

#include <memory>
#include <utility>

#include "core/base/file_system.h"

namespace tremula::base {

class ForwardingFile : public File {
 public:
  explicit ForwardingFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    return file_->read(offset, out);
  }
  Result<void> write(std::uint64_t offset, std::string_view bytes) override {
    return file_->write(offset, bytes);
  }
  Result<void> sync() override { return file_->sync(); }
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<void> resize(std::uint64_t size) override { return file_->resize(size); }

 private:
  std::unique_ptr<File> file_;
};

}  // namespace tremula::base
