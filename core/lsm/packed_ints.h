// PackedInts: a run of whole numbers, as few bits each as the run allows.
//
//   mode 1 byte | width 1 byte | base, zigzag varint | [delta: step, zigzag varint] | bits
//
//   frame   number i = base + bits i
//   delta   number 0 = base; number i = number i-1 + step + bits i-1
//
// `width` is 0 to 56 or 64 bits; number k of the bits begins at bit k * width, low bits of low
// bytes first. Sums wrap at 64 bits. So a run of equal numbers, or of equal steps, takes the head
// alone. The writer takes the smaller of both modes. (Frame of reference: Goldstein, Ramakrishnan,
// Shaft 1998; the steps as Parquet's DELTA_BINARY_PACKED, without its small blocks.)
// Thread: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/bytes.h"

namespace tremula::lsm {

// Readers look at whole words: so many bytes must follow whatever they read.
inline constexpr std::size_t kPackedSlack = 8;

void append_packed(std::span<const std::int64_t> numbers, std::string& out);

class PackedInts {
 public:
  // Takes a run of `count` numbers off the front of `bytes`.
  // Requires: kPackedSlack readable bytes after `bytes`.
  // Returns: whether there is one.  Borrowed: what `bytes` reads.
  [[nodiscard]] bool take(std::size_t count, base::ByteReader& bytes);

  // Calls `visit` with every number, in order.
  template <typename Visit>
  void for_each(Visit visit) const {
    if (count_ == 0) return;
    if (mode_ == Mode::kFrame) {
      if (width_ == 0) {
        for (std::size_t i = 0; i < count_; ++i) visit(static_cast<std::int64_t>(base_));
      } else {
        for_each_bits(count_,
                      [&](std::uint64_t bits) { visit(static_cast<std::int64_t>(base_ + bits)); });
      }
      return;
    }
    std::uint64_t number = base_;
    visit(static_cast<std::int64_t>(number));
    if (width_ == 0) {
      for (std::size_t i = 1; i < count_; ++i) {
        number += step_;
        visit(static_cast<std::int64_t>(number));
      }
    } else {
      for_each_bits(count_ - 1, [&](std::uint64_t bits) {
        number += step_ + bits;
        visit(static_cast<std::int64_t>(number));
      });
    }
  }

  std::size_t size() const { return count_; }
  // Requires: index < size().  Cost: O(1) of a frame, else O(index).
  std::int64_t at(std::size_t index) const;
  // All numbers are one, and it is `number`.
  bool all_equal() const { return mode_ == Mode::kFrame && width_ == 0; }
  std::int64_t base() const { return static_cast<std::int64_t>(base_); }

  enum class Mode : std::uint8_t { kFrame = 0, kDelta = 1 };

 private:
  template <typename Visit>
  void for_each_bits(std::size_t count, Visit visit) const {
    const char* const bits = bits_;
    const std::size_t width = width_;
    if (width == 64) {
      for (std::size_t i = 0; i < count; ++i) visit(base::load_u64(bits + i * 8));
      return;
    }
    const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i, at += width)
      visit(base::load_u64(bits + at / 8) >> (at % 8) & mask);
  }
  std::uint64_t bits_at(std::size_t index) const;

  Mode mode_ = Mode::kFrame;
  std::uint8_t width_ = 0;
  std::size_t count_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t step_ = 0;
  const char* bits_ = nullptr;
};

}  // namespace tremula::lsm
