// Storage: what a database in a directory has beside its tables: its persister.
//
//   open -> persister (lock, files, log) -load-> catalog, then the rows that only the log has
//
// Thread: the holder of the engine's mutex; wait_* and status: any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "db/store.h"
#include "persist/persister.h"
#include "tremula/options.h"

namespace tremula::db {

struct Engine;

class Storage {
 public:
  // Locks the directory and reads its log.  Errors: io, locked, corrupt.
  static base::Result<std::unique_ptr<Storage>> open(std::shared_ptr<base::FileSystem> files,
                                                     const std::string& directory,
                                                     const Options& options);
  ~Storage();

  // Gives an empty store the database's catalog and rows, and then lets the persister run.
  // Requires: nothing was written; the storage outlives the store's tables.
  base::Result<void> load(Store& store);

  // Takes what the store's transaction wrote.  Requires: Store::seal() found something.
  // Returns: its version; nothing, if the directory is shared by now.
  // Errors: see Persister::submit.
  base::Result<std::optional<std::uint64_t>> submit(Store& store);
  // Whether another process has opened the directory since.  Cost: one atomic load.
  bool is_shared() const;
  // Makes Engine::sharing, which takes everything from now on.  Requires: is_shared().
  base::Result<void> share(Engine& engine);
  base::Result<void> wait_ordered(std::uint64_t version);
  base::Result<void> wait_durable(std::uint64_t version);
  // Readable when others committed; see Database::wake_fd().
  int wake_fd() const;
  bool is_sync() const { return options_.durability == Durability::sync; }
  const Options& options() const { return options_; }
  std::uint64_t recovered_version() const;
  persist::PersisterStatus status() const;
  std::uint64_t flushed_version() const;

 private:
  Storage(std::shared_ptr<base::FileSystem> files, std::string directory, const Options& options);
  base::Result<void> replay(Store& store, bool of_catalog);
  base::Result<void> read_tick();

  std::shared_ptr<base::FileSystem> files_;
  std::string directory_;
  Options options_;
  std::unique_ptr<persist::Persister> persister_;
  triples::CommitWriter record_;  // of the commit in hand; kept for its memory
  std::int64_t logged_tick_ = 0;  // of the key generator
};

}  // namespace tremula::db
