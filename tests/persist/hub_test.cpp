// The hub: what it hands on and answers; and that no peer, whatever it sends or doesn't read, costs
// more than itself.
#include "persist/hub.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "persist/frame.h"
#include "persist/memory_wire.h"
#include "persist/messages.h"
#include "persist/posix_wire.h"
#include "tests/persist/scratch_directory.h"
#include "tests/persist/shared_directory.h"
#include "tests/property/rng.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using persist_test::ScratchDirectory;
using persist_test::SharedDirectory;
using persist_test::TestHost;

std::string marks_text(const Watermarks& marks) {
  return std::to_string(marks.ordered) + "/" + std::to_string(marks.durable) + " own " +
         std::to_string(marks.acknowledged) + " answered " + std::to_string(marks.answered);
}

std::string text_of(const Frame& frame) {
  switch (static_cast<MessageKind>(frame.kind)) {
    case MessageKind::kWelcome:
      return "welcome " + marks_text(decode_welcome(frame.body).value().marks);
    case MessageKind::kWatermarks:
      return "marks " + marks_text(decode_watermarks(frame.body).value());
    case MessageKind::kRefused: {
      const Refusal refusal = decode_refusal(frame.body).value();
      return "refused " + std::to_string(refusal.number) + ": " + refusal.error.message;
    }
    case MessageKind::kFailed: return "failed: " + decode_failure(frame.body).value().error.message;
    case MessageKind::kPutOut:
      return "put out: " + decode_failure(frame.body).value().error.message;
    default: return "?";
  }
}

// A process as the wire sees it, which says what a test wants it to.
class Peer {
 public:
  Peer(Wire& wire, const std::string& directory) : connection_(wire.connect(directory).value()) {}

  void say(MessageKind kind, std::string_view body) {
    std::string bytes;
    writer_.write(bytes, static_cast<std::uint8_t>(kind), body);
    send(bytes);
  }
  void hello(std::uint64_t process) {
    say(MessageKind::kHello, encode_hello({.process = process}));
  }
  void submit(std::uint64_t number, std::string_view record = "r") {
    say(MessageKind::kSubmit, encode_submission({number, record}));
  }
  // Bytes as they are; what is not taken is lost.
  void send(std::string_view bytes) { (void)connection_->send(bytes); }
  // All that came, "; " between, "gone" at the end of the connection.
  std::string hear() {
    std::string text;
    const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
    std::string room(100'000, '\0');
    for (;;) {
      const auto got = connection_->receive(room);
      if (got.ok()) reader_.add(std::string_view(room).substr(0, got.value()));
      for (;;) {
        const auto frame = reader_.next();
        REQUIRE(frame.ok());
        if (!frame.value()) break;
        add(text_of(*frame.value()));
      }
      if (!got.ok()) add("gone");
      if (!got.ok() || got.value() == 0) return text;
    }
  }
  FrameWriter& writer() { return writer_; }

 private:
  std::unique_ptr<Connection> connection_;
  FrameWriter writer_{Direction::kToHost};
  FrameReader reader_{Direction::kToMember, kGreetingBytesMax};
};

// A host on each wire.
struct Scene {
  Wire& wire;
  SharedDirectory& directory;
  TestHost& host;
  Peer connect() { return Peer(wire, directory.path()); }
  void settle() {
    while (host.step()) {
    }
  }
};

void on_each(const std::function<void(Scene& scene)>& test, const HubOptions& options = {}) {
  const auto run = [&](Wire& wire, const std::string& path) {
    SharedDirectory directory(path);
    const auto host = TestHost::try_open(directory, wire, options);
    Scene scene{wire, directory, *host};
    test(scene);
  };
  SUBCASE("sockets") {
    const ScratchDirectory scratch;
    run(*make_posix_wire(), scratch.path());
  }
  SUBCASE("memory") {
    MemoryWire wire;
    run(wire, "/dir");
  }
}

}  // namespace

