// What every FileSystem promises, held against the one of the machine and the one in memory.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "persist/memory_file_system.h"
#include "persist/posix_file_system.h"
#include "tests/persist/scratch_directory.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using base::File;
using base::FileSystem;
using base::OpenMode;
using persist_test::ScratchDirectory;

void on_each(const std::function<void(FileSystem& files, const std::string& directory)>& test) {
  SUBCASE("of the machine") {
    const ScratchDirectory scratch;
    test(*make_posix_file_system(), scratch.path());
  }
  SUBCASE("in memory") {
    MemoryFileSystem files;
    REQUIRE(files.make_directory("/dir").ok());
    test(files, "/dir");
  }
  SUBCASE("behind the one that fails, which doesn't here") {
    MemoryFileSystem below;
    REQUIRE(below.make_directory("/dir").ok());
    support::FaultFileSystem files(below);
    test(files, "/dir");
  }
}

std::string all_of(FileSystem& files, const std::string& path) {
  auto file = files.open(path, OpenMode::kRead).value();
  std::string bytes(static_cast<std::size_t>(file->size().value()), '?');
  CHECK(file->read(0, bytes).value() == bytes.size());
  return bytes;
}

void make_file(FileSystem& files, const std::string& path, std::string_view bytes) {
  auto file = files.open(path, OpenMode::kCreate).value();
  REQUIRE(file->write(0, bytes).ok());
}

std::string names_of(FileSystem& files, const std::string& directory) {
  std::string all;
  const std::vector<std::string> names = files.list(directory).value();
  for (const std::string& name : names) all += name + " ";
  return all;
}

}  // namespace

TEST_CASE("file system: what is written is read, and a gap reads as zeros") {
  on_each([](FileSystem& files, const std::string& directory) {
    const std::string path = directory + "/a file, with äöü";
    auto file = files.open(path, OpenMode::kCreate).value();
    CHECK(file->size().value() == 0);
    REQUIRE(file->write(4, "aspen").ok());
    REQUIRE(file->write(5, "SP").ok());
    CHECK(all_of(files, path) == std::string("\0\0\0\0aSPen", 9));
    std::string four(4, '?');
    CHECK(file->read(7, four).value() == 2);
    CHECK(four == "en??");
    CHECK(file->read(9, four).value() == 0);
    CHECK(file->read(1000, four).value() == 0);
    REQUIRE(file->resize(6).ok());
    REQUIRE(file->resize(8).ok());
    CHECK(all_of(files, path) == std::string("\0\0\0\0aS\0\0", 8));
    CHECK(file->sync().ok());
  });
}

TEST_CASE("file system: a file is made once, and opened only if it is there") {
  on_each([](FileSystem& files, const std::string& directory) {
    const std::string path = directory + "/f";
    CHECK(!files.exists(path).value());
    CHECK(files.open(path, OpenMode::kRead).error().code == ErrorCode::kIo);
    CHECK(files.open(path, OpenMode::kReadWrite).error().message.find(path) == 0);
    make_file(files, path, "x");
    CHECK(files.exists(path).value());
    CHECK(files.open(path, OpenMode::kCreate).error().code == ErrorCode::kIo);
    CHECK(files.open(directory + "/no/f", OpenMode::kCreate).error().code == ErrorCode::kIo);
    CHECK(!files.exists(path + "/f").value());
    auto file = files.open(path, OpenMode::kRead).value();
    CHECK(file->write(0, "y").error().code == ErrorCode::kIo);
    CHECK(all_of(files, path) == "x");
  });
}

TEST_CASE("file system: names are listed, renamed over others and removed") {
  on_each([](FileSystem& files, const std::string& directory) {
    make_file(files, directory + "/b", "of b");
    make_file(files, directory + "/a", "of a");
    CHECK(files.make_directory(directory + "/c").ok());
    CHECK(files.make_directory(directory + "/c").ok());
    CHECK(files.make_directory(directory + "/a").error().code == ErrorCode::kIo);
    CHECK(files.make_directory(directory + "/no/c").error().code == ErrorCode::kIo);
    CHECK(names_of(files, directory) == "a b c ");
    auto open_b = files.open(directory + "/b", OpenMode::kRead).value();
    CHECK(files.rename(directory + "/a", directory + "/b").ok());
    CHECK(names_of(files, directory) == "b c ");
    CHECK(all_of(files, directory + "/b") == "of a");
    std::string old(4, '?');
    CHECK(open_b->read(0, old).value() == 4);
    CHECK(old == "of b");
    CHECK(files.rename(directory + "/a", directory + "/b").error().code == ErrorCode::kIo);
    CHECK(files.remove(directory + "/b").ok());
    CHECK(files.remove(directory + "/b").error().code == ErrorCode::kIo);
    CHECK(files.list(directory + "/b").error().code == ErrorCode::kIo);
    CHECK(names_of(files, directory) == "c ");
    CHECK(files.sync_directory(directory).ok());
    CHECK(files.sync_directory(directory + "/no").error().code == ErrorCode::kIo);
    CHECK(files.free_space(directory).value() > 0);
    CHECK(files.ticks_ms() <= files.ticks_ms());
    CHECK(files.now_ms() > 0);
  });
}

