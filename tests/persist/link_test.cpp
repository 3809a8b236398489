// Links with threads, over sockets and in memory; and with processes of the machine, some killed.
#include "persist/link.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "persist/frame.h"
#include "persist/memory_wire.h"
#include "persist/messages.h"
#include "persist/posix_file_system.h"
#include "persist/posix_wire.h"
#include "tests/persist/scratch_directory.h"
#include "tests/persist/shared_directory.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using persist_test::Ordered;
using persist_test::ScratchDirectory;
using persist_test::SharedDirectory;
using persist_test::TestHost;

bool is_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// A process with its link; once it is the host, with a thread that steps the hub.
class Process : public Succession {
 public:
  Process(std::uint64_t id, SharedDirectory& directory, Wire& wire, std::size_t bound = 1U << 20,
          int grace_ms = 60'000)
      : id_(id), directory_(directory), wire_(wire), board_(WatermarkBoard::make().value()) {
    auto opened = Link::open(wire, directory.path(), *board_, *this,
                             {.process = id, .unacknowledged_bytes = bound, .grace_ms = grace_ms});
    if (opened.ok()) link_ = std::move(opened).value();
    if (!opened.ok()) error_ = opened.error();
  }
  ~Process() override {
    if (link_) link_->close();
    {
      const std::lock_guard guard(mutex_);
      is_ending_ = true;
    }
    if (!host_) return;
    host_->hub().wake();
    thread_.join();
  }

  base::Result<void> take_over() override {
    {
      const std::lock_guard guard(mutex_);
      if (takeover_error_) return *takeover_error_;
    }
    auto host = TestHost::try_open(directory_, wire_);
    if (!host) return base::Error{ErrorCode::kLocked, directory_.path() + ": locked"};
    host_ = std::move(host);
    board_->clear_failure();
    thread_ = std::thread([this] { serve(); });
    return {};
  }
  base::Result<void> submit(std::uint64_t number, std::string_view record) override {
    on_host([each = Ordered{id_, number, std::string(record)}](TestHost& host) {
      host.waiting().push_back(each);
    });
    return {};
  }
  base::Result<void> wait_acknowledged(std::uint64_t number) override {
    return board_->wait([&](const Watermarks& marks) { return marks.acknowledged >= number; });
  }
  void want_durable(std::uint64_t version) override {
    on_host([version](TestHost& host) { host.want_durable(version); });
  }

  // Does something in the thread of the host.
  void on_host(const std::function<void(TestHost&)>& what) {
    {
      const std::lock_guard guard(mutex_);
      orders_.push_back(what);
    }
    host_->hub().wake();
  }
  // The same, and waits until it is done: what others send from now on meets it.
  void settle_on_host(const std::function<void(TestHost&)>& what) {
    std::atomic<bool> done = false;
    on_host([&](TestHost& host) {
      what(host);
      done = true;
    });
    while (!done) std::this_thread::yield();
  }
  void commit(std::uint64_t count = 1) {
    for (; count > 0; --count) REQUIRE(link_->submit(++submitted_, "r").ok());
  }
  base::Result<void> wait() { return link_->wait_acknowledged(submitted_); }
  // From now on no takeover goes well.
  void fail_takeovers(std::optional<base::Error> error) {
    const std::lock_guard guard(mutex_);
    takeover_error_ = std::move(error);
  }
  Link& link() { return *link_; }
  WatermarkBoard& board() { return *board_; }
  const base::Error& error() const { return error_; }
  std::uint64_t submitted_ = 0;

 private:
  void serve() {
    for (;;) {
      std::vector<std::function<void(TestHost&)>> orders;
      {
        const std::lock_guard guard(mutex_);
        if (is_ending_) return;
        orders.swap(orders_);
      }
      for (const auto& order : orders) order(*host_);
      const bool stepped = host_->step();
      Watermarks marks = host_->marks();
      marks.acknowledged = directory_.last_of(id_);
      board_->publish(marks);
      if (!stepped && orders.empty()) host_->hub().wait(-1);
    }
  }

  const std::uint64_t id_;
  SharedDirectory& directory_;
  Wire& wire_;
  std::unique_ptr<WatermarkBoard> board_;
  std::unique_ptr<TestHost> host_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<std::function<void(TestHost&)>> orders_;
  bool is_ending_ = false;
  std::optional<base::Error> takeover_error_;
  base::Error error_;
  std::unique_ptr<Link> link_;
};

void on_each(const std::function<void(SharedDirectory& directory, Wire& wire)>& test) {
  SUBCASE("sockets") {
    const ScratchDirectory scratch;
    SharedDirectory directory(scratch.path());
    test(directory, *make_posix_wire());
  }
  SUBCASE("memory") {
    MemoryWire wire;
    SharedDirectory directory("/dir");
    test(directory, wire);
  }
}

// Each process's transactions, once and in order.  Returns: how many of each.
std::map<std::uint64_t, std::uint64_t> counts_of(SharedDirectory& directory) {
  std::map<std::uint64_t, std::uint64_t> counts;
  for (const Ordered& each : directory.log()) CHECK(each.number == ++counts[each.process]);
  return counts;
}

}  // namespace

