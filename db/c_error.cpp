#include <new>

#include "db/c_face.h"
#include "db/face_convert.h"

namespace tremula::c_face {

namespace {

struct Named {
  tremula_status number;
  const char* name;
};

// Written by tools/error_codes.py.
constexpr Named kStatusNames[] = {
    {0, "ok"},
    {1, "syntax"},
    {2, "unknown_table"},
    {3, "unknown_column"},
    {4, "unknown_function"},
    {5, "ambiguous_column"},
    {6, "type_mismatch"},
    {7, "duplicate_key"},
    {8, "not_null"},
    {9, "key_update"},
    {10, "schema_conflict"},
    {11, "unbound_parameter"},
    {12, "limit_range"},
    {13, "duplicate_subscription"},
    {14, "unknown_subscription"},
    {15, "read_only"},
    {16, "invalid_utf8"},
    {17, "io"},
    {18, "corrupt"},
    {19, "locked"},
    {20, "unsupported"},
    {21, "interrupted"},
    {100, "misuse"},
    {101, "no_memory"},
    {102, "exception"},
    {103, "callback_failed"},
    {200, "row"},
    {201, "done"},
};

struct ThreadError {
  tremula_status status = TREMULA_OK;
  Error error;
};

ThreadError& thread_error() {
  thread_local ThreadError error;
  return error;
}

}  // namespace

const char* CallbackFailed::what() const noexcept { return "a callback returned a failure"; }

tremula_status succeed(tremula_status status) {
  ThreadError& last = thread_error();
  last.status = TREMULA_OK;
  last.error.message.clear();
  last.error.text.clear();
  last.error.line = last.error.column = 0;
  return status;
}

tremula_status fail(const Error& error) {
  const auto status = static_cast<tremula_status>(error.code);
  thread_error().status = status;
  thread_error().error = error;
  return status;
}

tremula_status fail(tremula_status status, const std::string& message) {
  ThreadError& last = thread_error();
  last.status = status;
  last.error = {.code = ErrorCode::kOk,
                .message = message,
                .line = 0,
                .column = 0,
                .text = std::string("error: ") + tremula_status_name(status) + ": " + message};
  return status;
}

tremula_status fail_with_exception_in_hand() noexcept {
  try {
    try {
      throw;
    } catch (const Exception& exception) {
      return fail(exception.error());
    } catch (const CallbackFailed& failure) {
      return fail(TREMULA_CALLBACK_FAILED,
                  "a callback returned " + std::to_string(failure.returned()));
    } catch (const Misused& misused) {
      return fail(TREMULA_MISUSE, misused.what());
    } catch (const std::bad_alloc&) {
      return fail(TREMULA_NO_MEMORY, "memory ran out");
    } catch (const std::exception& exception) {
      return fail(TREMULA_EXCEPTION, exception.what());
    } catch (...) {
      return fail(TREMULA_EXCEPTION, "an exception that is no std::exception");
    }
  } catch (...) {
    // Not even the message could be kept.
    succeed(TREMULA_OK);
    thread_error().status = TREMULA_NO_MEMORY;
    return TREMULA_NO_MEMORY;
  }
}

}  // namespace tremula::c_face

const char* tremula_status_name(tremula_status status) {
  for (const auto& named : tremula::c_face::kStatusNames) {
    if (named.number == status) return named.name;
  }
  return "";
}

tremula_status tremula_error_status(void) { return tremula::c_face::thread_error().status; }
const char* tremula_error_message(void) {
  return tremula::c_face::thread_error().error.message.c_str();
}
const char* tremula_error_text(void) { return tremula::c_face::thread_error().error.text.c_str(); }
uint32_t tremula_error_line(void) { return tremula::c_face::thread_error().error.line; }
uint32_t tremula_error_column(void) { return tremula::c_face::thread_error().error.column; }
