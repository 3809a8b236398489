// Times that are hard without being wrong: clocks that jump, an fsync that takes seconds, a disk
// that is small and full.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "db/open_on.h"
#include "persist/directory.h"
#include "persist/memory_file_system.h"
#include "persist/posix_file_system.h"
#include "tests/db/history.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

namespace fs = std::filesystem;
using persist::MemoryFileSystem;

constexpr std::uint64_t kMiB = 1U << 20;

// Syncs of files wait here while it is shut.
class Gate {
 public:
  void shut() {
    const std::lock_guard guard(mutex_);
    is_shut_ = true;
  }
  void open() {
    const std::lock_guard guard(mutex_);
    is_shut_ = false;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_shut_; });
    --waiting_;
  }
  // Returns when somebody stands here.
  void wait_for_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_shut_ = false;
  int waiting_ = 0;
};

std::uint64_t stat(Database& db, const std::string& name) {
  const std::string begin = "{\"stat\":\"" + name + "\",\"value\":";
  for (const std::string& line : db.run("SHOW STATS").value().lines)
    if (line.starts_with(begin)) return std::stoull(line.substr(begin.size()));
  FAIL("no such stat: " << name);
  return 0;
}

void expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

// A table of rows that no compression makes smaller, and what is known of it.
class Filler {
 public:
  // Returns: the error's text, "" if there was none.
  std::string insert(Database& db) {
    std::string text(2000, ' ');
    for (char& c : text) c = static_cast<char>(' ' + random_() % 94);
    const auto done = db.transact([&](Transaction& tx) {
      tx.insert("T", {{"K", rows_}, {"V", text}});
    });
    if (!done.ok()) {
      expect(done.error().code == ErrorCode::kIo, done.error().text);
      return done.error().text;
    }
    ++rows_;
    sum_ += text.size();
    return "";
  }
  void check(Database& db) const {
    const std::string found =
        db.query("SELECT { n: count(*), s: sum(length(t.V)) } FROM T AS t").value().json();
    const std::string expected =
        "[{\"n\":" + std::to_string(rows_) + ",\"s\":" + std::to_string(sum_) + "}]";
    expect(found == expected, "found " + found + ", expected " + expected);
  }
  std::int64_t rows() const { return rows_; }

 private:
  std::mt19937_64 random_{3};
  std::int64_t rows_ = 0;
  std::uint64_t sum_ = 0;  // of the texts' lengths
};

