// What a killed process leaves: every commit that was acknowledged as ordered, and a prefix of all.
//
//   child: commits, tells "version ordered" through a pipe -- kill -9 at any moment
//   parent: opens the directory: the version told last is there, and what is there is the history
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <random>
#include <string>

#include "db/open_on.h"
#include "persist/posix_file_system.h"
#include "tests/db/history.h"
#include "tests/support/child_process.h"
#include "tests/support/fault_file_system.h"

namespace tremula::test {
namespace {

namespace fs = std::filesystem;

using support::Call;
using support::CallKind;
using support::Ended;
using support::KillFrom;
using support::tell;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "tremula_crash_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

Options options_of(std::uint64_t seed) {
  Options options;
  options.sync_delay_ms = seed % 3 == 0 ? 0 : 10;
  options.durability = seed % 5 == 0 ? Durability::sync : Durability::async;
  // Memtables so small that their flushing and compaction never stop.
  if (seed % 2 == 0) options.memory_bytes = 64U << 10;
  return options;
}

// Commits and tells of it until it is killed, or `commits` are made: then 0 is told.
[[noreturn]] void live(base::FileSystem& files, const std::string& directory, std::uint64_t seed,
                       std::uint64_t commits, int told,
                       const std::function<void()>& opened_now = {}) {
  const auto borrowed = std::shared_ptr<base::FileSystem>(&files, [](base::FileSystem*) {});
  {
    auto opened = db::OpenOn::open(borrowed, directory, options_of(seed));
    if (!opened.ok()) _exit(3);
    Database db = std::move(opened).value();
    if (opened_now) opened_now();
    for (std::uint64_t i = 1; i <= commits; ++i) {
      if (!commit_next(db).ok()) _exit(4);
      if (i % 4 != 1) continue;
      if (i % 16 == 1 && !db.wait_durable({db.version()}).ok()) _exit(5);
      if (!db.run("SYNC;").ok()) _exit(6);
      tell(told, db.version());
    }
  }
  tell(told, 0);
  _exit(0);
}

// Runs `life` in a child; `kill_after_us`: then it is killed, unless it is 0.
template <typename Life>
Ended run_checked(Life life, unsigned kill_after_us, KillFrom from = KillFrom::kStart) {
  const Ended ended = support::run_child(life, kill_after_us, from);
  if (WIFEXITED(ended.status)) REQUIRE(WEXITSTATUS(ended.status) == 0);
  return ended;
}

// Returns: the version that was found.
std::uint64_t check_directory(const std::string& directory, std::uint64_t acknowledged,
                              Mirror& mirror) {
  auto opened = Database::open(directory);
  if (!opened.ok()) FAIL(opened.error().text);
  Database db = std::move(opened).value();
  REQUIRE(db.version() >= acknowledged);
  REQUIRE(contents(db) == mirror.at(db.version()));
  return db.version();
}

std::uint64_t scale() {
  const char* text = std::getenv("TREMULA_TEST_SCALE");
  return text == nullptr ? 1 : std::max(1, std::atoi(text));
}

}  // namespace

TEST_CASE("crash: killed at random moments, a directory keeps what was acknowledged") {
  std::mt19937 random(7);
  // Three in four of them while it works, the others at any moment from its start on.
  const std::uint64_t kills = scale() > 1 ? std::max<std::uint64_t>(1000, 40 * scale()) : 40;
  Folder folder;
  Mirror mirror;
  std::uint64_t acknowledged = 0;
  std::uint64_t found = 0;
  auto files = persist::make_posix_file_system();
  for (std::uint64_t i = 0; i < kills; ++i) {
    CAPTURE(i);
    const std::string directory = folder.path("db");
    const Ended ended =
        run_checked([&](int told) { live(*files, directory, i, 1'000'000, told); },
                    1 + random() % 60'000, i % 4 == 0 ? KillFrom::kStart : KillFrom::kFirstTold);
    acknowledged = std::max(acknowledged, ended.acknowledged);
    found = check_directory(directory, acknowledged, mirror);
  }
  CHECK(found > 0);
  MESSAGE(kills << " kills, " << found << " commits");
}

TEST_CASE("crash: killed at each call of the file system in turn, too") {
  const std::uint64_t commits = 60;
  const std::size_t step = scale() > 1 ? 1 : 7;
  auto below = persist::make_posix_file_system();
  std::size_t kills = 0;
  for (std::size_t call = 1;; call += step) {
    CAPTURE(call);
    Folder folder;
    Mirror mirror;
    const std::string directory = folder.path("db");
    const Ended ended = run_checked(
        [&](int told) {
          support::FaultFileSystem files(*below);
          files.before_each_call([call](std::size_t made) {
            if (made == call) kill(getpid(), SIGKILL);
          });
          live(files, directory, call, commits, told);
        },
        0);
    if (ended.survived) break;
    ++kills;
    const std::uint64_t found = check_directory(directory, ended.acknowledged, mirror);
    REQUIRE(found <= commits);
  }
  CHECK(kills > 5);
  MESSAGE(kills << " kills");
}

TEST_CASE("crash: killed at each kind of work, a directory keeps what was acknowledged") {
  struct Work {
    const char* what;
    CallKind kind;
    const char* path;
  };
  constexpr Work kWorks[] = {{"a commit is in the log", CallKind::kWrite, "/LOG-"},
                             {"the log is synced", CallKind::kSync, "/LOG-"},
                             {"the log goes on in another file", CallKind::kRename, "/LOG-"},
                             {"an SST is being written", CallKind::kWrite, "/SST-"},
                             {"an SST is whole", CallKind::kSync, "/SST-"},
                             {"the manifest is being written", CallKind::kWrite, "/MANIFEST"},
                             {"the manifest is whole", CallKind::kSync, "/MANIFEST"},
                             {"files that were compacted go", CallKind::kRemove, "/SST-"}};
  auto below = persist::make_posix_file_system();
  const std::size_t growth = scale() > 1 ? 1 : 4;
  for (const Work& work : kWorks) {
    const std::string what = work.what;
    CAPTURE(what);
    std::size_t kills = 0;
    for (std::size_t nth = 1; nth < 200; nth += 1 + nth * (growth - 1)) {
      CAPTURE(nth);
      Folder folder;
      Mirror mirror;
      const std::string directory = folder.path("db");
      // Enough for a log to be full, and for files to be compacted.
      const bool is_rare = work.kind == CallKind::kRename || work.kind == CallKind::kRemove;
      const std::uint64_t commits = is_rare ? 4000 : 400;
      const auto life = [&](int told) {
        support::FaultFileSystem files(*below);
        std::atomic<bool> is_open = false;
        std::size_t seen = 0;
        // The last call that was made, before the next one: nobody else is in the record then.
        files.before_each_call([&](std::size_t) {
          if (!is_open || files.record().empty()) return;
          const Call& last = files.record().back();
          if (last.kind != work.kind || last.path.find(work.path) == std::string::npos) return;
          if (++seen == nth) kill(getpid(), SIGKILL);
        });
        live(files, directory, 2, commits, told, [&] { is_open = true; });
      };
      const Ended ended = run_checked(life, 0);
      if (ended.survived) break;
      ++kills;
      check_directory(directory, ended.acknowledged, mirror);
    }
    CHECK(kills > 0);
    MESSAGE(what << ": " << kills << " kills");
  }
}

}  // namespace tremula::test
