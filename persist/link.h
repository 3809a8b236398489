// Link: how an open database reaches the order of its directory, whoever hosts it.
//
//   member   Link -> Member ==wire==> host's Hub -> its Persister     files: read-only, by the manifest
//   host     Link -> its own Persister                                files: the Persister's
//
// A member whose host is gone either joins the next one or becomes it; whoever holds the Link does
// not notice. It lasts as long as the database is open.
// Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "persist/log.h"
#include "persist/persister.h"
#include "persist/watermarks.h"

namespace tremula::persist {

class Link {
 public:
  virtual ~Link() = default;

  // The version of the last ordered transaction: everything up to it can be read from the log's
  // files, up to marks().end.  Cost: one atomic load.
  virtual std::uint64_t ordered() const = 0;
  virtual Watermarks marks() const = 0;

  // Takes this process's own transaction (an encoded submission); numbers go on by one from 1. It
  // is kept, and sent again, until it is known as ordered. No I/O; waits while more than the
  // queue's bound is not ordered.  Errors: io (the log has failed, at the host or here).
  virtual base::Result<void> submit(std::uint64_t number, std::string_view submission) = 0;
  // The same, and waits until it is ordered.
  // Errors: also the host's refusal (schema_conflict): the number was not used, and is used again.
  virtual base::Result<void> submit_and_wait(std::uint64_t number, std::string_view submission) = 0;
  // Waits until all own transactions are ordered.
  // Returns: a version that covers everything that anybody was told of as ordered before the call.
  virtual base::Result<std::uint64_t> sync() = 0;
  virtual base::Result<void> wait_durable(std::uint64_t version) = 0;

  // The newest files, and the version up to which they have everything. Cheap if nothing changed.
  struct Files {
    std::shared_ptr<const lsm::LsmSnapshot> snapshot;
    std::uint64_t applied_version = 0;
  };
  virtual base::Result<Files> files() = 0;
  // This process reads no log below this position any more.
  virtual void passed(LogPosition position) = 0;

  // An eventfd: readable from the moment that others' transactions were ordered (or another host took
  // over) until clear_wake().
  virtual int wake_fd() const = 0;
  virtual void clear_wake() = 0;
  virtual PersisterStatus status() const = 0;
  virtual bool is_host() const = 0;
};

}  // namespace tremula::persist
