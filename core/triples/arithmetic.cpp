#include <limits>

#include "core/triples/number_text.h"
#include "core/triples/value_ops.h"

namespace tremula::triples {

namespace {

constexpr std::int64_t kIntMin = std::numeric_limits<std::int64_t>::min();

bool are_ints(Value a, Value b) { return a.kind == Kind::kInt && b.kind == Kind::kInt; }
bool are_numbers(Value a, Value b) { return a.is_number() && b.is_number(); }

// Requires: a number.
double as_real(Value value) {
  return value.kind == Kind::kInt ? static_cast<double>(value.integer) : value.number;
}

std::int64_t as_int(Value value) {
  return value.kind == Kind::kInt ? value.integer : int_from_real(value.number);
}

}  // namespace

Value add(Value a, Value b) {
  std::int64_t sum = 0;
  if (are_ints(a, b) && !__builtin_add_overflow(a.integer, b.integer, &sum))
    return Value::int_of(sum);
  return are_numbers(a, b) ? Value::real(as_real(a) + as_real(b)) : Value::null();
}

Value subtract(Value a, Value b) {
  std::int64_t difference = 0;
  if (are_ints(a, b) && !__builtin_sub_overflow(a.integer, b.integer, &difference)) {
    return Value::int_of(difference);
  }
  return are_numbers(a, b) ? Value::real(as_real(a) - as_real(b)) : Value::null();
}

Value multiply(Value a, Value b) {
  std::int64_t product = 0;
  if (are_ints(a, b) && !__builtin_mul_overflow(a.integer, b.integer, &product)) {
    return Value::int_of(product);
  }
  return are_numbers(a, b) ? Value::real(as_real(a) * as_real(b)) : Value::null();
}

Value divide(Value a, Value b) {
  if (!are_numbers(a, b)) return Value::null();
  if (are_ints(a, b)) {
    if (b.integer == 0) return Value::null();
    if (a.integer != kIntMin || b.integer != -1) return Value::int_of(a.integer / b.integer);
  }
  if (as_real(b) == 0) return Value::null();
  return Value::real(as_real(a) / as_real(b));
}

Value modulo(Value a, Value b) {
  if (!are_numbers(a, b)) return Value::null();
  const std::int64_t divisor = as_int(b);
  if (divisor == 0) return Value::null();
  // The least INT % -1 traps on x86, though the answer is plainly 0.
  const std::int64_t rest = divisor == -1 ? 0 : as_int(a) % divisor;
  return are_ints(a, b) ? Value::int_of(rest) : Value::real(static_cast<double>(rest));
}

Value negate(Value a) {
  if (a.kind == Kind::kReal) return Value::real(-a.number);
  return a.kind == Kind::kInt ? subtract(Value::int_of(0), a) : Value::null();
}

}  // namespace tremula::triples
