#include "core/base/compression.h"

#include <lz4.h>

#include <limits>

namespace tremula::base {

bool compress_block(std::string_view bytes, std::size_t size_max, std::string& out) {
  if (bytes.size() > LZ4_MAX_INPUT_SIZE || size_max == 0) return false;
  const std::size_t before = out.size();
  out.resize(before + size_max);
  const int size = LZ4_compress_default(bytes.data(), out.data() + before,
                                        static_cast<int>(bytes.size()), static_cast<int>(size_max));
  out.resize(before + (size > 0 ? static_cast<std::size_t>(size) : 0));
  return size > 0;
}

bool expand_block(std::string_view bytes, std::span<char> out) {
  constexpr std::size_t kSizeMax = std::numeric_limits<int>::max();
  if (bytes.size() > kSizeMax || out.size() > kSizeMax) return false;
  const int size = LZ4_decompress_safe(bytes.data(), out.data(), static_cast<int>(bytes.size()),
                                       static_cast<int>(out.size()));
  return size >= 0 && static_cast<std::size_t>(size) == out.size();
}

bool expand_prefix(std::string_view bytes, std::span<char> out) {
  constexpr std::size_t kSizeMax = std::numeric_limits<int>::max();
  if (bytes.size() > kSizeMax || out.size() > kSizeMax) return false;
  const int wanted = static_cast<int>(out.size());
  const int size = LZ4_decompress_safe_partial(bytes.data(), out.data(),
                                               static_cast<int>(bytes.size()), wanted, wanted);
  return size == wanted;
}

}  // namespace tremula::base
