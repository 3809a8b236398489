// encode_ordered against compare, over values of all kinds.
#include "core/triples/key_encoding.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/base/hex.h"
#include "tests/triples/describe.h"

using namespace tremula::triples;
using tremula::base::hex;

namespace {

using Rng = std::mt19937_64;

double random_real(Rng& rng) {
  switch (rng() % 6) {
    case 0: return static_cast<double>(static_cast<std::int64_t>(rng()));
    case 1: return static_cast<double>(static_cast<int>(rng() % 41) - 20) / 4;
    case 2: return std::ldexp(1.0, static_cast<int>(rng() % 140)) * (rng() % 2 == 0 ? 1 : -1);
    case 3: return rng() % 2 == 0 ? HUGE_VAL : -HUGE_VAL;
    case 4: return std::nextafter(static_cast<double>(rng() % 1000), rng() % 2 == 0 ? 1e300 : -1);
    default: return std::bit_cast<double>(rng());
  }
}

std::int64_t random_int(Rng& rng) {
  const auto shifted = static_cast<std::int64_t>(rng()) >> (rng() % 64);
  if (rng() % 8 == 0) return shifted > 0 ? INT64_MAX : INT64_MIN;
  return shifted;
}

OwnedValue random_value(Rng& rng) {
  static const char kLetters[] = {'\0', '\1', '\2', 'a', 'b', '\x7f', '\xfe', '\xff'};
  std::string bytes;
  for (std::uint64_t n = rng() % 5; n > 0; --n) bytes += kLetters[rng() % sizeof kLetters];
  switch (rng() % 9) {
    case 0: return OwnedValue(Value::null());
    case 1: return OwnedValue(Value::boolean_of(rng() % 2 == 0));
    case 2:
    case 3: return OwnedValue(integer(random_int(rng)));
    case 4:
    case 5: return OwnedValue(real(random_real(rng)));
    case 6: return OwnedValue(text(bytes));
    case 7: return OwnedValue(Value::bytes_of(bytes));
    default: return OwnedValue(Value::json_of(rng() % 2 == 0 ? "[]" : "{\"a\":1}"));
  }
}

std::string encoded(Value value, Direction direction = Direction::kAscending,
                    Nulls nulls = Nulls::kFirst) {
  std::string out;
  encode_ordered(value, out, direction, nulls);
  return out;
}

struct Order {
  Direction direction;
  Nulls nulls;
};
constexpr Order kOrders[] = {{Direction::kAscending, Nulls::kFirst},
                             {Direction::kAscending, Nulls::kLast},
                             {Direction::kDescending, Nulls::kFirst},
                             {Direction::kDescending, Nulls::kLast}};

int expected(Value a, Value b, Order order) {
  if (a.is_null() != b.is_null()) return a.is_null() == (order.nulls == Nulls::kFirst) ? -1 : 1;
  const auto compared = compare(a, b);
  const int sign = compared < 0 ? -1 : compared > 0 ? 1 : 0;
  return order.direction == Direction::kAscending ? sign : -sign;
}

int sign_of(int number) { return (number > 0) - (number < 0); }

}  // namespace

TEST_CASE("key encoding: the bytes are those that the header draws") {
  CHECK(hex(encoded(Value::null())) == "02");
  CHECK(hex(encoded(integer(0))) == "3800");
  CHECK(hex(encoded(integer(1))) == "390100");
  CHECK(hex(encoded(integer(-1))) == "36feff");
  CHECK(hex(encoded(integer(256))) == "3a010000");
  CHECK(hex(encoded(real(1.0))) == "390100");
  CHECK(hex(encoded(real(0.5))) == "38013fe0000000000000");
  CHECK(hex(encoded(real(std::ldexp(1.0, 64)))) == "4143f0000000000000");
  CHECK(hex(encoded(text(std::string_view("a\0b", 3)))) == "506100ff620001");
  CHECK(hex(encoded(text("a"), Direction::kDescending)) == "af9efffe");
  CHECK(hex(encoded(Value::null(), Direction::kDescending, Nulls::kLast)) == "f0");
}

