// storage_commit. Claims: a commit into a directory costs little more than one in memory, the
// persister keeps up, and what a killed process left opens at once.
// Baseline: the same commits in memory.
//
//   commit   rows of 8 triples, one a commit, not durable; `max_cpu`: of the committing thread
//   sustain  the same until all is on disk; the lag is from the commit to its durability
//   paced    the same with 1 M triples a second offered
//   open     a directory whose log holds the rows, as a killed process left it
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/folder.h"
#include "core/triples/commit_record.h"
#include "core/triples/key_encoding.h"
#include "persist/persister.h"
#include "persist/posix_file_system.h"
#include "tremula/tremula.h"

namespace tremula::bench {
namespace {

constexpr std::int64_t kColumns = 8;  // with the key
constexpr const char* kSchema =
    "TABLE Item = 1 (Id INT = 1 KEY, A TEXT = 2, B TEXT = 3, C TEXT = 4, D TEXT = 5, E TEXT = 6, "
    "F TEXT = 7, G TEXT = 8)";
constexpr const char* kNames[] = {"Id", "A", "B", "C", "D", "E", "F", "G"};

// Texts of 8 to 40 bytes that no two cells share for long.
class Texts {
 public:
  Texts() {
    std::uint64_t state = 88172645463325252ULL;
    for (char& c : pool_) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      c = static_cast<char>('a' + state % 26);
    }
  }
  std::string_view of(std::int64_t row, std::int64_t column) const {
    const auto n = static_cast<std::uint64_t>(row * kColumns + column) * 0x9E3779B97F4A7C15ULL;
    return {pool_ + (n >> 40) % (sizeof pool_ - 40), 8 + (n >> 20) % 33};
  }

 private:
  char pool_[1 << 16];
};

const Texts& texts() {
  static const Texts made;
  return made;
}

std::int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

Ticket insert_row(Database& db, std::int64_t row) {
  NamedValue cells[kColumns];
  cells[0] = {kNames[0], row};
  for (std::int64_t c = 1; c < kColumns; ++c) cells[c] = {kNames[c], texts().of(row, c)};
  return db
      .transact(
          [&](tremula::Transaction& tx) { tx.insert("Item", std::span<const NamedValue>(cells)); })
      .value();
}

Database open_empty(const std::string& engine, const Folder& folder) {
  Database db =
      engine == "memory" ? Database::in_memory() : Database::open(folder.path("db")).value();
  db.run(kSchema).value();
  return db;
}

void time_commits(const std::string& engine, std::int64_t rows) {
  const Figure figure{"storage_commit", "commit", "untouched", engine, rows};
  const Folder folder;
  Database db = open_empty(engine, folder);
  Samples wall;
  std::int64_t worst_cpu = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t cpu = cpu_ns();
    const Clock::time_point begin = Clock::now();
    insert_row(db, row);
    wall.add(ns_since(begin));
    worst_cpu = std::max(worst_cpu, cpu_ns() - cpu);
  }
  report(figure, wall);
  report(figure, "p99.99", wall.percentile_us(99.99), "us");
  report(figure, "max", wall.percentile_us(100), "us");
  report(figure, "max_cpu", static_cast<double>(worst_cpu) / 1000, "us");
  if (engine == "memory") return;
  for (const std::string& line : db.run("SHOW STATS").value().lines) {
    if (line.find("waits_for_room") != std::string::npos) {
      check(figure, "waits", line, R"({"stat":"waits_for_room","value":0})");
    }
  }
}

// `triples_per_s`: how many are offered; 0: as many as the queue takes.
void time_sustained(const char* name, std::int64_t rows, std::int64_t triples_per_s) {
  const Figure figure{"storage_commit", name, "load", "tremula", rows};
  const Folder folder;
  Database db = open_empty("directory", folder);
  Samples lag;
  const Clock::time_point begin = Clock::now();
  constexpr std::int64_t kBetween = 1'000;
  std::vector<std::pair<std::uint64_t, Clock::time_point>> marks;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (triples_per_s > 0) {
      const auto due = std::chrono::nanoseconds(row * kColumns * 1'000'000'000 / triples_per_s);
      while (Clock::now() - begin < due) std::this_thread::yield();
    }
    const Ticket ticket = insert_row(db, row);
    if (row % kBetween == 0) marks.emplace_back(ticket.commit, Clock::now());
    if (row % 64 != 0 || marks.empty()) continue;
    std::uint64_t durable = 0;
    for (const std::string& line : db.run("SHOW STATS").value().lines) {
      constexpr std::string_view kDurable = R"({"stat":"durable","value":)";
      if (line.starts_with(kDurable)) durable = std::stoull(line.substr(kDurable.size()));
    }
    while (!marks.empty() && marks.front().first <= durable) {
      lag.add(ns_since(marks.front().second));
      marks.erase(marks.begin());
    }
  }
  const double committed_s = static_cast<double>(ns_since(begin)) / 1e9;
  db.run("FLUSH").value();
  const double durable_s = static_cast<double>(ns_since(begin)) / 1e9;
  const auto triples = static_cast<double>(rows * kColumns);
  report(figure, "committed", triples / committed_s, "triples/s");
  report(figure, "durable", triples / durable_s, "triples/s");
  report(figure, "lag_p50", lag.percentile_us(50) / 1000, "ms");
  report(figure, "lag_max", lag.percentile_us(100) / 1000, "ms");
}

