#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>

#include "core/triples/number_text.h"
#include "core/triples/text_functions.h"
#include "core/triples/value_ops.h"

namespace tremula::triples {

namespace {

constexpr unsigned kAnyNumber = std::numeric_limits<unsigned>::max();

// Ordered by Function, which call() indexes nothing by, but readers do.
constexpr FunctionInfo kFunctions[] = {
    {"abs", Function::kAbs, 1, 1},          {"coalesce", Function::kCoalesce, 2, kAnyNumber},
    {"nullif", Function::kNullif, 2, 2},    {"ifnull", Function::kIfnull, 2, 2},
    {"iif", Function::kIif, 3, 3},          {"length", Function::kLength, 1, 1},
    {"lower", Function::kLower, 1, 1},      {"upper", Function::kUpper, 1, 1},
    {"trim", Function::kTrim, 1, 2},        {"ltrim", Function::kLtrim, 1, 2},
    {"rtrim", Function::kRtrim, 1, 2},      {"substr", Function::kSubstr, 2, 3},
    {"instr", Function::kInstr, 2, 2},      {"replace", Function::kReplace, 3, 3},
    {"round", Function::kRound, 1, 2},      {"sign", Function::kSign, 1, 1},
    {"min", Function::kMin, 2, kAnyNumber}, {"max", Function::kMax, 2, kAnyNumber},
    {"typeof", Function::kTypeof, 1, 1},
};

Value absolute(Value value) {
  if (value.kind == Kind::kReal) return Value::real(std::fabs(value.number));
  if (value.kind != Kind::kInt) return Value::null();
  if (value.integer >= 0) return value;
  // SQLite raises an error where the result is no INT.
  return value.integer == INT64_MIN ? Value::null() : Value::int_of(-value.integer);
}

Value sign(Value value) {
  if (value.kind == Kind::kInt) return Value::int_of((value.integer > 0) - (value.integer < 0));
  if (value.kind == Kind::kReal) return Value::int_of((value.number > 0) - (value.number < 0));
  return Value::null();
}

Value round(std::span<const Value> arguments) {
  constexpr std::int64_t kDecimalsMax = 400;  // beyond the last of any double
  const Value value = arguments[0];
  std::int64_t decimals = 0;
  if (arguments.size() > 1) {
    if (!arguments[1].is_number()) return Value::null();
    decimals =
        arguments[1].kind == Kind::kInt ? arguments[1].integer : int_from_real(arguments[1].number);
    decimals = std::clamp<std::int64_t>(decimals, 0, kDecimalsMax);
  }
  if (value.kind == Kind::kInt) return Value::real(static_cast<double>(value.integer));
  if (value.kind != Kind::kReal) return Value::null();
  return Value::real(round_decimal(value.number, static_cast<int>(decimals)));
}

Value first_known(std::span<const Value> arguments) {
  for (const Value value : arguments) {
    if (!value.is_null()) return value;
  }
  return Value::null();
}

// Of equal ones (1 and 1.0) SQLite takes the last for min, the first for max.
Value extreme(std::span<const Value> arguments, bool greatest) {
  Value best = arguments[0];
  for (const Value value : arguments) {
    if (value.is_null()) return value;
    if (greatest ? compare(best, value) < 0 : compare(best, value) >= 0) best = value;
  }
  return best;
}

}  // namespace

std::span<const FunctionInfo> functions() { return kFunctions; }

Value call(Function function, std::span<const Value> arguments, base::Arena& arena) {
  switch (function) {
    case Function::kAbs: return absolute(arguments[0]);
    case Function::kCoalesce:
    case Function::kIfnull: return first_known(arguments);
    case Function::kNullif:
      return compare(arguments[0], arguments[1]) == 0 ? Value::null() : arguments[0];
    case Function::kIif: return arguments[0].is_true() ? arguments[1] : arguments[2];
    case Function::kLength: return text_length(arguments[0]);
    case Function::kLower: return text_lower(arguments[0], arena);
    case Function::kUpper: return text_upper(arguments[0], arena);
    case Function::kTrim: return text_trim(arguments, TrimSide::kBoth, arena);
    case Function::kLtrim: return text_trim(arguments, TrimSide::kLeft, arena);
    case Function::kRtrim: return text_trim(arguments, TrimSide::kRight, arena);
    case Function::kSubstr: return text_substr(arguments, arena);
    case Function::kInstr: return text_instr(arguments[0], arguments[1]);
    case Function::kReplace: return text_replace(arguments[0], arguments[1], arguments[2], arena);
    case Function::kRound: return round(arguments);
    case Function::kSign: return sign(arguments[0]);
    case Function::kMin: return extreme(arguments, false);
    case Function::kMax: return extreme(arguments, true);
    case Function::kTypeof: return Value::text_of(kind_name(arguments[0].kind));
  }
  return Value::null();
}

}  // namespace tremula::triples