TEST_CASE("hub: a process is welcomed, its transactions are handed on and acknowledged") {
  on_each([](Scene& scene) {
    Peer peer = scene.connect();
    peer.hello(7);
    scene.settle();
    CHECK(peer.hear() == "welcome 0/0 own 0 answered 0");
    peer.submit(1);
    peer.submit(2);
    peer.submit(3);
    scene.settle();
    CHECK(peer.hear() == "marks 3/0 own 3 answered 0");
    Peer other = scene.connect();
    other.hello(8);
    other.submit(1);
    scene.settle();
    CHECK(other.hear() == "welcome 3/0 own 0 answered 0; marks 4/0 own 1 answered 0");
    CHECK(peer.hear() == "marks 4/0 own 3 answered 0");
    CHECK(scene.host.heard() == "join7 7:1 7:2 7:3 join8 8:1 ");
    CHECK(scene.host.hub().stats().peers == 2);
  });
}

TEST_CASE("hub: wishes and questions reach the host") {
  on_each([](Scene& scene) {
    Peer peer = scene.connect();
    peer.hello(7);
    peer.submit(1);
    peer.say(MessageKind::kWantDurable, encode_number(1));
    peer.say(MessageKind::kAsk, encode_number(5));
    scene.settle();
    CHECK(scene.host.wanted_durable() == 1);
    CHECK(peer.hear() == "welcome 0/0 own 0 answered 0; marks 1/1 own 1 answered 5");
    CHECK(scene.host.hub().oldest_log() == 1U);
    Peer other = scene.connect();
    other.hello(8);
    peer.say(MessageKind::kPassed, encode_number(4));
    scene.settle();
    CHECK(scene.host.hub().oldest_log() == 1U);
    other.say(MessageKind::kPassed, encode_number(3));
    scene.settle();
    CHECK(scene.host.hub().oldest_log() == 3U);
  });
}

TEST_CASE("hub: a refused transaction gives its number to the next one") {
  on_each([](Scene& scene) {
    scene.host.refused_record = "bad";
    Peer peer = scene.connect();
    peer.hello(7);
    peer.submit(1);
    peer.submit(2, "bad");
    scene.settle();
    CHECK(peer.hear() ==
          "welcome 0/0 own 0 answered 0; refused 2: not this one; marks 1/0 own 1 "
          "answered 0");
    peer.submit(2, "good");
    scene.settle();
    CHECK(peer.hear() == "marks 2/0 own 2 answered 0");
  });
}

TEST_CASE(
    "hub: who comes back is told what is ordered, and may send again what it doesn't know of") {
  on_each([](Scene& scene) {
    Peer first = scene.connect();
    first.hello(7);
    first.submit(1);
    scene.settle();
    first.submit(2);
    // The first connection is not known to have ended.
    Peer second = scene.connect();
    second.hello(7);
    scene.host.hub().receive(scene.host);
    CHECK(scene.host.waiting().size() == 1);
    CHECK(first.hear() == "welcome 0/0 own 0 answered 0; marks 1/0 own 1 answered 0; gone");
    second.submit(2);  // waits already: the host drops it
    second.submit(3);
    scene.settle();
    CHECK(second.hear() == "welcome 1/0 own 1 answered 0; marks 3/0 own 3 answered 0");
    second.submit(2);  // ordered already
    second.submit(4);
    scene.settle();
    CHECK(second.hear() == "marks 4/0 own 4 answered 0");
    CHECK(scene.directory.size() == 4);
    CHECK(!scene.directory.has_gap());
  });
}

