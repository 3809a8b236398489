#include "core/lsm/packed_ints.h"

#include <algorithm>
#include <bit>

#include "core/base/check.h"

namespace tremula::lsm {
namespace {

using Mode = PackedInts::Mode;

std::uint8_t width_of(std::uint64_t range) {
  const auto bits = static_cast<std::uint8_t>(std::bit_width(range));
  return bits > 56 ? 64 : bits;
}

std::size_t bytes_of(std::size_t count, std::size_t width) { return (count * width + 7) / 8; }

// Bits, gathered to words.
class BitWriter {
 public:
  BitWriter(std::uint8_t width, std::string& out) : width_(width), out_(out) {}
  void put(std::uint64_t bits) {
    word_ |= bits << filled_;
    filled_ += width_;
    if (filled_ < 64) return;
    put_bytes(8);
    filled_ -= 64;
    // What did not fit; a shift by 64 would be undefined.
    word_ = filled_ == 0 ? 0 : bits >> (width_ - filled_);
  }
  void finish() { put_bytes((filled_ + 7) / 8); }

 private:
  void put_bytes(std::size_t count) {
    char bytes[8];
    base::store_u64(bytes, word_);
    out_.append(bytes, count);
  }

  const unsigned width_;
  std::string& out_;
  std::uint64_t word_ = 0;
  unsigned filled_ = 0;
};

struct Range {
  std::int64_t low = 0;
  std::uint8_t width = 0;
};

template <typename NumberAt>
Range range_of(std::size_t count, NumberAt number_at) {
  if (count == 0) return {};
  std::int64_t low = number_at(0);
  std::int64_t high = low;
  for (std::size_t i = 1; i < count; ++i) {
    const std::int64_t number = number_at(i);
    low = std::min(low, number);
    high = std::max(high, number);
  }
  return {low, width_of(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low))};
}

}  // namespace

void append_packed(std::span<const std::int64_t> numbers, std::string& out) {
  if (numbers.empty()) return;
  const auto number_at = [&](std::size_t i) { return numbers[i]; };
  const auto step_at = [&](std::size_t i) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(numbers[i + 1]) -
                                     static_cast<std::uint64_t>(numbers[i]));
  };
  const std::size_t steps = numbers.size() - 1;
  const Range frame = range_of(numbers.size(), number_at);
  const Range delta = range_of(steps, step_at);
  // A frame decodes faster: a delta must save something.
  const bool as_delta = bytes_of(steps, delta.width) + 2 < bytes_of(numbers.size(), frame.width);
  const Range& range = as_delta ? delta : frame;
  out.push_back(static_cast<char>(as_delta ? Mode::kDelta : Mode::kFrame));
  out.push_back(static_cast<char>(range.width));
  base::put_zigzag(out, as_delta ? numbers[0] : frame.low);
  if (as_delta) base::put_zigzag(out, delta.low);
  if (range.width == 0) return;
  BitWriter bits(range.width, out);
  const auto low = static_cast<std::uint64_t>(range.low);
  if (as_delta) {
    for (std::size_t i = 0; i < steps; ++i) bits.put(static_cast<std::uint64_t>(step_at(i)) - low);
  } else {
    for (const std::int64_t number : numbers) bits.put(static_cast<std::uint64_t>(number) - low);
  }
  bits.finish();
}

bool PackedInts::take(std::size_t count, base::ByteReader& bytes) {
  *this = {};
  if (count == 0) return true;
  std::uint8_t mode = 0;
  if (!bytes.u8(mode) || !bytes.u8(width_)) return false;
  mode_ = static_cast<Mode>(mode);
  if (mode_ > Mode::kDelta || (width_ > 56 && width_ != 64)) return false;
  std::int64_t number = 0;
  if (!bytes.zigzag(number)) return false;
  base_ = static_cast<std::uint64_t>(number);
  if (mode_ == Mode::kDelta) {
    if (!bytes.zigzag(number)) return false;
    step_ = static_cast<std::uint64_t>(number);
  }
  count_ = count;
  std::string_view packed;
  if (!bytes.bytes(bytes_of(mode_ == Mode::kDelta ? count - 1 : count, width_), packed))
    return false;
  bits_ = packed.data();
  return true;
}

std::int64_t PackedInts::at(std::size_t index) const {
  TREMULA_ASSERT(index < count_);
  if (mode_ == Mode::kFrame) return static_cast<std::int64_t>(base_ + bits_at(index));
  std::uint64_t number = base_;
  for (std::size_t i = 0; i < index; ++i) number += step_ + bits_at(i);
  return static_cast<std::int64_t>(number);
}

std::uint64_t PackedInts::bits_at(std::size_t index) const {
  if (width_ == 0) return 0;
  if (width_ == 64) return base::load_u64(bits_ + index * 8);
  const std::size_t at = index * width_;
  return base::load_u64(bits_ + at / 8) >> (at % 8) & ((std::uint64_t{1} << width_) - 1);
}

}  // namespace tremula::lsm
