// Membership: one process's part in a directory that others write, too: where its transactions go,
// and where the ordered ones come from.
//
//   Sharing --submit--> Membership --> the persister, in this process or another
//           <--next---             <-- the log's files, as far as they are ordered
//
// Made of a link, a log tail and files by db/shared_directory.h; of nothing but memory in tests.
// Thread: ordered(): any. The rest: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/result.h"
#include "persist/followed_base.h"
#include "persist/log.h"
#include "persist/log_tail.h"

namespace tremula::db {

class Membership {
 public:
  virtual ~Membership() = default;

  virtual std::uint64_t process() const = 0;
  // The version of the last ordered transaction that is known of.  Cost: one atomic load.
  virtual std::uint64_t ordered() const = 0;
  // The next ordered transaction, up to ordered().  Returns: kLost: only restart() goes on.
  // Borrowed: the record, until the next call.  Errors: io, corrupt; final.
  virtual base::Result<persist::LogTail::Read> next(persist::LogCommit& commit) = 0;
  // All of the directory, at a version that next() goes on from.  Errors: io, corrupt.
  virtual base::Result<persist::FollowedBase> restart() = 0;

  // Takes an own transaction (crdt::encode_submission); numbers go on by one from 1. Waits while
  // too many wait for the persister.  Errors: io.
  virtual base::Result<void> submit(std::uint64_t number, std::string_view submission) = 0;
  // Waits until the last one is ordered.
  // Errors: the refusal (schema_conflict, say), and what it stands on is ordered() by then; io: it
  // may be ordered yet.
  virtual base::Result<void> wait_ordered(std::uint64_t number) = 0;
  // Whether the last one was refused: it will never be ordered, and its number is free.
  virtual bool is_refused(std::uint64_t number) const = 0;
};

}  // namespace tremula::db
