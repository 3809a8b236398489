// SharedDirectory: what processes that share a directory need of it, without a persister: a lock,
// an order that outlives its hosts (in memory, or in a file for processes of the machine), and
// hosts that put into it what the hub brings.
//
//   TestHost   Hub -> waiting -> order() -> SharedDirectory::log -> acknowledge, publish, send
//
// Thread: a SharedDirectory: any; a TestHost: the one that steps.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/file_system.h"
#include "persist/hub.h"
#include "persist/watermarks.h"
#include "persist/wire.h"

namespace tremula::persist_test {

struct Ordered {
  std::uint64_t process = 0;
  std::uint64_t number = 0;
  std::string record;
};

class SharedDirectory {
 public:
  explicit SharedDirectory(std::string path) : path_(std::move(path)) {}
  // With a lock of the machine, and the order in a file.
  SharedDirectory(std::string path, base::FileSystem& files)
      : path_(std::move(path)), files_(&files) {}
  const std::string& path() const { return path_; }

  bool try_lock() {
    const std::lock_guard guard(mutex_);
    if (files_ == nullptr) return !std::exchange(is_locked_, true);
    auto taken = files_->lock(path_ + "/LOCK", "a test");
    if (!taken.ok()) return false;
    lock_ = std::move(taken).value();
    read_file();
    return true;
  }
  void unlock() {
    const std::lock_guard guard(mutex_);
    is_locked_ = false;
    lock_.reset();
  }
  // What the file has, for who doesn't have the lock.
  void reread() {
    const std::lock_guard guard(mutex_);
    read_file();
  }
  // Puts a transaction into the order, once.  Returns: whether it was new.
  bool order(const Ordered& transaction) {
    const std::lock_guard guard(mutex_);
    std::uint64_t& last = last_[transaction.process];
    if (transaction.number <= last) return false;
    if (files_ != nullptr) write_file(transaction);
    add(transaction);
    return true;
  }
  std::uint64_t last_of(std::uint64_t process) {
    const std::lock_guard guard(mutex_);
    return last_[process];
  }
  std::vector<Ordered> log() {
    const std::lock_guard guard(mutex_);
    return log_;
  }
  std::uint64_t size() {
    const std::lock_guard guard(mutex_);
    return log_.size();
  }
  bool has_gap() {
    const std::lock_guard guard(mutex_);
    return has_gap_;
  }

 private:
  void add(const Ordered& transaction) {
    std::uint64_t& last = last_[transaction.process];
    if (transaction.number != last + 1) has_gap_ = true;
    last = transaction.number;
    log_.push_back(transaction);
  }
  // A line each: "process number record", ordered by one write.
  std::string file_name() const { return path_ + "/ORDER"; }
  void write_file(const Ordered& transaction) {
    const std::string line = std::to_string(transaction.process) + ' ' +
                             std::to_string(transaction.number) + ' ' + transaction.record + '\n';
    const int number = ::open(file_name().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const bool written =
        ::write(number, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    ::close(number);
    if (!written) ::_exit(99);
  }
  void read_file() {
    log_.clear();
    last_.clear();
    std::ifstream file(file_name());
    Ordered each;
    while (file >> each.process >> each.number >> each.record) add(each);
  }

  const std::string path_;
  base::FileSystem* const files_ = nullptr;
  std::unique_ptr<base::FileLock> lock_;
  std::mutex mutex_;
  bool is_locked_ = false;
  bool has_gap_ = false;
  std::vector<Ordered> log_;
  std::map<std::uint64_t, std::uint64_t> last_;
};

class TestHost : public persist::HubHost {
 public:
  // Takes the lock and listens.  Returns: null where another has it.
  static std::unique_ptr<TestHost> try_open(SharedDirectory& directory, persist::Wire& wire,
                                            const persist::HubOptions& options = {}) {
    if (!directory.try_lock()) return nullptr;
    auto host = std::unique_ptr<TestHost>(new TestHost(directory));
    host->hub_ = persist::Hub::listen(wire, directory.path(), options).value();
    host->hub_->publish(host->marks());
    return host;
  }
  // As a process that ends: nobody connects any more, the lock is free, the connections end.
  ~TestHost() override {
    hub_->unlisten();
    directory_.unlock();
  }

  persist::Hub& hub() { return *hub_; }
  std::vector<Ordered>& waiting() { return waiting_; }
  std::uint64_t wanted_durable() const { return wanted_durable_; }
  const std::string& heard() const { return heard_; }

  // One turn.  Returns: whether anything was done.
  bool step() {
    const bool received = hub_->receive(*this, takes);
    const bool ordered = order();
    if (ordered || durable_ != wanted_durable_) {
      durable_ = std::max(durable_, wanted_durable_);
      hub_->publish(marks());
    }
    hub_->send();
    return received || ordered;
  }
  bool order() {
    for (const Ordered& each : waiting_) {
      directory_.order(each);
      hub_->acknowledge(each.process, each.number);
    }
    return !std::exchange(waiting_, {}).empty();
  }
  persist::Watermarks marks() {
    const std::uint64_t ordered = directory_.size();
    return {.ordered = ordered, .end = {1, ordered}, .durable = durable_, .first_log = 1};
  }

  base::Result<std::uint64_t> join(std::uint64_t process) override {
    heard_ += "join" + std::to_string(process) + " ";
    if (refuses_all) return base::Error{base::ErrorCode::kReadOnly, "nobody may join"};
    return directory_.last_of(process);
  }
  void submit(std::uint64_t process, std::uint64_t number, std::string_view record) override {
    heard_ += std::to_string(process) + ":" + std::to_string(number) + " ";
    if (record == refused_record) {
      hub_->refuse(process, number, {base::ErrorCode::kSchemaConflict, "not this one"});
      return;
    }
    waiting_.push_back({process, number, std::string(record)});
  }
  void want_durable(std::uint64_t version) override {
    wanted_durable_ = std::max(wanted_durable_, version);
  }

  bool takes = true;
  bool refuses_all = false;
  std::optional<std::string> refused_record;

 private:
  explicit TestHost(SharedDirectory& directory) : directory_(directory) {}

  SharedDirectory& directory_;
  std::unique_ptr<persist::Hub> hub_;
  std::vector<Ordered> waiting_;
  std::uint64_t wanted_durable_ = 0;
  std::uint64_t durable_ = 0;
  std::string heard_;
};

}  // namespace tremula::persist_test
