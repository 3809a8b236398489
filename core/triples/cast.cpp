#include <algorithm>

#include "core/triples/number_text.h"
#include "core/triples/value_ops.h"
#include "core/triples/value_text.h"

namespace tremula::triples {

namespace {

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b);
  });
}

Value cast_to_int(Value value) {
  switch (value.kind) {
    case Kind::kBool: return Value::int_of(value.boolean ? 1 : 0);
    case Kind::kInt: return value;
    case Kind::kReal: return Value::int_of(int_from_real(value.number));
    default: return Value::int_of(int_prefix(value.view()));
  }
}

Value cast_to_real(Value value) {
  switch (value.kind) {
    case Kind::kBool: return Value::real(value.boolean ? 1 : 0);
    case Kind::kInt: return Value::real(static_cast<double>(value.integer));
    case Kind::kReal: return value;
    default: return Value::real(real_prefix(value.view()));
  }
}

Value cast_to_bool(Value value) {
  switch (value.kind) {
    case Kind::kBool: return value;
    case Kind::kInt: return Value::boolean_of(value.integer != 0);
    case Kind::kReal: return Value::boolean_of(value.number != 0);
    default: break;
  }
  if (equals_ignoring_case(value.view(), "true")) return Value::boolean_of(true);
  if (equals_ignoring_case(value.view(), "false")) return Value::boolean_of(false);
  return Value::null();
}

Value cast_to_json(Value value, base::Arena& arena) {
  if (value.kind != Kind::kText && value.kind != Kind::kBytes) return value;
  Value parsed;
  return parse_json(value.view(), arena, parsed) ? parsed : Value::null();
}

Value cast_to_text(Value value, base::Arena& arena) {
  const ValueText text(value);
  return text.is_null() ? Value::null() : text.keep(text.view(), arena);
}

}  // namespace

Value cast(Value value, Type type, base::Arena& arena) {
  if (value.is_null() || value.is_missing()) return Value::null();
  switch (type) {
    case Type::kAny: return value;
    case Type::kBool: return cast_to_bool(value);
    case Type::kInt: return cast_to_int(value);
    case Type::kReal: return cast_to_real(value);
    case Type::kText: return cast_to_text(value, arena);
    case Type::kBytes:
      return value.kind == Kind::kBytes ? value
                                        : Value::bytes_of(cast_to_text(value, arena).view());
    case Type::kJson: return cast_to_json(value, arena);
  }
  return Value::null();
}

bool fits(Value value, Type type) {
  if (value.is_null()) return true;
  switch (type) {
    case Type::kAny:
    case Type::kJson: return true;
    case Type::kBool: return value.kind == Kind::kBool;
    case Type::kInt: return value.kind == Kind::kInt;
    case Type::kReal: return value.is_number();
    case Type::kText: return value.kind == Kind::kText;
    case Type::kBytes: return value.kind == Kind::kBytes;
  }
  return false;
}

Value convert_stored(Value value, Type type) {
  if (!fits(value, type)) return Value::null();
  if (type == Type::kReal && value.kind == Kind::kInt) {
    return Value::real(static_cast<double>(value.integer));
  }
  return value;
}

}  // namespace tremula::triples
