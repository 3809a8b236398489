// RocksDB, as it is delivered, with a filter of 10 bits a key.
#ifdef TREMULA_BENCH_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "bench/support/leveled_files.h"

namespace tremula::bench {
namespace {

// Its batches say whether a pair had room in them.
class CheckedBatch : public rocksdb::WriteBatch {
 public:
  void Put(const std::string& key, const std::string& value) {
    must("rocksdb", rocksdb::WriteBatch::Put(key, value));
  }
};

struct RocksDb {
  using Database = rocksdb::DB;
  using Batch = CheckedBatch;
  using Slice = rocksdb::Slice;
  using Iterator = rocksdb::Iterator;
  static constexpr const char* kName = "rocksdb";

  Database* open(const std::string& folder) {
    rocksdb::BlockBasedTableOptions blocks;
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    rocksdb::Options options;
    options.create_if_missing = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
    Database* db = nullptr;
    must(kName, Database::Open(options, folder + "/rocksdb", &db));
    return db;
  }
  rocksdb::Status sync(Database& db) { return db.SyncWAL(); }
};

}  // namespace

std::unique_ptr<KeyValueFiles> open_rocksdb(const std::string& folder) {
  return std::make_unique<LeveledFiles<RocksDb>>(folder);
}

}  // namespace tremula::bench
#endif
