// Result<T>: a value or an error of the world or of the user; never of a bug (see check.h).
//
// Thread: values; no shared state.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/check.h"

namespace tremula::base {

// The codes of TreeQL's contract. `kOk` never stands in an Error.
enum class ErrorCode : unsigned char {
  kOk,
  kSyntax,
  kUnknownTable,
  kUnknownColumn,
  kUnknownFunction,
  kAmbiguousColumn,
  kTypeMismatch,
  kDuplicateKey,
  kNotNull,
  kKeyUpdate,
  kSchemaConflict,
  kUnboundParameter,
  kLimitRange,
  kDuplicateSubscription,
  kUnknownSubscription,
  kReadOnly,
  kInvalidUtf8,
  kIo,
  kCorrupt,
  kLocked,
  kUnsupported,
  kInterrupted,
};

// The name that users read: "syntax", "unknown_table", ...
std::string_view error_code_name(ErrorCode code);

// A range of bytes in the source text of a statement. begin == end == 0: no place is known.
struct Span {
  unsigned begin = 0;
  unsigned end = 0;
};

struct Error {
  ErrorCode code = ErrorCode::kOk;
  std::string message;  // one line: what is wrong, what was expected, the remedy if one is known
  Span span = {};       // where in the source; {0, 0} if the error has no place there
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Requires: ok().
  T& value() & {
    TREMULA_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    TREMULA_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    TREMULA_ASSERT(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  // Requires: !ok().
  Error& error() & {
    TREMULA_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    TREMULA_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    TREMULA_ASSERT(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

struct Unit {};

template <>
class [[nodiscard]] Result<void> : public Result<Unit> {
 public:
  Result() : Result<Unit>(Unit{}) {}
  Result(Error error) : Result<Unit>(std::move(error)) {}
};

}  // namespace tremula::base

#define TREMULA_CONCAT_INNER(a, b) a##b
#define TREMULA_CONCAT(a, b) TREMULA_CONCAT_INNER(a, b)

// Evaluates a Result; on error returns it from the calling function.
#define TREMULA_TRY(expression)                                   \
  do {                                                            \
    if (auto tremula_result = (expression); !tremula_result.ok()) \
      return std::move(tremula_result).error();                   \
  } while (false)

// The same, and binds the value: TREMULA_TRY_ASSIGN(auto plan, bind(ast));
#define TREMULA_TRY_ASSIGN(target, expression) \
  TREMULA_TRY_ASSIGN_INNER(target, expression, TREMULA_CONCAT(tremula_result_, __LINE__))
#define TREMULA_TRY_ASSIGN_INNER(target, expression, name) \
  auto name = (expression);                                \
  if (!name.ok()) return std::move(name).error();          \
  target = std::move(name).value()
