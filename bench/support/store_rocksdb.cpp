// RocksDB, as it is delivered, with a filter of 10 bits a key.
#ifdef TREMULA_BENCH_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "bench/support/store.h"

namespace tremula::bench {
namespace {

void must(const rocksdb::Status& status) {
  if (!status.ok() && !status.IsNotFound()) store_failed("rocksdb", status.ToString());
}

class RocksDbFiles final : public KeyValueFiles {
 public:
  explicit RocksDbFiles(const std::string& folder) {
    rocksdb::BlockBasedTableOptions blocks;
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    rocksdb::Options options;
    options.create_if_missing = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
    rocksdb::DB* db = nullptr;
    must(rocksdb::DB::Open(options, folder + "/rocksdb", &db));
    db_.reset(db);
  }
  void put(const std::array<std::string, kStoreColumns>& keys,
           const std::array<std::string, kStoreColumns>& values) override {
    batch_.Clear();
    for (std::size_t i = 0; i < keys.size(); ++i) must(batch_.Put(keys[i], values[i]));
    must(db_->Write({}, &batch_));
  }
  void sync() override { must(db_->SyncWAL()); }
  std::string get(std::string_view key) override {
    std::string value;
    must(db_->Get({}, rocksdb::Slice(key.data(), key.size()), &value));
    return value;
  }
  std::size_t scan(std::string_view prefix) override {
    const rocksdb::Slice wanted(prefix.data(), prefix.size());
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    std::size_t bytes = 0;
    for (at->Seek(wanted); at->Valid() && at->key().starts_with(wanted); at->Next())
      bytes += at->value().size();
    must(at->status());
    return bytes;
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteBatch batch_;
};

}  // namespace

std::unique_ptr<KeyValueFiles> open_rocksdb(const std::string& folder) {
  return std::make_unique<RocksDbFiles>(folder);
}

}  // namespace tremula::bench
#endif
