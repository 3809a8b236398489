// KeyGenerator: keys for rows of tables without KEY.
//
//   bit 52 ............... 12 | 11 ....... 0
//   milliseconds since 2024   | tag of the process      => ascending, below 2^53, never 1, 2, 3
//
// Keys made faster than one a millisecond run ahead of the clock; a directory keeps the last tick,
// so that they ascend from one process that opens it to the next.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/triples/ids.h"

namespace tremula::db {

// The last tick in a directory: the only cell of the only row of triples::kTickType.
inline constexpr triples::AttrId kTickAttr{1};
inline constexpr std::string_view kTickKey = "t";

class KeyGenerator {
 public:
  using Clock = std::int64_t (*)();  // milliseconds since 1970

  // `tag`: what tells this process from others; its lowest 12 bits count.
  KeyGenerator(Clock clock, std::uint32_t tag) : clock_(clock), tag_(tag & kTagMask) {}

  // A key greater than all that this object gave before.
  std::int64_t next() {
    const std::int64_t now = clock_() - kEpochMs;
    tick_ = now > tick_ ? now : tick_ + 1;
    return (tick_ << kTagBits) | tag_;
  }
  // Whether a key may be one that another generator with this one's tag made.
  bool has_tag_of(std::int64_t key) const {
    return static_cast<std::uint32_t>(key & kTagMask) == tag_;
  }
  // Another process has the same tag.
  void take_tag(std::uint32_t tag) { tag_ = tag & kTagMask; }
  // Of the last key; 0: there was none.
  std::int64_t tick() const { return tick_; }
  // The next key comes after those of another process, whose last tick this was.
  void start_after(std::int64_t tick) { tick_ = tick > tick_ ? tick : tick_; }

 private:
  static constexpr std::int64_t kEpochMs = 1'704'067'200'000;  // 2024-01-01
  static constexpr int kTagBits = 12;
  static constexpr std::uint32_t kTagMask = (1U << kTagBits) - 1;
  Clock clock_;
  std::int64_t tick_ = 0;
  std::uint32_t tag_;
};

}  // namespace tremula::db
