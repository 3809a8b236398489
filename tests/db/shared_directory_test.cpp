// Databases of one directory, each as a process of its own would open it: files and wire in memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "core/base/forwarding_file.h"
#include "db/open_on.h"
#include "persist/memory_file_system.h"
#include "persist/memory_wire.h"
#include "tests/db/support.h"
#include "tests/property/rng.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

using persist::MemoryFileSystem;
using persist::MemoryWire;

struct Disk {
  std::shared_ptr<MemoryFileSystem> files = std::make_shared<MemoryFileSystem>();
  std::shared_ptr<MemoryWire> wire = std::make_shared<MemoryWire>();

  std::unique_ptr<Database> open(const Options& options = {}) {
    auto db = db::OpenOn::open(files, wire, "db", options);
    if (!db.ok()) FAIL(db.error().text);
    return std::make_unique<Database>(std::move(db).value());
  }
};

std::string json(Database& db, std::string_view select) {
  auto rows = db.query(select);
  return rows.ok() ? rows.value().json() : "! " + name_of(rows.error());
}

constexpr const char* kTable =
    "TABLE T = 1 (K INT = 1 KEY, A INT = 2, B TEXT = 3, C INT = 4 COUNTER)";
constexpr const char* kAll = "SELECT { t.* } FROM T AS t";

}  // namespace

TEST_CASE("shared directory: who comes later sees what is there, and both see both's commits") {
  Disk disk;
  auto first = disk.open();
  first->run(kTable).value();
  first->run("INSERT INTO T {K: 1, A: 1}; SYNC").value();
  auto second = disk.open();
  CHECK(json(*second, kAll) == R"([{"K":1,"A":1,"B":null,"C":0}])");
  second->run("INSERT INTO T {K: 2, A: 2}; UPDATE T SET C = C + 5; SYNC;").value();
  first->run("SYNC").value();
  CHECK(json(*first, "SELECT { t.K, t.C } FROM T AS t") == R"([{"K":1,"C":5},{"K":2,"C":5}])");
  first->run("UPDATE T SET C = C + 1 WHERE K = 1; INSERT INTO T {K: 3}; SYNC").value();
  second->run("SYNC").value();
  CHECK(json(*second, "SELECT { t.K, t.C } FROM T AS t") ==
        R"([{"K":1,"C":6},{"K":2,"C":5},{"K":3,"C":0}])");
  CHECK(first->version() == second->version());
  CHECK(run(*second, "FLUSH") == "{\"durable\":" + std::to_string(second->version()) + "}");
}

TEST_CASE("shared directory: the next one takes over from a host that leaves, nothing is lost") {
  Disk disk;
  auto first = disk.open();
  first->run(kTable).value();
  first->run("SYNC").value();
  auto second = disk.open();
  auto third = disk.open();
  for (int i = 0; i < 30; ++i) {
    second->run("INSERT INTO T {K: $k, A: 2}", {{"k", i}}).value();
    third->run("INSERT INTO T {K: $k, A: 3}", {{"k", 100 + i}}).value();
    if (i == 10) first.reset();
    if (i == 20) second = disk.open();
  }
  second->run("SYNC").value();
  third->run("SYNC").value();
  second->run("SYNC").value();
  CHECK(json(*second, "SELECT { n: count(*) } FROM T AS t") == R"([{"n":60}])");
  CHECK(json(*second, kAll) == json(*third, kAll));
  second.reset();
  third.reset();
  auto last = disk.open();
  CHECK(json(*last, "SELECT { n: count(*) } FROM T AS t") == R"([{"n":60}])");
}

