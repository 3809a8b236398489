// sst. Claim: columns of an SST decode at the speed of memory and take little more than their
// values.
// Baseline: the bars of the issue; the values' own bytes.
//
// columns  encode and decode of one column of 125k values: ns per value, and the column as a
//          whole in ms, from blocks that the machine has in its page cache
// disk     1 M triples in rows of 8, values of 8 to 40 bytes: bytes of all files
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "core/lsm/block_cache.h"
#include "core/lsm/sst.h"
#include "core/triples/key_encoding.h"
#include "persist/posix_file_system.h"

namespace tremula::bench {
namespace {

using lsm::Entry;
using lsm::SstInfo;
using lsm::SstReader;
using lsm::SstWriter;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;
using triples::Value;

constexpr Slot kRows = 125'000;
constexpr std::size_t kRunBlocks = 16;
constexpr std::size_t kHits = 10'000;

// What a column's values are like.
struct Column {
  std::string name;
  std::vector<Value> values;
};

class Data {
 public:
  std::vector<Column> columns(Slot rows) {
    std::vector<Column> columns(5);
    columns[0].name = "int_counting";
    columns[1].name = "int_1000";
    columns[2].name = "int_any";
    columns[3].name = "real";
    columns[4].name = "text_24";
    for (Slot i = 0; i < rows; ++i) {
      columns[0].values.push_back(Value::int_of(1'000'000 + static_cast<std::int64_t>(i)));
      columns[1].values.push_back(Value::int_of(static_cast<std::int64_t>(rng_() % 1000)));
      columns[2].values.push_back(Value::int_of(static_cast<std::int64_t>(rng_())));
      columns[3].values.push_back(Value::real(static_cast<double>(rng_() % 100'000) / 100));
      columns[4].values.push_back(text(24));
    }
    return columns;
  }
  // Borrowed: valid as long as this.
  Value text(std::size_t size) {
    auto bytes = std::make_unique<std::string>();
    for (std::size_t i = 0; i < size; ++i) bytes->push_back(static_cast<char>('!' + rng_() % 90));
    texts_.push_back(std::move(bytes));
    return Value::text_of(*texts_.back());
  }
  std::size_t below(std::size_t bound) { return rng_() % bound; }

 private:
  std::mt19937_64 rng_{20240501};
  std::vector<std::unique_ptr<std::string>> texts_;
};

// Files of a benchmark, gone with it.
class Folder {
 public:
  Folder() : files_(persist::make_posix_file_system()) { must(files_->make_directory(path_)); }
  ~Folder() {
    for (std::uint64_t number = 1; number < next_; ++number) must(files_->remove(path(number)));
    std::filesystem::remove(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::unique_ptr<SstWriter> writer() {
    auto file = files_->open(path(next_), base::OpenMode::kCreate);
    must(file);
    const std::uint64_t number = next_++;
    return std::make_unique<SstWriter>(std::move(file).value(), path(number), number,
                                       lsm::SstOptions{});
  }
  std::shared_ptr<const SstReader> reader(const SstInfo& info) {
    auto file = files_->open(path(info.number), base::OpenMode::kRead);
    must(file);
    auto reader = SstReader::open(std::move(file).value(), path(info.number), info);
    must(reader);
    return std::move(reader).value();
  }

  template <typename T>
  static void must(const base::Result<T>& result) {
    if (result.ok()) return;
    std::fprintf(stderr, "sst: %s\n", result.error().message.c_str());
    std::exit(1);
  }

 private:
  std::string path(std::uint64_t number) const { return path_ + "/" + std::to_string(number); }

  const std::string path_ =
      std::filesystem::temp_directory_path() / ("tremula_bench_" + std::to_string(::getpid()));
  std::unique_ptr<base::FileSystem> files_;
  std::uint64_t next_ = 1;
};

std::uint64_t digest(Value value, std::uint64_t sum) {
  if (value.has_bytes()) return sum * 31 + value.size + static_cast<unsigned char>(value.data[0]);
  return sum * 31 + static_cast<std::uint64_t>(value.integer);
}

// The least of several runs: what the machine can, not what else it was doing.
template <typename Work>
double best_ns(int runs, Work work) {
  std::int64_t best = INT64_MAX;
  for (int i = 0; i < runs; ++i) {
    const Clock::time_point begin = Clock::now();
    work();
    best = std::min(best, ns_since(begin));
  }
  return static_cast<double>(best);
}

void measure_column(const Column& column, Folder& folder, int runs) {
  const auto rows = static_cast<std::int64_t>(column.values.size());
  const auto per_row = [&](double ns) { return ns / static_cast<double>(rows); };
  const Figure encode{"sst", column.name, "encode", "tremula", rows};
  const Figure decode{"sst", column.name, "decode", "tremula", rows};

  SstInfo info;
  const auto write = [&] {
    const auto writer = folder.writer();
    for (Slot slot = 0; slot < column.values.size(); ++slot)
      Folder::must(writer->add({{TypeId{1}, AttrId{2}, slot, {}}, column.values[slot], slot + 1}));
    const auto finished = writer->finish();
    Folder::must(finished);
    info = finished.value();
  };
  report(encode, "with_sync", per_row(best_ns(runs, write)), "ns/value");
  report(encode, "size", static_cast<double>(info.size) / static_cast<double>(rows), "bytes/value");

  const auto reader = folder.reader(info);
  std::uint64_t expected = 0;
  for (const Value value : column.values) expected = digest(value, expected);
  std::uint64_t found = 0;
  const double ns = best_ns(runs, [&] {
    found = 0;
    for (std::size_t block = 0; block < reader->blocks().size(); block += kRunBlocks) {
      const auto run = reader->read_run(block, kRunBlocks);
      Folder::must(run);
      for (const SstReader::BlockRef& decoded : run.value())
        for (const Value value : decoded->values) found = digest(value, found);
    }
  });
  report(decode, "scan", per_row(ns), "ns/value");
  report(decode, "scan_all", ns / 1e6, "ms");
  lsm::BlockCache cache(64U << 20);
  const auto scan_cached = [&] {
    found = 0;
    for (std::size_t block = 0; block < reader->blocks().size(); ++block) {
      const auto kept = cache.get(*reader, block);
      Folder::must(kept);
      for (const Value value : kept.value()->values) found = digest(value, found);
    }
  };
  scan_cached();
  report(decode, "scan_cached", per_row(best_ns(runs, scan_cached)), "ns/value");
  const double hits = best_ns(runs, [&] {
    for (std::size_t i = 0; i < kHits; ++i)
      found += cache.get(*reader, i * 7 % reader->blocks().size()).value()->values.size() & 0;
  });
  report(decode, "cache_hit", hits / kHits, "ns");
  const double alone = best_ns(runs, [&] { Folder::must(reader->read(0)); });
  report(decode, "block", alone / 1e3, "us");
  report(decode, "block_entries", reader->blocks()[0].entries, "entries");
  check(decode, "values", std::to_string(found), std::to_string(expected));
}

// 8 columns of text, the row's own triples, and the directory of keys.
void measure_disk(Data& data, Folder& folder, Slot rows) {
  const Figure figure{"sst", "disk", "disk", "tremula", rows * 8};
  std::vector<std::string> keys(rows);
  for (Slot row = 0; row < rows; ++row)
    triples::encode_ordered(Value::int_of(static_cast<std::int64_t>(row) + 1), keys[row]);
  const auto writer = folder.writer();
  std::uint64_t values = 0;
  const auto add = [&](std::uint32_t attr, Slot slot, std::string_view key, Value value) {
    Folder::must(writer->add({{TypeId{1}, AttrId{attr}, slot, key}, value, slot + 1}));
  };
  const Clock::time_point begin = Clock::now();
  for (Slot row = 0; row < rows; ++row) add(0, row, {}, Value::bytes_of(keys[row]));
  for (std::uint32_t attr = 1; attr <= 8; ++attr) {
    for (Slot row = 0; row < rows; ++row) {
      const Value value = data.text(8 + data.below(33));
      values += value.size;
      add(attr, row, {}, value);
    }
  }
  // Integers in their order are keys in theirs.
  for (Slot row = 0; row < rows; ++row)
    add(static_cast<std::uint32_t>(lsm::kKeyAttr), 0, keys[row],
        Value::int_of(static_cast<std::int64_t>(row)));
  const auto info = writer->finish();
  Folder::must(info);
  report(figure, "write", static_cast<double>(ns_since(begin)) / 1e6, "ms");
  report(figure, "values", static_cast<double>(values) / 1e6, "MB");
  report(figure, "file", static_cast<double>(info.value().size) / 1e6, "MB");
  const Clock::time_point open_begin = Clock::now();
  const auto reader = folder.reader(info.value());
  report(figure, "open", static_cast<double>(ns_since(open_begin)) / 1e3, "us");
  report(figure, "index_memory", static_cast<double>(reader->memory_bytes()) / 1e6, "MB");
  Samples finds;
  for (std::size_t i = 0; i < 2000; ++i) {
    const std::size_t row = data.below(rows);
    const Clock::time_point find_begin = Clock::now();
    const auto found = reader->find_key(TypeId{1}, keys[row]);
    finds.add(ns_since(find_begin));
    Folder::must(found);
    if (i > 0) continue;
    check(figure, "slot", std::to_string(found.value()->slot), std::to_string(row));
  }
  report({"sst", "find_key", "decode", "tremula", rows}, finds);
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  const Slot rows = options.full ? kRows : 5000;
  Data data;
  Folder folder;
  if (options.wants("columns")) {
    for (const Column& column : data.columns(rows))
      measure_column(column, folder, options.full ? 15 : 1);
  }
  if (options.wants("disk")) measure_disk(data, folder, rows);
  return exit_status();
}
