// Values of the face: Value owns its bytes, ValueView borrows them for the length of a call.
//
//   db.query("SELECT ... WHERE n = $n", {{"n", 3}})   a NamedValues of NamedValue{name, ValueView}
//   tx.erase("PlaylistTrack", {1, 2})                 a Key of ValueViews
//
// JSON values are held as their JSON text; JSON scalars are values of their own kind.
// Thread: values; no shared state.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tremula/export.h"

namespace tremula {

// What kind of value a Value or a ValueView is.
// What kind of value a Value or a ValueView is.
enum class ValueKind : std::uint8_t { kNull, kBool, kInt, kReal, kText, kBytes, kJson };

class Value;

// What C++ has that a value can be made from.
template <typename T>
concept Scalar = std::is_arithmetic_v<T> || std::is_null_pointer_v<T> ||
    std::is_convertible_v<const T&, std::string_view>;

// A value whose text, bytes or JSON text someone else keeps. Made from what C++ has: 3, 1.5, true,
// "text", nullptr.
class TREMULA_API ValueView {
 public:
  constexpr ValueView() = default;
  constexpr ValueView(std::nullptr_t) {}
  constexpr ValueView(bool b) : kind_(ValueKind::kBool), integer_(b ? 1 : 0) {}
  // Beyond 64 signed bits an integer is a REAL.
  template <std::integral I>
  requires(!std::same_as<I, bool>) constexpr ValueView(I i)
      : kind_(ValueKind::kInt), integer_(static_cast<std::int64_t>(i)) {
    if constexpr (std::unsigned_integral<I> && sizeof(I) >= sizeof(std::int64_t)) {
      if (!std::in_range<std::int64_t>(i)) *this = ValueView(static_cast<double>(i));
    }
  }
  template <std::floating_point F>
  constexpr ValueView(F f) : kind_(ValueKind::kReal), real_(static_cast<double>(f)) {}
  constexpr ValueView(std::string_view text) : ValueView(ValueKind::kText, text) {}
  constexpr ValueView(const char* text) : ValueView(std::string_view(text)) {}
  ValueView(const std::string& text) : ValueView(std::string_view(text)) {}
  ValueView(const Value& value);
  static constexpr ValueView bytes(std::string_view bytes) { return {ValueKind::kBytes, bytes}; }
  // `text`: any JSON; checked where it is used.
  static constexpr ValueView json(std::string_view text) { return {ValueKind::kJson, text}; }

  // What it is.
  // What it is.
  constexpr ValueKind kind() const { return kind_; }
  constexpr bool is_null() const { return kind_ == ValueKind::kNull; }
  // Requires: the kind of that name.
  constexpr bool as_bool() const { return integer_ != 0; }
  constexpr std::int64_t as_int() const { return integer_; }
  constexpr double as_real() const { return real_; }
  constexpr std::string_view as_text() const { return {data_, size_}; }  // also of BYTES and JSON

 private:
  constexpr ValueView(ValueKind kind, std::string_view bytes)
      : kind_(kind), size_(bytes.size()), data_(bytes.data()) {}
  ValueKind kind_ = ValueKind::kNull;
  std::size_t size_ = 0;
  union {
    std::int64_t integer_ = 0;
    double real_;
    const char* data_;
  };
};

// A value that keeps its own bytes.
class TREMULA_API Value {
 public:
  Value() = default;
  explicit Value(ValueView view);
  template <Scalar T>
  Value(const T& from) : Value(ValueView(from)) {}
  static Value bytes(std::string_view bytes) { return Value(ValueView::bytes(bytes)); }
  static Value json(std::string_view text) { return Value(ValueView::json(text)); }

  // What it is.
  // What it is.
  ValueKind kind() const { return kind_; }
  bool is_null() const { return kind_ == ValueKind::kNull; }
  // Requires: the kind of that name; as_real() also takes INT.
  bool as_bool() const { return integer_ != 0; }
  std::int64_t as_int() const { return integer_; }
  double as_real() const {
    return kind_ == ValueKind::kInt ? static_cast<double>(integer_) : real_;
  }
  const std::string& as_text() const { return bytes_; }  // also of BYTES and JSON
  // As TreeQL prints it: BYTES as base64 text, JSON compact.
  std::string to_json() const;
  bool operator==(const Value& other) const;

 private:
  ValueKind kind_ = ValueKind::kNull;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string bytes_;
};

// A parameter (name without $) or a column with its value.
struct NamedValue {
  std::string_view name;  // of the parameter or the column
  ValueView value;        // what it is bound to or set to
};

// Parameters or columns of one call.  Borrowed: what it was made from, for the length of the call.
class NamedValues {
 public:
  NamedValues() = default;
  NamedValues(std::initializer_list<NamedValue> values) : values_(values.begin(), values.size()) {}
  NamedValues(std::span<const NamedValue> values) : values_(values) {}
  NamedValues(const std::vector<NamedValue>& values) : values_(values) {}
  // All of them, in the order in which they were given.
  // All of them, in the order in which they were given.
  const NamedValue* begin() const { return values_.data(); }
  const NamedValue* end() const { return values_.data() + values_.size(); }
  std::size_t size() const { return values_.size(); }

 private:
  std::span<const NamedValue> values_;
};

// The key of a row: 4, or {1, 2} in the order of the KEY clause.  Borrowed: as NamedValues.
class Key {
 public:
  template <Scalar T>
  Key(const T& single) : single_(single) {}
  Key(ValueView single) : single_(single) {}
  Key(const Value& single) : single_(single) {}
  Key(std::initializer_list<ValueView> values)
      : several_(values.begin(), values.size()), many_(true) {}
  Key(std::span<const ValueView> values) : several_(values), many_(true) {}
  // One for each column of the key.
  // One for each column of the key.
  std::span<const ValueView> values() const { return many_ ? several_ : std::span(&single_, 1); }

 private:
  ValueView single_;
  std::span<const ValueView> several_;
  bool many_ = false;
};

// A row in JSON, cut into cells: the properties of the object in their order. Scalars become values
// of their kind (TEXT where the column was BYTES: its base64), objects and arrays stay JSON.
// Requires: the JSON text of an object, as the database prints it.
using Cells = std::vector<std::pair<std::string, Value>>;
TREMULA_API Cells cells_of(std::string_view row_json);

}  // namespace tremula
