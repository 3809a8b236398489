// Items by hand: groups as ordered sets with their windows, disjoint ranges in an ordered map.
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <unordered_map>

#include "bench/support/items.h"

namespace tremula::bench {
namespace {

struct Place {
  std::int64_t val = 0;
  std::int64_t id = 0;
  bool operator<(const Place& other) const {
    return val != other.val ? val > other.val : id < other.id;
  }
};
using Order = std::set<Place>;

struct Window {
  std::size_t limit = 0;
  Order::iterator last;
};

struct Group {
  Order order;
  std::size_t watchers = 0;
  std::map<std::size_t, Window> windows;  // by subscription
};

class FloorItems : public ItemEngine {
 public:
  void load(const std::vector<Item>& items) override {
    for (const Item& item : items) {
      items_[item.id] = item;
      groups_[item.grp].order.insert({item.val, item.id});
    }
  }

  void subscribe(const ItemSubscription& what) override {
    const std::size_t index = subscriptions_.size();
    subscriptions_.push_back(what);
    if (what.query == ItemQuery::kRange) {
      ranges_[what.first] = {what.second, index};
      return;
    }
    Group& group = groups_[what.first];
    if (what.query == ItemQuery::kEquality) {
      group.watchers++;
      return;
    }
    const auto limit = static_cast<std::size_t>(what.second);
    const std::size_t rows = std::min(limit, group.order.size());
    group.windows[index] = {limit, rows == 0 ? group.order.end()
                                             : std::next(group.order.begin(), rows - 1)};
  }

  std::size_t set_val(const Item& change) override {
    heard_ = 0;
    Item& item = items_.find(change.id)->second;
    if (!ranges_.empty()) move_in_ranges(item.val, change.val);
    Group& group = groups_.find(item.grp)->second;
    const Order::iterator from = group.order.find({item.val, item.id});
    if (item.val != change.val) {
      const Order::iterator to = group.order.insert({change.val, item.id}).first;
      for (auto& [subscription, window] : group.windows) move_in_window(window, from, to);
      group.order.erase(from);
    }
    item.val = change.val;
    return heard_;
  }

  std::vector<std::int64_t> ids(std::size_t index) override {
    const ItemSubscription& what = subscriptions_.at(index);
    std::set<std::int64_t> unordered;
    std::vector<std::int64_t> result;
    for (const auto& [id, item] : items_) {
      if (what.query == ItemQuery::kEquality && item.grp == what.first) unordered.insert(id);
      const bool inside = item.val >= what.first && item.val < what.second;
      if (what.query == ItemQuery::kRange && inside) unordered.insert(id);
    }
    if (what.query != ItemQuery::kTopK) return {unordered.begin(), unordered.end()};
    const Group& group = groups_.at(what.first);
    for (auto at = group.order.begin(); at != group.order.end(); ++at) {
      result.push_back(at->id);
      if (at == group.windows.at(index).last) break;
    }
    return result;
  }

 private:
  struct Range {
    std::int64_t hi = 0;
    std::size_t subscription = 0;
  };

  // Returns: the range that holds a value, or the end.
  std::map<std::int64_t, Range>::iterator stab(std::int64_t val) {
    auto found = ranges_.upper_bound(val);
    if (found == ranges_.begin()) return ranges_.end();
    --found;
    return val < found->second.hi ? found : ranges_.end();
  }

  void move_in_ranges(std::int64_t from, std::int64_t to) {
    const auto left = stab(from);
    const auto entered = stab(to);
    if (left == entered) return;
    heard_ += (left != ranges_.end()) + (entered != ranges_.end());
  }

  // Both are in the order.
  void move_in_window(Window& window, Order::iterator from, Order::iterator to) {
    const bool in_old = !(*window.last < *from);
    const bool before_last = *to < *window.last;
    if (!in_old && !before_last) return;
    heard_++;
    if (in_old && before_last) {
      if (window.last == from) --window.last;
    } else if (in_old) {
      ++window.last;
    } else {
      --window.last;
    }
  }

  std::size_t heard_ = 0;
  std::unordered_map<std::int64_t, Item> items_;
  std::unordered_map<std::int64_t, Group> groups_;
  std::map<std::int64_t, Range> ranges_;  // by lo
  std::vector<ItemSubscription> subscriptions_;
};

}  // namespace

std::unique_ptr<ItemEngine> make_floor_items() { return std::make_unique<FloorItems>(); }

}  // namespace tremula::bench
