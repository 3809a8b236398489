// Items on sqlite3: every subscribed query runs again after every commit.
#include "bench/support/items.h"
#include "bench/support/sqlite.h"

namespace tremula::bench {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE item(id INTEGER PRIMARY KEY, grp INT, val INT, title TEXT);"
    "CREATE INDEX item_grp ON item(grp);"
    "CREATE INDEX item_val ON item(val);";

class SqliteItems : public ItemEngine {
 public:
  void load(const std::vector<Item>& items) override {
    begin_.run();
    for (const Item& item : items) insert_.integers({item.id, item.grp, item.val}).run();
    commit_.run();
  }

  void subscribe(const ItemSubscription& what) override {
    subscriptions_.push_back(what);
    hashes_.push_back(run(what, nullptr));
  }

  std::size_t set_val(const Item& item) override {
    begin_.run();
    set_.integers({item.val, item.id}).run();
    commit_.run();
    std::size_t changed = 0;
    for (std::size_t i = 0; i < subscriptions_.size(); i++) {
      const std::uint64_t hash = run(subscriptions_[i], nullptr);
      if (hash != hashes_[i]) changed++;
      hashes_[i] = hash;
    }
    return changed;
  }

  std::vector<std::int64_t> ids(std::size_t index) override {
    std::vector<std::int64_t> result;
    run(subscriptions_.at(index), &result);
    return result;
  }

 private:
  std::uint64_t run(const ItemSubscription& what, std::vector<std::int64_t>* ids) {
    SqliteQuery& query = what.query == ItemQuery::kEquality ? equality_
                         : what.query == ItemQuery::kRange  ? range_
                                                            : top_k_;
    query.bind(1, what.first);
    if (what.query != ItemQuery::kEquality) query.bind(2, what.second);
    std::uint64_t hash = 1;
    while (query.step()) {
      hash = (hash ^ static_cast<std::uint64_t>(query.integer(0))) * 0x9E3779B97F4A7C15u;
      hash = (hash ^ static_cast<std::uint64_t>(query.integer(1))) * 0x9E3779B97F4A7C15u;
      if (ids) ids->push_back(query.integer(0));
    }
    return hash;
  }

  SqliteDatabase db_{kSchema};
  std::vector<ItemSubscription> subscriptions_;
  std::vector<std::uint64_t> hashes_;  // by subscription: of its last result
  SqliteQuery begin_{db_, "BEGIN"};
  SqliteQuery commit_{db_, "COMMIT"};
  SqliteQuery insert_{db_, "INSERT INTO item VALUES(?,?,?,'an item')"};
  SqliteQuery set_{db_, "UPDATE item SET val = ? WHERE id = ?"};
  SqliteQuery equality_{db_, "SELECT id, title FROM item WHERE grp = ? ORDER BY id"};
  SqliteQuery range_{db_, "SELECT id, title FROM item WHERE val >= ? AND val < ? ORDER BY id"};
  SqliteQuery top_k_{db_, "SELECT id, val FROM item WHERE grp = ? ORDER BY val DESC, id LIMIT ?"};
};

}  // namespace

std::unique_ptr<ItemEngine> make_sqlite_items() { return std::make_unique<SqliteItems>(); }

}  // namespace tremula::bench
