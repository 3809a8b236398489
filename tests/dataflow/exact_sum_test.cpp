// ExactSum against exact integer arithmetic of 2200 bits.
#include "core/dataflow/exact_sum.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/triples/value_ops.h"

using namespace tremula::dataflow;
using namespace tremula::triples;

namespace {

using Rng = std::mt19937_64;

// A two's complement integer in units of 2^-1074, bit by bit: slow, and too simple to be wrong.
class Bits {
 public:
  static constexpr int kSize = 2240;

  void add(double number) {
    int exponent = 0;
    const double mantissa = std::frexp(std::fabs(number), &exponent);
    // mantissa * 2^53 is an integer that weighs 2^(exponent - 53)
    const auto whole = static_cast<std::uint64_t>(std::ldexp(mantissa, 53));
    for (int bit = 0; bit < 53; ++bit) {
      if ((whole >> bit & 1) != 0) add_bit(exponent - 53 + bit + 1074, number < 0);
    }
  }

  void add(std::int64_t number) {
    const std::uint64_t magnitude =
        number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    for (int bit = 0; bit < 64; ++bit) {
      if ((magnitude >> bit & 1) != 0) add_bit(1074 + bit, number < 0);
    }
  }

  // Half to even.
  double rounded() const {
    if (bits_[kSize - 1]) return -negated().rounded();
    int top = kSize - 1;
    while (top >= 0 && !bits_[static_cast<std::size_t>(top)]) --top;
    const int low = std::max(top - 52, 0);
    double result = 0;
    for (int i = top; i >= low; --i)
      result = result * 2 + (bits_[static_cast<std::size_t>(i)] ? 1 : 0);
    if (low > 0 && bits_[static_cast<std::size_t>(low - 1)]) {
      const auto below = bits_.begin() + low - 1;
      const bool more = std::find(bits_.begin(), below, true) != below;
      if (more || bits_[static_cast<std::size_t>(low)]) result += 1;
    }
    return std::ldexp(result, low - 1074);
  }

 private:
  void add_bit(int place, bool negative) {
    // Adding flips 1s up to the first 0, taking away flips 0s up to the first 1.
    auto i = static_cast<std::size_t>(place);
    while (i < bits_.size() && bits_[i] != negative) bits_[i++] = negative;
    if (i < bits_.size()) bits_[i] = !negative;
  }

  Bits negated() const {
    Bits result;
    for (int i = 0; i < kSize; ++i) {
      if (bits_[static_cast<std::size_t>(i)]) result.add_bit(i, true);
    }
    return result;
  }

  std::vector<bool> bits_ = std::vector<bool>(kSize, false);
};

double random_real(Rng& rng, int spread) {
  const double mantissa = std::ldexp(static_cast<double>(rng() >> 11), -53);
  const int exponent = static_cast<int>(rng() % static_cast<unsigned>(2 * spread + 1)) - spread;
  const double number = std::ldexp(mantissa, std::clamp(exponent, -1074, 1023));
  return rng() % 2 == 0 ? number : -number;
}

Value random_number(Rng& rng, int spread) {
  if (rng() % 4 == 0) return Value::int_of(static_cast<std::int64_t>(rng()) >> (rng() % 64));
  return Value::real(random_real(rng, spread));
}

std::string shown(Value value) {
  std::string out(kind_name(value.kind));
  if (!value.is_null()) print_json(value, out += ' ');
  return out;
}

std::string sum_of(std::vector<Value> values) {
  ExactSum sum;
  for (const Value value : values) sum.add(value, 1);
  return shown(sum.sum());
}

Value integer(std::int64_t i) { return Value::int_of(i); }
Value real(double d) { return Value::real(d); }

}  // namespace

TEST_CASE("exact sum: INTs stay INT while the total fits") {
  CHECK(sum_of({}) == "null");
  CHECK(sum_of({integer(2), integer(3)}) == "int 5");
  CHECK(sum_of({integer(INT64_MAX), integer(1)}) == "real 9.223372036854776e+18");
  CHECK(sum_of({integer(INT64_MAX), integer(1), integer(-1)}) == "int 9223372036854775807");
  CHECK(sum_of({integer(1), real(2)}) == "real 3.0");
}

TEST_CASE("exact sum: NULL and what is no number doesn't count") {
  CHECK(sum_of({Value::null(), Value::text_of("5"), Value::boolean_of(true)}) == "null");
  ExactSum sum;
  sum.add(Value::null(), 1);
  CHECK(sum.count() == 0);
  CHECK(shown(sum.total()) == "real 0.0");
  CHECK(shown(sum.avg()) == "null");
  sum.add(integer(1), 1);
  sum.add(real(2), 1);
  CHECK(sum.count() == 2);
  CHECK(shown(sum.avg()) == "real 1.5");
}

