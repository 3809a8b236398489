#include "bench/support/store.h"

#include <cstdio>
#include <cstdlib>

namespace tremula::bench {
namespace {

std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Columns as one letter, so that a column is a prefix; ids in their order as bytes.
std::string key_of(std::size_t column, std::int64_t id) {
  std::string key(1, static_cast<char>('a' + column));
  for (int shift = 56; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(static_cast<std::uint64_t>(id) >> shift));
  return key;
}

class KeyValueStore final : public Store {
 public:
  explicit KeyValueStore(std::unique_ptr<KeyValueFiles> files) : files_(std::move(files)) {}

  void commit(const StoreRow& row) override {
    for (std::size_t i = 0; i < kStoreColumns; ++i) keys_[i] = key_of(i, row.id);
    files_->put(keys_, row.cells);
  }
  void wait_durable() override { files_->sync(); }
  std::string cell(std::int64_t id, std::size_t column) override {
    return files_->get(key_of(column, id));
  }
  std::size_t row_bytes(std::int64_t id) override {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < kStoreColumns; ++i) bytes += cell(id, i).size();
    return bytes;
  }
  std::size_t column_bytes(std::size_t column) override {
    return files_->scan(key_of(column, 0).substr(0, 1));
  }

 private:
  std::unique_ptr<KeyValueFiles> files_;
  std::array<std::string, kStoreColumns> keys_;
};

}  // namespace

void fill_row(std::int64_t id, std::uint64_t round, StoreRow& row) {
  row.id = id;
  for (std::size_t column = 0; column < kStoreColumns; ++column) {
    std::uint64_t state =
        mixed(static_cast<std::uint64_t>(id) * kStoreColumns + column + (round << 48) + 1);
    std::string& cell = row.cells[column];
    cell.resize(8 + state % 33);
    for (std::size_t i = 0; i < cell.size(); ++i) {
      if (i % 8 == 0) state = mixed(state + i + 1);
      // Printable and without '"' and '\', so that JSON has it as it is.
      cell[i] = static_cast<char>('#' + (state >> (i % 8 * 8) & 0xff) % 57);
    }
  }
}

std::vector<std::string> store_engines() {
  std::vector<std::string> engines = {"tremula", "sqlite3"};
#ifdef TREMULA_BENCH_LMDB
  engines.push_back("lmdb");
#endif
#ifdef TREMULA_BENCH_LEVELDB
  engines.push_back("leveldb");
#endif
#ifdef TREMULA_BENCH_ROCKSDB
  engines.push_back("rocksdb");
#endif
  return engines;
}

std::unique_ptr<Store> open_store(std::string_view engine, const std::string& folder) {
  if (engine == "tremula") return open_tremula_store(folder);
  if (engine == "sqlite3") return open_sqlite_store(folder);
#ifdef TREMULA_BENCH_LMDB
  if (engine == "lmdb") return std::make_unique<KeyValueStore>(open_lmdb(folder));
#endif
#ifdef TREMULA_BENCH_LEVELDB
  if (engine == "leveldb") return std::make_unique<KeyValueStore>(open_leveldb(folder));
#endif
#ifdef TREMULA_BENCH_ROCKSDB
  if (engine == "rocksdb") return std::make_unique<KeyValueStore>(open_rocksdb(folder));
#endif
  store_failed(engine, "not in this build");
}

void store_failed(std::string_view engine, std::string_view message) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(engine.size()), engine.data(),
               static_cast<int>(message.size()), message.data());
  std::exit(1);
}

}  // namespace tremula::bench
