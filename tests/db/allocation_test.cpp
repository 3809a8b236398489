// Memory that runs out at the n-th allocation: the process ends, or the call throws, and the files
// have every commit that was acknowledged as ordered, and a prefix of all.
//
//   child: from some commit on the n-th allocation of any thread fails -> std::bad_alloc, or abort
//   parent: opens the directory, as after a kill
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>

#include "tests/db/history.h"
#include "tests/support/child_process.h"

namespace {

// How many allocations go well before one fails; negative: none fails. Every one after it fails,
// too: memory does not come back.
std::atomic<std::int64_t> allocations_left{-1};

bool may_allocate() {
  if (allocations_left.load(std::memory_order_relaxed) < 0) return true;
  std::int64_t left = allocations_left.load();
  while (left > 0) {
    if (allocations_left.compare_exchange_weak(left, left - 1)) return true;
  }
  return left < 0;
}

void* try_allocate(std::size_t size, std::size_t alignment) {
  if (!may_allocate()) return nullptr;
  if (alignment == 0) return std::malloc(size == 0 ? 1 : size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate(std::size_t size, std::size_t alignment) {
  void* const memory = try_allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Of the whole test program; the forms for arrays and for sizes come to these. Those that don't
// throw are among them, for sanitizers bring their own, which our delete doesn't go with.
void* operator new(std::size_t size) { return allocate(size, 0); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return try_allocate(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace tremula::test {
namespace {

namespace fs = std::filesystem;

using support::Ended;
using support::tell;

constexpr std::uint64_t kCommitsBefore = 12;
constexpr std::uint64_t kCommits = 60;
constexpr int kRanOut = 7;

// Commits, and tells each version that is ordered; 0 when all were made in peace.
[[noreturn]] void live(const std::string& directory, std::int64_t allocations, int told) {
  try {
    Database db = Database::open(directory, {.memory_bytes = 64U << 10}).value();
    for (std::uint64_t n = 1; n <= kCommits; ++n) {
      if (n == kCommitsBefore) allocations_left = allocations;
      if (!commit_next(db).ok()) _exit(3);
      if (n % 4 != 0) continue;
      if (!db.run("SYNC;").ok()) _exit(4);
      tell(told, db.version());
    }
    if (allocations_left == 0) _exit(kRanOut);  // of the persister's thread, which has no say here
    allocations_left = -1;
  } catch (const std::bad_alloc&) {
    _exit(kRanOut);  // what the objects are now nobody knows: the process ends
  }
  tell(told, 0);
  _exit(0);
}

Ended run_until_out_of_memory(const std::string& directory, std::int64_t allocations) {
  const Ended ended = support::run_child([&](int told) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    const int nowhere = ::open("/dev/null", O_WRONLY);  // std::terminate() talks
    dup2(nowhere, STDERR_FILENO);
    live(directory, allocations, told);
  });
  if (WIFEXITED(ended.status)) {
    REQUIRE(WEXITSTATUS(ended.status) == (ended.survived ? 0 : kRanOut));
  } else {
    REQUIRE(WTERMSIG(ended.status) == SIGABRT);
  }
  return ended;
}

}  // namespace

TEST_CASE("memory: an allocation that fails loses nothing that was acknowledged") {
  const char* scale = std::getenv("TREMULA_TEST_SCALE");
  const std::int64_t step = scale == nullptr ? 97 : 11;
  std::string pattern = (fs::temp_directory_path() / "tremula_memory_XXXXXX").string();
  const std::string folder = mkdtemp(pattern.data());
  std::int64_t failures = 0;
  for (std::int64_t allocations = 1; allocations < 1'000'000; allocations += step, ++failures) {
    CAPTURE(allocations);
    const std::string directory = folder + "/" + std::to_string(allocations);
    const Ended ended = run_until_out_of_memory(directory, allocations);
    Database db = Database::open(directory).value();
    REQUIRE(db.version() >= ended.acknowledged);
    REQUIRE(ended.acknowledged + 4 >= kCommitsBefore);
    Mirror mirror;
    REQUIRE(contents(db) == mirror.at(db.version()));
    if (ended.survived) break;
    db = Database::in_memory();
    fs::remove_all(directory);
  }
  fs::remove_all(folder);
  CHECK(failures > 3);
  MESSAGE(failures << " failures");
}

}  // namespace tremula::test
