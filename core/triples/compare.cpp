#include <bit>
#include <cstring>

#include "core/triples/value_ops.h"

namespace tremula::triples {

namespace {

std::uint64_t first_eight(const char* bytes) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, bytes, sizeof eight);
  return std::endian::native == std::endian::little ? __builtin_bswap64(eight) : eight;
}

// Most texts differ early, and two registers are cheaper to compare than memcmp is to call.
std::strong_ordering compare_bytes(std::string_view a, std::string_view b) {
  if (a.size() >= 8 && b.size() >= 8) {
    const std::uint64_t first_a = first_eight(a.data());
    const std::uint64_t first_b = first_eight(b.data());
    if (first_a != first_b) return first_a <=> first_b;
    a.remove_prefix(8);
    b.remove_prefix(8);
  }
  return a <=> b;
}

// Kinds as they order; INT and REAL are one.
int rank(Kind kind) {
  switch (kind) {
    case Kind::kNull:
    case Kind::kMissing: return 0;
    case Kind::kBool: return 1;
    case Kind::kInt:
    case Kind::kReal: return 2;
    case Kind::kText: return 3;
    case Kind::kBytes: return 4;
    case Kind::kJson: return 5;
  }
  return 0;
}

std::strong_ordering compare_reals(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  return a > b ? std::strong_ordering::greater : std::strong_ordering::equal;
}

// Exact: converting the INT would round it from 2^53 on.
std::strong_ordering compare_int_real(std::int64_t a, double b) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (b >= kLimit) return std::strong_ordering::less;
  if (b < -kLimit) return std::strong_ordering::greater;
  const auto whole = static_cast<std::int64_t>(b);
  if (a != whole) return a <=> whole;
  return compare_reals(0.0, b - static_cast<double>(whole));
}

std::strong_ordering compare_numbers(Value a, Value b) {
  if (a.kind == Kind::kInt) {
    if (b.kind == Kind::kInt) return a.integer <=> b.integer;
    return compare_int_real(a.integer, b.number);
  }
  if (b.kind == Kind::kReal) return compare_reals(a.number, b.number);
  return 0 <=> compare_int_real(b.integer, a.number);
}

bool has_no_value(Value value) { return value.is_null() || value.is_missing(); }

}  // namespace

std::strong_ordering compare_slow(Value a, Value b) {
  if (a.kind == Kind::kText && b.kind == Kind::kText) return compare_bytes(a.view(), b.view());
  const int rank_a = rank(a.kind);
  const int rank_b = rank(b.kind);
  if (rank_a != rank_b) return rank_a <=> rank_b;
  switch (rank_a) {
    case 0: return std::strong_ordering::equal;
    case 1: return a.boolean <=> b.boolean;
    case 2: return compare_numbers(a, b);
    default: return compare_bytes(a.view(), b.view());
  }
}

Value equal_slow(Value a, Value b) {
  if (has_no_value(a) || has_no_value(b)) return Value::null();
  if (a.has_bytes()) return Value::boolean_of(identical(a, b));
  return Value::boolean_of(compare(a, b) == 0);
}

Value less(Value a, Value b) {
  if (has_no_value(a) || has_no_value(b)) return Value::null();
  return Value::boolean_of(compare(a, b) < 0);
}

Value less_equal(Value a, Value b) {
  if (has_no_value(a) || has_no_value(b)) return Value::null();
  return Value::boolean_of(compare(a, b) <= 0);
}

}  // namespace tremula::triples
