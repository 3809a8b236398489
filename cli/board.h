// Board: `tremula demo board DIR`, a board of cards that several processes share, one in each
// terminal: everybody edits, all see the same.
//
//   keys or a script's lines -> a transaction each -> DIR -> every process's live query -> drawing
//
// Votes are a COUNTER: of two votes at once both count. Text and lane are LWW: of two edits at once
// the later one stands.
// Thread: the main thread.
#pragma once

#include "cli/arguments.h"

namespace tremula::cli {

// With standard input not a terminal it reads commands from there, and draws when told to (`show`).
// Returns: the exit status; kExitFailed too if a command of a script failed.
int run_board(const Invocation& invocation);

}  // namespace tremula::cli
