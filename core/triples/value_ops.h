// What TreeQL computes with values: total functions, NULL where SQLite would raise an error.
//
// Texts that are made live in the arena, or point into an argument's bytes.
// Semantics: treeql.md section 4 ("Values", "CAST", "Functions"); where it is silent SQLite's.
// BYTES that a text function meets are taken as UTF-8, and as NULL if they aren't; a text beyond
// 1,000,000,000 bytes is NULL.
// Thread: pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "core/triples/value.h"

namespace tremula::triples {

// NULL < BOOL < numbers < TEXT < BYTES < JSON; INT and REAL exactly by value; text by bytes. NULL
// equals NULL here.
std::strong_ordering compare_slow(Value a, Value b);
inline std::strong_ordering compare(Value a, Value b) {
  if (a.kind == Kind::kInt && b.kind == Kind::kInt) return a.integer <=> b.integer;
  return compare_slow(a, b);
}

// Three-valued comparison for = < <=: NULL if either is NULL (Kind::kNull), else BOOL.
Value equal_slow(Value a, Value b);
inline Value equal(Value a, Value b) {
  if (a.kind == Kind::kInt && b.kind == Kind::kInt) {
    return Value::boolean_of(a.integer == b.integer);
  }
  if (a.kind == Kind::kText && b.kind == Kind::kText) {
    return Value::boolean_of(a.view() == b.view());
  }
  return equal_slow(a, b);
}
Value less(Value a, Value b);
Value less_equal(Value a, Value b);

Value add(Value a, Value b);       // INT overflow continues as REAL; dynamic non-numbers give NULL
Value subtract(Value a, Value b);
Value multiply(Value a, Value b);
Value divide(Value a, Value b);    // INTs truncate; by zero is NULL
Value modulo(Value a, Value b);    // REALs are truncated to INTs; the result is REAL if either was
Value negate(Value a);

// Numbers are taken as text; BOOL as 'true'/'false'; NULL gives NULL.
Value concat(Value a, Value b, base::Arena& arena);
// LIKE: % _ and ASCII case-insensitive. `escape` is NULL for none, else text of one character
// (anything else gives NULL).
Value like(Value text, Value pattern, Value escape);
Value glob(Value text, Value pattern);

// BYTES become TEXT if they are UTF-8, else NULL; TEXT or BYTES to JSON are parsed, else NULL.
Value cast(Value value, Type type, base::Arena& arena);
// For reading a stored value as a column of `type`: the value itself, INT as REAL, anything as
// JSON, else NULL.
Value convert_stored(Value value, Type type);
// Whether convert_stored keeps the value (NULL fits every type).
bool fits(Value value, Type type);

// -> gives a scalar as its own kind (see value.h), ->> besides gives objects and arrays as TEXT.
// Both take kJson, text to be parsed, or a scalar, which only the path $ matches; BYTES are NULL.
Value json_get(Value json, Value path, base::Arena& arena);
Value json_get_text(Value json, Value path, base::Arena& arena);
// Parses JSON text into canonical form: a scalar as its own kind, JSON null as NULL, an integer
// beyond 64 bits as REAL.
// Returns: false if it isn't JSON, is nested deeper than 100 or holds a number beyond 1e4932.
bool parse_json(std::string_view text, base::Arena& arena, Value& out);

enum class Function : std::uint8_t {
  kAbs, kCoalesce, kNullif, kIfnull, kIif, kLength, kLower, kUpper, kTrim, kLtrim, kRtrim,
  kSubstr, kInstr, kReplace, kRound, kSign, kMin, kMax, kTypeof,
};
struct FunctionInfo {
  std::string_view name;
  Function function;
  unsigned arguments_min;
  unsigned arguments_max;
};
// All scalar functions by name.
std::span<const FunctionInfo> functions();
Value call(Function function, std::span<const Value> arguments, base::Arena& arena);

std::string_view type_name(Type type);  // "INT", ...; kAny: "any"
std::string_view kind_name(Kind kind);  // as typeof: null bool int real text bytes json

// JSON as the contract prints it (treeql.md, "JSON out"). Appended to `out`.
void print_json(Value value, std::string& out);
void print_json_string(std::string_view text, std::string& out);
void print_real(double number, std::string& out);
// The text of a value as CAST to TEXT gives it: as printed in JSON, unquoted. BYTES as they are.
void print_text(Value value, std::string& out);
void print_base64(std::string_view bytes, std::string& out);
// Takes what print_base64 gives and nothing else: padded, no spaces. False: nothing was appended.
bool parse_base64(std::string_view text, std::string& out);

// The offset of the first byte that is not UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace tremula::triples
