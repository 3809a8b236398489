// tree. Claim: one core takes 1.5 M triples a second into files, compaction included, in slices
// that let the log be written in between.
// Baseline: the bar of the issue; the bytes that are written per byte that is kept.
//
// insert     rows of 8 that come with ascending slots and random keys, one transaction each
// update     then 2 cells of random rows, one transaction each
// each       triples per second of the CPU's time and of the clock's, what one slice of 256 KB
//            takes, and what was written for what is there
// find, scan a key and a column from the files that are left
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/commit_record.h"
#include "persist/memory_file_system.h"
#include "persist/posix_file_system.h"

namespace tremula::bench {
namespace {

using lsm::LsmTree;
using triples::AttrId;
using triples::Fate;
using triples::Slot;
using triples::TypeId;
using triples::Value;

constexpr std::uint32_t kColumns = 8;
constexpr std::size_t kSliceBytes = 256U << 10;
constexpr std::size_t kTurnBytes = 64U << 10;  // of records between two slices
constexpr std::size_t kTransactionsAtOnce = 10'000;
constexpr TypeId kType{1};

template <typename T>
void must(const base::Result<T>& result) {
  if (result.ok()) return;
  std::fprintf(stderr, "tree: %s\n", result.error().message.c_str());
  std::exit(1);
}

std::int64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The records of a load, made before they are timed.
class Records {
 public:
  explicit Records(Slot rows) : rows_(rows) {}

