// sync. Claims: what one process commits another hears within 150 us (p50; p99 1 ms); 4 processes
// together order 200,000 one-row transactions a second and all apply them; a change of one column
// takes at most 16 bytes between them; a killed host is replaced within 200 ms (p99).
// Baseline: none here; what a bare skeleton of socket, log write and fdatasync gave stands in
// docs/benchmarks.md.
//
//   hear      the commit in one process to the callback in another, over its wake_fd()
//   order     4 processes write one-row transactions until each has applied all of all
//   bytes     a submit's body and frame for a change of one INT column, by a frame of 100
//   takeover  kill -9 of the host of 4 processes to the next commit that is ordered; and the same
//             where the dead one's log has some 15 MB more
//   changes   `--since` of the last commit, in a table of n rows
//   merge     a file of changes from its text into an empty database, per record; and again, when
//             all of it is known
//   metadata  bytes of the files per cell, of a database that never merged, and of one that all was
//             merged into; the time of the same updates there by that here
//
// Every process is one of the machine, in a folder under the system's directory for such.
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/folder.h"
#include "core/crdt/intent.h"
#include "core/triples/key_encoding.h"
#include "persist/frame.h"
#include "persist/messages.h"
#include "tremula/tremula.h"

namespace tremula::bench {
namespace {

constexpr int kProcesses = 4;
constexpr const char* kSchema = "TABLE T = 1 (K INT = 1 KEY, N INT = 2, B TEXT = 3)";

// What processes tell each other beside the database.
struct Board {
  std::atomic<int> ready;
  std::atomic<int> go;
  std::atomic<int> done;
  std::atomic<std::int64_t> committed_at;  // ns; or when the last one had applied all
  std::atomic<std::int64_t> heard;         // the last N that was heard
};

// Memory that forked processes share.
class SharedBoard {
 public:
  SharedBoard()
      : memory_(mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0)) {
    if (memory_ == MAP_FAILED) std::exit(1);
    new (memory_) Board{};
  }
  ~SharedBoard() { munmap(memory_, sizeof(Board)); }
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;
  Board* operator->() const { return static_cast<Board*>(memory_); }

 private:
  void* memory_;
};

pid_t in_child(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child != 0) return child;
  work();
  _exit(0);
}

void join(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) std::exit(1);
}

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

void wait_for(const std::atomic<int>& flag, int value) {
  while (flag.load() < value) std::this_thread::yield();
}

// Takes in what others commit when it comes.
void listen(Database& db, const std::function<bool()>& is_over) {
  pollfd wake{db.wake_fd(), POLLIN, 0};
  while (!is_over()) {
    constexpr int kTimeoutMs = 100;
    if (poll(&wake, 1, kTimeoutMs) > 0) db.poll().value();
  }
}

std::int64_t rows_of(Database& db) {
  return db.query("SELECT { n: count(*) } FROM T AS t").value().value(0, "n").as_int();
}

// --- hear ---

void time_hearing(std::int64_t commits) {
  const Folder folder;
  const SharedBoard board;
  const std::string directory = folder.path("db");
  {
    Database::open(directory)
        .value()
        .run(std::string(kSchema) + "; INSERT INTO T {K: 1, N: 0}")
        .value();
  }
  const pid_t child = in_child([&] {
    Database db = Database::open(directory).value();
    wait_for(board->ready, 1);
    for (std::int64_t n = 1; n <= commits; ++n) {
      board->committed_at = now_ns();
      db.transact([&](tremula::Transaction& tx) { tx.update("T", 1, {{"N", n}}); }).value();
      while (board->heard.load() < n) std::this_thread::yield();
    }
    board->done = 1;
  });
  Database db = Database::open(directory).value();
  Samples samples;
  const auto live = db.subscribe("SELECT { t.N } FROM T AS t", {}, [&](const Delta&) {
                        samples.add(now_ns() - board->committed_at.load());
                        ++board->heard;
                      }).value();
  board->ready = 1;
  listen(db, [&] { return board->done.load() == 1; });
  join(child);
  const Figure figure{"sync", "hear", "touched", "tremula", commits};
  report(figure, samples);
  report(figure, "p99.9", samples.percentile_us(99.9), "us");
  check(figure, "heard", std::to_string(samples.size()), std::to_string(commits));
}

// --- order ---

void write_rows(Database& db, int process, std::int64_t rows) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t key = i * kProcesses + process;
    db.transact([&](tremula::Transaction& tx) { tx.insert("T", {{"K", key}, {"N", i}}); }).value();
  }
}

