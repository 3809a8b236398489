// Frames: the bytes that cross a connection, cut into messages. docs/formats.md has an example.
//
//   frame   0  8  XXH3 64 of bytes 8 to 23, seed
//           8  4  bytes of the body
//          12  1  kind
//          13  3  zero
//          16  8  XXH3 64 of the body, seed
//          24     body
//
// The seed is base::checksum_seed(direction, number of the frame in its direction, from 0), so that
// a frame that is lost, sent twice or sent back fails. Numbers are little-endian.
// Thread: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace tremula::persist {

inline constexpr std::size_t kFrameHeaderBytes = 24;
// A process that has not said who it is may send this much at once.
inline constexpr std::size_t kGreetingBytesMax = 4U << 10;
// A transaction (1 GiB at most) and its number.
inline constexpr std::size_t kFrameBodyBytesMax = (std::size_t{1} << 30) + (64U << 10);

enum class Direction : std::uint8_t { kToHost = 1, kToMember = 2 };

struct Frame {
  std::uint8_t kind = 0;
  std::string_view body;
};

// Makes the frames of one direction of one connection, one after the other.
class FrameWriter {
 public:
  explicit FrameWriter(Direction direction) : direction_(direction) {}
  // Appends a frame to `out`.  Requires: body.size() <= kFrameBodyBytesMax.
  void write(std::string& out, std::uint8_t kind, std::string_view body);

 private:
  Direction direction_;
  std::uint64_t next_ = 0;
};

// Cuts what comes into frames. Bytes may come in pieces of any size.
class FrameReader {
 public:
  FrameReader(Direction direction, std::size_t body_bytes_max)
      : direction_(direction), body_bytes_max_(body_bytes_max) {}

  void set_body_bytes_max(std::size_t bytes) { body_bytes_max_ = bytes; }
  void add(std::string_view bytes);
  // Returns: the next frame; nothing: it is not all there yet.  Borrowed: until the next add().
  // Errors: corrupt, with what was found; final: later calls give it too.
  base::Result<std::optional<Frame>> next();
  // What was added and not given out.
  std::size_t bytes() const { return bytes_.size() - at_; }

 private:
  base::Error broken(const std::string& what);

  Direction direction_;
  std::size_t body_bytes_max_;
  std::uint64_t next_ = 0;
  std::string bytes_;
  std::size_t at_ = 0;  // of the next frame in `bytes_`
  std::optional<base::Error> error_;
};

}  // namespace tremula::persist
