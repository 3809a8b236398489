// Numbers as text, both ways; independent of the locale.
//
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/triples/value.h"

namespace tremula::triples {

inline constexpr std::size_t kNumberTextMax = 32;

// Writes a number as the contract prints it.  Returns: how many characters.
std::size_t format_int(std::int64_t number, char (&buffer)[kNumberTextMax]);
std::size_t format_real(double number, char (&buffer)[kNumberTextMax]);

// The number that a literal means: digits alone are an INT if 64 bits hold it, all else is a REAL,
// infinite beyond doubles.
// Requires: [+-]? then digits, with an optional fraction and exponent, and nothing else.
Value number_from_text(std::string_view literal);

// The longest numeric prefix after white space, as CAST reads text; 0 if there is none.
std::int64_t int_prefix(std::string_view text);  // clamped to 64 bits
double real_prefix(std::string_view text);

// Truncates towards zero and clamps, as SQLite takes a REAL where it needs an INT.
std::int64_t int_from_real(double number);

// Half away from zero on the shortest decimal form: 2.675 to 2 decimals is 2.68.
// Requires: 0 <= decimals.
double round_decimal(double number, int decimals);

}  // namespace tremula::triples