TEST_CASE("file system: a lock is held once, and tells who holds it") {
  on_each([](FileSystem& files, const std::string& directory) {
    const std::string path = directory + "/LOCK";
    auto held = files.lock(path, "process 4711");
    REQUIRE(held.ok());
    const auto refused = files.lock(path, "process 2");
    CHECK(refused.error().code == ErrorCode::kLocked);
    CHECK(refused.error().message == path + ": locked by process 4711");
    held.value().reset();
    CHECK(files.lock(path, "process 3").ok());
    const std::string note = all_of(files, path);
    CHECK(note.starts_with("process 3"));
    CHECK(files.lock(path, "").ok());
    CHECK(files.lock(directory + "/none", "").error().code == ErrorCode::kIo);
    CHECK(!files.exists(directory + "/none").value());
    CHECK(all_of(files, path) == note);
    CHECK(files.identity(path).value() == files.identity(path).value());
    make_file(files, directory + "/copy", all_of(files, path));
    CHECK(files.identity(path).value() != files.identity(directory + "/copy").value());
    CHECK(files.identity(directory + "/no").error().code == ErrorCode::kIo);
  });
}

TEST_CASE("posix file system: a lock without a note is had by who may read alone") {
  const ScratchDirectory scratch;
  const auto files = make_posix_file_system();
  const std::string path = scratch.path() + "/LOCK";
  make_file(*files, path, "pid 1");
  REQUIRE(::chmod(path.c_str(), 0444) == 0);
  REQUIRE(::chmod(scratch.path().c_str(), 0555) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(1);  // who may not write everywhere
    const bool refused = !files->lock(path, "pid 2").ok();
    ::_exit(refused && files->lock(path, "").ok() ? 0 : 2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(all_of(*files, path) == "pid 1");
}

TEST_CASE("posix file system: a lock ends with its process, though a child lives on") {
  const ScratchDirectory scratch;
  const auto files = make_posix_file_system();
  const std::string path = scratch.path() + "/LOCK";
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto held = files->lock(path, "the parent");
    if (!held.ok()) ::_exit(1);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ready[0]);
      held.value().reset();  // not the child's to give up
      const pid_t self = ::getpid();
      if (::write(ready[1], &self, sizeof self) != sizeof self) ::_exit(1);
      for (;;) ::pause();
    }
    const bool still_held = files->lock(path, "again").error().code == ErrorCode::kLocked;
    ::_exit(still_held ? 0 : 1);  // without destructors, as a kill
  }
  pid_t child = 0;
  REQUIRE(::read(ready[0], &child, sizeof child) == sizeof child);
  int status = 0;
  REQUIRE(::waitpid(parent, &status, 0) == parent);
  CHECK(status == 0);
  CHECK(files->lock(path, "the next").ok());
  ::kill(child, SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("posix file system: a write that stops in the middle goes on, and a full disk is told") {
  const ScratchDirectory scratch;
  const auto files = make_posix_file_system();
  const auto full = files->open("/dev/full", OpenMode::kReadWrite);
  if (full.ok()) {
    const auto refused = full.value()->write(0, "x");
    CHECK(base::is_disk_full(refused.error()));
  }
  // The limit on a file's size cuts the first write; the second call gives the reason.
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {.rlim_cur = 5000, .rlim_max = 5000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    auto file = files->open(scratch.path() + "/f", OpenMode::kCreate).value();
    const auto refused = file->write(0, std::string(8000, 'x'));
    ::_exit(!refused.ok() && refused.error().code == ErrorCode::kIo &&
                    !base::is_disk_full(refused.error())
                ? 0
                : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(all_of(*files, scratch.path() + "/f") == std::string(5000, 'x'));
}

TEST_CASE("posix file system: what is opened is not left open in programs that are started") {
  const ScratchDirectory scratch;
  const auto files = make_posix_file_system();
  auto file = files->open(scratch.path() + "/f", OpenMode::kCreate).value();
  auto lock = files->lock(scratch.path() + "/LOCK", "me").value();
  std::size_t ours = 0;
  for (int number = 3; number < 256; ++number) {
    const std::filesystem::path link = "/proc/self/fd/" + std::to_string(number);
    std::error_code no_such;
    const std::string target = std::filesystem::read_symlink(link, no_such).string();
    if (!target.starts_with(scratch.path())) continue;
    ++ours;
    CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(ours == 2);
}

TEST_CASE("posix file system: a path with a zero byte is refused, a relative one is not") {
  const auto files = make_posix_file_system();
  CHECK(files->exists(std::string("a\0b", 3)).error().code == ErrorCode::kIo);
  CHECK(files->open(std::string("a\0b", 3), OpenMode::kCreate).error().code == ErrorCode::kIo);
  CHECK(files->exists(".").value());
  CHECK(files->sync_directory(".").ok());
}

TEST_CASE("memory file system: the capacity is a full disk's") {
  MemoryFileSystem files;
  files.set_capacity(10);
  make_file(files, "a", "123456");
  auto file = files.open("b", OpenMode::kCreate).value();
  CHECK(base::is_disk_full(file->write(0, "123456").error()));
  CHECK(all_of(files, "b") == "1234");
  CHECK(base::is_disk_full(file->resize(5).error()));
  CHECK(file->write(0, "4321").ok());
  CHECK(files.free_space("").value() == 0);
  CHECK(files.remove("a").ok());
  CHECK(file->write(4, "56").ok());
}

}  // namespace tremula::persist
