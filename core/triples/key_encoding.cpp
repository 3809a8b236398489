#include "core/triples/key_encoding.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/check.h"

namespace tremula::triples {

namespace {

enum Tag : unsigned char {
  kNullFirst = 0x02,
  kFalse = 0x10,
  kTrue = 0x11,
  kNegativeHuge = 0x2E,
  kNegative = 0x37,  // minus the length: 2F to 37
  kPositive = 0x38,  // plus the length: 38 to 40
  kPositiveHuge = 0x41,
  kText = 0x50,
  kBytes = 0x58,
  kJson = 0x60,
  kNullLast = 0xF0,
};
constexpr unsigned char kWhole = 0x00;
constexpr unsigned char kFraction = 0x01;
constexpr unsigned char kEscaped = 0xFF;  // after a 00 that belongs to the text
constexpr unsigned char kEnd = 0x01;      // after the 00 that ends it
constexpr double kTwo64 = 18446744073709551616.0;
constexpr std::size_t kNumberBytesMax = 18;

// A number's bytes, built apart so that they reach the string in one piece.
struct NumberBytes {
  unsigned char bytes[kNumberBytesMax + sizeof(std::uint64_t)];
  std::size_t size = 0;

  void put(unsigned char byte) { bytes[size++] = byte; }
  // The lowest `count` bytes.
  void put_big_endian(std::uint64_t number, unsigned count) {
    if (count == 0) return;
    number <<= 64 - 8 * count;
    if constexpr (std::endian::native == std::endian::little) number = __builtin_bswap64(number);
    std::memcpy(bytes + size, &number, sizeof number);  // what is behind `count` is overwritten
    size += count;
  }
  void complement_from(std::size_t begin) {
    for (std::size_t i = begin; i < size; ++i) bytes[i] = static_cast<unsigned char>(~bytes[i]);
  }
  void append_to(std::string& out) const { out.append(reinterpret_cast<const char*>(bytes), size); }
};

void put_magnitude(NumberBytes& out, bool negative, std::uint64_t whole) {
  const unsigned length = (static_cast<unsigned>(std::bit_width(whole)) + 7) / 8;
  out.put(static_cast<unsigned char>(negative ? kNegative - length : kPositive + length));
  out.put_big_endian(whole, length);
}

void encode_int(std::int64_t number, std::string& out) {
  NumberBytes bytes;
  const auto bits = static_cast<std::uint64_t>(number);
  put_magnitude(bytes, number < 0, number < 0 ? 0 - bits : bits);
  bytes.put(kWhole);
  if (number < 0) bytes.complement_from(1);
  bytes.append_to(out);
}

void encode_real(double number, std::string& out) {
  NumberBytes bytes;
  const double magnitude = std::fabs(number);
  if (magnitude >= kTwo64) {
    bytes.put(number < 0 ? kNegativeHuge : kPositiveHuge);
    bytes.put_big_endian(std::bit_cast<std::uint64_t>(magnitude), 8);
  } else {
    const auto whole = static_cast<std::uint64_t>(magnitude);
    // Exact: the low bits of the same double.
    const double fraction = magnitude - static_cast<double>(whole);
    put_magnitude(bytes, number < 0, whole);
    bytes.put(fraction == 0 ? kWhole : kFraction);
    if (fraction != 0) bytes.put_big_endian(std::bit_cast<std::uint64_t>(fraction), 8);
  }
  if (number < 0) bytes.complement_from(1);
  bytes.append_to(out);
}

void encode_bytes(Tag tag, std::string_view bytes, std::string& out) {
  out += static_cast<char>(tag);
  for (;;) {
    const std::size_t zero = bytes.find('\0');
    out.append(bytes.substr(0, zero));
    if (zero == std::string_view::npos) break;
    out += '\0';
    out += static_cast<char>(kEscaped);
    bytes.remove_prefix(zero + 1);
  }
  constexpr char kTextEnd[] = {'\0', static_cast<char>(kEnd)};
  out.append(kTextEnd, sizeof kTextEnd);
}

unsigned char take(std::string_view& bytes) {
  TREMULA_ASSERT(!bytes.empty());
  const auto byte = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}

std::uint64_t take_big_endian(std::string_view& bytes, unsigned count, unsigned char mask) {
  TREMULA_ASSERT(bytes.size() >= count);
  std::uint64_t number = 0;
  for (unsigned i = 0; i < count; ++i) {
    number = number << 8 | (static_cast<unsigned char>(bytes[i]) ^ mask);
  }
  bytes.remove_prefix(count);
  return number;
}

Value decode_number(unsigned char tag, std::string_view& bytes) {
  const bool negative = tag <= kNegative;
  const unsigned char mask = negative ? 0xFF : 0x00;
  if (tag == kNegativeHuge || tag == kPositiveHuge) {
    const auto magnitude = std::bit_cast<double>(take_big_endian(bytes, 8, mask));
    return Value::real(negative ? -magnitude : magnitude);
  }
  const unsigned length = negative ? kNegative - tag : tag - kPositive;
  TREMULA_ASSERT(length <= 8);
  const std::uint64_t whole = take_big_endian(bytes, length, mask);
  const unsigned char mark = take(bytes) ^ mask;
  TREMULA_ASSERT(mark == kWhole || mark == kFraction);
  constexpr std::uint64_t kTwo63 = std::uint64_t{1} << 63;
  if (mark == kWhole && whole < kTwo63 + (negative ? 1 : 0)) {
    return Value::int_of(static_cast<std::int64_t>(negative ? 0 - whole : whole));
  }
  double magnitude = static_cast<double>(whole);
  if (mark == kFraction) magnitude += std::bit_cast<double>(take_big_endian(bytes, 8, mask));
  return Value::real(negative ? -magnitude : magnitude);
}

std::string_view decode_bytes(std::string_view& bytes, std::string& scratch) {
  bool escaped = false;
  for (std::size_t begin = 0;;) {
    const std::size_t zero = bytes.find('\0', begin);
    TREMULA_ASSERT(zero != std::string_view::npos && zero + 1 < bytes.size());
    const auto next = static_cast<unsigned char>(bytes[zero + 1]);
    TREMULA_ASSERT(next == kEnd || next == kEscaped);
    if (next == kEscaped && !escaped) scratch.clear();
    escaped = escaped || next == kEscaped;
    const std::string_view part = bytes.substr(begin, zero - begin + (next == kEscaped ? 1 : 0));
    if (escaped) scratch.append(part);
    begin = zero + 2;
    if (next == kEnd) {
      bytes.remove_prefix(begin);
      return escaped ? std::string_view(scratch) : part;
    }
  }
}

}  // namespace

void encode_ordered(Value value, std::string& out, Direction direction, Nulls nulls) {
  const std::size_t begin = out.size();
  switch (value.kind) {
    case Kind::kNull:
    case Kind::kMissing:
      out += static_cast<char>(nulls == Nulls::kFirst ? kNullFirst : kNullLast);
      return;
    case Kind::kBool: out += static_cast<char>(value.boolean ? kTrue : kFalse); break;
    case Kind::kInt: encode_int(value.integer, out); break;
    case Kind::kReal: encode_real(value.number, out); break;
    case Kind::kText: encode_bytes(kText, value.view(), out); break;
    case Kind::kBytes: encode_bytes(kBytes, value.view(), out); break;
    case Kind::kJson: encode_bytes(kJson, value.view(), out); break;
  }
  if (direction == Direction::kDescending) {
    for (std::size_t i = begin; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
  }
}

Value decode_ordered(std::string_view& bytes, std::string& scratch) {
  const unsigned char tag = take(bytes);
  switch (tag) {
    case kNullFirst:
    case kNullLast: return Value::null();
    case kFalse:
    case kTrue: return Value::boolean_of(tag == kTrue);
    case kText: return Value::text_of(decode_bytes(bytes, scratch));
    case kBytes: return Value::bytes_of(decode_bytes(bytes, scratch));
    case kJson: return Value::json_of(decode_bytes(bytes, scratch));
    default: break;
  }
  TREMULA_ASSERT(tag >= kNegativeHuge && tag <= kPositiveHuge);
  return decode_number(tag, bytes);
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF) end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

}  // namespace tremula::triples