// Fills a disk of 16 MB, makes room by what `make_room` does, goes on, and opens it again.
// Throws: std::runtime_error, saying what is wrong.
void fill_and_go_on(const std::shared_ptr<base::FileSystem>& files, const std::string& directory,
                    const std::function<void()>& make_room) {
  Options options;
  options.queue_bytes = kMiB;
  Filler filler;
  {
    Database db = db::OpenOn::open(files, directory, options).value();
    db.run("TABLE T = 1 (K INT = 1 KEY, V TEXT = 2); FLUSH;").value();
    // Compaction may make room once more when the disk was full already.
    bool is_full = false;
    while (!is_full) {
      while (filler.insert(db).empty()) expect(filler.rows() < 20'000, "the disk is never full");
      expect(filler.rows() > 2000, "full after " + std::to_string(filler.rows()) + " rows");
      filler.check(db);  // what was applied stays visible
      is_full = !db.run("FLUSH").ok() && !filler.insert(db).empty();
    }
    make_room();
    expect(db.run("FLUSH").ok(), "not durable though there is room");
    const std::string error = filler.insert(db);
    expect(error.empty(), error);
    filler.check(db);
  }
  const auto report = persist::check_directory(*files, directory);
  expect(report.ok(), "it can't be checked");
  for (const base::Error& problem : report.value().problems) expect(false, problem.message);
  Database db = db::OpenOn::open(files, directory, options).value();
  filler.check(db);
}

// A tmpfs of 16 MB under `folder`, in namespaces of this process alone.  Returns: why not, or "".
std::string mount_small_disk(const std::string& folder) {
  const uid_t user = getuid();
  if (unshare(CLONE_NEWNS | (user == 0 ? 0 : CLONE_NEWUSER)) != 0) return "unshare is not allowed";
  if (user != 0) std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "mount is not allowed";
  if (mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=16m") != 0) return "tmpfs is not allowed";
  return "";
}

}  // namespace

TEST_CASE("clock: jumps of both clocks lose no commit") {
  auto files = std::make_shared<MemoryFileSystem>();
  std::mt19937_64 random(11);
  Mirror mirror;
  std::int64_t ticks = 0;
  const auto jump = [&] {
    constexpr std::int64_t kYearMs = 365LL * 24 * 3600 * 1000;
    // The wall clock goes anywhere between 1920 and 2170; the other stands still or leaps.
    const auto now = static_cast<std::int64_t>(random() % 250) * kYearMs - 50 * kYearMs;
    if (random() % 2 == 0) ticks += static_cast<std::int64_t>(random() % 5) * kYearMs;
    files->set_clock(now, ticks);
  };
  for (std::uint64_t n = 0; n < 200;) {
    jump();
    Database db = db::OpenOn::open(files, "db", {}).value();
    REQUIRE(db.version() == n);
    REQUIRE(contents(db) == mirror.at(n));
    for (int i = 0; i < 20; ++i, ++n) {
      commit_next(db).value();
      jump();
      if (i % 7 == 0) CHECK(db.wait_durable({db.version()}).ok());
    }
  }
}

TEST_CASE("slow disk: while an fsync takes 5 seconds commits go on, up to the bound") {
  MemoryFileSystem memory;
  std::int64_t ticks = 1000;
  memory.set_clock(0, ticks);
  Gate gate;
  auto files = std::make_shared<support::FaultFileSystem>(memory);
  files->before_each_sync([&gate] { gate.pass(); });
  Options options;
  options.queue_bytes = 64U << 10;
  options.sync_delay_ms = 0;
  Database db = db::OpenOn::open(files, "db", options).value();
  db.run("TABLE T = 1 (K INT = 1 KEY, V TEXT = 2); FLUSH;").value();
  const std::uint64_t durable = stat(db, "durable");
  gate.shut();
  const std::string text(1000, 'x');
  std::int64_t rows = 0;
  const auto insert = [&] {
    return db.transact([&](Transaction& tx) { tx.insert("T", {{"K", rows++}, {"V", text}}); });
  };
  CHECK(insert().ok());
  gate.wait_for_one();
  // The disk is at it, and none of these waits for it.
  const std::uint64_t waits = stat(db, "waits_for_room");
  while (stat(db, "queue_bytes") + 3000 < options.queue_bytes) CHECK(insert().ok());
  CHECK(rows > 40);
  CHECK(stat(db, "waits_for_room") == waits);
  CHECK(stat(db, "durable") == durable);
  CHECK(db.query("SELECT { n: count(*) } FROM T AS t").value().json() ==
        "[{\"n\":" + std::to_string(rows) + "}]");
  // Past the bound a commit waits for room, and gets it when the 5 seconds are over.
  std::thread more([&] {
    for (int i = 0; i < 200; ++i) insert().value();
  });
  memory.set_clock(0, ticks + 5000);
  gate.open();
  more.join();
  CHECK(stat(db, "queue_bytes") <= options.queue_bytes);
  CHECK(db.run("FLUSH").ok());
  CHECK(stat(db, "durable") == db.version());
  CHECK(stat(db, "queue_bytes") == 0);
}

TEST_CASE("full disk: 16 MB in memory are filled, answer, and go on when there is room") {
  auto files = std::make_shared<MemoryFileSystem>();
  files->set_capacity(16 * kMiB);
  CHECK_NOTHROW(fill_and_go_on(files, "db", [&] { files->set_capacity(24 * kMiB); }));
}

TEST_CASE("full disk: a real tmpfs of 16 MB is filled, answers, and goes on when there is room") {
  std::string pattern = (fs::temp_directory_path() / "tremula_full_XXXXXX").string();
  const std::string folder = mkdtemp(pattern.data());
  constexpr int kCannotMount = 77;
  const pid_t child = fork();  // the namespaces are the child's
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string why_not = mount_small_disk(folder);
    if (!why_not.empty()) _exit(kCannotMount);
    const std::string ballast = folder + "/ballast";
    std::ofstream(ballast) << std::string(6 * kMiB, 'b');
    try {
      fill_and_go_on(persist::make_posix_file_system(), folder + "/db",
                     [&] { fs::remove(ballast); });
    } catch (const std::exception& wrong) {
      std::fprintf(stderr, "full disk: %s\n", wrong.what());
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  fs::remove_all(folder);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kCannotMount) {
    MESSAGE("SKIPPED: a tmpfs can't be mounted here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace tremula::test
