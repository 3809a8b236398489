// ValueText: what a text function sees of a value, without asking anybody for memory.
//
//   TEXT BYTES JSON  the value's own bytes      INT REAL BOOL  printed into the object
//
// Thread: values. Borrowed: view() is valid as long as both the object and the value's bytes are.
#pragma once

#include <string_view>

#include "core/base/arena.h"
#include "core/triples/number_text.h"
#include "core/triples/value.h"

namespace tremula::triples {

// A longer text is NULL, as SQLite refuses it.
inline constexpr std::size_t kTextBytesMax = 1'000'000'000;

class ValueText {
 public:
  explicit ValueText(Value value);
  ValueText(const ValueText&) = delete;
  ValueText& operator=(const ValueText&) = delete;

  // NULL has no text, nor have BYTES that are not UTF-8.
  bool is_null() const { return is_null_; }
  std::string_view view() const { return view_; }
  // A part of view() as TEXT, copied only if nobody else keeps its bytes.
  Value keep(std::string_view part, base::Arena& arena) const {
    return Value::text_of(is_local_ ? arena.copy(part) : part);
  }

 private:
  bool is_null_ = false;
  bool is_local_ = false;
  std::string_view view_;
  char buffer_[kNumberTextMax];
};

}  // namespace tremula::triples
