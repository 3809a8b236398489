#include "core/dataflow/exact_sum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/check.h"

namespace tremula::dataflow {

using triples::Kind;
using triples::Value;

namespace {

constexpr int kDigitBits = 32;
constexpr std::int64_t kDigitMask = 0xFFFF'FFFF;
constexpr int kUnitExponent = -1074;  // the least double is 2^-1074
constexpr int kMantissaBits = 53;
// 2046 exponents and a mantissa take 66 digits, 2^63 of such numbers two more.
constexpr int kChunksMax = 68;
// An add moves a chunk by less than 2^32, a carry leaves less than that: 64 bits bear 2^30 adds.
constexpr int kAddsBetweenCarries = 1 << 30;

double infinity(bool negative) {
  const double infinite = std::numeric_limits<double>::infinity();
  return negative ? -infinite : infinite;
}

// One is 2^1074 units: 33 digits and 18 bits.
constexpr std::size_t kOneDigit = -kUnitExponent / kDigitBits;
constexpr int kOneShift = -kUnitExponent % kDigitBits;
constexpr std::size_t kIntDigits = 5;  // 128 bits shifted

// A sum of digits, apart from the accumulator that it was read from.
// Below `begin` and from `end` on all are 0.
struct Digits {
  std::array<std::int64_t, kChunksMax + 2> at{};
  std::size_t begin = 0;
  std::size_t end = 0;

  // Brings all below the last into 0..2^32-1; the last then has the sign of the whole.
  void carry() {
    std::int64_t carried = 0;
    for (std::size_t i = begin; i + 1 < end; ++i) {
      const std::int64_t sum = at[i] + carried;
      at[i] = sum & kDigitMask;
      carried = sum >> kDigitBits;
    }
    at[end - 1] += carried;
  }

  void negate() {
    for (std::size_t i = begin; i < end; ++i) at[i] = -at[i];
    carry();
  }

  void add(__int128 integer) {
    const bool negative = integer < 0;
    auto magnitude = static_cast<unsigned __int128>(integer);
    if (negative) magnitude = 0 - magnitude;
    for (std::size_t i = kOneDigit; magnitude != 0; ++i, magnitude >>= kDigitBits) {
      const std::int64_t digit = (static_cast<std::int64_t>(magnitude & kDigitMask)) << kOneShift;
      at[i] += negative ? -(digit & kDigitMask) : digit & kDigitMask;
      at[i + 1] += negative ? -(digit >> kDigitBits) : digit >> kDigitBits;
    }
  }

  // Requires: carried, not negative.  Rounds half to even.
  double rounded() const {
    int top = static_cast<int>(end) - 1;
    while (top >= 0 && at[static_cast<std::size_t>(top)] == 0) --top;
    if (top < 0) return 0;
    // Three digits hold 65 bits or more; whatever lies below only breaks ties.
    unsigned __int128 head = 0;
    for (int i = top; i > top - 3; --i) {
      head =
          head << kDigitBits | static_cast<unsigned>(i < 0 ? 0 : at[static_cast<std::size_t>(i)]);
    }
    bool rest = false;
    for (int i = top - 3; i >= static_cast<int>(begin) && !rest; --i)
      rest = at[static_cast<std::size_t>(i)] != 0;
    int exponent = kUnitExponent + kDigitBits * (top - 2);
    const auto high = static_cast<std::uint64_t>(head >> 64);  // not zero: the top digit
    const int excess = 64 + std::bit_width(high) - kMantissaBits;
    // The least double can't be halved: its mantissa may not go below the unit.
    const int drop = std::max(excess, kUnitExponent - exponent);
    const unsigned __int128 half = static_cast<unsigned __int128>(1) << (drop - 1);
    const unsigned __int128 dropped = head & ((half << 1) - 1);
    auto mantissa = static_cast<std::uint64_t>(head >> drop);
    exponent += drop;
    if (dropped > half || (dropped == half && (rest || (mantissa & 1) != 0))) ++mantissa;
    return std::ldexp(static_cast<double>(mantissa), exponent);
  }
};

}  // namespace

ExactSum::ExactSum(const ExactSum& other)
    : integers_(other.integers_),
      int_count_(other.int_count_),
      reals_(other.reals_ == nullptr ? nullptr : std::make_unique<Reals>(*other.reals_)) {}

ExactSum& ExactSum::operator=(const ExactSum& other) {
  if (this != &other) *this = ExactSum(other);
  return *this;
}

void ExactSum::add(Value value, int sign) {
  if (value.kind == Kind::kInt) {
    integers_ +=
        sign > 0 ? static_cast<__int128>(value.integer) : -static_cast<__int128>(value.integer);
    int_count_ += sign;
  } else if (value.kind == Kind::kReal) {
    if (reals_ == nullptr) reals_ = std::make_unique<Reals>();
    reals_->add(value.number, sign);
    // Zero may be spread over chunks that cancel. Their memory is kept: an update of a lone row
    // comes back at once.
    if (reals_->count == 0) reals_->chunks.clear();
  }
}

void ExactSum::Reals::add(double number, int sign) {
  count += sign;
  if (std::isinf(number)) {
    (number > 0 ? plus_infinity : minus_infinity) += sign;
    return;
  }
  if (number == 0) return;
  const auto bits = std::bit_cast<std::uint64_t>(number);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7FF);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const std::uint64_t mantissa = exponent == 0 ? fraction : fraction | std::uint64_t{1} << 52;
  const int place = std::max(exponent, 1) - 1;  // of the mantissa's lowest bit, in units
  const int begin = place / kDigitBits;
  make_room(begin, begin + 3);
  if (adds_until_carry == 0) carry();
  --adds_until_carry;
  const auto shifted = static_cast<unsigned __int128>(mantissa) << (place % kDigitBits);
  const auto low = static_cast<std::int64_t>(shifted & kDigitMask);
  const auto middle = static_cast<std::int64_t>(shifted >> 32 & kDigitMask);
  const auto high = static_cast<std::int64_t>(shifted >> 64);
  const bool negative = (number < 0) != (sign < 0);
  std::int64_t* chunk = chunks.data() + (begin - first_chunk);
  chunk[0] += negative ? -low : low;
  chunk[1] += negative ? -middle : middle;
  chunk[2] += negative ? -high : high;
}

