// Chunked: an array that grows without moving what is in it, so that no push_back() costs a copy
// of all: a row's commit stays as short in a large table as in a small one.
//
//   chunks  [ -> 256 items | -> 256 items | . ]
//
// Items are made with their default value.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tremula::base {

template <typename T, unsigned kChunkBits = 8>
class Chunked {
 public:
  T& operator[](std::size_t at) { return chunks_[at >> kChunkBits][at & kMask]; }
  const T& operator[](std::size_t at) const { return chunks_[at >> kChunkBits][at & kMask]; }
  std::size_t size() const { return size_; }
  // Makes it at least so long.
  void extend_to(std::size_t size) {
    if (size <= size_) return;
    size_ = size;
    while (chunks_.size() << kChunkBits < size) chunks_.push_back(std::make_unique<T[]>(kMask + 1));
  }
  T& emplace_back() {
    extend_to(size_ + 1);
    return (*this)[size_ - 1];
  }
  std::size_t memory_bytes() const {
    return chunks_.capacity() * sizeof(chunks_[0]) + chunks_.size() * (kMask + 1) * sizeof(T);
  }

 private:
  static constexpr std::size_t kMask = (std::size_t{1} << kChunkBits) - 1;

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace tremula::base