TEST_CASE("shared directory: a change of the schema waits, and is refused after another's") {
  Disk disk;
  auto first = disk.open();
  auto second = disk.open();
  first->run(kTable).value();
  first->run("SYNC").value();
  second->run("SYNC").value();
  second->run("TABLE U = 2 (K INT = 1 KEY); INSERT INTO U {K: 1}; SYNC").value();
  first->run("SYNC").value();
  CHECK(json(*first, "SELECT { u.K } FROM U AS u") == R"([{"K":1}])");
  first->run("TABLE U = 2 (K INT = 1 KEY, V TEXT = 2 DEFAULT 'v'); SYNC").value();
  first->run("TABLE W = 3 (K INT = 1 KEY); TABLE X = 4 (K INT = 1 KEY); SYNC").value();
  second->run("SYNC").value();
  CHECK(json(*second, "SELECT { u.* } FROM U AS u") == R"([{"K":1,"V":"v"}])");
  CHECK(json(*second, "SELECT { n: count(*) } FROM tremula_table AS t") == R"([{"n":4}])");
}

TEST_CASE("shared directory: a host whose log has failed is read, by itself and by who joins it") {
  Disk disk;
  const auto failing = std::make_shared<support::FaultFileSystem>(*disk.files);
  Database host = db::OpenOn::open(failing, disk.wire, "db", {}).value();
  host.run(std::string(kTable) + "; INSERT INTO T {K: 1}; FLUSH").value();
  SUBCASE("for good") {
    failing->fail({.call = 1, .lasting = true});
    host.run("INSERT INTO T {K: 2}").value();
    CHECK(name_of(host.run("FLUSH").error()) == "io");
  }
  SUBCASE("for want of room") {
    disk.files->set_capacity(0);
    host.run("INSERT INTO T {K: 2, B: $b}", {{"b", std::string(400'000, 'b')}}).value();
    CHECK(name_of(host.run("FLUSH").error()) == "io");
  }
  const auto member = disk.open();
  CHECK(json(*member, "SELECT { t.K } FROM T AS t") == R"([{"K":1}])");
  CHECK(json(host, "SELECT { t.K } FROM T AS t") == R"([{"K":1},{"K":2}])");
  CHECK(name_of(host.run("INSERT INTO T {K: 3}").error()) == "io");
}

TEST_CASE("shared directory: after a refused declaration the next call goes on") {
  Disk disk;
  auto first = disk.open();
  first->run(kTable).value();
  first->run("SYNC").value();
  auto second = disk.open();
  second->run("INSERT INTO T {K: 1}; SYNC").value();
  Database* declares = nullptr;
  SUBCASE("the member's") { declares = second.get(); }
  SUBCASE("the host's") { declares = first.get(); }
  Database& other = declares == first.get() ? *second : *first;
  const auto refused = declares->transact([&](Transaction& tx) {
    tx.execute("TABLE X = 9 (K INT = 1 KEY)");
    other.run("TABLE Y = 10 (K INT = 1 KEY); SYNC").value();
  });
  CHECK(name_of(refused.error()) == "schema_conflict");
  CHECK(run(*declares, "SYNC").find("synced") != std::string::npos);
  CHECK(run(*declares, "FLUSH").find("durable") != std::string::npos);
  // Who takes over gives the number again, and is told of its own host's answer.
  if (declares == second.get()) first.reset();
  declares->run("TABLE X = 9 (K INT = 1 KEY); INSERT INTO X {K: 1}; SYNC").value();
  CHECK(json(*declares, "SELECT { x.K } FROM X AS x") == R"([{"K":1}])");
}

// What comes to be of a declaration whose writer was told of an error is decided later.
TEST_CASE("shared directory: a declaration that a full disk held up comes to be, once") {
  Disk disk;
  auto host = disk.open();
  host->run(std::string(kTable) + "; SYNC").value();
  auto member = disk.open();
  member->run("SYNC").value();
  disk.files->set_capacity(0);
  SUBCASE("behind others") {
    for (int k = 1; k <= 30; ++k) {
      host->run("INSERT INTO T {K: $k, B: $b}", {{"k", k}, {"b", std::string(40'000, 'b')}})
          .value();
    }
  }
  SUBCASE("alone") {
    // There may be room in the log's file: until there is none.
    for (int k = 1; host->run("SYNC").ok(); ++k) {
      host->run("INSERT INTO T {K: $k, B: $b}", {{"k", k}, {"b", std::string(40'000, 'b')}})
          .value();
    }
  }
  const auto late = host->run("TABLE X = 9 (K INT = 1 KEY)");
  REQUIRE(!late.ok());
  CHECK(name_of(late.error()) == "io");
  CHECK(late.error().text.find("may still") != std::string::npos);
  CHECK(json(*host, "SELECT { n: count(*) } FROM tremula_table AS t") == R"([{"n":1}])");
  CHECK(name_of(host->run("INSERT INTO T {K: 99}").error()) == "io");
  disk.files->set_capacity(std::uint64_t{1} << 40);
  host->run("INSERT INTO T {K: 100}; SYNC").value();
  member->run("SYNC").value();
  for (Database* db : {host.get(), member.get()}) {
    CHECK(json(*db, "SELECT { t.K } FROM T AS t WHERE t.K >= 99") == R"([{"K":100}])");
    CHECK(json(*db, "SELECT { x.K } FROM X AS x") == "[]");
  }
  host->run("TABLE Z = 11 (K INT = 1 KEY); INSERT INTO Z {K: 1}; SYNC").value();
  member->run("SYNC").value();
  CHECK(json(*member, "SELECT { z.K } FROM Z AS z") == R"([{"K":1}])");
}

TEST_CASE("shared directory: a declaration that a failed host got comes to be with the next one") {
  Disk disk;
  const auto failing = std::make_shared<support::FaultFileSystem>(*disk.files);
  std::optional<Database> host = db::OpenOn::open(failing, disk.wire, "db", {}).value();
  host->run(std::string(kTable) + "; SYNC").value();
  auto member = disk.open();
  member->run("INSERT INTO T {K: 1}; SYNC").value();
  failing->fail({.call = 1, .lasting = true});
  CHECK(name_of(member->run("TABLE X = 9 (K INT = 1 KEY)").error()) == "io");
  CHECK(name_of(member->run("INSERT INTO T {K: 2}").error()) == "io");
  host.reset();
  // The link finds out by itself: until it has, calls give what they gave.
  for (;;) {
    const auto done = member->run("INSERT INTO T {K: 3}; SYNC");
    if (done.ok()) break;
    REQUIRE(name_of(done.error()) == "io");
    std::this_thread::yield();
  }
  CHECK(json(*member, "SELECT { t.K } FROM T AS t") == R"([{"K":1},{"K":3}])");
  CHECK(json(*member, "SELECT { x.K } FROM X AS x") == "[]");
  const auto last = disk.open();
  CHECK(json(*last, "SELECT { t.K } FROM T AS t") == R"([{"K":1},{"K":3}])");
  member->run("TABLE Z = 11 (K INT = 1 KEY); INSERT INTO Z {K: 1}; SYNC").value();
  last->run("SYNC").value();
  CHECK(json(*last, "SELECT { z.K } FROM Z AS z") == R"([{"K":1}])");
}

namespace {

// A file system of a process that may hold few files open.
class FewFiles final : public support::FaultFileSystem {
 public:
  using FaultFileSystem::FaultFileSystem;
  base::Result<std::unique_ptr<base::File>> open(const std::string& path,
                                                 base::OpenMode mode) override {
    if (*held_ >= limit) {
      return base::Error{base::ErrorCode::kIo,
                         path + ": open: " + std::generic_category().message(EMFILE)};
    }
    TREMULA_TRY_ASSIGN(auto file, FaultFileSystem::open(path, mode));
    return std::unique_ptr<base::File>(std::make_unique<Held>(std::move(file), held_));
  }
  std::size_t held() const { return *held_; }
  std::atomic<std::size_t> limit = 1'000'000;

 private:
  using Count = std::shared_ptr<std::atomic<std::size_t>>;
  class Held final : public base::ForwardingFile {
   public:
    Held(std::unique_ptr<base::File> file, Count count)
        : ForwardingFile(std::move(file)), count_(std::move(count)) {
      ++*count_;
    }
    ~Held() override { --*count_; }

   private:
    Count count_;
  };
  Count held_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace

TEST_CASE("shared directory: who has few descriptors left takes over all the same") {
  Disk disk;
  Options small;
  small.memory_bytes = 1;
  auto host = disk.open(small);
  host->run(std::string(kTable) + "; SYNC").value();
  property::Rng rng(1);
  for (int k = 1; k <= 160; ++k) {
    std::string text(256U << 10, ' ');
    for (char& c : text) c = static_cast<char>('!' + rng.next() % 90);
    host->run("INSERT INTO T {K: $k, B: $b}", {{"k", k}, {"b", text}}).value();
  }
  host->run("FLUSH").value();
  const auto few = std::make_shared<FewFiles>(*disk.files);
  Database member = db::OpenOn::open(few, disk.wire, "db", small).value();
  const std::size_t followed = few->held();
  REQUIRE(followed > 16);
  few->limit = followed + 12;  // the log's, the manifest's, and what is read at a moment
  host.reset();
  member.run("INSERT INTO T {K: 1000}; SYNC").value();
  CHECK(json(member, "SELECT { t.K, n: length(t.B) } FROM T AS t WHERE t.K IN (1, 80, 1000)") ==
        R"([{"K":1,"n":262144},{"K":80,"n":262144},{"K":1000,"n":null}])");
  CHECK(json(member, "SELECT { n: sum(length(t.B)) } FROM T AS t") == R"([{"n":41943040}])");
}

TEST_CASE("shared directory: four threads of writers, every commit counts once") {
  Disk disk;
  disk.open()->run(kTable).value();
  constexpr int kWriters = 4;
  constexpr int kCommits = 60;
  std::vector<std::unique_ptr<Database>> databases;
  for (int i = 0; i < kWriters; ++i) databases.push_back(disk.open());
  databases[0]->run("INSERT INTO T {K: 0, C: 0}; SYNC").value();
  for (auto& db : databases) db->run("SYNC").value();
  std::vector<std::string> failures(kWriters);
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&db = *databases[static_cast<std::size_t>(w)], w,
                          &failure = failures[static_cast<std::size_t>(w)]] {
      for (int i = 0; i < kCommits; ++i) {
        const auto done = db.transact([&](Transaction& tx) {
          tx.insert("T", {{"K", 1 + w + i * kWriters}, {"A", w}});
          tx.execute("UPDATE T SET C = C + 1 WHERE K = 0");
        });
        if (!done.ok()) failure = done.error().text;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) REQUIRE(failure == "");
  for (auto& db : databases) db->run("SYNC").value();
  for (auto& db : databases) db->run("SYNC").value();
  const std::string all = json(*databases[0], kAll);
  for (auto& db : databases) {
    CHECK(json(*db, "SELECT { t.C } FROM T AS t WHERE t.K = 0") == R"([{"C":240}])");
    CHECK(json(*db, "SELECT { n: count(*) } FROM T AS t") == R"([{"n":241}])");
    CHECK(json(*db, kAll) == all);
  }
}

TEST_CASE("shared directory: much larger than memory, for the host and for a member") {
  Disk disk;
  Options options;
  options.memory_bytes = 1U << 20;
  auto host = disk.open(options);
  host->run("TABLE T = 1 (K INT = 1 KEY, N INT = 2, V TEXT = 3)").value();
  const auto text_of = [](std::int64_t k) {
    return std::string(static_cast<std::size_t>(100 + k % 200), static_cast<char>('a' + k % 26));
  };
  const auto fill = [&](Database& db, std::int64_t from, std::int64_t to, std::int64_t by) {
    for (std::int64_t k = from; k < to;) {
      db.transact([&](Transaction& tx) {
          for (int i = 0; i < 50 && k < to; ++i, k += by) {
            tx.insert("T", {{"K", k}, {"N", k % 100}, {"V", text_of(k)}});
          }
        }).value();
    }
  };
  fill(*host, 0, 6000, 1);
  host->run("SYNC").value();
  auto member = disk.open(options);
  std::string failure;
  std::thread other([&] {
    try {
      fill(*member, 6000, 14000, 2);
    } catch (const Exception& exception) {
      failure = exception.error().text;
    }
  });
  fill(*host, 6001, 14000, 2);
  other.join();
  REQUIRE(failure == "");
  for (const auto& db : {host.get(), member.get()}) db->run("SYNC").value();
  for (const auto& db : {host.get(), member.get()}) db->run("SYNC").value();
  property::Rng rng(3);
  for (const auto& db : {host.get(), member.get()}) {
    CHECK(json(*db, "SELECT { n: count(*), s: sum(t.N) } FROM T AS t") ==
          R"([{"n":14000,"s":693000}])");
    for (int i = 0; i < 300; ++i) {
      const std::int64_t k = rng.below(14000);
      const std::string found =
          db->query("SELECT { t.V } FROM T AS t WHERE t.K = $k", {{"k", k}}).value().json();
      REQUIRE(found == "[{\"V\":\"" + text_of(k) + "\"}]");
    }
  }
  for (const auto& db : {host.get(), member.get()}) {
    db->run("SYNC; UPDATE T SET N = N + 1 WHERE K % 10 = 0; SYNC").value();
  }
  host->run("SYNC").value();
  CHECK(json(*host, "SELECT { s: sum(t.N) } FROM T AS t") == R"([{"s":695800}])");
  CHECK(json(*member, "SELECT { s: sum(t.N) } FROM T AS t") == R"([{"s":695800}])");
  host.reset();
  CHECK(json(*member, "SELECT { s: sum(t.N) } FROM T AS t") == R"([{"s":695800}])");
  member->run("DELETE FROM T WHERE K >= 100; SYNC").value();
  member.reset();
  auto last = disk.open(options);
  CHECK(json(*last, "SELECT { n: count(*) } FROM T AS t") == R"([{"n":100}])");
}

// The log is kept for 64 MiB: here it goes on for 80.
TEST_CASE("shared directory: who falls behind the log starts again, with what it wrote") {
  Disk disk;
  auto host = disk.open();
  host->run(kTable).value();
  host->run("INSERT INTO T {K: 1}; INSERT INTO T {K: 2}; INSERT INTO T {K: 3}; SYNC").value();
  auto member = disk.open();
  std::size_t heard = 0;
  constexpr const char* kShort = "SELECT { t.K, t.A, t.C } FROM T AS t WHERE t.K < 100";
  const auto live = member->subscribe(kShort, {}, [&](const Delta&) { ++heard; }).value();
  member->run("UPDATE T SET C = C + 5 WHERE K = 1; UPDATE T SET A = 7 WHERE K = 2").value();
  member->run("INSERT INTO T {K: 10, A: 10}").value();
  const std::size_t own = heard;
  const std::string first_log = "db/LOG-000001";
  REQUIRE(disk.files->exists(first_log).value());
  constexpr std::int64_t kCommits = 80;
  for (std::int64_t i = 0; i < kCommits; ++i) {
    const std::string text(1U << 20, static_cast<char>('a' + i % 26));
    host->transact([&](Transaction& tx) { tx.insert("T", {{"K", 100 + i}, {"B", text}}); }).value();
    if (i == kCommits / 2)
      host->run("UPDATE T SET C = C + 1 WHERE K = 1; DELETE FROM T WHERE K = 3").value();
  }
  host->run("FLUSH").value();
  while (disk.files->exists(first_log).value()) host->run("SYNC").value();
  heard = 0;
  // What it has open of the log it may read yet; the rest is one commit.
  CHECK(member->poll().value() < kCommits / 2);
  CHECK(own == 3);
  CHECK(heard == 1);
  const std::string rows = R"([{"K":1,"A":null,"C":6},{"K":2,"A":7,"C":0},{"K":10,"A":10,"C":0}])";
  CHECK(json(*member, kShort) == rows);
  host->run("SYNC").value();
  CHECK(json(*host, kShort) == rows);
  CHECK(json(*member, "SELECT { n: count(*) } FROM T AS t") == R"([{"n":83}])");
  CHECK(member->version() == host->version());
  member->run("UPDATE T SET C = C + 1 WHERE K = 10; SYNC").value();
  host->run("SYNC").value();
  CHECK(json(*host, "SELECT { t.C } FROM T AS t WHERE t.K = 10") == R"([{"C":1}])");
}

TEST_CASE("shared directory: a row that another deletes and inserts again in one transaction") {
  Disk disk;
  Options small;
  small.memory_bytes = 1;
  auto first = disk.open(small);
  auto second = disk.open(small);
  first->run(kTable).value();
  first->run("SYNC").value();
  second->run("SYNC").value();
  for (const int k : {4, 3, 1, 2}) {
    second->run("INSERT INTO T {K: $k, A: 1}; SYNC", {{"k", k}}).value();
  }
  const auto keys = [&](Database& db) {
    db.run("SYNC").value();
    return json(db, "SELECT { t.K, t.A } FROM T AS t");
  };
  CHECK(keys(*first) == R"([{"K":1,"A":1},{"K":2,"A":1},{"K":3,"A":1},{"K":4,"A":1}])");
  second->run("BEGIN; DELETE FROM T WHERE K = 2; INSERT INTO T {K: 2, B: 'x'}; COMMIT; SYNC")
      .value();
  const std::string after = R"([{"K":1,"A":1},{"K":2,"A":null},{"K":3,"A":1},{"K":4,"A":1}])";
  CHECK(keys(*first) == after);
  CHECK(keys(*first) == after);
  CHECK(keys(*second) == after);
  second->run("UPDATE T SET A = 1 WHERE K = 2; SYNC").value();
  CHECK(keys(*first) == R"([{"K":1,"A":1},{"K":2,"A":1},{"K":3,"A":1},{"K":4,"A":1}])");
}

namespace {

std::string changes_of(Database& db, std::uint64_t since = 0) {
  std::string text;
  const auto told =
      db.changes(since, [&](std::string_view line) { text += std::string(line) + "\n"; });
  return told.ok() ? text : "! " + told.error().text;
}

}  // namespace

TEST_CASE("shared directory: host and members tell changes and merge them, as one commit each") {
  Disk disk;
  Disk elsewhere;
  auto other = elsewhere.open();
  other->run(kTable).value();
  other->run("INSERT INTO T {K: 8, mood: 'blue'}; INSERT INTO T {K: 7, A: 70, C: 5}").value();
  auto host = disk.open();
  host->run(kTable).value();
  host->run("INSERT INTO T {K: 7, A: 1, C: 1}; SYNC").value();
  auto member = disk.open();
  std::vector<std::string> heard;
  auto live = host->subscribe(kAll, {}, [&](const Delta& delta) { heard.push_back(delta.patch()); })
                  .value();
  const std::string file = changes_of(*other);
  const auto merged = member->merge(file);
  REQUIRE(merged.ok());
  CHECK(merged.value() == 5);
  const std::string rows = R"([{"K":7,"A":70,"B":null,"C":6},{"K":8,"A":null,"B":null,"C":0}])";
  CHECK(json(*member, kAll) == rows);
  host->run("SYNC").value();
  CHECK(json(*host, kAll) == rows);
  CHECK(live.json() == rows);
  CHECK(heard.size() == 1);
  CHECK(json(*host, "SELECT { t.mood } FROM T AS t WHERE t.K = 8") == R"([{"mood":"blue"}])");

  // Again: nothing is new, by whomever, and no version is used up.
  const std::uint64_t version = host->version();
  CHECK(host->merge(file).value() == 0);
  CHECK(member->merge(file).value() == 0);
  member->run("SYNC").value();
  CHECK(member->version() == version);

  // Both tell the same, and so does the directory when one process has it alone.
  const std::string told = changes_of(*member);
  CHECK(changes_of(*host) == told);
  CHECK(host->version() == version);
  CHECK(other->merge(told).value() > 0);
  CHECK(json(*other, kAll) == rows);
  member.reset();
  host.reset();
  CHECK(changes_of(*disk.open()) == told);
}

TEST_CASE("shared directory: a file of changes that is broken, or doesn't fit, changes nothing") {
  Disk disk;
  auto host = disk.open();
  host->run(kTable).value();
  host->run("INSERT INTO T {K: 7}; SYNC").value();
  auto member = disk.open();
  const std::string good = changes_of(*member);
  const std::string wrong_key =
      R"({"table":1,"key":["x"],"column":null,"value":null,"cl":1,"version":9,)"
      R"("site":"00000000000000000000000000000001","db_version":9,"seq":0})"
      "\n";
  for (Database* db : {member.get(), host.get()}) {
    const auto broken = db->merge(good + "{\n");
    REQUIRE(!broken.ok());
    CHECK(name_of(broken.error()) == "corrupt");
    const auto misfit = db->merge(good + wrong_key);
    REQUIRE(!misfit.ok());
    CHECK(name_of(misfit.error()) == "corrupt");
    CHECK(misfit.error().text.find("line 3") != std::string::npos);
    // What was refused is forgotten: the next ones are ordered.
    CHECK(run(*db, "UPDATE T SET A = 1; SYNC").find("synced") != std::string::npos);
  }
  bool is_refused = false;
  auto live = member
                  ->subscribe("SELECT { t.A } FROM T AS t", {},
                              [&](const Delta&) {
                                const auto inside = member->merge(good);
                                is_refused =
                                    !inside.ok() && name_of(inside.error()) == "unsupported";
                              })
                  .value();
  host->run("UPDATE T SET A = 2; SYNC").value();
  member->run("SYNC").value();
  CHECK(is_refused);  // it would wait for what it holds up
}

TEST_CASE("shared directory: what merging kept comes to light when any process declares it") {
  Disk disk;
  Disk elsewhere;
  auto other = elsewhere.open();
  other->run(kTable).value();
  other->run("INSERT INTO T {K: 7, A: 70, B: 'x', C: 5}").value();
  auto host = disk.open();
  host->run("SYNC").value();
  auto member = disk.open();
  CHECK(host->merge(changes_of(*other)).value() == 4);
  member->run("SYNC").value();
  member->run("TABLE T = 1 (K INT = 1 KEY, A INT = 2); SYNC").value();
  member->run("SYNC").value();
  CHECK(json(*member, kAll) == R"([{"K":7,"A":70}])");
  host->run("SYNC").value();
  host->run(kTable).value();
  for (Database* db : {host.get(), member.get()}) {
    db->run("SYNC").value();
    CHECK(json(*db, kAll) == R"([{"K":7,"A":70,"B":"x","C":5}])");
  }
}

TEST_CASE("shared directory: a declaration leaves values that it adopts the stamps they had") {
  Disk alone_disk;
  Disk disk;
  auto alone = alone_disk.open();
  auto host = disk.open();
  const auto member = disk.open();
  Database* writer = host.get();
  SUBCASE("the host's") { writer = host.get(); }
  SUBCASE("a member's") { writer = member.get(); }
  for (Database* db : {alone.get(), writer}) {
    db->run("TABLE Note = 12 (Id INT = 1 KEY, Body TEXT = 2)").value();
    db->run("INSERT INTO Note {Id: 1, Body: 'x', mood: 'blue'}; SYNC").value();
    db->run("INSERT INTO Note {Id: 2, Body: 'x', mood: 'red'}; SYNC").value();
    db->run("TABLE Note = 12 (Id INT = 1 KEY, Body TEXT = 2, mood TEXT = 3); SYNC").value();
  }
  // Of each record what it says, and when that was written: the sites differ.
  const auto records = [](Database& db) {
    std::string text = changes_of(db);
    constexpr std::string_view kSite = R"("site":")";
    for (auto at = text.find(kSite); at != std::string::npos; at = text.find(kSite, at + 1)) {
      text.erase(at + kSite.size(), 32);
    }
    return text;
  };
  const std::string told = records(*alone);
  CHECK(told.find(R"("column":3,"value":"red")") != std::string::npos);
  CHECK(records(*writer) == told);
}

}  // namespace tremula::test
