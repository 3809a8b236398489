#include "bench/support/items.h"

#include <tremula/tremula.h>

#include <string>

#include "bench/support/json.h"

namespace tremula::bench {
namespace {

constexpr std::string_view kItemSchema =
    "TABLE item = 1 (id INT = 1 KEY, grp INT = 2 INDEX, val INT = 3 INDEX, title TEXT = 4);";
constexpr std::string_view kItemQueries[] = {
    "SELECT { i.id, i.title } FROM item AS i WHERE i.grp = $first",
    "SELECT { i.id, i.title } FROM item AS i WHERE i.val >= $first AND i.val < $second",
    "SELECT { i.id, i.val } FROM item AS i WHERE i.grp = $first ORDER BY i.val DESC LIMIT $second",
};

class TremulaItems : public ItemEngine {
 public:
  TremulaItems() { db_.run(kItemSchema).value(); }

  void load(const std::vector<Item>& items) override {
    db_.transact([&](tremula::Transaction& tx) {
         for (const Item& item : items) {
           tx.insert("item", {{"id", item.id}, {"grp", item.grp}, {"val", item.val},
                              {"title", "an item"}});
         }
       })
        .value();
  }

  void subscribe(const ItemSubscription& what) override {
    const NamedValue parameters[] = {{"first", what.first}, {"second", what.second}};
    const std::size_t used = what.query == ItemQuery::kEquality ? 1 : 2;
    subscriptions_.push_back(db_.subscribe(kItemQueries[static_cast<std::size_t>(what.query)],
                                           std::span<const NamedValue>(parameters, used),
                                           [this](const Delta& delta) { hear(delta); })
                                 .value());
  }

  std::size_t set_val(const Item& item) override {
    heard_ = 0;
    db_.transact([&](tremula::Transaction& tx) {
         tx.update("item", item.id, {{"val", item.val}});
       })
        .value();
    return heard_;
  }

  std::vector<std::int64_t> ids(std::size_t index) override {
    return ids_of(subscriptions_.at(index).json());
  }

 private:
  void hear(const Delta& delta) {
    heard_++;
    changes_ += delta.changes().size();
  }

  Database db_ = Database::in_memory();
  std::size_t heard_ = 0;
  std::size_t changes_ = 0;
  std::vector<Subscription> subscriptions_;
};

}  // namespace

std::unique_ptr<ItemEngine> make_tremula_items() { return std::make_unique<TremulaItems>(); }

std::unique_ptr<ItemEngine> make_item_engine(std::string_view name) {
  if (name == "tremula") return make_tremula_items();
  if (name == "floor") return make_floor_items();
  if (name == "sqlite3") return make_sqlite_items();
  return nullptr;
}

}  // namespace tremula::bench