TEST_CASE("hub: nonsense is told so by one frame and put out, and nobody else is hurt") {
  const auto hello = [](Peer& peer) { peer.hello(9); };
  struct Nonsense {
    const char* what;
    std::function<void(Peer&)> say;
    const char* answer;
  };
  const std::vector<Nonsense> cases = {
      {"no frame", [](Peer& peer) { peer.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); },
       "frame 0 of the connection: its header fails its checksum"},
      {"no hello", [](Peer& peer) { peer.submit(1); }, "the first message must be a hello"},
      {"a wrong hello", [](Peer& peer) { peer.say(MessageKind::kHello, "TREMWIRX"); },
       "a message that should be a hello is none"},
      {"no process", [](Peer& peer) { peer.hello(0); }, "0 is no process"},
      {"too long a hello",
       [](Peer& peer) { peer.say(MessageKind::kHello, std::string(5000, 'x')); },
       "frame 0 of the connection: a body of 5000 bytes, at most 4096 were expected"},
      {"two hellos", [&](Peer& peer) { hello(peer), hello(peer); },
       "a message of kind 1 means nothing here"},
      {"a kind that isn't", [&](Peer& peer) { hello(peer), peer.say(MessageKind{99}, ""); },
       "a message of kind 99 means nothing here"},
      {"a gap", [&](Peer& peer) { hello(peer), peer.submit(2); },
       "transaction 2 came where 1 was expected"},
      {"a number cut", [&](Peer& peer) { hello(peer), peer.say(MessageKind::kAsk, "1234567"); },
       "a message that should be a number is none"},
      {"a huge length",
       [&](Peer& peer) {
         hello(peer);
         std::string bytes;
         peer.writer().write(bytes, 2, "x");
         bytes[11] = '\x7f';
         peer.send(bytes);
       },
       "frame 1 of the connection: its header fails its checksum"},
  };
  for (const Nonsense& nonsense : cases) {
    CAPTURE(nonsense.what);
    MemoryWire wire;
    SharedDirectory directory("/dir");
    const auto host = TestHost::try_open(directory, wire);
    Scene scene{wire, directory, *host};
    Peer good = scene.connect();
    good.hello(7);
    good.submit(1);
    Peer bad = scene.connect();
    nonsense.say(bad);
    scene.settle();
    const std::string heard = bad.hear();
    CHECK(heard.ends_with(std::string("put out: ") + nonsense.answer + "; gone"));
    good.submit(2);
    scene.settle();
    CHECK(good.hear().ends_with("own 2 answered 0"));
    CHECK(host->hub().stats().put_out == 1);
    CHECK(host->hub().stats().peers == 1);
    CHECK(directory.size() == 2);
  }
}

TEST_CASE("hub: a process of another protocol is told how to be understood") {
  on_each([](Scene& scene) {
    Peer peer = scene.connect();
    peer.say(MessageKind::kHello, encode_hello({.protocol = 2, .process = 7}) + "and more");
    scene.settle();
    const std::string heard = peer.hear();
    CHECK(heard.find("speaks protocol 1, this one speaks 2: use one version of Tremula for both; "
                     "gone") != std::string::npos);
    CHECK(scene.host.heard() == "");
  });
}

TEST_CASE("hub: random bytes from many peers, cut anywhere, hurt nobody") {
  on_each([](Scene& scene) {
    Peer good = scene.connect();
    good.hello(7);
    std::uint64_t number = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      property::Rng random(seed);
      Peer bad = scene.connect();
      const int begins_well = random.below(3);
      if (begins_well > 0) bad.hello(1000 + seed);
      std::string bytes;
      if (begins_well == 2) bad.writer().write(bytes, 2, encode_submission({1, "cut"}));
      bytes.resize(bytes.size() / 2);  // one that dies in the middle of a frame
      if (random.chance(50)) {
        for (int i = random.below(300); i > 0; --i) bytes += static_cast<char>(random.next());
      }
      bad.send(bytes);
      if (random.chance(50)) scene.settle();
      good.submit(++number);
    }
    scene.settle();
    CHECK(scene.directory.size() == number);
    CHECK(scene.host.hub().stats().peers == 1);
    CHECK(good.hear().ends_with("own 200 answered 0"));
  });
}