void time_ordering(std::int64_t rows) {
  const Folder folder;
  const SharedBoard board;
  const std::string directory = folder.path("db");
  { Database::open(directory).value().run(kSchema).value(); }
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    children.push_back(in_child([&, process] {
      Database db = Database::open(directory).value();
      ++board->ready;
      wait_for(board->go, 1);
      write_rows(db, process, rows);
      listen(db, [&] { return rows_of(db) == rows * kProcesses; });
      board->committed_at = now_ns();
      ++board->done;
      listen(db, [&] { return board->done.load() == kProcesses; });  // it may be the host
    }));
  }
  wait_for(board->ready, kProcesses);
  const std::int64_t begin = now_ns();
  board->go = 1;
  for (const pid_t child : children) join(child);
  const double seconds = static_cast<double>(board->committed_at.load() - begin) / 1e9;
  const Figure figure{"sync", "order", "touched", "tremula", rows * kProcesses};
  report(figure, "transactions", static_cast<double>(rows * kProcesses) / seconds, "1/s");
  Database db = Database::open(directory).value();
  check(figure, "rows", std::to_string(rows_of(db)), std::to_string(rows * kProcesses));
}

// --- bytes ---

void count_bytes() {
  constexpr int kTransactions = 100;
  std::size_t bodies = 0;
  persist::SubmissionsWriter run(1000);
  for (int i = 0; i < kTransactions; ++i) {
    crdt::IntentWriter intents;
    std::string key;
    triples::encode_ordered(triples::Value::int_of(i), key);
    intents.begin_row(triples::TypeId{1}, crdt::IntentKind::kUpdate, 0, key, 1);
    intents.set(triples::AttrId{2}, triples::Value::int_of(i));
    const std::string submission =
        crdt::encode_submission({.seen = 1000, .acknowledged = 1000, .intents = intents.view()});
    bodies += submission.size();
    run.add(submission);
  }
  std::string sent;
  persist::FrameWriter(persist::Direction::kToHost)
      .write(sent, static_cast<std::uint8_t>(persist::MessageKind::kSubmitAll), run.body());
  const Figure figure{"sync", "bytes", "memory", "tremula", kTransactions};
  report(figure, "transaction", static_cast<double>(bodies) / kTransactions, "B");
  report(figure, "on_the_wire", static_cast<double>(sent.size()) / kTransactions, "B");
}

// --- takeover ---

// What a host wrote last: rows of 1 KB.
void write_tail(Database& db, std::int64_t rows) {
  const std::string text(1000, 'x');
  for (std::int64_t k = 100; k < 100 + rows; ++k) {
    db.transact([&](tremula::Transaction& tx) { tx.insert("T", {{"K", k}, {"B", text}}); }).value();
  }
  db.run("SYNC").value();
}

std::uintmax_t bytes_of_files(const std::string& directory, std::string_view prefix);

// `tail`: rows that the host writes before it dies.
void time_takeovers(const std::string& name, int rounds, std::int64_t tail) {
  Samples samples;
  std::uintmax_t log_bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    const Folder folder;
    const SharedBoard board;
    const std::string directory = folder.path("db");
    { Database::open(directory).value().run(kSchema).value(); }
    const pid_t host = in_child([&] {
      Database db = Database::open(directory).value();
      board->ready = 1;
      wait_for(board->go, 1);
      write_tail(db, tail);
      board->go = 2;
      listen(db, [] { return false; });
    });
    wait_for(board->ready, 1);
    std::vector<pid_t> children;
    for (int process = 2; process < kProcesses; ++process) {
      children.push_back(in_child([&] {
        Database db = Database::open(directory).value();
        ++board->ready;
        listen(db, [&] { return board->done.load() == 1; });
      }));
    }
    Database db = Database::open(directory).value();
    wait_for(board->ready, kProcesses - 1);
    db.run("INSERT INTO T {K: 1}; SYNC").value();
    board->go = 1;
    wait_for(board->go, 2);
    db.run("SYNC").value();
    log_bytes = std::max(log_bytes, bytes_of_files(directory, "LOG-"));
    const Clock::time_point begin = Clock::now();
    kill(host, SIGKILL);
    db.run("INSERT INTO T {K: 2}; SYNC").value();
    samples.add(ns_since(begin));
    int status = 0;
    waitpid(host, &status, 0);
    board->done = 1;
    for (const pid_t child : children) join(child);
  }
  const Figure figure{"sync", name, "touched", "tremula", rounds};
  report(figure, samples);
  report(figure, "log_files", static_cast<double>(log_bytes), "B");
  report(figure, "max", samples.percentile_us(100), "us");
}