  void inserts(Slot first, std::size_t count) {
    begin();
    for (std::size_t i = 0; i < count; ++i) {
      const Slot slot = first + static_cast<Slot>(i);
      writer_.begin_row(kType, slot, Fate::kInserted, key(slot), kColumns);
      for (std::uint32_t column = 0; column < kColumns; ++column)
        writer_.cell(AttrId{column + 1}, value(column));
      end();
    }
  }
  void updates(std::size_t count) {
    begin();
    for (std::size_t i = 0; i < count; ++i) {
      const Slot slot = static_cast<Slot>(rng_() % rows_);
      writer_.begin_row(kType, slot, Fate::kUpdated, key(slot), 2);
      const auto column = static_cast<std::uint32_t>(rng_() % (kColumns - 1));
      writer_.cell(AttrId{column + 1}, value(column));
      writer_.cell(AttrId{column + 2}, value(column + 1));
      end();
    }
  }
  std::size_t count() const { return ends_.size(); }
  std::string_view at(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return writer_.view().substr(begin, ends_[index] - begin);
  }
  // A key whose order says nothing of its row's age.
  static std::string key(Slot slot) {
    char text[24];
    std::snprintf(text, sizeof text, "%08x-%u", slot * 2'654'435'761U, slot);
    return text;
  }

 private:
  void begin() {
    writer_.clear();
    ends_.clear();
  }
  void end() { ends_.push_back(writer_.size()); }
  Value value(std::uint32_t column) {
    switch (column % 8) {
      case 0: return Value::int_of(++counter_);
      case 1: return Value::int_of(static_cast<std::int64_t>(rng_() % 1000));
      case 2: return text(16);
      case 3: return Value::real(static_cast<double>(rng_() % 100'000) / 100);
      case 4: return Value::boolean_of(rng_() % 2 == 0);
      case 5: return Value::int_of(static_cast<std::int64_t>(rng_() >> 24));
      case 6: return text(8 + rng_() % 24);
      default: return Value::int_of(1'700'000'000 + counter_ * 3);
    }
  }
  Value text(std::size_t size) {
    text_.clear();
    while (text_.size() < size) text_.push_back(static_cast<char>('a' + rng_() % 26));
    return Value::text_of(text_);
  }

  Slot rows_;
  std::mt19937_64 rng_{20240501};
  std::int64_t counter_ = 0;
  std::string text_;
  triples::CommitWriter writer_;
  std::vector<std::size_t> ends_;
};

// Drives a tree as the persister does: a turn of transactions, then a slice of work.
class Driver {
 public:
  Driver(std::string where, LsmTree& tree, std::int64_t n)
      : where_(std::move(where)), tree_(&tree), n_(n) {}

  void take(const Records& records) {
    const Clock::time_point begin = Clock::now();
    const std::int64_t cpu_begin = cpu_ns();
    for (std::size_t i = 0; i < records.count(); ++i) {
      const std::string_view record = records.at(i);
      must(tree_->apply(record, ++version_, 1));
      turn_ += record.size();
      if (turn_ < kTurnBytes) continue;
      turn_ = 0;
      if (tree_->wants_freeze() && tree_->can_freeze()) tree_->freeze();
      if (tree_->has_work()) slice();
      while (tree_->wants_freeze() && !tree_->can_freeze()) slice();
    }
    wall_ns_ += ns_since(begin);
    cpu_ns_ += cpu_ns() - cpu_begin;
  }
  // The rest of the work, and the figures.
  void finish(const std::string& name, std::int64_t triples) {
    const Clock::time_point begin = Clock::now();
    const std::int64_t cpu_begin = cpu_ns();
    must(tree_->flush());
    while (tree_->has_work()) slice();
    wall_ns_ += ns_since(begin);
    cpu_ns_ += cpu_ns() - cpu_begin;
    const Figure figure{"tree", name, where_, "tremula", n_};
    const auto per_second = [&](std::int64_t ns) {
      return static_cast<double>(triples) / (static_cast<double>(ns) / 1e9) / 1e6;
    };
    report(figure, "triples_per_cpu_s", per_second(cpu_ns_), "M");
    report(figure, "triples_per_s", per_second(wall_ns_), "M");
    for (const auto& [metric, percent] : {std::pair{"p50", 50}, {"p99", 99}, {"max", 100}}) {
      const std::string name_of = std::string("slice_") + metric;
      report(figure, name_of + "_cpu", slice_cpu_.percentile_us(percent) / 1000, "ms");
      report(figure, name_of, slices_.percentile_us(percent) / 1000, "ms");
    }
    const lsm::LsmStats stats = tree_->stats();
    report(figure, "kept", static_cast<double>(stats.bytes) / 1e6, "MB");
    report(figure, "written", static_cast<double>(stats.bytes_written - written_) / 1e6, "MB");
    for (std::size_t level = 0; level < stats.files_per_level.size(); ++level) {
      report(figure, "files_L" + std::to_string(level),
             static_cast<double>(stats.files_per_level[level]), "files");
    }
    written_ = stats.bytes_written;
    wall_ns_ = cpu_ns_ = 0;
    slices_ = {};
    slice_cpu_ = {};
  }

 private:
  void slice() {
    const Clock::time_point begin = Clock::now();
    const std::int64_t cpu_begin = cpu_ns();
    must(tree_->work(kSliceBytes));
    slice_cpu_.add(cpu_ns() - cpu_begin);
    slices_.add(ns_since(begin));
  }

  std::string where_;
  LsmTree* tree_;
  std::int64_t n_;
  std::uint64_t version_ = 0;
  std::size_t turn_ = 0;
  std::int64_t wall_ns_ = 0;
  std::int64_t cpu_ns_ = 0;
  std::uint64_t written_ = 0;
  Samples slices_;
  Samples slice_cpu_;
};

void measure_reads(const std::string& where, const LsmTree& tree, Slot rows, std::int64_t n) {
  const auto snapshot = tree.snapshot();
  std::mt19937_64 rng(7);
  Samples finds;
  for (int i = 0; i < 2000; ++i) {
    const auto slot = static_cast<Slot>(rng() % rows);
    const std::string key = Records::key(slot);
    const Clock::time_point begin = Clock::now();
    const auto found = snapshot->find_key(kType, key);
    finds.add(ns_since(begin));
    must(found);
    const Figure figure{"tree", "find", where, "tremula", n};
    if (found.value() != slot) check(figure, key, "another slot", "its slot");
  }
  report({"tree", "find", where, "tremula", n}, finds);
  for (std::uint32_t column = 1; column <= kColumns; ++column) {
    const Clock::time_point begin = Clock::now();
    std::size_t entries = 0;
    must(snapshot->scan(kType, AttrId{column}, [&](const lsm::Entry&) { ++entries; }));
    const Figure figure{"tree", "scan_" + std::to_string(column), where, "tremula", n};
    report(figure, "per_entry", static_cast<double>(ns_since(begin)) / static_cast<double>(rows),
           "ns");
    check(figure, "entries", std::to_string(entries), std::to_string(rows));
  }
}

void measure(const std::string& where, base::FileSystem& files, const std::string& directory,
             Slot rows) {
  must(files.make_directory(directory));
  auto opened = LsmTree::open(files, directory, {});
  must(opened);
  LsmTree& tree = *opened.value();
  const std::int64_t n = std::int64_t{rows} * kColumns;
  Driver driver(where, tree, n);
  Records records(rows);
  for (Slot first = 0; first < rows; first += kTransactionsAtOnce) {
    records.inserts(first, std::min<std::size_t>(kTransactionsAtOnce, rows - first));
    driver.take(records);
  }
  driver.finish("insert", n);
  measure_reads(where, tree, rows, n);
  for (Slot done = 0; done < rows; done += kTransactionsAtOnce) {
    records.updates(kTransactionsAtOnce);
    driver.take(records);
  }
  driver.finish("update", std::int64_t{rows} * 2);
  opened = LsmTree::open(files, directory, {});
  must(opened);
  measure_reads(where + "_updated", *opened.value(), rows, n);
}

// How fast a memtable takes cells alone.
void measure_memtable(Slot rows) {
  Records records(rows);
  records.inserts(0, rows);
  lsm::Memtable memtable;
  const std::int64_t begin = cpu_ns();
  triples::WrittenRow row;
  for (std::size_t i = 0; i < records.count(); ++i) {
    triples::CommitReader reader(records.at(i));
    for (auto more = reader.next(row); more.value(); more = reader.next(row))
      memtable.apply(row, i);
  }
  const double seconds = static_cast<double>(cpu_ns() - begin) / 1e9;
  const Figure figure{"tree", "memtable", "apply", "tremula", std::int64_t{rows} * kColumns};
  report(figure, "cells_per_cpu_s", rows * kColumns / seconds / 1e6, "M");
  report(figure, "bytes_per_cell", static_cast<double>(memtable.memory_bytes()) / (rows * kColumns),
         "B");
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula;
  const bench::Options options = bench::read_options(argc, argv);
  const triples::Slot rows = options.full ? 1'250'000 : 12'500;
  if (options.wants("memtable")) bench::measure_memtable(std::min(rows, triples::Slot{25'000}));
  if (options.wants("memory")) {
    persist::MemoryFileSystem files;
    bench::measure("memory", files, "tree", rows);
  }
  if (options.wants("posix")) {
    const std::string directory =
        std::filesystem::temp_directory_path() / ("tremula_tree_" + std::to_string(::getpid()));
    bench::measure("posix", *persist::make_posix_file_system(), directory, rows);
    std::filesystem::remove_all(directory);
  }
  return bench::exit_status();
}
