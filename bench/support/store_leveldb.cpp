// LevelDB, as it is delivered, with a filter of 10 bits a key.
#ifdef TREMULA_BENCH_LEVELDB
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "bench/support/leveled_files.h"

namespace tremula::bench {
namespace {

class LevelDb {
 public:
  using Database = leveldb::DB;
  using Batch = leveldb::WriteBatch;
  using Slice = leveldb::Slice;
  using Iterator = leveldb::Iterator;
  static constexpr const char* kName = "leveldb";

  Database* open(const std::string& folder) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.filter_policy = filter_.get();
    Database* db = nullptr;
    must(kName, Database::Open(options, folder + "/leveldb", &db));
    return db;
  }
  // It has no call for that: a write that is synced takes those before it along.
  leveldb::Status sync(Database& db) {
    leveldb::WriteOptions options;
    options.sync = true;
    return db.Put(options, "sync", "");
  }

 private:
  std::unique_ptr<const leveldb::FilterPolicy> filter_{leveldb::NewBloomFilterPolicy(10)};
};

}  // namespace

std::unique_ptr<KeyValueFiles> open_leveldb(const std::string& folder) {
  return std::make_unique<LeveledFiles<LevelDb>>(folder);
}

}  // namespace tremula::bench
#endif
