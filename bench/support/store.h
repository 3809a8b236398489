// Store: one table of texts on one of the databases that keep their data in files.
//
//   rows ( id, c1 ... c8 )     ids count from 1; a cell is 8 to 40 bytes that follow from its place
//
// tremula through its public face; sqlite3 as a table of rows; the ordered key-value stores
// (leveldb, rocksdb, lmdb, where installed) as triples [column, id] -> cell.
// Thread: any one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::bench {

inline constexpr std::size_t kStoreColumns = 8;

struct StoreRow {
  std::int64_t id = 0;
  std::array<std::string, kStoreColumns> cells;
};
// What row `id` holds after `round` rewrites.
void fill_row(std::int64_t id, std::uint64_t round, StoreRow& row);

class Store {
 public:
  virtual ~Store() = default;  // closes, durably
  // Inserts or overwrites a row in a transaction of its own; the disk is not waited for.
  virtual void commit(const StoreRow& row) = 0;
  // Returns when all commits are on disk.
  virtual void wait_durable() = 0;
  // Columns count from 0.  Returns: "" if there is no such row.
  virtual std::string cell(std::int64_t id, std::size_t column) = 0;
  // Reads a row whole.  Returns: the bytes of its cells.
  virtual std::size_t row_bytes(std::int64_t id) = 0;
  // Reads a column whole.  Returns: the bytes of its cells.
  virtual std::size_t column_bytes(std::size_t column) = 0;
};

// The engines of this build, tremula first.
std::vector<std::string> store_engines();
// Opens the database in `folder`, which exists; makes it if it holds none.
std::unique_ptr<Store> open_store(std::string_view engine, const std::string& folder);

// An ordered map of bytes in files, as the key-value stores are.
class KeyValueFiles {
 public:
  virtual ~KeyValueFiles() = default;
  // Puts all pairs in one transaction.
  virtual void put(const std::array<std::string, kStoreColumns>& keys,
                   const std::array<std::string, kStoreColumns>& values) = 0;
  virtual void sync() = 0;
  virtual std::string get(std::string_view key) = 0;
  // Returns: the bytes of all values whose keys have this prefix.
  virtual std::size_t scan(std::string_view prefix) = 0;
};
std::unique_ptr<KeyValueFiles> open_leveldb(const std::string& folder);
std::unique_ptr<KeyValueFiles> open_rocksdb(const std::string& folder);
std::unique_ptr<KeyValueFiles> open_lmdb(const std::string& folder);

std::unique_ptr<Store> open_tremula_store(const std::string& folder);
std::unique_ptr<Store> open_sqlite_store(const std::string& folder);

// Ends the program with the message.
[[noreturn]] void store_failed(std::string_view engine, std::string_view message);

}  // namespace tremula::bench
