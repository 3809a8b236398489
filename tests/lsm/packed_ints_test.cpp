#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/lsm/packed_ints.h"

namespace {

using tremula::base::ByteReader;
using tremula::lsm::append_packed;
using tremula::lsm::kPackedSlack;
using tremula::lsm::PackedInts;
using Numbers = std::vector<std::int64_t>;

std::string pack(const Numbers& numbers) {
  std::string bytes;
  append_packed(numbers, bytes);
  return bytes;
}

Numbers unpack(std::string bytes, std::size_t count) {
  const std::size_t size = bytes.size();
  bytes.append(kPackedSlack, '\x5a');
  ByteReader reader(std::string_view(bytes).substr(0, size));
  PackedInts packed;
  REQUIRE(packed.take(count, reader));
  CHECK(reader.empty());
  Numbers numbers;
  packed.for_each([&](std::int64_t number) { numbers.push_back(number); });
  for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(packed.at(i) == numbers[i]);
  return numbers;
}

}  // namespace

TEST_CASE("packed ints: what was packed comes out again") {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  for (const Numbers& numbers :
       {Numbers{}, Numbers{0}, Numbers{kMin}, Numbers{kMin, kMax}, Numbers{kMax, kMin, kMax, 0},
        Numbers{kMin, 0, kMax}, Numbers{-1, -2, -3, -4, 5}, Numbers{1, 1, 1, 1, 1, 1, 1, 2}}) {
    CHECK(unpack(pack(numbers), numbers.size()) == numbers);
  }
  std::mt19937_64 rng(7);
  for (int round = 0; round < 2000; ++round) {
    CAPTURE(round);
    Numbers numbers(rng() % 200);
    const unsigned width = rng() % 65;
    const bool climbs = rng() % 2 == 0;
    std::uint64_t sum = rng();
    for (std::int64_t& number : numbers) {
      const std::uint64_t bits = width == 0 ? 0 : rng() >> (64 - width);
      sum = climbs ? sum + bits : bits;
      number = static_cast<std::int64_t>(sum);
    }
    CHECK(unpack(pack(numbers), numbers.size()) == numbers);
  }
}

TEST_CASE("packed ints: equal numbers and equal steps take a head alone") {
  CHECK(pack(Numbers(1000, 5)).size() == 3);
  Numbers steps;
  for (int i = 0; i < 1000; ++i) steps.push_back(100 + 3 * i);
  CHECK(pack(steps).size() == 5);
  steps[500] += 1;  // steps of 2, 3 and 4: two bits each
  CHECK(pack(steps).size() == 5 + 250);
}

TEST_CASE("packed ints: bytes that are cut off or of no known form are refused") {
  const Numbers numbers = {1, 500, 3, 70'000, 5};
  const std::string whole = pack(numbers);
  const auto take = [&](const std::string& bytes) {
    const std::string with_slack = bytes + std::string(kPackedSlack, '\0');
    ByteReader reader(std::string_view(with_slack).substr(0, bytes.size()));
    PackedInts packed;
    return packed.take(numbers.size(), reader);
  };
  CHECK(take(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(take(whole.substr(0, size)));
  std::string other = whole;
  other[0] = 2;
  CHECK_FALSE(take(other));
  for (const int width : {57, 63, 65, 255}) {
    other = whole + std::string(100, '\0');
    other[1] = static_cast<char>(width);
    CHECK_FALSE(take(other));
  }
}
