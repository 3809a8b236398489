// The calls on a directory as a whole: check, backup, restore.
//
// Each returns the exit status; results went to standard output, errors to standard error.
// Thread: the main thread.
#pragma once

#include "cli/arguments.h"

namespace tremula::cli {

// The report as one line; each damage as an error. With --dump, a file's contents as lines instead.
int run_check(const Invocation& invocation);
int run_backup(const Invocation& invocation);
int run_restore(const Invocation& invocation);

}  // namespace tremula::cli
