#include "core/base/arena.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tremula::base {

namespace {
constexpr std::size_t kFirstChunkBytes = 1024;
constexpr std::size_t kChunkBytesMax = 1024 * 1024;  // single requests may be larger
}  // namespace

char* Arena::allocate_slow(std::size_t bytes) {
  const std::size_t last = chunks_.empty() ? kFirstChunkBytes / 2 : chunks_.back().size;
  const std::size_t size = std::max(bytes, std::min(last * 2, kChunkBytesMax));
  chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  used_ = bytes;
  return chunks_.back().memory.get();
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* place = allocate(text.size());
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

void Arena::clear() {
  used_ = 0;
  if (chunks_.size() < 2) return;
  const auto smaller = [](const Chunk& a, const Chunk& b) { return a.size < b.size; };
  auto largest = std::max_element(chunks_.begin(), chunks_.end(), smaller);
  std::swap(chunks_.front(), *largest);
  chunks_.resize(1);
}

std::size_t Arena::bytes_reserved() const {
  std::size_t bytes = 0;
  for (const Chunk& chunk : chunks_) bytes += chunk.size;
  return bytes;
}

}  // namespace tremula::base
