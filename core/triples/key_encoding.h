// Order-preserving bytes of values: memcmp of the encodings orders as dynamic values do, and equal encodings are equal
// values (1 = 1.0). No encoding is a prefix of another, so concatenations order term by term.
//
//   NULL first 02 | BOOL 10 11 | numbers 20..4F | TEXT 50 | BYTES 58 | JSON 60 | NULL last F0      (DESC: complemented, NULL not)
//
//   number   class byte = sign and length n of the integer part's magnitude (0 to 8 bytes), then those n bytes big-endian, then 00,
//            or 01 and the 8 bytes of the fraction's double, big-endian; magnitudes from 2^64 have a class of their own
//            and the 8 bytes of the double; negative numbers are the complement of the positive ones, with class bytes below.
//   text     its bytes, 00 written as 00 FF, ended by 00 01; BYTES and JSON likewise
//
// An INT of k significant bytes takes k + 2 bytes. Exact for all of INT and REAL: no two different numbers share an encoding.
#pragma once

#include <string>
#include <string_view>

#include "core/triples/value.h"

namespace tremula::triples {

enum class Direction : unsigned char { kAscending, kDescending };
enum class Nulls : unsigned char { kFirst, kLast };

// Appends the encoding of `value` to `out`.
void encode_ordered(Value value, std::string& out, Direction direction = Direction::kAscending,
                    Nulls nulls = Nulls::kFirst);

// The value that stands first in `bytes` (ascending, NULLs first), which are moved past it. Text is unescaped into `scratch` only if it
// held a 00 byte, otherwise it points into `bytes`.  Numbers come back as INT where they are whole and fit, else REAL.
// Requires: bytes made by encode_ordered.
Value decode_ordered(std::string_view& bytes, std::string& scratch);

// The least bytes greater than all that begin with `prefix`; empty if there are none.
std::string prefix_end(std::string_view prefix);

}  // namespace tremula::triples
