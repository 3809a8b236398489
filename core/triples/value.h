// Value: what a cell or an expression holds. 16 bytes, trivially copied, never owns.
//
//   kind | size | bool, int, real or a pointer to `size` bytes that someone else keeps
//
// Who keeps the bytes: the relation (until the step that replaces them is settled), a plan, or an
// Arena. A JSON value that is a scalar is a Value of the scalar's own kind; kJson is always an
// object or an array, held as its canonical text: compact, members in their order, the last
// duplicate wins, so that equal texts are equal values.
// A REAL is never NaN and never -0.0: make reals with Value::real(), which sees to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tremula::triples {

// In the order in which dynamic values compare; kMissing is a cell without a triple and never
// leaves the store.
enum class Kind : std::uint8_t { kNull, kBool, kInt, kReal, kText, kBytes, kJson, kMissing };

// The declared type of a column or the known type of an expression. kAny: known only when run.
enum class Type : std::uint8_t { kAny, kBool, kInt, kReal, kText, kBytes, kJson };

struct Value {
  Kind kind = Kind::kNull;
  bool kept_by_chunk = false;  // for core/lsm alone: nobody frees the bytes one by one
  bool is_ascii = false;       // of text: known to be; false says nothing
  std::uint32_t size = 0;      // of text, bytes, JSON text
  union {
    std::int64_t integer = 0;
    double number;
    bool boolean;
    const char* data;
  };

  static Value null() { return {}; }
  static Value missing() { Value v; v.kind = Kind::kMissing; return v; }
  static Value boolean_of(bool b) { Value v; v.kind = Kind::kBool; v.boolean = b; return v; }
  static Value int_of(std::int64_t i) { Value v; v.kind = Kind::kInt; v.integer = i; return v; }
  // NaN becomes NULL, -0.0 becomes 0.0.
  static Value real(double d) {
    Value v;
    if (d != d) return v;
    v.kind = Kind::kReal;
    v.number = d == 0 ? 0.0 : d;
    return v;
  }
  static Value text_of(std::string_view s) { return bytes_like(Kind::kText, s); }
  static Value bytes_of(std::string_view s) { return bytes_like(Kind::kBytes, s); }
  // Requires: canonical text of an object or array.
  static Value json_of(std::string_view s) { return bytes_like(Kind::kJson, s); }

  bool is_null() const { return kind == Kind::kNull; }
  bool is_missing() const { return kind == Kind::kMissing; }
  bool is_number() const { return kind == Kind::kInt || kind == Kind::kReal; }
  bool has_bytes() const { return kind >= Kind::kText && kind <= Kind::kJson; }
  bool is_true() const { return kind == Kind::kBool && boolean; }
  // Requires: has_bytes().
  std::string_view view() const { return {data, size}; }

 private:
  static Value bytes_like(Kind kind, std::string_view s) {
    Value v;
    v.kind = kind;
    v.size = static_cast<std::uint32_t>(s.size());
    v.data = s.data();
    return v;
  }
};
static_assert(sizeof(Value) == 16);

// The same bits: kind and contents; 1 and 1.0 differ. What a patch needs: would it print the same?
bool identical(Value a, Value b);

// A Value that keeps its own bytes. The view's pointer moves with the object: ask value() anew
// after a move.
class OwnedValue {
 public:
  OwnedValue() = default;
  explicit OwnedValue(Value value) : value_(value) {
    if (value.has_bytes()) bytes_.assign(value.data, value.size);
  }
  Value value() const {
    Value v = value_;
    if (v.has_bytes()) v.data = bytes_.data();
    return v;
  }

 private:
  Value value_;
  std::string bytes_;
};

}  // namespace tremula::triples
