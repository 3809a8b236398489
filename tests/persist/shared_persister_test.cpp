// Persister in a directory that several processes share: the switch, the order, who comes late.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "persist/link.h"
#include "persist/log_tail.h"
#include "persist/memory_file_system.h"
#include "persist/memory_wire.h"
#include "persist/persister.h"
#include "tests/persist/intents_support.h"
#include "tests/persist/persister_support.h"

namespace tremula::persist {
namespace {

using namespace persist_test;  // NOLINT: the words of these tests
using base::ErrorCode;
using base::Result;
using crdt::IntentKind;

constexpr std::uint64_t kHost = 11;
constexpr std::uint64_t kClient = 22;

// Never takes over: the link's process stays a client.
class NoSuccession final : public Succession {
 public:
  Result<void> take_over() override { return base::Error{ErrorCode::kLocked, "held"}; }
  Result<void> submit(std::uint64_t, std::string_view) override { return {}; }
  Result<void> wait_acknowledged(std::uint64_t) override { return {}; }
  void want_durable(std::uint64_t) override {}
};

struct Shared {
  Shared() {
    files.set_clock(0, 1000);
    options.wire = &wire;
    host_board = WatermarkBoard::make().value();
    options.board = host_board.get();
    options.process = kHost;
  }
  void open() {
    auto opened = Persister::open(files, "db", options);
    if (!opened.ok()) FAIL(opened.error().message);
    persister = std::move(opened).value();
  }
  void join() {
    board = WatermarkBoard::make().value();
    link = Link::make(wire, "db", *board, none, {.process = kClient}).value();
    run();
    REQUIRE(link->state() == LinkState::kJoined);
  }
  void run() {
    for (bool any = true; any;) {
      any = persister->step();
      if (link) any = link->step() || any;
    }
  }
  // The client submits 20 transactions, for which there is too little room.
  void fill_disk() {
    options.log = {.first_file_bytes = 4096, .file_bytes = 4096, .spare_files = 1};
    open();
    join();
    files.set_capacity(9000);
    const std::string name(1000, 'y');
    for (std::uint64_t number = 1; number <= 20; ++number) {
      REQUIRE(link->submit(number, put_name(0, static_cast<std::int64_t>(number), name)).ok());
    }
    for (int i = 0; i < 50; ++i) {
      (void)persister->step();
      (void)link->step();
    }
  }
  // "key=name plays" of what the log says from `at` on, by kinds of effects.
  std::string read(LogTail& tail, std::uint64_t ordered) {
    std::string text;
    LogCommit commit;
    for (;;) {
      const auto read = tail.next(ordered, commit);
      REQUIRE(read.ok());
      if (read.value() == LogTail::Read::kLost) return text + "lost";
      if (read.value() == LogTail::Read::kEnd) return text;
      text += std::to_string(commit.version) + ":";
      triples::CommitReader reader(commit.record);
      triples::WrittenRow row;
      while (reader.next(row).value()) {
        if (row.type != kTable) continue;
        text += "+~-"[static_cast<int>(row.fate)] + std::to_string(row.slot);
        for (const auto& cell : row.cells) {
          text +=
              cell.value.kind == triples::Kind::kText ? "=" + std::string(cell.value.view()) : "#";
        }
      }
      text += " ";
    }
  }

  MemoryFileSystem files;
  MemoryWire wire;
  NoSuccession none;
  PersisterOptions options;
  std::unique_ptr<WatermarkBoard> host_board;
  std::unique_ptr<WatermarkBoard> board;
  std::unique_ptr<Persister> persister;
  std::unique_ptr<Link> link;
};

}  // namespace

TEST_CASE("shared persister: what was submitted alone is ordered before what is shared") {
  Shared shared;
  shared.open();
  REQUIRE(shared.persister->submit(insert_record(0, 10)).ok());
  REQUIRE(shared.persister->submit(insert_record(1, 11)).ok());
  CHECK(!shared.persister->is_shared());
  CHECK(shared.persister->share() == 2);
  CHECK(shared.persister->is_shared());
  const auto refused = shared.persister->submit(insert_record(2, 12));
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::kLocked);
  REQUIRE(shared.persister->submit_intents(1, put_name(2, 5, "eve")).ok());
  const auto start = shared.persister->wait_shared_start();
  REQUIRE(start.ok());
  CHECK(start.value().version == 2);
  CHECK(shared.persister->wait_acknowledged(1).ok());
  LogTail tail(shared.files, "db", start.value().at, start.value().version);
  CHECK(shared.read(tail, 3) == "3:+2=eve ");
  LogTail from_the_start(shared.files, "db", {1, 0}, 0);
  CHECK(shared.read(from_the_start, 3) == "1:+0#= 2:+1#= 3:+2=eve ");
  CHECK(shared.persister->close().ok());
}