TEST_CASE("exact sum: nothing is lost where doubles lose it") {
  CHECK(sum_of({real(1e308), real(1), real(-1e308)}) == "real 1.0");
  CHECK(sum_of({real(1e16), real(1), real(1)}) == "real 1.0000000000000002e+16");
  CHECK(sum_of({real(1e308), real(1e308), real(-1e308)}) == "real 1e+308");
  CHECK(sum_of({integer(INT64_MAX), real(0.5), integer(-INT64_MAX)}) == "real 0.5");
  std::vector<Value> tenths(10, real(0.1));
  CHECK(sum_of(tenths) == "real 1.0");
}

TEST_CASE("exact sum: infinities, and totals beyond doubles") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(sum_of({real(infinity), real(1)}) == "real 1e999");
  CHECK(sum_of({real(-infinity), integer(1)}) == "real -1e999");
  CHECK(sum_of({real(infinity), real(-infinity)}) == "null");
  CHECK(sum_of({real(1.7e308), real(1.7e308)}) == "real 1e999");
  ExactSum sum;
  sum.add(real(infinity), 1);
  sum.add(real(-infinity), 1);
  sum.add(integer(4), 1);
  CHECK(shown(sum.total()) == "null");
  CHECK(shown(sum.avg()) == "null");
  sum.add(real(infinity), -1);
  CHECK(shown(sum.avg()) == "real -1e999");
  sum.add(real(-infinity), -1);
  CHECK(shown(sum.sum()) == "int 4");
}

TEST_CASE("exact sum: the smallest doubles add up without rounding") {
  const double least = std::numeric_limits<double>::denorm_min();
  CHECK(sum_of({real(least), real(least), real(least)}) == "real 1.5e-323");
  CHECK(sum_of({real(least), real(-least)}) == "real 0.0");
  const double normal = std::numeric_limits<double>::min();
  CHECK(sum_of({real(normal), real(-least)}) == "real 2.225073858507201e-308");
}

TEST_CASE("exact sum: rounds once, half to even") {
  const double big = 9007199254740992.0;  // 2^53
  CHECK(sum_of({real(big), real(1)}) == sum_of({real(big)}));
  CHECK(sum_of({real(big), real(1), real(1e-300)}) == sum_of({real(big + 2)}));
  CHECK(sum_of({real(big + 2), real(1)}) == sum_of({real(big + 4)}));
  CHECK(sum_of({real(big + 2), real(1), real(-1e-300)}) == sum_of({real(big + 2)}));
  CHECK(sum_of({real(-big), real(-1), real(-1e-300)}) == sum_of({real(-big - 2)}));
}

TEST_CASE("exact sum: agrees with 2240-bit integers on random numbers") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const int spread = static_cast<int>(seed % 3 == 0 ? 1074 : seed % 3 == 1 ? 60 : 4);
    ExactSum sum;
    Bits bits;
    for (std::uint64_t n = 1 + rng() % 30; n > 0; --n) {
      const Value value = random_number(rng, spread);
      sum.add(value, 1);
      if (value.kind == Kind::kInt) {
        bits.add(value.integer);
      } else {
        bits.add(value.number);
      }
    }
    CHECK(shown(sum.total()) == shown(Value::real(bits.rounded())));
  }
}

TEST_CASE("exact sum: what is taken back leaves no trace, in any order") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const int spread = seed % 2 == 0 ? 1074 : 20;
    std::vector<Value> present;
    ExactSum sum;
    for (int step = 0; step < 300; ++step) {
      if (!present.empty() && rng() % 100 < 48) {
        std::swap(present[rng() % present.size()], present.back());
        sum.add(present.back(), -1);
        present.pop_back();
      } else {
        present.push_back(random_number(rng, spread));
        sum.add(present.back(), 1);
      }
    }
    CHECK(shown(sum.sum()) == sum_of(present));
    std::shuffle(present.begin(), present.end(), rng);
    CHECK(shown(sum.sum()) == sum_of(present));
    const ExactSum copy = sum;
    for (const Value value : present) sum.add(value, -1);
    CHECK(shown(sum.sum()) == "null");
    CHECK(shown(copy.sum()) == sum_of(present));
  }
}

TEST_CASE("exact sum: a million equal additions carry") {
  ExactSum sum;
  for (int i = 0; i < 1'000'000; ++i) sum.add(real(1.7976931348623157e308), 1);
  CHECK(shown(sum.total()) == "real 1e999");
  for (int i = 0; i < 1'000'000; ++i) sum.add(real(-1.7976931348623155e308), 1);
  // A million times the last place of the greatest double.
  CHECK(shown(sum.total()) == shown(Value::real(1e6 * std::ldexp(1.0, 971))));
}

TEST_CASE("exact sum: stays small where numbers are alike") {
  ExactSum sum;
  CHECK(sum.memory_bytes() <= 48);
  for (int i = 0; i < 1000; ++i) sum.add(real(0.01 * i), 1);
  CHECK(sum.memory_bytes() <= 200);
}
