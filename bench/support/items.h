// Items: one small table on three engines, for the benchmarks that grow one thing at a time.
//
//   item(id, grp, val, title)     the rows are (grp, val); ids count from 1
//   kinds of subscription: equality  rows of a group              range  rows with lo <= val < hi
//                          top_k     newest (val desc) of a group, with a limit
//
// Thread: any one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace tremula::bench {

struct Item {
  std::int64_t id = 0;
  std::int64_t grp = 0;
  std::int64_t val = 0;
};

enum class ItemQuery : std::uint8_t { kEquality, kRange, kTopK };

struct ItemSubscription {
  ItemQuery query = ItemQuery::kEquality;
  std::int64_t first = 0;   // the group; of kRange its lo
  std::int64_t second = 0;  // of kRange its hi, of kTopK its limit
};

class ItemEngine {
 public:
  virtual ~ItemEngine() = default;
  virtual void load(const std::vector<Item>& items) = 0;
  // Subscribes, and reads no result: what is timed is the engine alone.
  virtual void subscribe(const ItemSubscription& what) = 0;
  // Sets an item's val; returns when every listener has heard.
  // Returns: how many did.
  virtual std::size_t set_val(const Item& item) = 0;
  // The ids of subscription `index`, in order.
  virtual std::vector<std::int64_t> ids(std::size_t index) = 0;
};

// Returns: null for a name that is none of kEngines (engine.h).
std::unique_ptr<ItemEngine> make_item_engine(std::string_view name);

std::unique_ptr<ItemEngine> make_tremula_items();
std::unique_ptr<ItemEngine> make_floor_items();
std::unique_ptr<ItemEngine> make_sqlite_items();

}  // namespace tremula::bench