TEST_CASE("shared persister: a client's transactions and the host's own stand in one order") {
  Shared shared;
  shared.open();
  REQUIRE(shared.persister->submit(insert_record(0, 10)).ok());
  shared.join();
  CHECK(shared.persister->is_shared());
  const auto start = shared.persister->wait_shared_start().value();
  REQUIRE(shared.link->submit(1, put_name(1, 5, "eve")).ok());
  shared.run();
  REQUIRE(shared.persister->submit_intents(1, put_name(1, 6, "joe")).ok());
  REQUIRE(shared.link->submit(2, put_name(1, 5, "adam", IntentKind::kUpdate, 1)).ok());
  shared.run();
  CHECK(shared.board->read().acknowledged == 2);
  CHECK(shared.board->ordered() == 4);
  CHECK(shared.host_board->read().acknowledged == 1);
  CHECK(shared.host_board->ordered() == 4);
  CHECK(shared.link->wait_acknowledged(2).ok());
  LogTail tail(shared.files, "db", start.at, start.version);
  CHECK(shared.read(tail, 4) == "2:+1=eve 3:+2=joe 4:~1=adam ");
  CHECK(tail.version() == 4);
  CHECK(tail.position() == shared.board->read().end);
}

TEST_CASE("shared persister: who changes the catalog without having seen it whole is refused") {
  Shared shared;
  shared.open();
  shared.join();
  crdt::IntentWriter declare;
  declare.begin_row(triples::kCatalogTableType, IntentKind::kPut, 0, key_of(1), 0);
  REQUIRE(shared.link->submit(1, submission(0, 0, declare)).ok());
  shared.run();
  CHECK(shared.link->wait_acknowledged(1).ok());
  REQUIRE(shared.persister->submit_intents(1, submission(0, 0, declare)).ok());
  const auto refused = shared.persister->wait_acknowledged(1);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::kSchemaConflict);
  REQUIRE(shared.persister->submit_intents(1, submission(1, 0, declare)).ok());
  CHECK(shared.persister->wait_acknowledged(1).ok());
  // The client has seen version 1 alone; its number 2 stays free.
  REQUIRE(shared.link->submit(2, submission(1, 0, declare)).ok());
  shared.run();
  const auto late = shared.link->wait_acknowledged(2);
  REQUIRE(!late.ok());
  CHECK(late.error().code == ErrorCode::kSchemaConflict);
  REQUIRE(shared.link->submit(2, put_name(1, 5, "eve")).ok());
  shared.run();
  CHECK(shared.link->wait_acknowledged(2).ok());
  CHECK(shared.board->ordered() == 3);
}

TEST_CASE("shared persister: a host that takes over knows what was ordered and on what it stands") {
  Shared shared;
  shared.open();
  shared.persister->share();
  REQUIRE(shared.persister->submit_intents(1, put_name(0, 5, "eve")).ok());
  REQUIRE(shared.persister->wait_acknowledged(1).ok());
  LogTail tail(shared.files, "db", shared.persister->wait_shared_start().value().at, 0);
  CHECK(shared.read(tail, 1) == "1:+0=eve ");
  shared.persister.reset();
  shared.options.shared_at_once = true;
  shared.open();
  // Sent again, and one that stands on it.
  REQUIRE(shared.persister->submit_intents(1, put_name(0, 5, "eve")).ok());
  REQUIRE(shared.persister->submit_intents(2, put_name(0, 5, "ada", IntentKind::kUpdate, 1)).ok());
  REQUIRE(shared.persister->wait_acknowledged(2).ok());
  CHECK(shared.host_board->ordered() == 2);
  CHECK(shared.read(tail, 2) == "2:~0=ada ");
}

TEST_CASE("shared persister: who takes over hears that his last transaction was ordered before") {
  Shared shared;
  shared.open();
  shared.join();
  REQUIRE(shared.link->submit(1, put_name(0, 5, "eve")).ok());
  shared.run();
  REQUIRE(shared.persister->close().ok());
  // The client has not heard of it, takes over, and sends it again.
  shared.link.reset();
  shared.options.process = kClient;
  shared.options.shared_at_once = true;
  shared.board = WatermarkBoard::make().value();
  shared.options.board = shared.board.get();
  shared.open();
  REQUIRE(shared.persister->submit_intents(1, put_name(0, 5, "eve")).ok());
  shared.run();
  CHECK(shared.persister->status().ordered == 1);
  REQUIRE(shared.board->read().acknowledged == 1);
  CHECK(shared.persister->wait_acknowledged(1).ok());
  CHECK(shared.persister->close().ok());
}

TEST_CASE("shared persister: the log is kept for a slow process, up to a bound") {
  Shared shared;
  shared.options.log = {.first_file_bytes = 4096, .file_bytes = 4096, .spare_files = 1};
  shared.options.lsm.memtable_bytes = 4096;
  shared.options.kept_log_bytes = 96 << 10;
  shared.open();
  shared.join();
  LogTail slow(shared.files, "db", {1, 0}, 0);
  std::uint64_t number = 0;
  const auto write = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const std::string name(200, 'x');
      ++number;
      REQUIRE(shared.persister
                  ->submit_intents(number, put_name(0, static_cast<std::int64_t>(number % 7),
                                                    name + std::to_string(number)))
                  .ok());
      shared.run();
      shared.persister->passed(shared.host_board->read().end.log);
    }
  };
  write(60);
  CHECK(shared.board->read().flushed > 0);
  CHECK(shared.board->read().first_log == 1);
  LogCommit commit;
  CHECK(slow.next(number, commit).value() == LogTail::Read::kCommit);
  CHECK(commit.version == 1);
  write(600);
  CHECK(shared.board->read().first_log > slow.position().log);
  while (slow.next(number, commit).value() == LogTail::Read::kCommit) {
  }
  CHECK(slow.next(number, commit).value() == LogTail::Read::kLost);
  CHECK(shared.persister->close().ok());
}