// Makes the run reach from `begin` to `end`.
void ExactSum::Reals::make_room(int begin, int end) {
  if (chunks.empty()) {
    first_chunk = begin;
    adds_until_carry = kAddsBetweenCarries;
  }
  if (begin < first_chunk) {
    chunks.insert(chunks.begin(), static_cast<std::size_t>(first_chunk - begin), 0);
    first_chunk = begin;
  }
  const auto size = static_cast<std::size_t>(end - first_chunk);
  if (chunks.size() < size) chunks.resize(size);
}

void ExactSum::Reals::carry() {
  chunks.push_back(0);
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    chunks[i + 1] += chunks[i] >> kDigitBits;
    chunks[i] &= kDigitMask;
  }
  // A negative whole keeps its sign in the last chunk; a chunk that only repeats it is not needed.
  if (chunks.back() == 0) {
    chunks.pop_back();
  } else if (chunks.back() == -1) {
    chunks.pop_back();
    chunks.back() -= kDigitMask + 1;
  }
  TREMULA_ASSERT(first_chunk + static_cast<int>(chunks.size()) <= kChunksMax);
  adds_until_carry = kAddsBetweenCarries;
}

double ExactSum::rounded() const {
  if (!has_reals()) return static_cast<double>(integers_);  // converts half to even
  Digits digits;
  digits.begin = static_cast<std::size_t>(reals_->first_chunk);
  digits.end = digits.begin + reals_->chunks.size() + 1;  // room for the carry
  if (integers_ != 0) {
    digits.begin = std::min(digits.begin, kOneDigit);
    digits.end = std::max(digits.end, kOneDigit + kIntDigits + 1);
  }
  std::copy(reals_->chunks.begin(), reals_->chunks.end(), digits.at.begin() + reals_->first_chunk);
  digits.add(integers_);
  digits.carry();
  const bool negative = digits.at[digits.end - 1] < 0;
  if (negative) digits.negate();
  return negative ? -digits.rounded() : digits.rounded();
}

Value ExactSum::sum() const {
  if (count() == 0) return Value::null();
  if (!has_reals()) {
    const auto narrow = static_cast<std::int64_t>(integers_);
    if (narrow == integers_) return Value::int_of(narrow);
  }
  return total();
}

Value ExactSum::total() const {
  if (reals_ != nullptr && (reals_->plus_infinity > 0 || reals_->minus_infinity > 0)) {
    if (reals_->plus_infinity > 0 && reals_->minus_infinity > 0) return Value::null();
    return Value::real(infinity(reals_->minus_infinity > 0));
  }
  return Value::real(rounded());
}

Value ExactSum::avg() const {
  if (count() == 0) return Value::null();
  const Value all = total();
  if (all.is_null()) return all;
  return Value::real(all.number / static_cast<double>(count()));
}

std::size_t ExactSum::memory_bytes() const {
  std::size_t bytes = sizeof(*this);
  if (reals_ != nullptr) bytes += sizeof(Reals) + reals_->chunks.capacity() * sizeof(std::int64_t);
  return bytes;
}

}  // namespace tremula::dataflow
