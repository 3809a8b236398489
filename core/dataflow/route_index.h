// RouteIndex: which instances of a core a row of one of its sources may concern.
//
//   route: project = $0, created >= $1, created < $2
//   (project encoded) -> intervals of created -> instances         without a range: -> instances
//
// A row is asked for by its values before and after; instances that want neither are not visited.
// A range's interval is of encoded values, in which NULL stands below all: `<= 5` is from behind
// NULL's bytes to behind those of 5, and a comparison with NULL holds nothing. Of LIKE it is of the
// texts in small letters that begin with the pattern's prefix.
// Invariants:
//   1  an instance stands under its equalities' parameters, with the intersection of its bounds; if
//      that is empty, nowhere.
//   2  for_each() visits no instance twice.
// Thread: the writer thread alone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/dataflow/interval_tree.h"
#include "core/dataflow/template.h"

namespace tremula::dataflow {

// What a row is routed by, on one side. `row` needs what the route's columns read.
struct RouteValues {
  std::string key;    // of the equalities
  std::string point;  // of the range

  void read(const RouteKey& route, const RowContext& row);
  bool operator==(const RouteValues&) const = default;
};

class RouteIndex {
 public:
  // Requires: the route is not empty, and outlives the index.
  explicit RouteIndex(const RouteKey& route) : route_(route) {}

  // Requires: of erase(): the same values as when it was inserted.
  void insert(std::span<const triples::Value> parameters, CoreInstance* instance);
  void erase(std::span<const triples::Value> parameters, const CoreInstance* instance);

  // Calls visit(instance) for those that a row with these values may concern. Null: it was, or is
  // not there.
  template <typename Visitor>
  void for_each(const RouteValues* before, const RouteValues* after, Visitor&& visit) const {
    const bool same_key = before != nullptr && after != nullptr && before->key == after->key;
    if (!route_.has_range()) {
      if (before != nullptr) visit_list(before->key, visit);
      if (after != nullptr && !same_key) visit_list(after->key, visit);
      return;
    }
    if (before != nullptr) visit_intervals(*before, nullptr, visit);
    if (after == nullptr || (same_key && before->point == after->point)) return;
    visit_intervals(*after, same_key ? &before->point : nullptr, visit);
  }

 private:
  template <typename Visitor>
  void visit_list(std::string_view key, Visitor& visit) const {
    if (const auto* found = lists_.find(key))
      for (CoreInstance* instance : *found) visit(*instance);
  }
  // But those that hold `but` too.
  template <typename Visitor>
  void visit_intervals(const RouteValues& values, const std::string* but, Visitor& visit) const {
    const IntervalTree* tree = trees_.find(values.key);
    if (tree == nullptr) return;
    tree->stab(values.point, [&](const Interval& interval, CoreInstance* instance) {
      if (but == nullptr || !interval.holds(*but)) visit(*instance);
    });
  }
  std::string key_of(std::span<const triples::Value> parameters) const;
  Interval interval_of(std::span<const triples::Value> parameters) const;

  const RouteKey& route_;
  base::FlatMap<std::string, std::vector<CoreInstance*>> lists_;  // one of both is in use
  base::FlatMap<std::string, IntervalTree> trees_;
};

}  // namespace tremula::dataflow
