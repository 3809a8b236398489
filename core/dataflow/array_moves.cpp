#include "core/dataflow/array_moves.h"

#include <algorithm>
#include <array>
#include <map>

namespace tremula::dataflow {

namespace {

constexpr std::size_t kNowhere = ArrayItem::kNowhere;

bool stays(const ArrayItem& i) { return i.old_index != kNowhere && i.new_index != kNowhere; }

// For each item, how many rows that are not in `moving` stand before it on a side: its index less
// the moving ones before it.
std::vector<std::size_t> gaps(std::span<const ArrayItem> items, const std::vector<bool>& moving,
                              std::size_t ArrayItem::*index) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (items[i].*index != kNowhere) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return items[a].*index < items[b].*index; });
  std::vector<std::size_t> result(items.size(), 0);
  std::size_t before = 0;
  for (std::size_t i : order) {
    result[i] = items[i].*index - before;
    before += moving[i];
  }
  return result;
}

// Takes out of `moving` the longest run of rows that stay where they are relative to the unchanged
// ones and to each other.
void find_at_rest(std::span<const ArrayItem> items, std::vector<bool>& moving) {
  const std::vector<std::size_t> old_gap = gaps(items, moving, &ArrayItem::old_index);
  const std::vector<std::size_t> new_gap = gaps(items, moving, &ArrayItem::new_index);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (stays(items[i]) && old_gap[i] == new_gap[i]) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return items[a].old_index < items[b].old_index; });
  std::vector<std::size_t> tails;  // the item that ends the best run of each length
  std::vector<std::size_t> previous(items.size(), kNowhere);
  for (std::size_t i : order) {
    auto at = std::lower_bound(tails.begin(), tails.end(), i, [&](std::size_t a, std::size_t b) {
      return items[a].new_index < items[b].new_index;
    });
    if (at != tails.begin()) previous[i] = *(at - 1);
    if (at == tails.end())
      tails.push_back(i);
    else
      *at = i;
  }
  if (tails.empty()) return;
  for (std::size_t i = tails.back(); i != kNowhere; i = previous[i]) moving[i] = false;
}

// Pairs rows that leave with rows that enter between the same base rows, in their order; they
// become base.
void find_replaced(std::span<const ArrayItem> items, std::vector<bool>& moving, ArrayPlan& plan) {
  const std::vector<std::size_t> old_gap = gaps(items, moving, &ArrayItem::old_index);
  const std::vector<std::size_t> new_gap = gaps(items, moving, &ArrayItem::new_index);
  std::map<std::size_t, std::array<std::vector<std::size_t>, 2>> by_gap;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].new_index == kNowhere) by_gap[old_gap[i]][0].push_back(i);
    if (items[i].old_index == kNowhere) by_gap[new_gap[i]][1].push_back(i);
  }
  for (auto& [gap, lists] : by_gap) {
    auto& [leaving, entering] = lists;
    std::sort(leaving.begin(), leaving.end(), [&](std::size_t a, std::size_t b) {
      return items[a].old_index < items[b].old_index;
    });
    std::sort(entering.begin(), entering.end(), [&](std::size_t a, std::size_t b) {
      return items[a].new_index < items[b].new_index;
    });
    for (std::size_t k = 0; k < std::min(leaving.size(), entering.size()); ++k) {
      plan.replaced.emplace_back(leaving[k], entering[k]);
      moving[leaving[k]] = moving[entering[k]] = false;
    }
  }
}

// Where the moving rows are while steps are taken: counts those before a place. A Fenwick tree over
// all places, in order.
class Places {
 public:
  explicit Places(std::size_t count) : tree_(count + 1, 0) {}
  void add(std::size_t place, int amount) {
    for (std::size_t i = place + 1; i < tree_.size(); i += i & (~i + 1)) tree_[i] += amount;
  }
  std::size_t before(std::size_t place) const {
    int sum = 0;
    for (std::size_t i = place; i > 0; i -= i & (~i + 1)) sum += tree_[i];
    return static_cast<std::size_t>(sum);
  }

