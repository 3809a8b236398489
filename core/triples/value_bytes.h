// A value as bytes, as commit records and merge states hold it.
//
//   value    byte kind | payload
//   payload  BOOL 1 byte; INT zigzag varint; REAL 8 bytes little-endian; TEXT BYTES JSON varint
//            size and the bytes; NULL and missing nothing
//
// Thread: pure functions.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/triples/value.h"

namespace tremula::triples {

// Appends.
inline void put_value(std::string& out, Value value) {
  base::put_u8(out, static_cast<std::uint8_t>(value.kind));
  switch (value.kind) {
    case Kind::kNull:
    case Kind::kMissing: return;
    case Kind::kBool: base::put_u8(out, value.boolean ? 1 : 0); return;
    case Kind::kInt: base::put_zigzag(out, value.integer); return;
    case Kind::kReal: base::put_u64(out, std::bit_cast<std::uint64_t>(value.number)); return;
    case Kind::kText:
    case Kind::kBytes:
    case Kind::kJson: base::put_sized(out, value.view()); return;
  }
}

// Returns: false where no value stands; what was read of it stays taken.
// Borrowed: the reader's bytes, by the value.
[[nodiscard]] bool read_value(base::ByteReader& from, Value& value);

}  // namespace tremula::triples