TEST_CASE("link: the first process is the host, others join it, and all are ordered") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    Process host(1, directory, wire);
    CHECK(host.link().state() == LinkState::kHost);
    Process one(2, directory, wire);
    Process two(3, directory, wire);
    CHECK(one.link().state() == LinkState::kJoined);
    CHECK(two.link().state() == LinkState::kJoined);
    std::vector<std::thread> threads;
    for (Process* process : {&host, &one, &two})
      threads.emplace_back([process] { process->commit(500); });
    for (std::thread& thread : threads) thread.join();
    for (Process* process : {&host, &one, &two}) {
      CHECK(process->wait().ok());
      CHECK(process->board().read().acknowledged == 500);
    }
    CHECK(counts_of(directory) ==
          std::map<std::uint64_t, std::uint64_t>{{1, 500}, {2, 500}, {3, 500}});
    // What anybody was told of is known after a question.
    CHECK(two.link().ask().ok());
    CHECK(two.board().ordered() == 1500);
    CHECK(two.link().wait_durable(1500).ok());
    CHECK(two.board().read().durable == 1500);
    CHECK(host.link().ask().ok());
  });
}

TEST_CASE("link: the descriptor tells of others' transactions, not of its own") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    Process host(1, directory, wire);
    Process one(2, directory, wire);
    one.commit(3);
    CHECK(one.wait().ok());
    CHECK(!is_readable(one.board().wake_fd()));
    const auto is_told = [](Process& process, std::uint64_t version) {
      return process.board().wait(
          [&](const Watermarks& marks) { return marks.ordered >= version; });
    };
    CHECK(is_told(host, 3).ok());
    CHECK(is_readable(host.board().wake_fd()));
    host.board().clear_wake();
    CHECK(!is_readable(host.board().wake_fd()));
    host.commit();
    CHECK(is_told(one, 4).ok());
    CHECK(is_readable(one.board().wake_fd()));
    CHECK(!is_readable(host.board().wake_fd()));
  });
}

TEST_CASE("link: the end of the host makes another one, and nothing is lost or doubled") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    auto host = std::make_unique<Process>(1, directory, wire);
    std::vector<std::unique_ptr<Process>> others;
    for (std::uint64_t id = 2; id <= 4; ++id)
      others.push_back(std::make_unique<Process>(id, directory, wire));
    std::vector<std::thread> threads;
    std::atomic<int> begun{0};
    for (const auto& process : others) {
      threads.emplace_back([&process, &begun] {
        for (int i = 0; i < 20; ++i) {
          process->commit(50);
          ++begun;
        }
      });
    }
    while (begun < 10) std::this_thread::yield();
    host.reset();
    for (std::thread& thread : threads) thread.join();
    for (const auto& process : others) CHECK(process->wait().ok());
    CHECK(counts_of(directory) ==
          std::map<std::uint64_t, std::uint64_t>{{2, 1000}, {3, 1000}, {4, 1000}});
    for (const auto& process : others) CHECK(is_readable(process->board().wake_fd()));
    const auto hosts = [&others] {
      return std::count_if(others.begin(), others.end(), [](const auto& process) {
        return process->link().state() == LinkState::kHost;
      });
    };
    // The old one may have acknowledged everything before it ended.
    while (hosts() == 0) std::this_thread::yield();
    CHECK(hosts() == 1);
    // And so on, to the last one.
    while (others.size() > 1) {
      others.erase(others.begin());
      others.back()->commit();
      CHECK(others.back()->wait().ok());
    }
    CHECK(directory.size() == 3002);
    CHECK(!directory.has_gap());
  });
}

