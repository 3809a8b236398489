#include "cli/directory_calls.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/calls.h"
#include "cli/printer.h"
#include "cli/progress_bar.h"
#include "cli/quoted.h"
#include "tremula/tremula.h"

namespace tremula::cli {
namespace {

// Runs one statement and prints what it prints.
int run_statement(Database& database, const std::string& statement, ProgressBar::Unit unit) {
  Printer printer(Mode::kJson);
  ProgressBar bar(unit);
  Session session(database, [&](const Output& output) {
    bar.clear();
    printer.take(output);
  });
  session.on_progress([&bar](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
  const auto result = session.run(statement);
  bar.clear();
  const bool printed = printer.finish();
  if (!result) print_error(result.error());
  return end_call(database, printed && result);
}

// Interrupts as something that can be waited for, from before the database makes threads on.
class Interrupts {
 public:
  Interrupts() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC);
  }
  ~Interrupts() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

// A time to be over by, or never.
class Deadline {
 public:
  explicit Deadline(std::optional<double> seconds)
      : end_(Clock::now() + Span(seconds.value_or(0))), is_set_(seconds.has_value()) {}
  bool is_over() const { return is_set_ && Clock::now() >= end_; }
  int left_ms() const {  // for poll(): -1 is for ever
    constexpr double kMax = 1e9;
    if (!is_set_) return -1;
    const double left = std::chrono::duration<double>(end_ - Clock::now()).count() * 1000;
    return static_cast<int>(std::clamp(std::ceil(left), 0.0, kMax));
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Span = std::chrono::duration<double>;
  std::chrono::time_point<Clock, Span> end_;
  bool is_set_;
};

// Takes in what others commit, until `enough`, an interrupt or the time is over.
// Errors: io, corrupt: nothing more can be heard.
Result<void> follow(Database& database, const Interrupts& interrupts, const Deadline& deadline,
                    const std::function<bool()>& enough) {
  for (;;) {
    const auto heard = database.poll();
    if (!heard) return heard.error();
    if (enough() || deadline.is_over()) return {};
    pollfd waits[] = {{interrupts.descriptor(), POLLIN, 0}, {database.wake_fd(), POLLIN, 0}};
    const int ready = ::poll(waits, 2, deadline.left_ms());
    if (ready > 0 && waits[0].revents != 0) return {};
  }
}

}  // namespace

int run_query(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto rows = database.value().query(invocation.select);
  if (!rows) return fail(rows.error());
  Printer printer(mode_named(invocation.format).value_or(default_mode()));
  printer.rows(rows.value());
  return printer.finish() ? kExitOk : kExitFailed;
}

int run_explain(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto plan = database.value().explain(invocation.select, {},
                                             invocation.dot ? PlanFormat::kDot : PlanFormat::kText);
  if (!plan) return fail(plan.error());
  std::fputs(plan.value().c_str(), stdout);
  return kExitOk;
}

int run_import(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  return run_statement(database.value(),
                       import_statement(invocation.table, invocation.file, invocation.replace),
                       ProgressBar::Unit::kBytes);
}

int run_export(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto select = inner_select(database.value(), invocation.select);
  if (!select) return fail(select.error());
  return run_statement(database.value(), export_statement(select.value(), invocation.file),
                       ProgressBar::Unit::kRows);
}

int run_changes(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto told = database.value().changes(invocation.since, [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
  });
  if (!told) return fail(told.error());
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 ? kExitOk : kExitFailed;
}

int run_merge(const Invocation& invocation) {
  const auto text = read_script(invocation.file);
  if (!text) return fail(text.error());
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto merged = database.value().merge(text.value());
  if (!merged) return fail(merged.error());
  std::printf("{\"merged\":%zu}\n", merged.value());
  return end_call(database.value(), std::fflush(stdout) == 0);
}

int run_watch(const Invocation& invocation) {
  const Interrupts interrupts;
  const Deadline deadline(invocation.timeout_s);
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto select = inner_select(database.value(), invocation.select);
  if (!select) return fail(select.error());
  Printer printer(Mode::kJson);
  std::uint64_t patches = 0;
  bool printed = true;
  const auto is_enough = [&] {
    return !printed || (invocation.commits > 0 && patches >= invocation.commits);
  };
  Session session(database.value(), [&](const Output& output) {
    if (is_enough()) return;
    if (output.kind == OutputKind::kPatch) ++patches;
    printer.take(output);
    printed = printer.finish();  // whoever reads the pipe has it now
  });
  const auto subscribed = session.run("SUBSCRIBE watch AS " + select.value());
  if (!subscribed) return fail(subscribed.error());
  const auto followed = follow(database.value(), interrupts, deadline, is_enough);
  if (!followed) return fail(followed.error());
  return printed && patches >= invocation.commits ? kExitOk : kExitFailed;
}

int run_serve(const Invocation& invocation) {
  if (!invocation.listen.empty()) {
    return fail(command_error(ErrorCode::kUnsupported,
                              "this build has no `tremula serve --listen` yet: processes of one "
                              "machine share DIR without it"));
  }
  const Interrupts interrupts;
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  std::fprintf(stderr, "serving %s until interrupted\n", invocation.directory.c_str());
  const auto served = follow(database.value(), interrupts, Deadline(0), [] { return false; });
  if (!served) return fail(served.error());
  return end_call(database.value(), true);
}

}  // namespace tremula::cli