// Leaves a directory as a killed process would: everything ordered, nothing in files.
void leave_log(const std::string& directory, std::int64_t rows) {
  { Database::open(directory).value().run(kSchema).value(); }
  const pid_t child = fork();
  if (child == 0) {
    auto files = persist::make_posix_file_system();
    persist::PersisterOptions options;
    options.lsm.memtable_bytes = std::size_t{1} << 30;
    auto opened = persist::Persister::open(*files, directory, options);
    if (!opened.ok()) _exit(1);
    persist::Persister& persister = *opened.value();
    triples::CommitWriter record;
    std::string key;
    std::uint64_t version = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      record.clear();
      key.clear();
      triples::encode_ordered(triples::Value::int_of(row), key);
      record.begin_row(triples::TypeId{1}, static_cast<triples::Slot>(row),
                       triples::Fate::kInserted, key, kColumns);
      record.cell(triples::AttrId{1}, triples::Value::int_of(row));
      for (std::int64_t c = 1; c < kColumns; ++c) {
        record.cell(triples::AttrId{static_cast<std::uint32_t>(c + 1)},
                    triples::Value::text_of(texts().of(row, c)));
      }
      const auto submitted = persister.submit(record.view());
      if (!submitted.ok()) _exit(1);
      version = submitted.value();
      if (row % 1000 == 0) persister.step();
    }
    _exit(persister.wait_durable(version).ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) std::exit(1);
}

void time_open(std::int64_t rows) {
  const Figure figure{"storage_commit", "open", "first", "tremula", rows};
  const Folder folder;
  leave_log(folder.path("db"), rows);
  const auto count = [&](Database& db) {
    return db.query("SELECT { n: count(*) } FROM Item AS i").value().json();
  };
  const std::string wanted = "[{\"n\":" + std::to_string(rows) + "}]";
  {
    const std::int64_t cpu = cpu_ns();
    const Clock::time_point begin = Clock::now();
    Database db = Database::open(folder.path("db")).value();
    report(figure, "after_kill", static_cast<double>(ns_since(begin)) / 1e6, "ms");
    report(figure, "after_kill_cpu", static_cast<double>(cpu_ns() - cpu) / 1e6, "ms");
    check(figure, "rows", count(db), wanted);
  }
  const std::int64_t cpu = cpu_ns();
  const Clock::time_point begin = Clock::now();
  Database db = Database::open(folder.path("db")).value();
  const auto row = db.query("SELECT { i.A } FROM Item AS i WHERE i.Id = 7").value();
  report(figure, "clean_to_first_answer", static_cast<double>(ns_since(begin)) / 1e6, "ms");
  report(figure, "clean_cpu", static_cast<double>(cpu_ns() - cpu) / 1e6, "ms");
  check(figure, "row", row.json(), "[{\"A\":\"" + std::string(texts().of(7, 1)) + "\"}]");
  check(figure, "rows", count(db), wanted);
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  const std::int64_t rows = options.full ? 125'000 : 1'000;
  if (options.wants("commit")) {
    for (const char* engine : {"memory", "directory"}) {
      if (options.wants_engine(engine)) apart([&] { time_commits(engine, rows); });
    }
  }
  const std::int64_t many = options.full ? 10 * rows : rows;
  if (options.wants("sustain")) apart([&] { time_sustained("sustain", many, 0); });
  if (options.wants("paced")) apart([&] { time_sustained("paced", many, 1'000'000); });
  if (options.wants("open")) apart([&] { time_open(rows); });
  return exit_status();
}
