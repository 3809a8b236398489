// Values as short text, so that a test can say what it expects in one line.
#pragma once

#include <string>

#include "core/triples/value_ops.h"

namespace tremula::triples {

// "null", "int 5", "real 1.0", "text abc", "bytes yv4=", "json [1]", "bool true"
inline std::string describe(Value value) {
  std::string out(kind_name(value.kind));
  if (value.is_null()) return out;
  out += ' ';
  if (value.kind == Kind::kBytes) {
    print_base64(value.view(), out);
  } else {
    print_text(value, out);
  }
  return out;
}

inline Value text(std::string_view s) { return Value::text_of(s); }
inline Value integer(std::int64_t i) { return Value::int_of(i); }
inline Value real(double d) { return Value::real(d); }

}  // namespace tremula::triples
