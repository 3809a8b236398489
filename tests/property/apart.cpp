#include "tests/property/apart.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace tremula::property {
namespace {

constexpr unsigned kSecondsMaxPerRun = 10;
constexpr char kMark = '\x01';  // before the failure, behind whatever standard error held

[[noreturn]] void run_as_child(const Scenario& scenario, int out) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGTERM}) {
    std::signal(signal, SIG_DFL);
  }
  dup2(out, 2);
  alarm(kSecondsMaxPerRun);
  Tally tally;
  const Failure failure = run_scenario(scenario, tally);
  const std::string text = kMark + failure.kind + "\n" + failure.detail;
  _exit(write(out, text.data(), text.size()) < 0 ? 3 : 0);
}

}  // namespace

Failure run_apart(const Scenario& scenario) {
  int ends[2];
  if (pipe(ends) != 0) return {"no pipe", ""};
  const pid_t child = fork();
  if (child == 0) run_as_child(scenario, ends[1]);
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const std::size_t mark = text.find(kMark);
  if (WIFSIGNALED(status) || mark == std::string::npos) {
    const std::string first = text.substr(0, text.find('\n'));
    return {"signal " + std::to_string(WTERMSIG(status)) + " " + first, text};
  }
  const std::size_t end = text.find('\n', mark);
  return {text.substr(mark + 1, end - mark - 1), text.substr(end + 1)};
}

}  // namespace tremula::property
