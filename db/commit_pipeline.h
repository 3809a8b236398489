// The way of a commit: from what a transaction wrote to what its listeners hear.
//
//   write -seal-> net changes -step-> touched views -collect-> deltas -settle-> delivered
//
// Thread: the holder of the engine's mutex.
#pragma once

#include "core/base/result.h"
#include "db/engine.h"

namespace tremula::db {

// Takes what was written into the committed state and the live queries. Deltas wait for deliver().
// Returns: whether anything changed; if not, there was no commit.
bool commit(Engine& engine);

// Tells the listeners. Separate from commit(), because a write prints its own line first.
// Throws: what a listener threw, after all have heard.
void deliver(Engine& engine);

// Forgets all writes since the last commit.
void roll_back(Engine& engine);

// A statement begins / fails and leaves no trace; the transaction around it stands.
void begin_statement(Engine& engine);
void undo_statement(Engine& engine);

}  // namespace tremula::db