TEST_CASE("link: who can't take over for now says so, and tries again") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    auto host = std::make_unique<Process>(1, directory, wire);
    Process one(2, directory, wire);
    one.commit(3);
    REQUIRE(one.wait().ok());
    const std::string reason = std::generic_category().message(EMFILE);
    one.fail_takeovers(base::Error{ErrorCode::kIo, "db/SST-1: open: " + reason});
    host.reset();
    const auto never = [](const Watermarks&) { return false; };
    CHECK(one.board().wait(never).error().message.ends_with(reason));
    CHECK(one.link().wait_acknowledged(4).error().message.ends_with(reason));
    one.fail_takeovers({});
    while (one.link().state() != LinkState::kHost) std::this_thread::yield();
    one.commit(2);
    CHECK(one.wait().ok());
    CHECK(directory.size() == 5);
  });
}

TEST_CASE("link: a takeover that fails for good is the link's end") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    auto host = std::make_unique<Process>(1, directory, wire);
    Process one(2, directory, wire);
    one.fail_takeovers(base::Error{ErrorCode::kIo, "db/LOG-1: sync: no such luck"});
    host.reset();
    const auto never = [](const Watermarks&) { return false; };
    CHECK(one.board().wait(never).error().message == "db/LOG-1: sync: no such luck");
    CHECK(one.link().state() == LinkState::kFailed);
  });
}

TEST_CASE("link: a refusal comes to who waits, and its number is used again") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    Process host(1, directory, wire);
    host.settle_on_host([](TestHost& each) { each.refused_record = "bad"; });
    Process one(2, directory, wire);
    one.commit();
    CHECK(one.link().submit(2, "bad").ok());
    const auto refused = one.link().wait_acknowledged(2);
    CHECK(refused.error().code == ErrorCode::kSchemaConflict);
    CHECK(refused.error().message == "not this one");
    CHECK(one.link().submit(2, "good").ok());
    CHECK(one.link().wait_acknowledged(2).ok());
    CHECK(directory.log().back().record == "good");
  });
}

TEST_CASE("link: who commits faster than the host takes waits for it") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    Process host(1, directory, wire);
    Process one(2, directory, wire, 1000);
    host.settle_on_host([](TestHost& each) { each.takes = false; });
    std::atomic<std::uint64_t> done{0};
    std::thread committer([&] {
      for (std::uint64_t number = 1; number <= 100; ++number) {
        CHECK(one.link().submit(number, std::string(100, 'x')).ok());
        done = number;
      }
    });
    while (done < 10) std::this_thread::yield();
    CHECK(directory.size() == 0);
    CHECK(done <= 10);  // the eleventh waits, however long this took
    host.on_host([](TestHost& each) { each.takes = true; });
    committer.join();
    CHECK(one.link().wait_acknowledged(100).ok());
    CHECK(directory.size() == 100);
  });
}

TEST_CASE("link: a host whose log has failed is no host, the next one is") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    auto host = std::make_unique<Process>(1, directory, wire);
    Process one(2, directory, wire);
    one.commit();
    CHECK(one.wait().ok());
    host->on_host([](TestHost& each) {
      each.takes = false;
      each.hub().fail({ErrorCode::kIo, "no disk"});
    });
    const auto never = [](const Watermarks&) { return false; };
    CHECK(one.board().wait(never).error().message == "no disk");
    CHECK(one.link().submit(2, "r").error().message == "no disk");
    host.reset();
    // Until it has taken over it has nobody to give a transaction to.
    const auto is_host = [&] { return one.link().state() == LinkState::kHost; };
    while (!is_host()) std::this_thread::yield();
    CHECK(one.link().submit(2, "r").ok());
    CHECK(one.link().wait_acknowledged(2).ok());
    CHECK(directory.size() == 2);
  });
}

TEST_CASE("link: a lock of somebody who doesn't listen is told") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    REQUIRE(directory.try_lock());
    Process one(2, directory, wire, 1000, 50);
    CHECK(one.error().code == ErrorCode::kLocked);
    CHECK(one.error().message == directory.path() + ": locked");
    directory.unlock();
    Process two(3, directory, wire);
    CHECK(two.link().state() == LinkState::kHost);
  });
}

