// The way of a commit: from what a transaction wrote to what its listeners hear.
//
//   write -seal-> net changes -record-> log -step-> touched views -collect-> deltas -settle->
//       delivered -> durable, if every commit is to be
//
// Errors: io, of a log that takes no more: the transaction is rolled back, nobody saw it; corrupt,
// io, if something that a query needed could not be read.
// Thread: the holder of the engine's mutex.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "db/engine.h"

namespace tremula::db {

// Takes what was written into the log, the committed state and the live queries. Deltas wait for
// deliver().
// Returns: whether anything changed; if not, there was no commit.
base::Result<bool> commit(Engine& engine);

// The same for what a merge wrote into the tables: it is there as a record already, with what
// merging keeps.  Errors: the caller rolls back.
base::Result<void> commit_record(Engine& engine, std::string_view record);

// Tells the listeners, and with Durability::sync waits until the last commit is on disk. Separate
// from commit(), because a write prints its own line first.
// Errors: io: the commit happened here, but may not outlive this process. io, corrupt: something
// that the live queries needed could not be read; they hear nothing more.
// Throws: what a listener threw, after all have heard.
base::Result<void> deliver(Engine& engine);

// Whether other processes committed something that isn't here yet.  Cost: one atomic load.
bool has_news(const Engine& engine);

// Whether nothing is under way that must not see what others committed.
bool may_catch_up(const Engine& engine);

// Takes in what other processes committed, as far as nothing is under way that must not see it: a
// transaction, a read, a delivery. Deltas wait for deliver().
// Returns: how many commits of others that were.  Errors: io, corrupt: of the log; final.
base::Result<std::size_t> catch_up(Engine& engine);

// The same, and tells the listeners.
// Throws: what a listener threw, after all have heard.
base::Result<std::size_t> take_news(Engine& engine);

// What every call from outside begins with.
inline base::Result<void> begin_call(Engine& engine) {
  if (!has_news(engine)) return {};
  TREMULA_TRY(take_news(engine));
  return {};
}

// Of a write that failed and was rolled back: whether another process has changed the schema
// meanwhile, so that it should be bound and done again. Takes in what others have committed.
// Errors: as begin_call().
base::Result<bool> is_outdated(Engine& engine, const base::Error& error);

// What a write came to, where again() does it anew as long as it was outdated. It ends: each time
// another process has gone on.
template <typename Written, typename Again>
base::Result<Written> repeat_outdated(Engine& engine, base::Result<Written> first, Again&& again) {
  auto written = std::move(first);
  while (!written.ok()) {
    TREMULA_TRY_ASSIGN(const bool outdated, is_outdated(engine, written.error()));
    if (!outdated) break;
    written = again();
  }
  return written;
}

// Indexes that the catalog of an opened directory declares.
void declare_indexes(Engine& engine);

// Forgets all writes since the last commit.
void roll_back(Engine& engine);

// A statement begins / fails and leaves no trace; the transaction around it stands.
void begin_statement(Engine& engine);
void undo_statement(Engine& engine);

}  // namespace tremula::db
