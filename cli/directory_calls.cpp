#include "cli/directory_calls.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "cli/calls.h"
#include "cli/printer.h"
#include "tremula/tremula.h"

namespace tremula::cli {
namespace {

// `text` between quotes, those in it doubled.
std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

// The select without the `;` that may end it, so that it can stand inside another statement.
// Errors: of what isn't one SELECT, placed in the text as it was given.
Result<std::string> inner_select(Database& database, std::string_view select) {
  const auto plan = database.explain(select);
  if (!plan) return plan.error();
  const std::size_t last = select.find_last_not_of(" \t\r\n;");
  return std::string(select.substr(0, last + 1)) + "\n";  // it may end in a comment
}

// Runs one statement and prints what it prints.
int run_statement(Database& database, const std::string& statement, Progress progress = {}) {
  Printer printer(Mode::kJson);
  Session session(database, [&](const Output& output) { printer.take(output); });
  session.on_progress(std::move(progress));
  const auto result = session.run(statement);
  const bool printed = printer.finish();
  if (!result) print_error(result.error());
  return end_call(database, printed && result);
}

class Bar {
 public:
  void show(std::uint64_t done, std::uint64_t total) {
    constexpr std::uint64_t kWidth = 40;
    const std::uint64_t filled = total == 0 ? kWidth : done * kWidth / total;
    if (filled == shown_) return;
    shown_ = filled;
    std::string bar(filled, '#');
    bar.resize(kWidth, '.');
    std::fprintf(stderr, "\r[%s] %3llu %%", bar.c_str(),
                 static_cast<unsigned long long>(total == 0 ? 100 : done * 100 / total));
  }
  ~Bar() {
    if (shown_ != kNothing) std::fputs("\r\033[K", stderr);
  }

 private:
  static constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  std::uint64_t shown_ = kNothing;
};

// Waits for an interrupt until the time is over.  Returns: whether there was one.
bool wait_for_interrupt(const sigset_t& signals, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    const double left = std::chrono::duration<double>(end - Clock::now()).count();
    if (seconds >= 0 && left <= 0) return false;
    timespec time{};
    time.tv_sec = static_cast<time_t>(left);
    time.tv_nsec = static_cast<long>((left - static_cast<double>(time.tv_sec)) * 1e9);
    const int got =
        seconds < 0 ? sigwaitinfo(&signals, nullptr) : sigtimedwait(&signals, nullptr, &time);
    if (got > 0) return true;
    if (errno != EINTR && errno != EAGAIN) return true;
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
  if (invocation.dot) return refuse_call(invocation);
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto plan = database.value().explain(invocation.select);
  if (!plan) return fail(plan.error());
  std::fputs(plan.value().c_str(), stdout);
  return kExitOk;
}

int run_import(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const std::string statement = "IMPORT " + quoted(invocation.table, '"') + " FROM " +
                                quoted(invocation.file, '\'') +
                                (invocation.replace ? " REPLACE" : "");
  if (isatty(STDERR_FILENO) == 0) return run_statement(database.value(), statement);
  Bar bar;
  return run_statement(database.value(), statement,
                       [&bar](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
}

int run_export(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto select = inner_select(database.value(), invocation.select);
  if (!select) return fail(select.error());
  return run_statement(database.value(),
                       "EXPORT (" + select.value() + ") TO " + quoted(invocation.file, '\''));
}

int run_watch(const Invocation& invocation) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the database makes a thread
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto select = inner_select(database.value(), invocation.select);
  if (!select) return fail(select.error());
  Printer printer(Mode::kJson);
  Session session(database.value(), [&](const Output& output) { printer.take(output); });
  const auto subscribed = session.run("SUBSCRIBE watch AS " + select.value());
  if (!printer.finish()) return kExitFailed;
  if (!subscribed) return fail(subscribed.error());
  // Nobody else can commit to the directory while this process has it.
  (void)wait_for_interrupt(signals, invocation.timeout_s > 0 ? invocation.timeout_s : -1);
  return invocation.commits > 0 ? kExitFailed : kExitOk;
}

}  // namespace tremula::cli