TEST_CASE("shared persister: a full disk holds the order up, and nothing is lost or done twice") {
  Shared shared;
  shared.fill_disk();
  CHECK(shared.board->read().acknowledged < 20);
  shared.files.set_capacity(1 << 30);
  REQUIRE(shared.persister->wait_ordered(0).ok());  // tries once more
  shared.run();
  CHECK(shared.board->read().acknowledged == 20);
  CHECK(shared.board->ordered() == 20);
  LogTail tail(shared.files, "db", {1, 0}, 0);
  std::string text = shared.read(tail, 20);
  CHECK(text.starts_with("1:+0="));
  CHECK(text.find("20:+19=") != std::string::npos);
}

TEST_CASE("shared persister: what a full disk holds up is not told as ordered to who comes back") {
  Shared shared;
  shared.fill_disk();
  const std::uint64_t in_log = shared.persister->status().ordered;
  REQUIRE(in_log < 20);
  // Comes back under the same name.
  shared.wire.cut(1);
  for (int i = 0; i < 50; ++i) {
    (void)shared.link->step();
    (void)shared.persister->step();
  }
  REQUIRE(shared.link->state() == LinkState::kJoined);
  CHECK(shared.board->read().acknowledged == in_log);
}

TEST_CASE("shared persister: nobody reads in the tree what a full disk keeps out of the log") {
  Shared shared;
  shared.fill_disk();
  std::size_t visits = 0;
  const auto visit = [&](lsm::LsmTree&, StampBook&) -> Result<void> {
    ++visits;
    return {};
  };
  const auto refused = shared.persister->with_base(visit);
  REQUIRE(!refused.ok());
  CHECK(base::is_disk_full(refused.error()));
  CHECK(visits == 0);
  shared.files.set_capacity(1 << 30);
  CHECK(shared.persister->with_base(visit).ok());
  CHECK(visits == 1);
  CHECK(shared.persister->status().ordered == 20);
  shared.run();
  CHECK(shared.board->read().acknowledged == 20);
  CHECK(shared.persister->close().ok());
}

TEST_CASE("shared persister: who takes over and fails at once is not taken for sound") {
  // Its log fails as soon as it is given what the host before had not acknowledged.
  class Failing final : public Succession {
   public:
    explicit Failing(WatermarkBoard& board) : board_(board) {}
    Result<void> take_over() override {
      if (is_held) return base::Error{ErrorCode::kLocked, "held"};
      board_.clear_failure();
      return {};
    }
    Result<void> submit(std::uint64_t, std::string_view) override {
      board_.fail({ErrorCode::kIo, "broken"});
      return {};
    }
    Result<void> wait_acknowledged(std::uint64_t) override { return {}; }
    void want_durable(std::uint64_t) override {}
    bool is_held = true;

   private:
    WatermarkBoard& board_;
  };
  Shared shared;
  shared.open();
  shared.board = WatermarkBoard::make().value();
  Failing failing(*shared.board);
  shared.link = Link::make(shared.wire, "db", *shared.board, failing, {.process = kClient}).value();
  shared.run();
  REQUIRE(shared.link->state() == LinkState::kJoined);
  REQUIRE(shared.link->submit(1, put_name(0, 5, "eve")).ok());
  shared.persister.reset();
  failing.is_held = false;
  for (int i = 0; i < 10 && shared.link->state() != LinkState::kHost; ++i) {
    (void)shared.link->step();
  }
  REQUIRE(shared.link->state() == LinkState::kHost);
  const auto waited = shared.board->wait([](const Watermarks&) { return false; });
  CHECK(waited.error().message == "broken");
}

TEST_CASE("shared persister: where nobody can listen, one process has the directory alone") {
  class MuteWire final : public MemoryWire {
   public:
    Result<std::unique_ptr<Listener>> listen(const std::string& directory) override {
      return base::Error{ErrorCode::kIo, directory + ": no sockets here"};
    }
  };
  Shared shared;
  MuteWire mute;
  shared.options.wire = &mute;
  shared.open();
  CHECK(shared.persister->submit(insert_record(0, 1)).value() == 1);
  CHECK(shared.persister->wait_durable(1).ok());
  CHECK(!shared.persister->is_shared());
  shared.persister.reset();
  // Who takes over has others that wait for a host: it leaves that to them.
  shared.options.shared_at_once = true;
  const auto refused = Persister::open(shared.files, "db", shared.options);
  CHECK(refused.error().message == "db: no sockets here");
}

}  // namespace tremula::persist
