// LMDB with a writable map: a commit is in the machine's page cache, mdb_env_sync() on disk.
#ifdef TREMULA_BENCH_LMDB
#include <lmdb.h>

#include "bench/support/store.h"

namespace tremula::bench {
namespace {

void must(int status) {
  if (status != 0) store_failed("lmdb", mdb_strerror(status));
}

MDB_val borrow(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

class LmdbFiles final : public KeyValueFiles {
 public:
  explicit LmdbFiles(const std::string& folder) {
    must(mdb_env_create(&env_));
    must(mdb_env_set_mapsize(env_, std::size_t{4} << 30));
    must(mdb_env_open(env_, folder.c_str(), MDB_WRITEMAP | MDB_NOSYNC, 0644));
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &txn));
    must(mdb_dbi_open(txn, nullptr, 0, &dbi_));
    must(mdb_txn_commit(txn));
  }
  ~LmdbFiles() override {
    sync();
    mdb_env_close(env_);
  }
  void put(const std::array<std::string, kStoreColumns>& keys,
           const std::array<std::string, kStoreColumns>& values) override {
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &txn));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      MDB_val key = borrow(keys[i]);
      MDB_val value = borrow(values[i]);
      must(mdb_put(txn, dbi_, &key, &value, 0));
    }
    must(mdb_txn_commit(txn));
  }
  void sync() override { must(mdb_env_sync(env_, 1)); }
  std::string get(std::string_view key_bytes) override {
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn));
    MDB_val key = borrow(key_bytes);
    MDB_val value{};
    const int status = mdb_get(txn, dbi_, &key, &value);
    if (status != MDB_NOTFOUND) must(status);
    std::string found(static_cast<const char*>(value.mv_data), value.mv_size);
    mdb_txn_abort(txn);
    return found;
  }
  std::size_t scan(std::string_view prefix) override {
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn));
    MDB_cursor* cursor = nullptr;
    must(mdb_cursor_open(txn, dbi_, &cursor));
    std::size_t bytes = 0;
    MDB_val key = borrow(prefix);
    MDB_val value{};
    int status = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (status == 0 && static_cast<const char*>(key.mv_data)[0] == prefix[0]) {
      bytes += value.mv_size;
      status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (status != MDB_NOTFOUND) must(status);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return bytes;
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

std::unique_ptr<KeyValueFiles> open_lmdb(const std::string& folder) {
  return std::make_unique<LmdbFiles>(folder);
}

}  // namespace tremula::bench
#endif
