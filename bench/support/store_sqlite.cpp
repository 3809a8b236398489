// sqlite3 with a write-ahead log: a commit is in the machine's page cache, a checkpoint on disk.
#include <sqlite3.h>

#include <utility>

#include "bench/support/sqlite.h"
#include "bench/support/store.h"

namespace tremula::bench {
namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::string& folder)
      : db_("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, c1 TEXT, c2 TEXT, c3 TEXT,"
            " c4 TEXT, c5 TEXT, c6 TEXT, c7 TEXT, c8 TEXT);",
            folder + "/rows.sqlite") {}

  void commit(const StoreRow& row) override {
    put_.bind(1, row.id);
    for (std::size_t i = 0; i < kStoreColumns; ++i)
      put_.bind(static_cast<int>(i) + 2, row.cells[i]);
    put_.run();
  }
  void wait_durable() override { db_.exec("PRAGMA wal_checkpoint(FULL)"); }
  std::string cell(std::int64_t id, std::size_t column) override {
    std::string text;
    SqliteQuery& query = column == 2 ? third_ : row_;
    query.bind(1, id);
    while (query.step()) text = query.text(column == 2 ? 0 : static_cast<int>(column));
    return text;
  }
  std::size_t row_bytes(std::int64_t id) override {
    std::size_t bytes = 0;
    row_.bind(1, id);
    while (row_.step()) {
      for (std::size_t i = 0; i < kStoreColumns; ++i)
        bytes += row_.text(static_cast<int>(i)).size();
    }
    return bytes;
  }
  std::size_t column_bytes(std::size_t column) override {
    const std::string select = "SELECT c" + std::to_string(column + 1) + " FROM rows";
    SqliteQuery query(db_, select.c_str());
    std::size_t bytes = 0;
    while (query.step()) bytes += query.text(0).size();
    return bytes;
  }

 private:
  SqliteDatabase db_;
  SqliteQuery put_{db_, "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  SqliteQuery third_{db_, "SELECT c3 FROM rows WHERE id = ?"};
  SqliteQuery row_{db_, "SELECT c1, c2, c3, c4, c5, c6, c7, c8 FROM rows WHERE id = ?"};
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const std::string& folder) {
  return std::make_unique<SqliteStore>(folder);
}

}  // namespace tremula::bench
