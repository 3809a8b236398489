// Demo: the music shop with live queries, told step by step (examples/music/demo.tql), a stream of
// sales, returns and corrections, and the proof: each live result against a fresh SELECT.
//
// Thread: the main thread.
#pragma once

namespace tremula::cli {

// On a terminal each change is drawn with its patch; in a pipe everything is JSON lines.
// Returns: the exit status; kExitFailed too if a live result is not what a fresh SELECT gives.
int run_demo();

}  // namespace tremula::cli
