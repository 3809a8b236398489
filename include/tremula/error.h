// Errors of the face: what a call gives back instead of its value, or throws if that is taken
// anyway.
//
//   db.run(text)                     -> Result: ask ok(), error()
//   db.run(text).value()             -> the value, or tremula::Exception is thrown
//
// Thread: values; no shared state.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tremula {

// The codes of TreeQL's contract.
enum class ErrorCode : unsigned char {
  kOk,  // never stands in an Error
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
};

// The name that users read: "syntax", "unknown_table", ...
std::string_view error_code_name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kOk;
  std::string message;  // one line: what is wrong, what was expected, the remedy if one is known
  unsigned line = 0;    // place in the source text, from 1; 0: the error has no place there
  unsigned column = 0;  // in code points
  std::string text;     // as the command prints it: "error: CODE at L:C: MESSAGE", source, caret
};

class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error);
  const Error& error() const { return error_; }
  ErrorCode code() const { return error_.code; }

 private:
  Error error_;
};

[[noreturn]] void throw_error(Error error);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Throws: Exception, if there is an error.
  T& value() & { check(); return *std::get_if<0>(&state_); }
  const T& value() const& { check(); return *std::get_if<0>(&state_); }
  T value() && { check(); return std::move(*std::get_if<0>(&state_)); }
  // Requires: !ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  void check() const {
    if (!ok()) throw_error(std::get<1>(state_));
  }
  std::variant<T, Error> state_;
};

struct Unit {};

template <>
class [[nodiscard]] Result<void> : public Result<Unit> {
 public:
  Result() : Result<Unit>(Unit{}) {}
  Result(Error error) : Result<Unit>(std::move(error)) {}
};

}  // namespace tremula