TEST_CASE(
    "key encoding: bytes order as values do, in each direction and with either end for NULLs") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    int wrong = 0;
    for (int i = 0; i < 1000; ++i) {
      const OwnedValue a = random_value(rng);
      const OwnedValue b = rng() % 10 == 0 ? a : random_value(rng);
      for (const Order order : kOrders) {
        const std::string bytes_a = encoded(a.value(), order.direction, order.nulls);
        const std::string bytes_b = encoded(b.value(), order.direction, order.nulls);
        wrong += sign_of(bytes_a.compare(bytes_b)) != expected(a.value(), b.value(), order);
        wrong +=
            bytes_a != bytes_b && (bytes_a.starts_with(bytes_b) || bytes_b.starts_with(bytes_a));
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("key encoding: concatenations order term by term") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    int wrong = 0;
    for (int i = 0; i < 1000; ++i) {
      std::string bytes_a;
      std::string bytes_b;
      int order = 0;
      for (int term = 0; term < 3; ++term) {
        const Order how = kOrders[rng() % 4];
        const OwnedValue a = random_value(rng);
        const OwnedValue b = rng() % 2 == 0 ? a : random_value(rng);
        encode_ordered(a.value(), bytes_a, how.direction, how.nulls);
        encode_ordered(b.value(), bytes_b, how.direction, how.nulls);
        if (order == 0) order = expected(a.value(), b.value(), how);
      }
      wrong += sign_of(bytes_a.compare(bytes_b)) != order;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("key encoding: decoding gives equal values, whole numbers as INT") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    int wrong = 0;
    for (int i = 0; i < 1000; ++i) {
      const OwnedValue first = random_value(rng);
      const OwnedValue second = random_value(rng);
      const std::string bytes = encoded(first.value()) + encoded(second.value());
      std::string_view rest = bytes;
      std::string scratch;
      for (const Value value : {first.value(), second.value()}) {
        const Value decoded = decode_ordered(rest, scratch);
        wrong += compare(decoded, value) != 0;
        const bool whole_real = value.kind == Kind::kReal && decoded.kind == Kind::kInt;
        wrong += decoded.kind != value.kind && !whole_real;
      }
      wrong += !rest.empty();
    }
    CHECK(wrong == 0);
  }
  const std::string one = encoded(real(1.0));
  std::string_view rest = one;
  std::string scratch;
  CHECK(describe(decode_ordered(rest, scratch)) == "int 1");
}

TEST_CASE("key encoding: INT and REAL beside 2^53 and 2^63 are told apart") {
  const std::vector<Value> ascending = {real(-HUGE_VAL),
                                        real(-9223372036854777856.0),
                                        integer(INT64_MIN),
                                        integer(INT64_MIN + 1),
                                        real(-9007199254740992.0),
                                        real(-0.5),
                                        integer(0),
                                        real(std::numeric_limits<double>::denorm_min()),
                                        integer(9007199254740991),
                                        real(9007199254740992.0),
                                        integer(9007199254740993),
                                        integer(INT64_MAX),
                                        real(9223372036854775808.0),
                                        real(18446744073709549568.0),
                                        real(18446744073709551616.0),
                                        real(HUGE_VAL)};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    CAPTURE(i);
    CHECK(encoded(ascending[i]) < encoded(ascending[i + 1]));
    CHECK(compare(ascending[i], ascending[i + 1]) < 0);
  }
}

TEST_CASE("key encoding: prefix_end is the least bytes behind a prefix") {
  CHECK(prefix_end("ab") == "ac");
  CHECK(prefix_end("a\xff\xff") == "b");
  CHECK(prefix_end("\xff\xff").empty());
  CHECK(prefix_end("").empty());
}
