// Databases that share a directory, in one thread: real persisters, links, logs and live queries,
// over a wire and a disk in memory. A seed decides every delay, every step and every death.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "db/membership.h"
#include "db/open_on.h"
#include "persist/directory.h"
#include "persist/link.h"
#include "persist/log_tail.h"
#include "persist/memory_file_system.h"
#include "persist/memory_wire.h"
#include "persist/persister.h"
#include "tests/db/live_checks.h"
#include "tests/db/random_write.h"
#include "tests/property/rng.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

// All of it is one thread's: what looks for races finds none here, and is slow.
#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 2;
#else
constexpr std::uint64_t kSeeds = 60;
#endif

using persist::LinkState;
using persist::LogTail;
using property::Rng;

constexpr const char* kDirectory = "db";
constexpr const char* kAll = "SELECT { t.* } FROM T AS t";
// Each transaction of the ledger adds a row (P, N) and 1 to the sum: whoever sees the one sees the
// other, and of each process the rows 1, 2, ... up to some.
constexpr const char* kLedger =
    "TABLE W = 2 (P INT = 1, N INT = 2, KEY (P, N));"
    "TABLE Sum = 3 (K INT = 1 KEY, C INT = 2 COUNTER); INSERT INTO Sum {K: 1}";
constexpr const char* kRowsOfEach =
    "SELECT w.P, count(*) AS n, max(w.N) AS last FROM W AS w GROUP BY w.P";

// One process, stepped by hand.
class Process final : public db::Membership {
 public:
  using Rows = std::map<std::int64_t, std::int64_t>;  // of the ledger, by process

  Process(persist::MemoryFileSystem& disk, persist::MemoryWire& wire, std::uint64_t id)
      : files_(disk), wire_(wire), id_(id), board_(persist::WatermarkBoard::make().value()) {
    link_ = persist::Link::make(wire, kDirectory, *board_, heir_, {.process = id}).value();
  }
  // Ends as a process that is killed does: whatever it still does reaches no disk.
  ~Process() override {
    files_.fail({.call = 1, .lasting = true});
    lives_.reset();
    db_.reset();
  }

  std::uint64_t id() const { return id_; }
  bool is_open() const { return db_.has_value(); }
  bool is_host() const { return persister_ != nullptr; }
  Database& db() { return *db_; }
  std::string json(std::string_view select) { return db_->query(select).value().json(); }

  bool step() {
    const bool any = persister_ ? persister_->step() : link_->step();
    if (!db_ && (persister_ || link_->state() == LinkState::kJoined)) {
      tail_.emplace(files_, kDirectory, persist::LogPosition{1, 0}, 0);
      db_.emplace(db::OpenOn::share(*this));
    }
    return any;
  }
  // The disk fails in the middle of what it does next.
  void falter(Rng& random) {
    files_.fail({.call = static_cast<std::size_t>(random.between(1, 4)),
                 .kind = support::FaultKind::kShortWrite,
                 .lasting = true});
  }
  void write(Rng& random) { (void)db_->run(random_write(random)); }  // duplicate_key may be
  void write_ledger() {
    if (!sees_tables()) return;
    const auto next = written_ + 1;
    const auto done = db_->transact([&](Transaction& tx) {
      tx.insert("W", {{"P", static_cast<std::int64_t>(id_)}, {"N", next}});
      tx.execute("UPDATE Sum SET C = C + 1 WHERE K = 1");
    });
    if (!done.ok()) {  // the host's disk has failed, and nobody has taken over: nothing was written
      CHECK(done.error().code == ErrorCode::kIo);
      return;
    }
    written_ = next;
    written_by_[last_number_] = next;
  }
  // What it sees is whole, its own writes among them, and nothing of it goes back.
  void check() {
    if (!sees_tables()) return;
    if (!lives_) watch();
    lives_->check(*db_);
    const Rows seen = rows();
    std::int64_t sum = 0;
    for (const auto& [process, n] : seen) sum += n;
    CHECK(json("SELECT { s.C } FROM Sum AS s") == "[{\"C\":" + std::to_string(sum) + "}]");
    CHECK((written_ == 0 || seen.at(static_cast<std::int64_t>(id_)) == written_));
    for (const auto& [process, n] : seen_) CHECK(seen.at(process) >= n);
    seen_ = seen;
  }
  Rows rows() {
    Rows rows;
    const auto result = db_->query(kRowsOfEach).value();
    for (std::size_t i = 0; i < result.size(); ++i) {
      CHECK(result.value(i, "n").as_int() == result.value(i, "last").as_int());
      rows[result.value(i, "P").as_int()] = result.value(i, "n").as_int();
    }
    return rows;
  }
  // All that the first process set up.
  bool sees_tables() {
    constexpr const char* kIsThere = R"([{"n":1}])";
    return json("SELECT { n: count(*) } FROM tremula_table AS t WHERE t.name = 'Sum'") ==
               kIsThere &&
           json("SELECT { n: count(*) } FROM Sum AS s") == kIsThere;
  }
  // How many rows of the ledger it wrote, and was told of as ordered.
  std::int64_t told() const {
    const auto above = written_by_.upper_bound(board_->read().acknowledged);
    return above == written_by_.begin() ? 0 : std::prev(above)->second;
  }
  bool is_settled() const {
    return db_ && board_->read().acknowledged == last_number_ &&
           (persister_ || link_->state() == LinkState::kJoined);
  }
  // While it waits for an order, as it does when it changes the schema, the others go on.
  void while_waiting(std::function<void()> others) { others_ = std::move(others); }

