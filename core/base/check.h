// Checks for bugs of our own. The world's errors are Result, the user's are Diagnostic.
//
//   TREMULA_ASSERT  in every build: a broken invariant must not become wrong data.
//   TREMULA_VERIFY  in debug, sanitizer and fuzz builds: a check dearer than the work it guards.
#pragma once

namespace tremula::base {

// Prints the failed condition with its place to standard error and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace tremula::base

#define TREMULA_ASSERT(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::tremula::base::assertion_failed(#condition, __FILE__, __LINE__))

#ifdef TREMULA_DEBUG_CHECKS
#define TREMULA_VERIFY(condition) TREMULA_ASSERT(condition)
#else
#define TREMULA_VERIFY(condition) static_cast<void>(0)
#endif
