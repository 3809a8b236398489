// The scalar functions on texts; value_ops.h's call() is their door.
//
// Thread: pure functions.
#pragma once

#include <span>

#include "core/base/arena.h"
#include "core/triples/value.h"

namespace tremula::triples {

Value text_length(Value value);                     // in code points; of BYTES in bytes
Value text_lower(Value value, base::Arena& arena);  // ASCII alone, as is text_upper
Value text_upper(Value value, base::Arena& arena);
// Requires: one argument (spaces go) or two (the code points of the second go).
enum class TrimSide : unsigned char { kBoth, kLeft, kRight };
Value text_trim(std::span<const Value> arguments, TrimSide side, base::Arena& arena);
// Requires: two or three arguments.  BYTES are cut by bytes and stay BYTES.
Value text_substr(std::span<const Value> arguments, base::Arena& arena);
Value text_instr(Value text, Value part);
Value text_replace(Value text, Value part, Value by, base::Arena& arena);

}  // namespace tremula::triples
