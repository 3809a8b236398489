// Storage: what a database in a directory has beside its tables: its persister, and its part in the
// directory once others have opened it, too.
//
//   open -> persister (lock, files, log) -load-> catalog, then the rows that only the log has
//        -> locked by another: SharedDirectory -load-> the same, and Sharing from the beginning
//
// Thread: the holder of the engine's mutex; wait_* and status: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "db/shared_directory.h"
#include "db/store.h"
#include "persist/persister.h"
#include "persist/watermarks.h"
#include "persist/wire.h"
#include "tremula/options.h"

namespace tremula::db {

struct Engine;

class Storage {
 public:
  // Locks the directory and reads its log, or joins the process that has it open.
  // `wire`: null if nobody else can.
  // Errors: io, corrupt; locked, without a wire or by a process that doesn't share.
  static base::Result<std::unique_ptr<Storage>> open(std::shared_ptr<base::FileSystem> files,
                                                     std::shared_ptr<persist::Wire> wire,
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
  // Takes what a merge wrote into the tables, which `record` tells with what merging keeps.
  base::Result<std::uint64_t> submit_merged(Store& store, std::string_view record);
  // See Persister.
  base::Result<void> with_base(const persist::Persister::BaseVisitor& visit);
  // All of the directory as any process reads it.  Requires: share() was called.
  base::Result<persist::FollowedBase> read_base() { return shared_->read_base(); }
  // Whether another process has opened the directory since.  Cost: one atomic load.
  bool is_shared() const { return persister_ && wire_ && persister_->is_shared(); }
  // Makes Engine::sharing, which takes everything from now on.  Requires: is_shared().
  base::Result<void> share(Engine& engine);
  // Waits until all own commits are ordered, and whatever others were told of as ordered before.
  base::Result<void> sync(std::uint64_t commits);
  // Waits until the own commits that are among the first `commits` are durable.
  base::Result<void> wait_durable(std::uint64_t commits);
  // Readable when others committed; see Database::wake_fd().
  int wake_fd() const { return board_ ? board_->wake_fd() : -1; }
  void clear_wake() {
    if (board_) board_->clear_wake();
  }
  bool is_sync() const { return options_.durability == Durability::sync; }
  const Options& options() const { return options_; }
  // Of the rows that are on their way to files.
  std::size_t memtable_bytes_max() const;
  std::uint64_t recovered_version() const { return recovered_; }
  persist::PersisterStatus status() const;
  // Whether another process had the directory open.
  bool is_member() const { return !persister_; }
  bool is_host() const { return persister_ || shared_->is_host(); }
  // The files that tables read from have everything up to this version; newer files are taken, if
  // they have nothing above `base`, of a shared directory.
  std::uint64_t follow_files(std::uint64_t base);

 private:
  using Files = persist::Persister::Files;
  using RowVisitor = std::function<void(const lsm::MemtableRow&)>;
  Storage(std::shared_ptr<base::FileSystem> files, std::shared_ptr<persist::Wire> wire,
          std::string directory, const Options& options);
  void visit_log(const RowVisitor& visit, lsm::Memtable::WantsType wants);
  base::Result<void> replay(Store& store, bool of_catalog);
  base::Result<void> read_tick();
  Files files() const;
  persist::Persister* unstarted() const {
    return persister_ ? persister_.get() : shared_->unstarted();
  }
  void set_catalog(const Store& store);

  std::shared_ptr<base::FileSystem> files_;
  std::shared_ptr<persist::Wire> wire_;
  std::unique_ptr<persist::WatermarkBoard> board_;
  std::string directory_;
  Options options_;
  persist::PersisterOptions persister_options_;
  std::unique_ptr<persist::Persister> persister_;  // null: another process had it open
  std::unique_ptr<SharedDirectory> shared_;        // once it is shared
  std::atomic<bool> has_shared_ = false;           // shared_ is there, for other threads
  triples::CommitWriter record_;                   // of the commit in hand; kept for its memory
  std::int64_t logged_tick_ = 0;                   // of the key generator
  std::uint64_t recovered_ = 0;
};

}  // namespace tremula::db
