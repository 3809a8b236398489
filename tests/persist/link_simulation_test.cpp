// Processes that share a directory over a wire whose every delay, and every death, a seed decides.
// Whatever happens: each process's transactions are ordered once, in its order, and those of who
// lives to the end are ordered all.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "persist/frame.h"
#include "persist/link.h"
#include "persist/memory_wire.h"
#include "persist/messages.h"
#include "tests/persist/shared_directory.h"
#include "tests/property/rng.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using persist_test::Ordered;
using persist_test::SharedDirectory;
using persist_test::TestHost;
using property::Rng;

std::string record_of(std::uint64_t process, std::uint64_t number) {
  return std::to_string(process) + "/" + std::to_string(number) +
         std::string((process * 31 + number * 7) % 90, 'x');
}

// One process, stepped by hand.
class Process : public Succession {
 public:
  Process(std::uint64_t id, SharedDirectory& directory, MemoryWire& wire)
      : id_(id), directory_(directory), wire_(wire), board_(WatermarkBoard::make().value()) {
    link_ = Link::make(wire, directory.path(), *board_, *this, {.process = id}).value();
  }

  base::Result<void> take_over() override {
    host_ = TestHost::try_open(directory_, wire_, {.receive_bytes = 100});
    if (!host_) return base::Error{ErrorCode::kLocked, "locked"};
    board_->clear_failure();
    return {};
  }
  base::Result<void> submit(std::uint64_t number, std::string_view record) override {
    host_->waiting().push_back({id_, number, std::string(record)});
    return {};
  }
  base::Result<void> wait_acknowledged(std::uint64_t) override { return {}; }
  void want_durable(std::uint64_t version) override { host_->want_durable(version); }

  void commit() {
    ++submitted_;
    REQUIRE(link_->submit(submitted_, record_of(id_, submitted_)).ok());
  }
  // A step of its link, or of the host that it is.
  void step(Rng& random) {
    if (!host_) {
      link_->step();
      check_marks();
      return;
    }
    switch (random.below(4)) {
      case 0: host_->hub().receive(*host_, random.chance(90)); break;
      case 1: host_->order(); break;
      case 2: host_->hub().publish(host_->marks()); break;
      default: host_->hub().send();
    }
  }
  void settle() {
    if (host_) host_->step();
    link_->step();
  }
  bool is_settled() const {
    const std::uint64_t own = host_ ? directory_.last_of(id_) : board_->read().acknowledged;
    return link_->state() != LinkState::kSeeking && own == submitted_;
  }
  std::uint64_t id() const { return id_; }
  std::uint64_t submitted() const { return submitted_; }

 private:
  // Nothing is told before it is ordered, and nothing goes back.
  void check_marks() {
    const Watermarks marks = board_->read();
    CHECK(marks.ordered <= directory_.size());
    CHECK(marks.acknowledged <= directory_.last_of(id_));
    CHECK(marks.ordered >= seen_.ordered);
    CHECK(marks.acknowledged >= seen_.acknowledged);
    seen_ = marks;
  }

  const std::uint64_t id_;
  SharedDirectory& directory_;
  MemoryWire& wire_;
  std::unique_ptr<WatermarkBoard> board_;
  std::unique_ptr<TestHost> host_;
  std::unique_ptr<Link> link_;
  std::uint64_t submitted_ = 0;
  Watermarks seen_;
};

// A peer that says nothing of sense, or half of it, and goes.
void disturb(MemoryWire& wire, const std::string& path, Rng& random) {
  auto connection = wire.connect(path).value();
  if (!connection) return;
  std::string bytes;
  FrameWriter writer(Direction::kToHost);
  writer.write(bytes, 1, encode_hello({.process = 1'000'000}));
  if (random.chance(50)) bytes.resize(static_cast<std::size_t>(random.below(60)));
  (void)connection->send(bytes);
}

void simulate(std::uint64_t seed) {
  Rng random(seed);
  SharedDirectory directory("/dir");
  MemoryWire wire({.by_hand = true, .room = static_cast<std::size_t>(random.between(30, 3000))});
  const int count = random.between(2, 5);
  const int death_permille = random.below(20);
  std::vector<std::unique_ptr<Process>> living;
  std::uint64_t next_id = 1;
  for (int step = 0; step < 3000; ++step) {
    while (static_cast<int>(living.size()) < count)
      living.push_back(std::make_unique<Process>(next_id++, directory, wire));
    const std::size_t i = static_cast<std::size_t>(random.below(count));
    const int what = random.below(1000);
    if (what < death_permille) {
      living.erase(living.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (what < 30) {
      disturb(wire, directory.path(), random);
    } else if (what < 40) {
      wire.cut(random.next());
    } else if (what < 130) {
      living[i]->commit();
    } else if (what < 600) {
      living[i]->step(random);
    } else {
      wire.deliver(random.next());
    }
  }
  const auto is_settled = [&] {
    return std::all_of(living.begin(), living.end(),
                       [](const auto& process) { return process->is_settled(); });
  };
  for (int turn = 0; turn < 100'000 && !is_settled(); ++turn) {
    for (const auto& process : living) process->settle();
    while (wire.deliver(random.next())) {
    }
  }
  CHECK(is_settled());
  CHECK(!directory.has_gap());
  std::map<std::uint64_t, std::uint64_t> last;
  for (const Ordered& each : directory.log()) {
    CHECK(each.number == ++last[each.process]);
    CHECK(each.record == record_of(each.process, each.number));
  }
  for (const auto& process : living) CHECK(last[process->id()] == process->submitted());
}

}  // namespace

TEST_CASE("link simulation: once, in order, whoever dies") {
  const char* const scale = std::getenv("TREMULA_TEST_SCALE");
  const std::uint64_t seeds =
      150 * static_cast<std::uint64_t>(scale ? std::max(1, std::atoi(scale)) : 1);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    simulate(seed);
  }
}

}  // namespace tremula::persist