TEST_CASE("link: hosts that talk nonsense, or another protocol, are left") {
  on_each([](SharedDirectory& directory, Wire& wire) {
    REQUIRE(directory.try_lock());
    auto listener = wire.listen(directory.path()).value();
    std::atomic<bool> speaks_new{false};
    std::atomic<bool> is_over{false};
    std::atomic<int> met{0};
    std::thread nonsense([&] {
      auto waiter = wire.make_waiter().value();
      std::vector<std::unique_ptr<Connection>> kept;
      while (!is_over) {
        std::vector<Watch> watches = {{listener.get()}};
        waiter->wait(watches, 1);
        auto connection = listener->accept().value();
        if (!connection) continue;
        ++met;
        std::string bytes(100, 'n');
        if (speaks_new) {
          bytes.clear();
          FrameWriter(Direction::kToMember)
              .write(bytes, static_cast<std::uint8_t>(MessageKind::kPutOut),
                     encode_failure({{ErrorCode::kUnsupported, "protocol 2"}}));
        }
        (void)connection->send(bytes);
        kept.push_back(std::move(connection));
      }
    });
    Process one(2, directory, wire, 1000, 50);
    CHECK(one.error().code == ErrorCode::kCorrupt);
    CHECK(met > 0);
    speaks_new = true;
    Process two(3, directory, wire);
    CHECK(two.error().code == ErrorCode::kUnsupported);
    CHECK(two.error().message == "protocol 2");
    is_over = true;
    nonsense.join();
  });
}

namespace {

// A process of the machine that hosts until it is killed, and has a child that lives on.  Never
// returns.
[[noreturn]] void host_for_ever(const std::string& path, int ready) {
  const auto files = make_posix_file_system();
  const auto wire = make_posix_wire();
  SharedDirectory directory(path, *files);
  auto host = TestHost::try_open(directory, *wire);
  while (!host) host = TestHost::try_open(directory, *wire);  // the test looks whether it is taken
  for (bool has_forked = false;;) {
    if (!has_forked && host->hub().stats().peers > 0) {
      has_forked = true;
      const pid_t child = ::fork();
      if (child == 0) {
        for (;;) ::pause();
      }
      if (::write(ready, &child, sizeof child) != sizeof child) ::_exit(1);
    }
    if (!host->step()) host->hub().wait(-1);
  }
}

// One that commits, and ends in peace.  Never returns.
[[noreturn]] void commit_and_end(const std::string& path, std::uint64_t id, std::uint64_t count) {
  const auto files = make_posix_file_system();
  const auto wire = make_posix_wire();
  SharedDirectory directory(path, *files);
  bool all_went_well = false;
  {
    Process process(id, directory, *wire);
    all_went_well = process.error().code == ErrorCode::kOk;
    for (std::uint64_t number = 1; all_went_well && number <= count; ++number)
      all_went_well = process.link().submit(number, "r").ok();
    all_went_well = all_went_well && process.link().wait_acknowledged(count).ok();
  }
  ::_exit(all_went_well ? 0 : 1);
}

}  // namespace

TEST_CASE("link: kill -9 of the host while others are sending") {
  const char* const scale = std::getenv("TREMULA_TEST_SCALE");
  const int rounds = 5 * (scale ? std::max(1, std::atoi(scale)) : 1);
  for (int round = 0; round < rounds; ++round) {
    const ScratchDirectory scratch;
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t host = ::fork();
    if (host == 0) host_for_ever(scratch.path(), ready[1]);
    const auto files = make_posix_file_system();
    while (files->lock(scratch.path() + "/LOCK", "a test").ok()) std::this_thread::yield();
    std::vector<pid_t> others;
    for (std::uint64_t id = 2; id <= 3; ++id) {
      others.push_back(::fork());
      if (others.back() == 0) commit_and_end(scratch.path(), id, 3000);
    }
    pid_t child = 0;
    REQUIRE(::read(ready[0], &child, sizeof child) == sizeof child);
    const auto wire = make_posix_wire();
    SharedDirectory directory(scratch.path(), *files);
    {
      Process own(1, directory, *wire);
      REQUIRE(own.error().message == "");
      own.commit(300);
      CHECK(own.link().wait_acknowledged(100 + 20 * static_cast<std::uint64_t>(round)).ok());
      ::kill(host, SIGKILL);
      own.commit(700);
      CHECK(own.wait().ok());
      int status = 0;
      for (const pid_t other : others) {
        REQUIRE(::waitpid(other, &status, 0) == other);
        CHECK(status == 0);
      }
      REQUIRE(::waitpid(host, &status, 0) == host);
    }
    ::kill(child, SIGKILL);
    directory.reread();
    CHECK(counts_of(directory) ==
          std::map<std::uint64_t, std::uint64_t>{{1, 1000}, {2, 3000}, {3, 3000}});
    ::close(ready[0]);
    ::close(ready[1]);
  }
}

}  // namespace tremula::persist
