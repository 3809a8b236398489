// SharedDirectory: the membership of a process in a directory of files.
//
//   own transactions -> Link -> the host      or, as the host, -> Persister
//   log files -LogTail-> ordered transactions, as far as the board says
//   SSTs: those of a moment that base has reached, so that nothing is seen before its turn
//
// A member becomes the host when the host is gone: the link takes over on its own thread, and
// everything goes on as before.
// Errors: io, corrupt.
// Thread: as Membership says; sync, wait_durable, status, wake_fd: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/lsm/followed_files.h"
#include "core/lsm/memtable.h"
#include "db/membership.h"
#include "persist/link.h"
#include "persist/log_tail.h"
#include "persist/persister.h"

namespace tremula::db {

class SharedDirectory final : public Membership {
 public:
  using Files = persist::Persister::Files;

  // `options` name wire, board and process, which outlive it.
  SharedDirectory(base::FileSystem& files, std::string directory,
                  const persist::PersisterOptions& options);
  ~SharedDirectory() override;

  // --- Becoming a member, by one of: ---
  // The host goes on with others; up to the version of the start everything was its own.
  // Borrowed: the persister.
  base::Result<void> begin_as_host(persist::Persister& persister);
  // Joins the host; or becomes it, if that is gone by now.
  base::Result<void> join();
  // After join(): null, or the persister that nobody has started yet, to be loaded from.
  persist::Persister* unstarted() { return is_started_ ? nullptr : own_persister_.get(); }
  // As a member: reads what the directory has, up to version(), and begins to follow it.
  base::Result<void> read();
  // The rows of the log above files().
  void visit_log(const std::function<void(const lsm::MemtableRow&)>& visit,
                 lsm::Memtable::WantsType wants) const {
    memtable_->visit_rows(visit, wants);
  }
  // Everything is loaded.
  base::Result<void> start();
  // Up to here everything was given by next(), or was there at the start.
  std::uint64_t version() const { return tail_->version(); }

  // --- Membership ---
  std::uint64_t process() const override { return options_.process; }
  std::uint64_t ordered() const override;
  base::Result<persist::LogTail::Read> next(persist::LogCommit& commit) override;
  base::Result<persist::FollowedBase> restart() override;
  base::Result<void> submit(std::uint64_t number, std::string_view submission) override;
  base::Result<void> wait_ordered(std::uint64_t number) override;
  bool is_refused(std::uint64_t number) const override;

  // All of the directory, up to ordered() at least.
  base::Result<persist::FollowedBase> read_base() {
    return persist::read_followed_base(disk_, directory_, ordered(), options_.lsm);
  }
  // Waits until all own transactions are ordered, and ordered() covers them.
  base::Result<void> wait_own();
  // The same for all that anybody was told of as ordered before the call.
  base::Result<void> sync();
  base::Result<void> wait_durable(std::uint64_t version);
  persist::PersisterStatus status() const;
  bool is_host() const { return host_.load() != nullptr; }

  // The files to read from.
  const Files& files() const { return adopted_; }
  // Takes the newest files, if they have nothing above `base`.
  base::Result<void> follow_files(std::uint64_t base);

  // Waits until all own transactions are durable, and leaves.
  void leave();

 private:
  // On the link's thread.
  class Heir final : public persist::Succession {
   public:
    explicit Heir(SharedDirectory& of) : of_(of) {}
    base::Result<void> take_over() override;
    base::Result<void> submit(std::uint64_t number, std::string_view record) override {
      return of_.host_.load()->submit_intents(number, record);
    }
    base::Result<void> wait_acknowledged(std::uint64_t number) override {
      return of_.host_.load()->wait_acknowledged(number);
    }
    void want_durable(std::uint64_t version) override { of_.host_.load()->want_durable(version); }

   private:
    SharedDirectory& of_;
  };

  void pass_logs();

  base::FileSystem& disk_;
  const std::string directory_;
  persist::PersisterOptions options_;
  std::unique_ptr<persist::Persister> own_persister_;  // of a takeover
  std::atomic<persist::Persister*> host_ = nullptr;    // this process's, once it is the host
  std::mutex opening_mutex_;
  bool is_opening_ = false;  // a takeover doesn't start the persister: there is something to load
  bool is_started_ = false;
  std::atomic<std::uint64_t> last_number_ = 0;
  std::unique_ptr<lsm::FollowedFiles> followed_;
  std::unique_ptr<lsm::Memtable> memtable_;
  std::unique_ptr<persist::LogTail> tail_;
  std::uint64_t passed_log_ = 0;
  Files adopted_;
  Heir heir_{*this};
  std::unique_ptr<persist::Link> link_;  // null: the host from the beginning
};

}  // namespace tremula::db