// --- replicas ---

void fill(Database& db, std::int64_t rows) {
  constexpr std::int64_t kAtOnce = 1000;
  for (std::int64_t from = 0; from < rows; from += kAtOnce) {
    db.transact([&](tremula::Transaction& tx) {
        for (std::int64_t k = from; k < std::min(rows, from + kAtOnce); ++k) {
          tx.insert("T", {{"K", k}, {"N", k * 7}, {"B", "row " + std::to_string(k)}});
        }
      }).value();
  }
  db.run("FLUSH").value();
}

std::string changes_of(Database& db, std::uint64_t since) {
  std::string text;
  db.changes(since, [&](std::string_view line) { text.append(line) += '\n'; }).value();
  return text;
}

std::uintmax_t bytes_of_files(const std::string& directory, std::string_view prefix) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().filename().string().starts_with(prefix)) bytes += file.file_size();
  }
  return bytes;
}

// Updates of one column, one a commit, until they are durable.  Returns: seconds.
double time_updates(Database& db, std::int64_t rows) {
  const Clock::time_point begin = Clock::now();
  for (std::int64_t k = 0; k < rows; ++k) {
    db.transact([&](tremula::Transaction& tx) { tx.update("T", k, {{"N", -k}}); }).value();
  }
  db.run("FLUSH").value();
  return static_cast<double>(ns_since(begin)) / 1e9;
}

void time_replicas(std::int64_t rows) {
  const Folder folder;
  const std::string here = folder.path("from");
  const std::string there = folder.path("to");
  std::string all;
  {
    Database from = Database::open(here).value();
    from.run(kSchema).value();
    fill(from, rows);
    from.run("UPDATE T SET N = 1 WHERE K = 1").value();
    const Clock::time_point asked = Clock::now();
    const std::string last = changes_of(from, from.version() - 1);
    const Figure figure{"sync", "changes", "touched", "tremula", rows};
    report(figure, "time", static_cast<double>(ns_since(asked)) / 1000, "us");
    check(figure, "lines", std::to_string(std::count(last.begin(), last.end(), '\n')), "2");
    all = changes_of(from, 0);
  }
  const auto records = static_cast<double>(std::count(all.begin(), all.end(), '\n') - 1);
  {
    Database to = Database::open(there).value();
    to.run(kSchema).value();
    const Figure figure{"sync", "merge", "load", "tremula", rows};
    const Clock::time_point begin = Clock::now();
    const std::size_t merged = to.merge(all).value();
    report(figure, "records", records / (static_cast<double>(ns_since(begin)) / 1e9), "1/s");
    check(figure, "merged", std::to_string(merged),
          std::to_string(static_cast<std::size_t>(records)));
    to.run("FLUSH").value();
    const Clock::time_point again = Clock::now();
    const std::size_t news = to.merge(all).value();
    report(figure, "known", records / (static_cast<double>(ns_since(again)) / 1e9), "1/s");
    check(figure, "merged again", std::to_string(news), "0");
  }
  // A cell of the key column is one, too.
  const auto cells = static_cast<double>(rows * 3);
  const auto plain = static_cast<double>(bytes_of_files(here, "SST-"));
  const auto merged = static_cast<double>(bytes_of_files(there, "SST-"));
  const Figure figure{"sync", "metadata", "memory", "tremula", rows};
  report(figure, "plain", plain / cells, "B/cell");
  report(figure, "merged", merged / cells, "B/cell");
  Database from = Database::open(here).value();
  Database to = Database::open(there).value();
  const double plain_s = time_updates(from, rows);
  report(figure, "write_ratio", time_updates(to, rows) / plain_s, "x");
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  const bool full = options.full;
  if (options.wants("bytes")) count_bytes();
  if (options.wants("hear")) apart([&] { time_hearing(full ? 10'000 : 200); });
  if (options.wants("order")) apart([&] { time_ordering(full ? 25'000 : 200); });
  if (options.wants("takeover")) {
    apart([&] { time_takeovers("takeover", full ? 50 : 2, 0); });
    apart([&] { time_takeovers("takeover_long", full ? 50 : 1, full ? 15'000 : 100); });
  }
  if (options.wants("changes")) {
    apart([&] { time_replicas(full ? 20'000 : 200); });
    if (full) apart([&] { time_replicas(200'000); });
  }
}
