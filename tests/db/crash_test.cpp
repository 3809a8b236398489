// What a killed process leaves: every commit that was acknowledged as ordered, and a prefix of all.
//
//   child: commits, tells "version ordered" through a pipe -- kill -9 at any moment
//   parent: opens the directory: the version told last is there, and what is there is the history
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
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

using support::Ended;
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
  return options;
}

// Commits and tells of it until it is killed, or `commits` are made: then 0 is told.
[[noreturn]] void live(base::FileSystem& files, const std::string& directory, std::uint64_t seed,
                       std::uint64_t commits, int told) {
  const auto borrowed = std::shared_ptr<base::FileSystem>(&files, [](base::FileSystem*) {});
  {
    auto opened = db::OpenOn::open(borrowed, directory, options_of(seed));
    if (!opened.ok()) _exit(3);
    Database db = std::move(opened).value();
    for (std::uint64_t i = 1; i <= commits; ++i) {
      if (!commit_next(db).ok()) _exit(4);
      if (i % 4 != 0) continue;
      if (i % 16 == 0 && !db.wait_durable({db.version()}).ok()) _exit(5);
      if (!db.run("SYNC;").ok()) _exit(6);
      tell(told, db.version());
    }
  }
  tell(told, 0);
  _exit(0);
}

// Runs `life` in a child; `kill_after_us`: then it is killed, unless it is 0.
template <typename Life>
Ended run_child(Life life, unsigned kill_after_us) {
  const Ended ended = support::run_child(life, kill_after_us);
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
  const std::uint64_t kills = 40 * scale();
  Folder folder;
  Mirror mirror;
  std::uint64_t acknowledged = 0;
  std::uint64_t found = 0;
  auto files = persist::make_posix_file_system();
  for (std::uint64_t i = 0; i < kills; ++i) {
    CAPTURE(i);
    const std::string directory = folder.path("db");
    const Ended ended = run_child([&](int told) { live(*files, directory, i, 1'000'000, told); },
                                  1 + random() % 60'000);
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
    const Ended ended = run_child(
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

}  // namespace tremula::test
