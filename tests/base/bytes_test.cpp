#include "core/base/bytes.h"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "core/base/checksum.h"
#include "core/base/hex.h"

namespace tremula::base {
namespace {

std::vector<std::uint64_t> telling_numbers() {
  std::vector<std::uint64_t> numbers = {0, std::numeric_limits<std::uint64_t>::max()};
  for (unsigned bits = 0; bits < 64; ++bits)
    for (const std::uint64_t off : {-1, 0, 1}) numbers.push_back((std::uint64_t{1} << bits) + off);
  return numbers;
}

}  // namespace

TEST_CASE("bytes: numbers are little-endian") {
  std::string out;
  put_u8(out, 0xF0);
  put_u16(out, 0x0102);
  put_u32(out, 0x03040506);
  put_u64(out, 0x0708090A0B0C0D0E);
  CHECK(hex(out) ==
        "f0"
        "0201"
        "06050403"
        "0e0d0c0b0a090807");
  ByteReader reader(out);
  std::uint8_t a = 0;
  std::uint16_t b = 0;
  std::uint32_t c = 0;
  std::uint64_t d = 0;
  CHECK((reader.u8(a) && reader.u16(b) && reader.u32(c) && reader.u64(d)));
  CHECK((a == 0xF0 && b == 0x0102 && c == 0x03040506 && d == 0x0708090A0B0C0D0E));
  CHECK(reader.empty());
  CHECK(load_u32(out.data() + 3) == 0x03040506);
}

TEST_CASE("bytes: a varint of every length is read as it was written, and no byte less will do") {
  for (const std::uint64_t number : telling_numbers()) {
    CAPTURE(number);
    std::string out;
    put_varint(out, number);
    CHECK(out.size() == varint_size(number));
    ByteReader reader(out);
    std::uint64_t read = ~number;
    CHECK(reader.varint(read));
    CHECK((read == number && reader.empty()));
    for (std::size_t size = 0; size < out.size(); ++size) {
      ByteReader cut(std::string_view(out).substr(0, size));
      CHECK(!cut.varint(read));
      CHECK(cut.left() == size);
    }
    std::uint32_t narrow = 0;
    ByteReader as_narrow(out);
    CHECK(as_narrow.varint32(narrow) == (number <= 0xFFFF'FFFF));
    CHECK(as_narrow.offset() == (number <= 0xFFFF'FFFF ? out.size() : 0));
    const auto with_sign = static_cast<std::int64_t>(number);
    CHECK(unzigzag(zigzag(with_sign)) == with_sign);
  }
  CHECK((zigzag(0) == 0 && zigzag(-1) == 1 && zigzag(1) == 2 && zigzag(-2) == 3));
}

TEST_CASE("bytes: a varint over 64 bits is refused") {
  std::uint64_t value = 0;
  const std::string most = std::string(9, '\xFF') + '\x01';
  CHECK(ByteReader(most).varint(value));
  CHECK(value == std::numeric_limits<std::uint64_t>::max());
  CHECK(!ByteReader(std::string(9, '\xFF') + '\x02').varint(value));
  CHECK(!ByteReader(std::string(9, '\xFF') + '\x81' + '\x00').varint(value));
  CHECK(!ByteReader(std::string(20, '\xFF')).varint(value));
}

TEST_CASE("bytes: a size beyond the end takes nothing") {
  std::string out;
  put_sized(out, "leaf");
  put_sized(out, "");
  std::string_view bytes;
  ByteReader reader(out);
  CHECK(reader.sized(bytes));
  CHECK(bytes == "leaf");
  CHECK(reader.sized(bytes));
  CHECK((bytes.empty() && reader.empty()));
  ByteReader cut(std::string_view(out).substr(0, 4));
  CHECK(!cut.sized(bytes));
  CHECK(cut.left() == 4);
  CHECK(!cut.bytes(5, bytes));
  std::string huge;
  put_varint(huge, std::numeric_limits<std::uint64_t>::max());
  CHECK(!ByteReader(huge).sized(bytes));
}

TEST_CASE("checksum: files of earlier versions rest on these values") {
  CHECK(checksum("", 0) == 0x2d06800538d394c2ULL);
  CHECK(checksum_text(0x2d06800538d394c2ULL) == "2d06800538d394c2");
  CHECK(checksum_seed(0, 0) == 0);
  CHECK(checksum_text(checksum_seed(7, 4096)) == "3305b2e4809bc111");
  CHECK(checksum_text(checksum("aspen", 42)) == "d08b052e2750313b");
}

TEST_CASE("checksum: a seed belongs to one file and one offset") {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t number = 0; number < 100; ++number)
    for (std::uint64_t offset = 0; offset < 100; ++offset)
      seeds.insert(checksum_seed(number, offset * 8));
  CHECK(seeds.size() == 100 * 100);
  CHECK(checksum("aspen", 1) != checksum("aspen", 2));
}

}  // namespace tremula::base
