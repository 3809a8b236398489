// The calls on a database in a directory: query, explain, import, export, watch.
//
// Each returns the exit status; results went to standard output, errors to standard error.
// Thread: the main thread.
#pragma once

#include "cli/arguments.h"

namespace tremula::cli {

int run_query(const Invocation& invocation);
int run_explain(const Invocation& invocation);
// With a bar of how far it is, if standard error is a terminal.
int run_import(const Invocation& invocation);
int run_export(const Invocation& invocation);
// Ends after --commits patches, after --timeout, or by SIGINT or SIGTERM.
int run_watch(const Invocation& invocation);
// Holds the directory, as its host or the next one, until SIGINT or SIGTERM.
int run_serve(const Invocation& invocation);
int run_changes(const Invocation& invocation);
int run_merge(const Invocation& invocation);

}  // namespace tremula::cli