TEST_CASE("hub: a peer that reads nothing gets the newest marks alone, once it does") {
  on_each([](Scene& scene) {
    Peer slow = scene.connect();
    slow.hello(7);
    Peer busy = scene.connect();
    busy.hello(8);
    scene.settle();
    CHECK(slow.hear() == "welcome 0/0 own 0 answered 0");
    constexpr std::uint64_t kMany = 20'000;  // marks of them all would be 2 MB
    for (std::uint64_t number = 1; number <= kMany; ++number) {
      busy.submit(number);
      scene.host.step();
      busy.hear();
    }
    CHECK(scene.directory.size() == kMany);
    CHECK(scene.host.hub().stats().peers == 2);
    // What the wire itself held comes first, and was bounded by it.
    std::string last;
    std::size_t came = 0;
    for (std::string heard = slow.hear(); !heard.empty(); heard = slow.hear()) {
      last = heard;
      came += heard.size();
      scene.settle();
      scene.host.hub().send();
    }
    CHECK(last.ends_with("marks 20000/0 own 0 answered 0"));
    CHECK(came < 400'000);
  });
}

TEST_CASE("hub: a peer that asks for answers and reads none of them is put out") {
  on_each([](Scene& scene) {
    scene.host.refused_record = "bad";
    Peer greedy = scene.connect();
    greedy.hello(7);
    scene.settle();
    for (int i = 0; i < 60'000 && scene.host.hub().stats().peers == 1; ++i) {
      greedy.submit(1, "bad");
      scene.host.step();
    }
    CHECK(scene.host.hub().stats().peers == 0);
    CHECK(scene.host.hub().stats().put_out == 1);
  });
}

TEST_CASE("hub: where too many come, those who have not said who they are go first") {
  on_each(
      [](Scene& scene) {
        Peer one = scene.connect();
        one.hello(1);
        Peer silent = scene.connect();
        scene.settle();
        Peer two = scene.connect();
        two.hello(2);
        scene.settle();
        CHECK(one.hear() == "welcome 0/0 own 0 answered 0");
        CHECK(silent.hear() == "put out: 2 processes share the directory already; gone");
        CHECK(two.hear() == "welcome 0/0 own 0 answered 0");
        Peer three = scene.connect();
        three.hello(3);
        scene.settle();
        CHECK(three.hear() == "put out: 2 processes share the directory already; gone");
        CHECK(scene.host.heard() == "join1 join2 ");
      },
      {.peers_max = 2});
}

TEST_CASE("hub: while the host takes nothing, who has joined waits, and others are welcomed") {
  on_each([](Scene& scene) {
    Peer peer = scene.connect();
    peer.hello(7);
    scene.settle();
    scene.host.takes = false;
    peer.submit(1);
    Peer other = scene.connect();
    other.hello(8);
    scene.settle();
    CHECK(scene.host.heard() == "join7 join8 ");
    scene.host.hub().wait(0);  // nor do those who wait keep it awake
    CHECK(!scene.host.step());
    scene.host.takes = true;
    scene.settle();
    CHECK(scene.host.heard() == "join7 join8 7:1 ");
  });
}

TEST_CASE("hub: everybody is told that the log has failed, also who comes later") {
  on_each([](Scene& scene) {
    Peer peer = scene.connect();
    peer.hello(7);
    scene.settle();
    scene.host.hub().fail({ErrorCode::kIo, "no disk"});
    scene.settle();
    CHECK(peer.hear() == "welcome 0/0 own 0 answered 0; failed: no disk");
    Peer other = scene.connect();
    other.hello(8);
    scene.settle();
    CHECK(other.hear() == "welcome 0/0 own 0 answered 0; failed: no disk");
    scene.host.refuses_all = true;
    Peer third = scene.connect();
    third.hello(9);
    scene.settle();
    CHECK(third.hear() == "put out: nobody may join; gone");
  });
}

}  // namespace tremula::persist
