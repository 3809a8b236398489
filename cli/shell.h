// Shell: statements typed at a terminal, results as tables, live results drawn anew as they change.
//
//   line -> statement (several lines, until is_incomplete() says no) -> Session -> Printer
//   .mode table -> a command of the shell itself
//
// Thread: the main thread.
#pragma once

#include "cli/arguments.h"

namespace tremula::cli {

// A shell on the database that `invocation` names. With standard input not a terminal it runs the
// script there, as `tremula run -` does.
// Returns: the exit status. An error of a statement that a person typed doesn't count: they saw it.
int run_shell(const Invocation& invocation);

}  // namespace tremula::cli
