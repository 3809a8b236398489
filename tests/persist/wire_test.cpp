// What every Wire promises, held against the one of the machine and the one in memory; and what the
// machine's sockets must do besides.
#include "persist/wire.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "persist/memory_wire.h"
#include "persist/posix_wire.h"
#include "tests/persist/scratch_directory.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using persist_test::ScratchDirectory;

void on_each(const std::function<void(Wire& wire, const std::string& directory)>& test) {
  SUBCASE("of the machine") {
    const ScratchDirectory scratch;
    test(*make_posix_wire(), scratch.path());
  }
  SUBCASE("in memory") {
    MemoryWire wire;
    test(wire, "/dir");
  }
}

// Waits until something came, and takes it.  Returns: "gone" at the end.
std::string receive(Wire& wire, Connection& connection) {
  auto waiter = wire.make_waiter().value();
  std::vector<Watch> watches = {{&connection}};
  std::string bytes(1000, '\0');
  for (;;) {
    const auto got = connection.receive(bytes);
    if (!got.ok()) {
      CHECK(got.error().code == ErrorCode::kIo);
      return "gone";
    }
    if (got.value() > 0) return bytes.substr(0, got.value());
    waiter->wait(watches, -1);
  }
}

struct Pair {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> client;
  std::unique_ptr<Connection> host;
};

Pair connected(Wire& wire, const std::string& directory) {
  Pair pair;
  pair.listener = wire.listen(directory).value();
  pair.client = wire.connect(directory).value();
  REQUIRE(pair.client);
  pair.host = pair.listener->accept().value();
  REQUIRE(pair.host);
  return pair;
}

std::size_t send_until_full(Connection& connection) {
  const std::string piece(50'000, 'x');
  std::size_t sum = 0;
  for (;;) {
    const auto sent = connection.send(piece);
    REQUIRE(sent.ok());
    sum += sent.value();
    if (sent.value() < piece.size()) return sum;
  }
}

}  // namespace

TEST_CASE("wire: bytes go both ways in order, and an end is heard behind them") {
  on_each([](Wire& wire, const std::string& directory) {
    Pair pair = connected(wire, directory);
    CHECK(!pair.listener->accept().value());
    CHECK(pair.client->send("one").value() == 3);
    CHECK(pair.client->send("two").value() == 3);
    CHECK(receive(wire, *pair.host) == "onetwo");
    CHECK(pair.host->send("three").value() == 5);
    CHECK(receive(wire, *pair.client) == "three");
    std::string room(10, '\0');
    CHECK(pair.client->receive(room).value() == 0);
    pair.host->send("last").value();
    pair.host.reset();
    CHECK(receive(wire, *pair.client) == "last");
    CHECK(receive(wire, *pair.client) == "gone");
    CHECK(pair.client->send("x").error().code == ErrorCode::kIo);  // and no SIGPIPE
  });
}

TEST_CASE("wire: nobody is there to connect to before somebody listens, and after its end") {
  on_each([](Wire& wire, const std::string& directory) {
    CHECK(!wire.connect(directory).value());
    auto listener = wire.listen(directory).value();
    // Who waits in line may send already; it hears of the end if nobody takes it.
    auto waiting = wire.connect(directory).value();
    REQUIRE(waiting);
    CHECK(waiting->send("hello").value() == 5);
    listener.reset();
    CHECK(receive(wire, *waiting) == "gone");
    CHECK(!wire.connect(directory).value());
    CHECK(wire.listen(directory).ok());
  });
}

TEST_CASE("wire: who does not read is not waited for, and is heard of when it does") {
  on_each([](Wire& wire, const std::string& directory) {
    Pair pair = connected(wire, directory);
    const std::size_t sent = send_until_full(*pair.host);
    CHECK(pair.host->send("more").value() == 0);
    auto waiter = wire.make_waiter().value();
    std::vector<Watch> watches = {{pair.host.get(), true}};
    waiter->wait(watches, 0);
    CHECK(!watches[0].is_ready);
    std::size_t received = 0;
    while (received < sent) received += receive(wire, *pair.client).size();
    waiter->wait(watches, -1);
    CHECK(watches[0].is_ready);
    CHECK(received == sent);
  });
}

TEST_CASE("wire: a wait ends for a connection, for bytes, for an end, and when it is told to") {
  on_each([](Wire& wire, const std::string& directory) {
    auto listener = wire.listen(directory).value();
    auto waiter = wire.make_waiter().value();
    std::vector<Watch> watches = {{listener.get()}};
    waiter->wait(watches, 0);
    CHECK(!watches[0].is_ready);
    auto client = wire.connect(directory).value();
    waiter->wait(watches, -1);
    CHECK(watches[0].is_ready);
    auto host = listener->accept().value();
    watches.push_back({host.get()});
    waiter->wait(watches, 0);
    CHECK(!watches[0].is_ready);
    CHECK(!watches[1].is_ready);
    client->send("x").value();
    waiter->wait(watches, -1);
    CHECK(watches[1].is_ready);
    CHECK(receive(wire, *host) == "x");
    client.reset();
    waiter->wait(watches, -1);
    CHECK(watches[1].is_ready);
    CHECK(receive(wire, *host) == "gone");

    watches.pop_back();
    waiter->wake();
    waiter->wait(watches, 0);   // looks only
    waiter->wait(watches, -1);  // a wake before it is kept
    CHECK(!watches[0].is_ready);
    std::atomic<bool> is_over{false};
    std::thread sleeper([&] {
      waiter->wait(watches, -1);
      is_over = true;
    });
    waiter->wake();
    sleeper.join();
    CHECK(is_over);
  });
}

