#include "core/triples/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "core/base/check.h"

namespace tremula::triples {

namespace {

constexpr int kDigitsMax = 17;  // of the shortest form of a double

// |number| = 0.DDD... * 10^point
struct Decimal {
  char digits[kDigitsMax + 1];
  int count = 0;
  int point = 0;
};

// Requires: positive and finite.
Decimal shortest_decimal(double number) {
  char text[kNumberTextMax];
  const auto end =
      std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* at = text;
  for (; at != end && *at != 'e'; ++at) {
    if (*at != '.') decimal.digits[decimal.count++] = *at;
  }
  int exponent = 0;
  TREMULA_ASSERT(end - at >= 3);
  std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
  decimal.point = exponent + 1;
  return decimal;
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && text[at + count] >= '0' && text[at + count] <= '9') ++count;
  return count;
}

bool is_sign(char c) { return c == '+' || c == '-'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view without_leading_space(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_space(text[at])) ++at;
  return text.substr(at);
}

// How long the REAL is that `text` begins with; 0: there is none.
std::size_t real_length(std::string_view text) {
  std::size_t at = !text.empty() && is_sign(text[0]) ? 1 : 0;
  const std::size_t whole = digits_at(text, at);
  at += whole;
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    fraction = digits_at(text, at + 1);
    if (whole + fraction > 0) at += 1 + fraction;
  }
  if (whole + fraction == 0) return 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const std::size_t sign = at + 1 < text.size() && is_sign(text[at + 1]) ? 1 : 0;
    const std::size_t exponent = digits_at(text, at + 1 + sign);
    if (exponent > 0) at += 1 + sign + exponent;
  }
  return at;
}

// Whether a number that doubles can't hold is too large rather than too small.
bool is_huge(std::string_view literal) {
  std::int64_t point = 0;
  bool seen_digit = false;
  bool seen_point = false;
  std::size_t at = 0;
  for (; at < literal.size() && literal[at] != 'e' && literal[at] != 'E'; ++at) {
    const char c = literal[at];
    if (c == '.') {
      seen_point = true;
    } else {
      if (c >= '1' && c <= '9') seen_digit = true;
      if (seen_digit && !seen_point) ++point;
      if (!seen_digit && seen_point) --point;
    }
  }
  constexpr std::int64_t kExponentMax = std::int64_t{1} << 60;  // the sum doesn't overflow
  const std::int64_t exponent = at < literal.size() ? int_prefix(literal.substr(at + 1)) : 0;
  return point + std::clamp(exponent, -kExponentMax, kExponentMax) > 0;
}

// Requires: the form that real_length accepts, and nothing else.
double real_from_text(std::string_view literal) {
  if (literal.empty()) return 0;
  const bool negative = literal[0] == '-';
  if (is_sign(literal[0])) literal.remove_prefix(1);
  double number = 0;
  const auto result = std::from_chars(literal.data(), literal.data() + literal.size(), number);
  if (result.ec == std::errc::result_out_of_range) {
    number = is_huge(literal) ? std::numeric_limits<double>::infinity() : 0;
  }
  return negative ? -number : number;
}

}  // namespace

std::size_t format_int(std::int64_t number, char (&buffer)[kNumberTextMax]) {
  return static_cast<std::size_t>(std::to_chars(buffer, buffer + kNumberTextMax, number).ptr -
                                  buffer);
}

std::size_t format_real(double number, char (&buffer)[kNumberTextMax]) {
  char* out = buffer;
  if (number < 0) *out++ = '-';
  number = std::fabs(number);
  const auto append = [&out](std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    out += text.size();
  };
  if (std::isinf(number)) {
    append("1e999");
  } else if (number == 0) {
    append("0.0");
  } else if (number < 1e-4 || number >= 1e16) {
    // to_chars leaves ".0" out and gives the exponent a sign and two digits: 2e+20, 1e-05.
    out = std::to_chars(out, buffer + kNumberTextMax, number, std::chars_format::scientific).ptr;
  } else {
    const char* begin = out;
    out = std::to_chars(out, buffer + kNumberTextMax, number, std::chars_format::fixed).ptr;
    if (std::memchr(begin, '.', static_cast<std::size_t>(out - begin)) == nullptr) append(".0");
  }
  return static_cast<std::size_t>(out - buffer);
}

Value number_from_text(std::string_view literal) {
  const std::size_t sign = !literal.empty() && is_sign(literal[0]) ? 1 : 0;
  if (digits_at(literal, sign) + sign == literal.size()) {
    if (literal[0] == '+') literal.remove_prefix(1);
    std::int64_t number = 0;
    const auto result = std::from_chars(literal.data(), literal.data() + literal.size(), number);
    if (result.ec == std::errc{}) return Value::int_of(number);
  }
  return Value::real(real_from_text(literal));
}

std::int64_t int_prefix(std::string_view text) {
  text = without_leading_space(text);
  const bool negative = !text.empty() && text[0] == '-';
  const std::size_t sign = !text.empty() && is_sign(text[0]) ? 1 : 0;
  const std::size_t count = digits_at(text, sign);
  if (count == 0) return 0;
  std::int64_t number = 0;
  const char* begin = text.data() + (negative ? 0 : sign);
  const auto result = std::from_chars(begin, text.data() + sign + count, number);
  if (result.ec == std::errc{}) return number;
  return negative ? std::numeric_limits<std::int64_t>::min()
                  : std::numeric_limits<std::int64_t>::max();
}

double real_prefix(std::string_view text) {
  text = without_leading_space(text);
  return real_from_text(text.substr(0, real_length(text)));
}

std::int64_t int_from_real(double number) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (number >= kLimit) return std::numeric_limits<std::int64_t>::max();
  if (number < -kLimit) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

double round_decimal(double number, int decimals) {
  // From 2^52 on there are no fractions.
  if (number == 0 || !(std::fabs(number) < 4503599627370496.0)) return number;
  const Decimal decimal = shortest_decimal(std::fabs(number));
  const int keep = decimal.point + decimals;
  if (keep >= decimal.count) return number;
  if (keep < 0) return 0;
  std::string text(number < 0 ? "-0" : "0");  // the leading zero takes a carry
  const std::size_t first = text.size();
  text.append(decimal.digits, static_cast<std::size_t>(keep));
  if (decimal.digits[keep] >= '5') {
    std::size_t at = text.size() - 1;
    for (; at >= first && text[at] == '9'; --at) text[at] = '0';
    ++text[at];
  }
  text += 'e';
  text += std::to_string(decimal.point - keep);
  return real_from_text(text);
}

}  // namespace tremula::triples