 private:
  std::vector<int> tree_;
};

// A moving row's place on a side: behind `gap` base rows; among those of one gap new places come
// before old ones.
struct Place {
  std::size_t gap;
  bool old_side;
  std::size_t index;
  std::size_t item;

  bool operator<(const Place& o) const {
    if (gap != o.gap) return gap < o.gap;
    if (old_side != o.old_side) return !old_side;
    return index < o.index;
  }
};

}  // namespace

namespace {

// One row changes, or one leaves and one enters: all others rest, so an index is a gap.
bool plan_few(std::span<const ArrayItem> items, ArrayPlan& plan) {
  using Kind = ArrayStep::Kind;
  if (items.size() == 1) {
    const ArrayItem& item = items[0];
    if (item.new_index == kNowhere)
      plan.add(Kind::kRemove, 0, 0, item.old_index);
    else if (item.old_index == kNowhere)
      plan.add(Kind::kAdd, 0, 0, item.new_index);
    else if (item.old_index != item.new_index)
      plan.add(Kind::kMove, 0, item.old_index, item.new_index);
    return true;
  }
  if (items.size() != 2) return false;
  const std::size_t leaves = items[0].new_index == kNowhere ? 0 : 1;
  const ArrayItem &old_row = items[leaves], &new_row = items[1 - leaves];
  if (old_row.new_index != kNowhere || new_row.old_index != kNowhere) return false;
  if (old_row.old_index == new_row.new_index) {
    plan.replaced.emplace_back(leaves, 1 - leaves);
    return true;
  }
  plan.add(Kind::kRemove, leaves, 0, old_row.old_index);
  plan.add(Kind::kAdd, 1 - leaves, 0, new_row.new_index);
  return true;
}

}  // namespace

void plan_array(std::span<const ArrayItem> items, ArrayPlan& plan) {
  if (plan_few(items, plan)) return;
  std::vector<bool> moving(items.size(), true);
  find_at_rest(items, moving);
  find_replaced(items, moving, plan);
  const std::vector<std::size_t> old_gap = gaps(items, moving, &ArrayItem::old_index);
  const std::vector<std::size_t> new_gap = gaps(items, moving, &ArrayItem::new_index);
  std::vector<Place> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!moving[i]) continue;
    if (items[i].new_index == kNowhere)
      plan.steps.push_back({ArrayStep::Kind::kRemove, i, 0, items[i].old_index});
    else
      places.push_back({new_gap[i], false, items[i].new_index, i});
    if (stays(items[i])) places.push_back({old_gap[i], true, items[i].old_index, i});
  }
  std::sort(plan.steps.begin(), plan.steps.end(),
            [](const ArrayStep& a, const ArrayStep& b) { return a.index > b.index; });
  std::sort(places.begin(), places.end());
  Places present(places.size());
  std::vector<std::size_t> old_place(items.size(), kNowhere);
  std::vector<std::size_t> coming;
  for (std::size_t p = 0; p < places.size(); ++p) {
    if (places[p].old_side) {
      old_place[places[p].item] = p;
      present.add(p, 1);
    } else {
      coming.push_back(p);
    }
  }
  std::sort(coming.begin(), coming.end(),
            [&](std::size_t a, std::size_t b) { return places[a].index < places[b].index; });
  for (std::size_t p : coming) {
    const std::size_t item = places[p].item;
    ArrayStep step{ArrayStep::Kind::kAdd, item, 0, 0};
    if (old_place[item] != kNowhere) {
      step.kind = ArrayStep::Kind::kMove;
      step.from = places[old_place[item]].gap + present.before(old_place[item]);
      present.add(old_place[item], -1);
    }
    step.index = places[p].gap + present.before(p);
    present.add(p, 1);
    if (step.kind == ArrayStep::Kind::kAdd || step.from != step.index) plan.steps.push_back(step);
  }
}

}  // namespace tremula::dataflow
