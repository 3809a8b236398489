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

#include "tremula/export.h"

namespace tremula {

// The codes of TreeQL's contract, and one for what a person ends.
enum class ErrorCode : unsigned char {
  kOk = 0,                      // no error
  kSyntax = 1,                  // the text is not TreeQL, or nests too deeply
  kUnknownTable = 2,            // no table of that name
  kUnknownColumn = 3,           // no column of that name
  kUnknownFunction = 4,         // no function of that name
  kAmbiguousColumn = 5,         // several tables have a column of that name; say which
  kTypeMismatch = 6,            // a value of another type than the column or operator takes
  kDuplicateKey = 7,            // a row of this key exists already
  kNotNull = 8,                 // NULL, or nothing, for a column that must have a value
  kKeyUpdate = 9,               // an update of a column of the key
  kSchemaConflict = 10,         // a declaration against the table as it is
  kUnboundParameter = 11,       // a parameter that was given no value
  kLimitRange = 12,             // a LIMIT or OFFSET that is no whole number from 0
  kDuplicateSubscription = 13,  // a subscription of that name exists already
  kUnknownSubscription = 14,    // no subscription of that name
  kReadOnly = 15,               // a write where only reading is possible
  kInvalidUtf8 = 16,            // a text that is not UTF-8
  kIo = 17,                     // the file system refused something
  kCorrupt = 18,                // a file does not hold what was written to it
  kLocked = 19,                 // another process has the directory open
  kUnsupported = 20,            // a thing that Tremula does not do, or not here
  kInterrupted = 21,            // a statement that was ended before it was done
};

// The name that users read: "syntax", "unknown_table", ...
TREMULA_API std::string_view error_code_name(ErrorCode code);

// What went wrong, and where.
struct Error {
  ErrorCode code = ErrorCode::kOk;  // what kind of error it is
  std::string message;  // one line: what is wrong, what was expected, the remedy if one is known
  unsigned line = 0;    // place in the source text, from 1; 0: the error has no place there
  unsigned column = 0;  // in code points
  std::string text;     // as the command prints it: "error: CODE at L:C: MESSAGE", source, caret
};

// An Error on its way up.
class TREMULA_API Exception : public std::runtime_error {
 public:
  explicit Exception(Error error);
  Exception(const Exception&) = default;
  Exception& operator=(const Exception&) = default;
  ~Exception() override;  // not inline: the library keeps the one home of the type
  // What is thrown, and its kind.
  const Error& error() const { return error_; }
  ErrorCode code() const { return error_.code; }

 private:
  Error error_;
};

[[noreturn]] TREMULA_API void throw_error(Error error);

// A value, or the error that a call ended with instead.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  // Whether there is a value.
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Throws: Exception, if there is an error.
  T& value() & {
    check();
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    check();
    return *std::get_if<0>(&state_);
  }
  T value() && {
    check();
    return std::move(*std::get_if<0>(&state_));
  }
  // Requires: !ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  void check() const {
    if (!ok()) throw_error(std::get<1>(state_));
  }
  std::variant<T, Error> state_;
};

// The value of a Result<void>.
struct Unit {};

// The result of a call that gives nothing back but whether it went well.
template <>
class [[nodiscard]] Result<void> : public Result<Unit> {
 public:
  Result() : Result<Unit>(Unit{}) {}
  Result(Error error) : Result<Unit>(std::move(error)) {}
};

}  // namespace tremula
