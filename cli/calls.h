// Calls: what `tremula CALL` does, but for the shell (shell.h) and the demo (demo.h).
//
// Each returns the exit status; results went to standard output, errors to standard error.
// Thread: the main thread.
#pragma once

#include "cli/arguments.h"
#include "tremula/tremula.h"

namespace tremula::cli {

// The database of a call: in memory if it names no directory. Made if the call is one that makes
// directories.  Errors: io, if it isn't one and there is no database.
// The bytes of a file; `-`: of standard input.
Result<std::string> read_script(const std::string& path);
Result<Database> open_database(const Invocation& invocation);
bool makes_directory(Call call);
// Says it on standard error.  Returns: kExitFailed.
int fail(const Error& error);
// Waits until everything is on disk.  Returns: kExitOk if it is, and `well`.
int end_call(Database& database, bool well);

// Runs the script in FILE, or on standard input if FILE is `-`.
int run_file(const Invocation& invocation);
// The calls that this build doesn't have yet: they say `unsupported`.
int refuse_call(const Invocation& invocation);

}  // namespace tremula::cli
