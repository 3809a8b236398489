// A child process that tells its parent through a pipe how far it came.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

namespace tremula::support {

struct Ended {
  std::uint64_t acknowledged = 0;  // the version told last
  bool survived = false;           // the last that was told is 0: all was done
  int status = 0;                  // as waitpid gives it
};

// In the child: tells a version, or 0 when all was done.
inline void tell(int told, std::uint64_t version) {
  if (write(told, &version, sizeof version) != sizeof version) _exit(2);
}

// From when the time is counted after which a child is killed.
enum class KillFrom : std::uint8_t { kStart, kFirstTold };

// Runs `life(told)` in a child, which must not return; `kill_after_us`: then it is killed, unless
// it is 0.
template <typename Life>
Ended run_child(Life life, unsigned kill_after_us = 0, KillFrom from = KillFrom::kStart) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    life(ends[1]);
    _exit(1);
  }
  close(ends[1]);
  Ended ended;
  std::uint64_t version = 0;
  const auto hear = [&] {
    if (read(ends[0], &version, sizeof version) != sizeof version) return false;
    ended.survived = version == 0;
    if (version != 0) ended.acknowledged = version;
    return true;
  };
  if (from == KillFrom::kFirstTold) hear();
  if (kill_after_us > 0) {
    usleep(kill_after_us);  // the moment is the test: nothing is waited for
    kill(child, SIGKILL);
  }
  while (hear()) {
  }
  close(ends[0]);
  REQUIRE(waitpid(child, &ended.status, 0) == child);
  return ended;
}

}  // namespace tremula::support