  // --- Membership ---
  std::uint64_t process() const override { return id_; }
  std::uint64_t ordered() const override { return board_->ordered(); }
  base::Result<LogTail::Read> next(persist::LogCommit& commit) override {
    // As if it were behind all logs that are kept.
    if (tail_->version() < ordered() && losing_.chance(3)) return LogTail::Read::kLost;
    TREMULA_TRY_ASSIGN(const LogTail::Read read, tail_->next(ordered(), commit));
    REQUIRE(read != LogTail::Read::kLost);
    return read;
  }
  base::Result<persist::FollowedBase> restart() override {
    TREMULA_TRY_ASSIGN(persist::FollowedBase base,
                       persist::read_followed_base(files_, kDirectory, ordered(), {}));
    tail_ = std::move(*base.tail);
    return base;
  }
  base::Result<void> submit(std::uint64_t number, std::string_view record) override {
    TREMULA_TRY(link_->submit(number, record));
    last_number_ = number;
    return {};
  }
  base::Result<void> wait_ordered(std::uint64_t number) override {
    for (int turn = 0; board_->read().acknowledged < number; ++turn) {
      REQUIRE(turn < 100'000);
      others_();
    }
    return {};
  }
  bool is_refused(std::uint64_t number) const override { return link_->is_refused(number); }

 private:
  void watch() {
    lives_ = std::make_unique<LiveChecks>();
    lives_->watch(*db_, kAll);
    lives_->watch(*db_, "SELECT { t.A, n: count(*), c: sum(t.C) } FROM T AS t GROUP BY t.A");
    lives_->watch(*db_, "SELECT { t.K, t.M } FROM T AS t ORDER BY t.M DESC, t.C LIMIT 4");
    lives_->watch(*db_, "SELECT { w.P, n: count(*) } FROM W AS w GROUP BY w.P");
  }
  class Heir final : public persist::Succession {
   public:
    explicit Heir(Process& of) : of_(of) {}
    base::Result<void> take_over() override {
      persist::PersisterOptions options;
      options.wire = &of_.wire_;
      options.board = of_.board_.get();
      options.process = of_.id_;
      options.shared_at_once = true;
      TREMULA_TRY_ASSIGN(of_.persister_, persist::Persister::open(of_.files_, kDirectory, options));
      return {};
    }
    base::Result<void> submit(std::uint64_t number, std::string_view record) override {
      return of_.persister_->submit_intents(number, record);
    }
    base::Result<void> wait_acknowledged(std::uint64_t number) override {
      return of_.persister_->wait_acknowledged(number);
    }
    void want_durable(std::uint64_t version) override { of_.persister_->want_durable(version); }

   private:
    Process& of_;
  };

  support::FaultFileSystem files_;
  persist::MemoryWire& wire_;
  const std::uint64_t id_;
  std::unique_ptr<persist::WatermarkBoard> board_;
  Heir heir_{*this};
  std::unique_ptr<persist::Persister> persister_;
  std::unique_ptr<persist::Link> link_;
  std::optional<LogTail> tail_;
  Rng losing_{id_};
  std::optional<Database> db_;
  std::unique_ptr<LiveChecks> lives_;
  std::function<void()> others_;
  std::uint64_t last_number_ = 0;
  std::int64_t written_ = 0;
  std::map<std::uint64_t, std::int64_t> written_by_;  // rows of the ledger, by transaction
  Rows seen_;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : random_(seed),
        wire_({.by_hand = true, .room = static_cast<std::size_t>(random_.between(200, 9000))}),
        count_(random_.between(2, 4)),
        death_permille_(random_.below(15)) {
    disk_.set_clock(0, ticks_);
  }

  void run(int steps) {
    start();
    while (!processes_[0]->is_open()) turn();
    processes_[0]->while_waiting([this] { turn(); });
    processes_[0]->db().run(std::string(kMergedTable) + ";" + kLedger).value();
    wait_own(*processes_[0]);
    for (int step = 0; step < steps; ++step) {
      CAPTURE(step);
      while (static_cast<int>(processes_.size()) < count_) start();
      act();
    }
    settle();
    compare();
  }

 private:
  void start() { processes_.push_back(std::make_unique<Process>(disk_, wire_, next_id_++)); }
  Process& any() { return *random_.pick(processes_); }

  void act() {
    Process& process = any();
    const int what = random_.below(1000);
    if (what < death_permille_) {
      kill();
    } else if (what < 25) {
      wire_.cut(random_.next());
    } else if (what < 40) {
      disk_.set_clock(0, ticks_ += random_.below(60));
    } else if (what < 400) {
      process.step();
    } else if (what < 700) {
      wire_.deliver(random_.next());
    } else if (process.is_open()) {
      use(process);
    }
  }
  void use(Process& process) {
    switch (random_.below(12)) {
      case 0: wait_own(process); break;
      case 1:
      case 2:
      case 3:
      case 4: process.write(random_); break;
      case 5:
      case 6:
      case 7: process.write_ledger(); break;
      case 8: process.db().poll().value(); break;
      default: process.check(); break;
    }
  }
  void kill() {
    std::size_t i = random_.next() % processes_.size();
    for (std::size_t host = 0; host < processes_.size() && random_.chance(60); ++host) {
      if (processes_[host]->is_host()) i = host;
    }
    Process& process = *processes_[i];
    if (random_.chance(40)) {
      process.falter(random_);
      for (int steps = random_.below(4); steps > 0; --steps) process.step();
    }
    // As if it had died before it told of what it did last.
    if (random_.chance(50)) {
      for (int connections = 0; connections < 8; ++connections) wire_.cut(random_.next());
    }
    dead_[static_cast<std::int64_t>(process.id())] = process.told();
    processes_.erase(processes_.begin() + static_cast<std::ptrdiff_t>(i));
    if (random_.chance(50)) {
      for (const auto& left : processes_) wait_own(*left);
    }
  }
  void turn() {
    for (const auto& process : processes_) process->step();
    wire_.deliver(random_.next());
  }
  // Whatever has happened, an end of the order is reached.
  void wait_own(const Process& process) {
    for (int turns = 0; !process.is_settled(); ++turns) {
      REQUIRE(turns < 100'000);
      turn();
    }
  }
  void settle() {
    for (const auto& process : processes_) wait_own(*process);
    // Who is in the order still hears of the last of it.
    for (bool any = true; any;) {
      any = false;
      for (const auto& process : processes_) any = process->step() || any;
      while (wire_.deliver(random_.next())) any = true;
    }
  }
  void compare() {
    const std::string all = processes_[0]->json(kAll);
    const Process::Rows rows = processes_[0]->rows();
    for (const auto& process : processes_) {
      process->check();
      CHECK(process->db().version() == processes_[0]->db().version());
      CHECK(process->json(kAll) == all);
      CHECK(process->rows() == rows);
      CHECK(process->told() == (rows.contains(static_cast<std::int64_t>(process->id()))
                                    ? rows.at(static_cast<std::int64_t>(process->id()))
                                    : 0));
    }
    for (const auto& [process, told] : dead_) {
      CAPTURE(process);
      CHECK((told == 0 || rows.at(process) >= told));
    }
    processes_.clear();
    const auto report = persist::check_directory(disk_, kDirectory);
    REQUIRE(report.ok());
    for (const base::Error& problem : report.value().problems) FAIL_CHECK(problem.message);
    Database db =
        db::OpenOn::open(std::shared_ptr<base::FileSystem>(&disk_, [](auto*) {}), kDirectory, {})
            .value();
    CHECK(db.query(kAll).value().json() == all);
  }

  Rng random_;
  persist::MemoryFileSystem disk_;
  persist::MemoryWire wire_;
  const int count_;
  const int death_permille_;
  std::int64_t ticks_ = 1000;
  std::uint64_t next_id_ = 1;
  std::vector<std::unique_ptr<Process>> processes_;
  std::map<std::int64_t, std::int64_t> dead_;  // rows of the ledger that they were told of
};

}  // namespace

TEST_CASE("shared simulation: databases over real persisters see one order, whoever dies") {
  const char* const scale = std::getenv("TREMULA_TEST_SCALE");
  const std::uint64_t seeds =
      kSeeds * static_cast<std::uint64_t>(scale ? std::max(1, std::atoi(scale)) : 1);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    Simulation(seed).run(1500);
  }
}

}  // namespace tremula::test
