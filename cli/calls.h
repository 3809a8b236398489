// Calls: what `tremula CALL` does, but for the shell (shell.h) and the demo (demo.h).
//
// Each returns the exit status; results went to standard output, errors to standard error.
// Thread: the main thread.
#pragma once

#include "cli/arguments.h"
#include "tremula/tremula.h"

namespace tremula::cli {

// The database of a call: in memory if it names no directory.
Result<Database> open_database(const Invocation& invocation);

// Runs the script in FILE, or on standard input if FILE is `-`.
int run_file(const Invocation& invocation);
int run_query(const Invocation& invocation);
int run_explain(const Invocation& invocation);
// The calls that live on what is stored in a directory: they all say `unsupported` until it can be.
int refuse_call(const Invocation& invocation);

}  // namespace tremula::cli
