// Replicas: what this database tells others, and what it takes in from them (docs/merging.md).
//
//   merge: text -> records -> resolved against the directory -> tables -> log -> live queries
//
// One transaction, or none if nothing is new.
// Errors: corrupt (a line of the text, with its number; files), io, unsupported (in memory).
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "db/engine.h"
#include "persist/merging.h"

namespace tremula::db {

using persist::Adopt;

// Appends the records above `since` as lines, and the closing line. Awaits durable.
base::Result<void> tell_changes(Engine& engine, std::uint64_t since, std::string& text);

// Deltas wait for deliver().  Requires: no transaction is open.
// Returns: how many records changed something.
base::Result<std::size_t> merge_changes(Engine& engine, std::string_view text);

// After declarations were committed, after opening, and (all) before others hear of it: what was
// stored before its column or table was declared comes to light, as a transaction of its own.
base::Result<void> adopt_merged(Engine& engine, Adopt what);

}  // namespace tremula::db
