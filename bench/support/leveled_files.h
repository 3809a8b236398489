// LeveledFiles: what LevelDB and RocksDB, which grew out of it, have in common: the same calls in
// two namespaces.
//
//   Api    the names of one of them: Database, Batch, Slice, Iterator, kName; and its own ways:
//          open(folder) -> Database*, sync(database) -> status
#pragma once

#include <memory>
#include <string>

#include "bench/support/store.h"

namespace tremula::bench {

template <typename Status>
void must(const char* engine, const Status& status) {
  if (!status.ok() && !status.IsNotFound()) store_failed(engine, status.ToString());
}

template <typename Api>
class LeveledFiles final : public KeyValueFiles {
 public:
  explicit LeveledFiles(const std::string& folder) : db_(api_.open(folder)) {}
  void put(const std::array<std::string, kStoreColumns>& keys,
           const std::array<std::string, kStoreColumns>& values) override {
    batch_.Clear();
    for (std::size_t i = 0; i < keys.size(); ++i) batch_.Put(keys[i], values[i]);
    must(Api::kName, db_->Write({}, &batch_));
  }
  void sync() override { must(Api::kName, api_.sync(*db_)); }
  std::string get(std::string_view key) override {
    std::string value;
    must(Api::kName, db_->Get({}, slice(key), &value));
    return value;
  }
  std::size_t scan(std::string_view prefix) override {
    const std::unique_ptr<typename Api::Iterator> at(db_->NewIterator({}));
    std::size_t bytes = 0;
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
      bytes += at->value().size();
    must(Api::kName, at->status());
    return bytes;
  }

 private:
  static typename Api::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

  Api api_;  // outlives the database: it may own what that was opened with
  std::unique_ptr<typename Api::Database> db_;
  typename Api::Batch batch_;
};

}  // namespace tremula::bench
