// Order-preserving bytes of values: memcmp of the encodings orders as dynamic values do, and equal
// encodings are equal values (1 = 1.0). No encoding is a prefix of another, so concatenations order
// term by term.
//
//   NULL first 02 | BOOL 10 11 | numbers 2E..41 | TEXT 50 | BYTES 58 | JSON 60 | NULL last F0
//   DESC: all complemented, NULL not
//
//   number   class byte 38 + n, n being the length of the integer part (0 to 8 bytes); these bytes,
//            big-endian; then 00, or 01 and the 8 bytes of the fraction's double, big-endian.
//            From 2^64 on: 41 and the 8 bytes of the double.
//            Negative: class byte 37 - n or 2E, then the complement of the positive one's bytes.
//   text     its bytes, 00 written as 00 FF, ended by 00 01; BYTES and JSON likewise
//
// An INT of k significant bytes takes k + 2 bytes. Exact for all of INT and REAL: no two different
// numbers share an encoding.
// Thread: pure functions.
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

// The value that stands first in `bytes` (ascending), which are moved past it. Numbers come back as
// INT where they are whole and fit, else as REAL.
// Borrowed: text that held a 00 byte is unescaped into `scratch`, other text points into `bytes`.
// Requires: bytes made by encode_ordered.
Value decode_ordered(std::string_view& bytes, std::string& scratch);

// The least bytes greater than all that begin with `prefix`; empty if there are none.
std::string prefix_end(std::string_view prefix);

}  // namespace tremula::triples
