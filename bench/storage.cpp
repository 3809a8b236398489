// storage. Claim: a commit of a row of 8 costs microseconds while everything becomes durable behind
// it; reads, opening and the disk's bytes are those of the best or better.
// Baselines: sqlite3 with a write-ahead log; lmdb, leveldb, rocksdb where they are installed, with
// triples as keys and values.
//
// commit    one row a commit, not waiting for the disk: p50, p99, p99.99, the worst; then until all
//           is durable: triples per second
// read      a cell, a row of 8, a column, warm; a column of a folder that was opened anew, for the
//           first time and then
// reopen    a clean opening to the first answer; one after kill -9 of the process that wrote all
// disk      bytes of the folder after all was written and closed
//
// Every engine runs in a process of its own, in a folder of its own under the working directory.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "bench/support/bench.h"
#include "bench/support/store.h"

namespace tremula::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRows = 125'000;  // a million triples
constexpr std::int64_t kSmokeRows = 500;

struct Run {
  std::string engine;
  std::string folder;
  std::int64_t rows = 0;

  Figure figure(const std::string& name, const std::string& kind) const {
    return {"storage", name, kind, engine, rows};
  }
};

double ms_since(Clock::time_point begin) { return static_cast<double>(ns_since(begin)) / 1e6; }

std::size_t bytes_of(const StoreRow& row) {
  std::size_t bytes = 0;
  for (const std::string& cell : row.cells) bytes += cell.size();
  return bytes;
}

void measure_commits(const Run& run, Store& store) {
  StoreRow row;
  Samples samples;
  const Clock::time_point begin = Clock::now();
  for (std::int64_t id = 1; id <= run.rows; ++id) {
    fill_row(id, 0, row);
    const Clock::time_point commit_begin = Clock::now();
    store.commit(row);
    samples.add(ns_since(commit_begin));
  }
  const double applied = ms_since(begin);
  store.wait_durable();
  const double durable = ms_since(begin);
  const Figure figure = run.figure("commit", "next");
  report(figure, samples);
  report(figure, "p99.99", samples.percentile_us(99.99), "us");
  report(figure, "max", samples.percentile_us(100), "us");
  report(figure, "applied", applied, "ms");
  report(figure, "durable", durable, "ms");
  const auto triples = static_cast<double>(run.rows * static_cast<std::int64_t>(kStoreColumns));
  report(figure, "durable_rate", triples / durable * 1000, "triples/s");
}

void measure_reads(const Run& run, Store& store) {
  std::mt19937_64 rng(1);
  StoreRow row;
  const std::int64_t reads = std::min<std::int64_t>(run.rows, 20'000);
  Samples cells;
  Samples rows;
  std::string wrong = "none";
  for (std::int64_t i = 0; i < reads; ++i) {
    fill_row(1 + static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(run.rows)), 0, row);
    const Clock::time_point begin = Clock::now();
    const std::string cell = store.cell(row.id, 2);
    cells.add(ns_since(begin));
    if (cell != row.cells[2]) wrong = "cell " + std::to_string(row.id);
  }
  for (std::int64_t i = 0; i < reads; ++i) {
    fill_row(1 + static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(run.rows)), 0, row);
    const Clock::time_point begin = Clock::now();
    const std::size_t bytes = store.row_bytes(row.id);
    rows.add(ns_since(begin));
    if (bytes != bytes_of(row)) wrong = "row " + std::to_string(row.id);
  }
  report(run.figure("read_cell", "next"), cells);
  report(run.figure("read_row", "next"), rows);
  check(run.figure("read", "next"), "what differs", wrong, "none");
}

void measure_column(const Run& run, const std::string& name, Store& store) {
  std::size_t expected = 0;
  StoreRow row;
  for (std::int64_t id = 1; id <= run.rows; ++id) {
    fill_row(id, 0, row);
    expected += row.cells[3].size();
  }
  const Clock::time_point first = Clock::now();
  std::size_t bytes = store.column_bytes(3);
  report(run.figure(name, "first"), "time", ms_since(first), "ms");
  Samples samples;
  for (int i = 0; i < 9; ++i) {
    const Clock::time_point begin = Clock::now();
    bytes = store.column_bytes(3);
    samples.add(ns_since(begin));
  }
  const Figure figure = run.figure(name, "next");
  report(figure, "p50", samples.percentile_us(50) / 1000, "ms");
  check(figure, "bytes", std::to_string(bytes), std::to_string(expected));
}

// From the call to open to the first cell read.
double first_answer_ms(const Run& run, std::int64_t id) {
  StoreRow row;
  fill_row(id, 0, row);
  const Clock::time_point begin = Clock::now();
  const auto store = open_store(run.engine, run.folder);
  const std::string cell = store->cell(id, 2);
  const double ms = ms_since(begin);
  check(run.figure("reopen", "first"), "cell", cell, row.cells[2]);
  return ms;
}

void measure_clean_reopen(const Run& run) {
  Samples samples;
  for (int i = 0; i < 5; ++i)
    samples.add(static_cast<std::int64_t>(first_answer_ms(run, 1 + i * run.rows / 7) * 1e6));
  report(run.figure("reopen_clean", "first"), "p50", samples.percentile_us(50) / 1000, "ms");
}

void measure_reopened_column(const Run& run) {
  const auto store = open_store(run.engine, run.folder);
  store->cell(1, 2);  // opening has figures of its own
  measure_column(run, "read_column_reopened", *store);
}

// What the files take, holes left out.
void measure_disk(const Run& run) {
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(run.folder)) {
    struct stat status {};
    if (::stat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode))
      bytes += std::int64_t{status.st_blocks} * 512;
  }
  report(run.figure("disk", "memory"), "files", static_cast<double>(bytes) / 1e6, "MB");
}

// Writes all rows, waits for the disk, and is killed.
[[noreturn]] void write_and_die(const Run& run) {
  const auto store = open_store(run.engine, run.folder);
  StoreRow row;
  for (std::int64_t id = 1; id <= run.rows; ++id) {
    fill_row(id, 0, row);
    store->commit(row);
  }
  store->wait_durable();
  ::kill(::getpid(), SIGKILL);
  ::pause();
  std::abort();
}

void measure_reopen_after_kill(const Run& run) {
  const pid_t child = ::fork();
  if (child == 0) write_and_die(run);
  int status = 0;
  const bool killed = child > 0 && ::waitpid(child, &status, 0) == child && WIFSIGNALED(status);
  const Figure figure = run.figure("reopen_killed", "first");
  check(figure, "the writer's end", killed ? "killed" : "another", "killed");
  report(figure, "first_answer", first_answer_ms(run, run.rows), "ms");
}

void empty(const std::string& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
}

void measure(const Run& run) {
  // First, for the process that is killed must not inherit threads' locks without the threads.
  empty(run.folder);
  measure_reopen_after_kill(run);
  empty(run.folder);
  {
    const auto store = open_store(run.engine, run.folder);
    measure_commits(run, *store);
    measure_reads(run, *store);
    measure_column(run, "read_column", *store);
  }
  measure_disk(run);
  measure_clean_reopen(run);
  measure_reopened_column(run);
  fs::remove_all(run.folder);
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  for (const std::string& engine : store_engines()) {
    if (!options.wants_engine(engine)) continue;
    const Run run{engine, fs::current_path() / ("bench_storage_" + engine),
                  options.full ? kRows : kSmokeRows};
    apart([&] { measure(run); });
  }
  return exit_status();
}
