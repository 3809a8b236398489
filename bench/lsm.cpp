// lsm. Claim: the tree takes a million triples a second with flush and compaction, and gives cold
// rows back in microseconds.
// Baseline: the bars of the issue.
//
// write   transactions of a row of 8 into the memtable, flushed and compacted in slices
// read    a whole column; the cells of 256 slots and the key of a row, from files
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <type_traits>

#include "bench/support/bench.h"
#include "bench/support/store.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/key_encoding.h"
#include "persist/posix_file_system.h"

namespace tremula::bench {
namespace {

namespace fs = std::filesystem;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;
using triples::Value;

constexpr std::int64_t kRows = 125'000;
constexpr std::int64_t kSmokeRows = 2000;
constexpr Slot kChunk = 256;
constexpr std::size_t kSlice = 256U << 10;
constexpr TypeId kType{1};

template <typename T>
T must(base::Result<T> result) {
  if (result.ok()) {
    if constexpr (std::is_void_v<T>) {
      return;
    } else {
      return std::move(result).value();
    }
  }
  std::fprintf(stderr, "lsm: %s\n", result.error().message.c_str());
  std::exit(1);
}

std::string key_of(std::int64_t id) {
  std::string key;
  triples::encode_ordered(Value::int_of(id), key);
  return key;
}

Slot slot_of(std::int64_t id) { return static_cast<Slot>(id - 1); }

void apply(lsm::LsmTree& tree, std::int64_t id, std::uint64_t round, std::uint64_t version,
           StoreRow& row, triples::CommitWriter& record) {
  fill_row(id, round, row);
  record.clear();
  record.begin_row(kType, slot_of(id),
                   round == 0 ? triples::Fate::kInserted : triples::Fate::kUpdated, key_of(id),
                   kStoreColumns);
  for (std::size_t i = 0; i < kStoreColumns; ++i)
    record.cell(AttrId{static_cast<std::uint32_t>(i + 1)}, Value::text_of(row.cells[i]));
  must(tree.apply(record.view(), version, 1));
}

// As a persister does: a slice of work after every thousand transactions.
void turn(lsm::LsmTree& tree) {
  if (tree.wants_freeze() && tree.can_freeze()) tree.freeze();
  if (tree.has_work()) must(tree.work(kSlice));
}

void measure_writes(lsm::LsmTree& tree, std::int64_t rows, int rounds) {
  StoreRow row;
  triples::CommitWriter record;
  std::mt19937_64 rng(3);
  const Clock::time_point begin = Clock::now();
  std::uint64_t version = 0;
  for (int round = 0; round < rounds; ++round) {
    for (std::int64_t i = 1; i <= rows; ++i) {
      // First in order, then anywhere.
      const std::int64_t id =
          round == 0 ? i : 1 + static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(rows));
      apply(tree, id, static_cast<std::uint64_t>(round), ++version, row, record);
      if (version % 256 == 0) turn(tree);
    }
  }
  must(tree.flush());
  while (tree.has_work()) must(tree.work(kSlice));
  const auto triples = static_cast<double>(version * kStoreColumns);
  const Figure figure{"lsm", "write", "load", "tremula", static_cast<std::int64_t>(triples)};
  report(figure, "rate", triples / static_cast<double>(ns_since(begin)) * 1e9, "triples/s");
  const lsm::LsmStats stats = tree.stats();
  report(figure, "files", static_cast<double>(stats.bytes) / 1e6, "MB");
  report(figure, "written", static_cast<double>(stats.bytes_written) / 1e6, "MB");
}

void measure_reads(const lsm::LsmSnapshot& snapshot, std::int64_t rows) {
  Samples columns;
  std::size_t bytes = 0;
  for (int i = 0; i < 7; ++i) {
    const Clock::time_point begin = Clock::now();
    bytes = 0;
    must(snapshot.scan(kType, AttrId{4},
                       [&](const lsm::Entry& entry) { bytes += entry.value.size; }));
    columns.add(ns_since(begin));
  }
  const Figure column{"lsm", "column", "first", "tremula", rows};
  report(column, "p50", columns.percentile_us(50) / 1000, "ms");
  report(column, "bytes", static_cast<double>(bytes), "bytes");

  std::mt19937_64 rng(1);
  lsm::BlockCache cache(4U << 20);
  Samples chunks;
  Samples next_chunks;
  Samples keys;
  for (int i = 0; i < 2000; ++i) {
    const auto id = 1 + static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(rows));
    const Slot first = slot_of(id) / kChunk * kChunk;
    const Clock::time_point begin = Clock::now();
    std::size_t cells = 0;
    must(snapshot.scan(kType, AttrId{4}, first, first + kChunk,
                       [&](const lsm::Entry&) { ++cells; }));
    chunks.add(ns_since(begin));
    const Slot next = static_cast<Slot>(i) * kChunk % static_cast<Slot>(rows);
    const Clock::time_point next_begin = Clock::now();
    must(snapshot.scan(
        kType, AttrId{4}, next, next + kChunk, [&](const lsm::Entry&) { ++cells; }, &cache));
    next_chunks.add(ns_since(next_begin));
    const std::string key = key_of(id);
    const Clock::time_point key_begin = Clock::now();
    const Slot found = must(snapshot.find_key(kType, key));
    keys.add(ns_since(key_begin));
    check({"lsm", "key", "first", "tremula", rows}, "slot", std::to_string(found),
          std::to_string(slot_of(id)));
  }
  report({"lsm", "chunk", "first", "tremula", rows}, chunks);
  report({"lsm", "next_chunk", "next", "tremula", rows}, next_chunks);
  report({"lsm", "key", "first", "tremula", rows}, keys);
}

void measure(std::int64_t rows, int rounds) {
  const std::string folder = fs::current_path() / "bench_lsm";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const auto files = persist::make_posix_file_system();
  {
    const auto tree = must(lsm::LsmTree::open(*files, folder, {}));
    measure_writes(*tree, rows, rounds);
    measure_reads(*tree->snapshot(), rows);
  }
  const Clock::time_point begin = Clock::now();
  const auto tree = must(lsm::LsmTree::open(*files, folder, {}));
  report({"lsm", "open", "first", "tremula", rows}, "time",
         static_cast<double>(ns_since(begin)) / 1e6, "ms");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  measure(options.full ? kRows : kSmokeRows, 1);
  measure(options.full ? kRows : kSmokeRows, 4);
  return exit_status();
}
