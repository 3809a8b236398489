#include "core/triples/value_bytes.h"

#include <cmath>

namespace tremula::triples {

namespace {

// The bits of a REAL that no Value has: NaN and -0.0.
bool is_real(double number) { return number == number && !(number == 0 && std::signbit(number)); }

}  // namespace

bool read_value(base::ByteReader& from, Value& value) {
  std::uint8_t kind = 0;
  if (!from.u8(kind)) return false;
  std::string_view bytes;
  switch (static_cast<Kind>(kind)) {
    case Kind::kNull: value = Value::null(); return true;
    case Kind::kMissing: value = Value::missing(); return true;
    case Kind::kBool: {
      std::uint8_t byte = 0;
      if (!from.u8(byte) || byte > 1) return false;
      value = Value::boolean_of(byte == 1);
      return true;
    }
    case Kind::kInt: {
      std::int64_t integer = 0;
      if (!from.zigzag(integer)) return false;
      value = Value::int_of(integer);
      return true;
    }
    case Kind::kReal: {
      std::uint64_t bits = 0;
      if (!from.u64(bits)) return false;
      const auto number = std::bit_cast<double>(bits);
      value = Value::real(number);
      return is_real(number);
    }
    case Kind::kText:
    case Kind::kBytes:
    case Kind::kJson:
      if (!from.sized(bytes) || bytes.size() > 0xFFFF'FFFF) return false;
      value = static_cast<Kind>(kind) == Kind::kText    ? Value::text_of(bytes)
              : static_cast<Kind>(kind) == Kind::kBytes ? Value::bytes_of(bytes)
                                                        : Value::json_of(bytes);
      return true;
  }
  return false;
}

}  // namespace tremula::triples
