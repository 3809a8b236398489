// LevelDB, as it is delivered, with a filter of 10 bits a key.
#ifdef TREMULA_BENCH_LEVELDB
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "bench/support/store.h"

namespace tremula::bench {
namespace {

void must(const leveldb::Status& status) {
  if (!status.ok() && !status.IsNotFound()) store_failed("leveldb", status.ToString());
}

class LevelDbFiles final : public KeyValueFiles {
 public:
  explicit LevelDbFiles(const std::string& folder) : filter_(leveldb::NewBloomFilterPolicy(10)) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.filter_policy = filter_.get();
    leveldb::DB* db = nullptr;
    must(leveldb::DB::Open(options, folder + "/leveldb", &db));
    db_.reset(db);
  }
  void put(const std::array<std::string, kStoreColumns>& keys,
           const std::array<std::string, kStoreColumns>& values) override {
    batch_.Clear();
    for (std::size_t i = 0; i < keys.size(); ++i) batch_.Put(keys[i], values[i]);
    must(db_->Write({}, &batch_));
  }
  void sync() override {
    leveldb::WriteOptions options;
    options.sync = true;
    must(db_->Put(options, "sync", ""));
  }
  std::string get(std::string_view key) override {
    std::string value;
    must(db_->Get({}, leveldb::Slice(key.data(), key.size()), &value));
    return value;
  }
  std::size_t scan(std::string_view prefix) override {
    const leveldb::Slice wanted(prefix.data(), prefix.size());
    const std::unique_ptr<leveldb::Iterator> at(db_->NewIterator({}));
    std::size_t bytes = 0;
    for (at->Seek(wanted); at->Valid() && at->key().starts_with(wanted); at->Next())
      bytes += at->value().size();
    must(at->status());
    return bytes;
  }

 private:
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
  leveldb::WriteBatch batch_;
};

}  // namespace

std::unique_ptr<KeyValueFiles> open_leveldb(const std::string& folder) {
  return std::make_unique<LevelDbFiles>(folder);
}

}  // namespace tremula::bench
#endif