TEST_CASE("posix wire: the socket is its owner's alone, also where the umask allows more") {
  const ScratchDirectory scratch;
  const mode_t before = ::umask(0);
  auto listener = make_posix_wire()->listen(scratch.path()).value();
  ::umask(before);
  struct stat status {};
  REQUIRE(::lstat((scratch.path() + "/persister.sock").c_str(), &status) == 0);
  CHECK(S_ISSOCK(status.st_mode));
  CHECK((status.st_mode & 0777) == 0600);
  listener.reset();
  CHECK(::lstat((scratch.path() + "/persister.sock").c_str(), &status) != 0);
}

TEST_CASE("posix wire: what a dead process left is nobody, and is taken over") {
  const ScratchDirectory scratch;
  const auto wire = make_posix_wire();
  const pid_t dead = ::fork();
  if (dead == 0) {
    auto listener = wire->listen(scratch.path());
    ::_exit(listener.ok() ? 0 : 1);  // without destructors, as a kill
  }
  int status = 0;
  REQUIRE(::waitpid(dead, &status, 0) == dead);
  REQUIRE(status == 0);
  REQUIRE(std::filesystem::exists(scratch.path() + "/persister.sock"));
  CHECK(!wire->connect(scratch.path()).value());
  const Pair pair = connected(*wire, scratch.path());
  CHECK(pair.client->send("x").value() == 1);
}

TEST_CASE("posix wire: a path may be longer than a socket's address") {
  const ScratchDirectory scratch;
  const auto wire = make_posix_wire();
  for (const std::size_t length : {60U, 107U, 108U, 200U, 1000U}) {
    std::string path = scratch.path() + "/" + std::to_string(length);
    while (path.size() < length) path += "/" + std::string(std::min<std::size_t>(100, length), 'd');
    std::filesystem::create_directories(path);
    Pair pair = connected(*wire, path);
    CHECK(pair.client->send("x").value() == 1);
    CHECK(receive(*wire, *pair.host) == "x");
    CHECK(std::filesystem::is_socket(path + "/persister.sock"));
    pair.listener.reset();
    CHECK(!std::filesystem::exists(path + "/persister.sock"));
  }
}

TEST_CASE("posix wire: a directory that isn't there, and one that is not ours, are told") {
  const ScratchDirectory scratch;
  const auto wire = make_posix_wire();
  const auto refused = wire->listen(scratch.path() + "/no");
  CHECK(refused.error().code == ErrorCode::kIo);
  CHECK(refused.error().message ==
        scratch.path() + "/no/persister.sock: bind: No such file or directory");
  CHECK(wire->listen(std::string("a\0b", 3)).error().code == ErrorCode::kIo);
  CHECK(wire->connect(std::string("a\0b", 3)).error().code == ErrorCode::kIo);
}

TEST_CASE("posix wire: connections end with their process, though a child lives on") {
  const ScratchDirectory scratch;
  const auto wire = make_posix_wire();
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto listener = wire->listen(scratch.path());
    if (!listener.ok()) ::_exit(1);
    std::unique_ptr<Connection> host;
    auto waiter = wire->make_waiter().value();
    std::vector<Watch> watches = {{listener.value().get()}};
    if (::write(ready[1], "l", 1) != 1) ::_exit(1);
    waiter->wait(watches, -1);
    host = listener.value()->accept().value();
    const pid_t child = ::fork();
    if (child == 0) {
      host.reset();  // not the child's to end
      listener.value().reset();
      const pid_t self = ::getpid();
      if (::write(ready[1], &self, sizeof self) != sizeof self) ::_exit(1);
      for (;;) ::pause();
    }
    if (host->send("before the end").value() == 0) ::_exit(1);
    ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  auto client = wire->connect(scratch.path()).value();
  REQUIRE(client);
  pid_t child = 0;
  REQUIRE(::read(ready[0], &child, sizeof child) == sizeof child);
  CHECK(receive(*wire, *client) == "before the end");
  ::kill(parent, SIGKILL);
  CHECK(receive(*wire, *client) == "gone");
  int status = 0;
  REQUIRE(::waitpid(parent, &status, 0) == parent);
  CHECK(!wire->connect(scratch.path()).value());
  ::kill(child, SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("posix wire: what is opened is not left open in programs that are started") {
  const ScratchDirectory scratch;
  const auto wire = make_posix_wire();
  const auto open_numbers = [] {
    std::set<int> numbers;
    for (int number = 0; number < 256; ++number)
      if (::fcntl(number, F_GETFD) >= 0) numbers.insert(number);
    return numbers;
  };
  const std::set<int> before = open_numbers();
  const Pair pair = connected(*wire, scratch.path());
  const auto waiter = wire->make_waiter().value();
  int ours = 0;
  for (const int number : open_numbers()) {
    if (before.contains(number)) continue;
    ++ours;
    CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(ours == 4);  // two ends, a listener, an event
}

TEST_CASE("memory wire: by hand, nothing arrives before it is delivered, and then in order") {
  MemoryWire wire({.by_hand = true, .room = 100});
  Pair pair = connected(wire, "/dir");
  std::string bytes;
  for (int i = 0; i < 9; ++i) bytes += std::to_string(i);
  CHECK(pair.client->send(bytes).value() == 9);
  CHECK(pair.client->send(std::string(200, 'x')).value() == 91);
  std::string room(200, '\0');
  CHECK(pair.host->receive(room).value() == 0);
  pair.client.reset();
  std::string received;
  std::uint64_t random = 1;
  while (wire.deliver(random)) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const auto got = pair.host->receive(room);
    if (got.ok()) received += room.substr(0, got.value());
  }
  CHECK(received == bytes + std::string(91, 'x'));
  CHECK(pair.host->receive(room).error().code == ErrorCode::kIo);
}

}  // namespace tremula::persist
