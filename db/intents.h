// Intents of the transaction in hand: what its statements mean, so that it can be done again above
// what others have ordered (core/crdt/intent.h).
//
//   rows as recorded (old and new cells) + what INSERT and UPSERT named -> puts, updates, deletions
//
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/result.h"
#include "core/crdt/intent.h"
#include "db/store.h"

namespace tremula::db {

// The newest own transaction that put a row and is not acknowledged; 0: there is none.
using OwnInsert = std::function<std::uint64_t(triples::TypeId, std::string_view key)>;

// Requires: Store::seal(); `record` is what Store::record() gives.
base::Result<void> write_intents(Store& store, std::string_view record, const OwnInsert& own_insert,
                                 crdt::IntentWriter& to);

}  // namespace tremula::db
