// Processes of the machine that write one directory while others, the host most of all, are killed.
//
//   parent: forks writers -- kill -9 of the host, or of another -- forks the next
//   writer: each transaction inserts a row, adds 1 to a counter and tells, now and then, how far
//           its own are ordered
//
// Afterwards every transaction is there once or not at all, those of a writer in their order, and
// all that were told of.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <random>
#include <string>

#include "persist/directory.h"
#include "persist/posix_file_system.h"
#include "tests/db/support.h"

namespace tremula::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLivesMax = 4096;

// What writers tell, in memory that all share.
struct Told {
  std::atomic<std::int64_t> ordered[kLivesMax];  // of each life: its transactions up to here
  std::atomic<bool> is_enough;
};

class TestBed {
 public:
  TestBed() {
    std::string pattern = (fs::temp_directory_path() / "tremula_sharing_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    void* memory =
        mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    told_ = new (memory) Told{};
  }
  ~TestBed() {
    for (const auto& [pid, life] : writers_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    munmap(told_, sizeof(Told));
    fs::remove_all(path_);
  }
  TestBed(const TestBed&) = delete;
  TestBed& operator=(const TestBed&) = delete;

  std::string directory() const { return path_ + "/db"; }
  const Told& told() const { return *told_; }
  std::size_t lives() const { return lives_; }
  std::int64_t all_told() const {
    std::int64_t sum = 0;
    for (std::size_t life = 0; life < lives_; ++life) sum += told_->ordered[life];
    return sum;
  }

  void begin_writer() {
    REQUIRE(lives_ < kLivesMax);
    const std::size_t life = lives_++;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(write(life));
    writers_[child] = life;
  }
  // Waits until `more` transactions were told of since the last call.
  void wait_for(std::int64_t more) {
    const auto end = Clock::now() + std::chrono::minutes(4);
    const std::int64_t wanted = all_told() + more;
    while (all_told() < wanted) {
      REQUIRE(Clock::now() < end);
      int status = 0;
      const pid_t ended = waitpid(-1, &status, WNOHANG);
      CAPTURE(status);
      REQUIRE(ended == 0);  // nobody ends by itself
      usleep(500);
    }
  }
  void kill_writer(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    writers_.erase(pid);
  }
  // Who holds the lock: its file says so.
  pid_t host() const {
    std::string word;
    pid_t pid = 0;
    std::ifstream(directory() + "/LOCK") >> word >> pid;
    return writers_.contains(pid) ? pid : 0;
  }
  pid_t some_writer(std::uint64_t random) const {
    auto at = writers_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random % writers_.size()));
    return at->first;
  }
  void end_writers() {
    told_->is_enough = true;
    for (const auto& [pid, life] : writers_) {
      int status = 0;
      REQUIRE(waitpid(pid, &status, 0) == pid);
      REQUIRE(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == 0);
    }
    writers_.clear();
  }

 private:
  // Returns: the exit status.
  int write(std::size_t life) const {
    const auto complain = [life](const Error& error, int status) {
      std::fprintf(stderr, "writer %zu: %s\n", life, error.text.c_str());
      return status;
    };
    auto opened = Database::open(directory());
    if (!opened.ok()) return complain(opened.error(), 3);
    Database db = std::move(opened).value();
    constexpr const char* kSelect =
        "SELECT { w: t.W, n: count(*), last: max(t.N) } FROM T AS t GROUP BY t.W";
    auto live = db.subscribe(kSelect, {}, [](const Delta&) {});
    if (!live.ok()) return complain(live.error(), 4);
    const auto writer = static_cast<std::int64_t>(life);
    for (std::int64_t n = 1; !told_->is_enough; ++n) {
      const auto done = db.transact([&](Transaction& tx) {
        tx.insert("T", {{"W", writer}, {"N", n}, {"V", std::string(n % 50, 'v')}});
        tx.execute("UPDATE Sum SET C = C + 1 WHERE K = 1");
        if (n % 7 == 0)
          tx.execute("UPDATE T SET V = 'u' WHERE W = $w AND N < $n", {{"w", writer}, {"n", n - 3}});
      });
      if (!done.ok()) return complain(done.error(), 5);
      if (n % 5 != 0) continue;
      const auto synced = db.run("SYNC");
      if (!synced.ok()) return complain(synced.error(), 6);
      told_->ordered[life] = n;
      const auto fresh = db.query(kSelect);
      if (!fresh.ok()) return complain(fresh.error(), 7);
      if (fresh.value().json() != live.value().json()) return 8;
    }
    return 0;
  }

  std::string path_;
  Told* told_ = nullptr;
  std::size_t lives_ = 0;
  std::map<pid_t, std::size_t> writers_;
};

int scale() {
  const char* text = std::getenv("TREMULA_TEST_SCALE");
  return text == nullptr ? 1 : std::max(1, std::atoi(text));
}

// Every life's transactions are a prefix of what it did, and have what it told.
void check_outcome(const TestBed& bed) {
  const auto files = persist::make_posix_file_system();
  const auto report = persist::check_directory(*files, bed.directory());
  REQUIRE(report.ok());
  for (const base::Error& problem : report.value().problems) FAIL_CHECK(problem.message);
  auto opened = Database::open(bed.directory());
  if (!opened.ok()) FAIL(opened.error().text);
  Database db = std::move(opened).value();
  const auto rows =
      db.query("SELECT t.W, count(*) AS n, max(t.N) AS last FROM T AS t GROUP BY t.W").value();
  std::map<std::size_t, std::int64_t> found;
  std::int64_t all = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t n = rows.value(i, "n").as_int();
    CHECK(rows.value(i, "last").as_int() == n);
    found[static_cast<std::size_t>(rows.value(i, "W").as_int())] = n;
    all += n;
  }
  for (std::size_t life = 0; life < bed.lives(); ++life) {
    CAPTURE(life);
    CHECK(found[life] >= bed.told().ordered[life]);
  }
  CHECK(db.query("SELECT s.C FROM Sum AS s").value().json() ==
        "[{\"C\":" + std::to_string(all) + "}]");
}

void run_writers(int writers, int kills, std::uint64_t seed) {
  TestBed bed;
  {
    Database db = Database::open(bed.directory()).value();
    db.run(
          "TABLE T = 1 (W INT = 1, N INT = 2, V TEXT = 3, KEY (W, N));"
          "TABLE Sum = 2 (K INT = 1 KEY, C INT = 2 COUNTER); INSERT INTO Sum {K: 1};")
        .value();
  }
  std::mt19937_64 random(seed);
  for (int i = 0; i < writers; ++i) bed.begin_writer();
  for (int i = 0; i < kills; ++i) {
    CAPTURE(i);
    bed.wait_for(static_cast<std::int64_t>(5 + random() % 60));
    const pid_t host = bed.host();
    bed.kill_writer(host != 0 && random() % 4 != 0 ? host : bed.some_writer(random()));
    bed.begin_writer();
  }
  bed.wait_for(20);
  bed.end_writers();
  check_outcome(bed);
}

}  // namespace

TEST_CASE("sharing crash: two processes, the host is killed again and again") {
  run_writers(2, 6 * scale(), 1);
}

TEST_CASE("sharing crash: writers come, go and are killed") {
  run_writers(scale() > 1 ? 8 : 4, 6 * scale(), 2);
}

}  // namespace tremula::test
