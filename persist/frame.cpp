#include "persist/frame.h"

#include <array>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/checksum.h"

namespace tremula::persist {
namespace {

constexpr std::size_t kCheckBytes = 8;
// What was given out is cut off the front when it is this much, so that cutting costs little.
constexpr std::size_t kCutBytes = 64U << 10;
// What a large frame may leave for the next one.
constexpr std::size_t kKeptBytes = 1U << 20;

std::uint64_t seed_of(Direction direction, std::uint64_t number) {
  return base::checksum_seed(static_cast<std::uint64_t>(direction), number);
}

}  // namespace

void FrameWriter::write(std::string& out, std::uint8_t kind, std::string_view body) {
  TREMULA_ASSERT(body.size() <= kFrameBodyBytesMax);
  const std::uint64_t seed = seed_of(direction_, next_++);
  std::array<char, kFrameHeaderBytes> header{};
  base::store_u32(header.data() + 8, static_cast<std::uint32_t>(body.size()));
  header[12] = static_cast<char>(kind);
  base::store_u64(header.data() + 16, base::checksum(body, seed));
  const std::string_view checked{header.data() + kCheckBytes, kFrameHeaderBytes - kCheckBytes};
  base::store_u64(header.data(), base::checksum(checked, seed));
  out.append(header.data(), header.size());
  out.append(body);
}

void FrameReader::add(std::string_view bytes) {
  if (at_ == bytes_.size()) {
    bytes_.clear();
    if (bytes_.capacity() > kKeptBytes) bytes_ = {};
    at_ = 0;
  } else if (at_ >= kCutBytes) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  bytes_.append(bytes);
}

base::Error FrameReader::broken(const std::string& what) {
  error_ = base::Error{base::ErrorCode::kCorrupt,
                       "frame " + std::to_string(next_) + " of the connection: " + what};
  return *error_;
}

base::Result<std::optional<Frame>> FrameReader::next() {
  if (error_) return *error_;
  const std::string_view left = std::string_view(bytes_).substr(at_);
  if (left.size() < kFrameHeaderBytes) return std::optional<Frame>();
  const std::uint64_t seed = seed_of(direction_, next_);
  const std::string_view header = left.substr(0, kFrameHeaderBytes);
  // The header has a check of its own, so that a length that means nothing is not waited for.
  if (base::load_u64(header.data()) != base::checksum(header.substr(kCheckBytes), seed))
    return broken("its header fails its checksum");
  const std::size_t size = base::load_u32(header.data() + 8);
  if (size > body_bytes_max_)
    return broken("a body of " + std::to_string(size) + " bytes, at most " +
                  std::to_string(body_bytes_max_) + " were expected");
  if (header.substr(13, 3) != std::string_view("\0\0\0", 3))
    return broken("its reserved bytes are not zero");
  if (left.size() - kFrameHeaderBytes < size) return std::optional<Frame>();
  const std::string_view body = left.substr(kFrameHeaderBytes, size);
  if (base::load_u64(header.data() + 16) != base::checksum(body, seed))
    return broken("its body fails its checksum");
  ++next_;
  at_ += kFrameHeaderBytes + size;
  return std::optional<Frame>(Frame{static_cast<std::uint8_t>(header[12]), body});
}

}  // namespace tremula::persist
