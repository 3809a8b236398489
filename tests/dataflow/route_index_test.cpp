// RouteIndex and its IntervalTree against asking every instance.
#include "core/dataflow/route_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/triples/value_ops.h"

using namespace tremula;
using dataflow::CoreInstance;
using dataflow::Interval;
using dataflow::IntervalTree;
using dataflow::Node;
using dataflow::RouteBound;
using dataflow::RouteIndex;
using dataflow::RouteKey;
using dataflow::RouteValues;
using triples::Value;

namespace {

using Rng = std::mt19937_64;
using Kind = RouteBound::Kind;

int below(Rng& rng, int end) { return static_cast<int>(rng() % static_cast<std::uint64_t>(end)); }

// The indexes never look into an instance, so its number will do.
CoreInstance* instance(int number) {
  return reinterpret_cast<CoreInstance*>(static_cast<std::uintptr_t>(number + 1) * 16);
}
int number_of(const CoreInstance* instance) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(instance) / 16) - 1;
}

// Few, so that bounds and points meet.
std::string random_point(Rng& rng) {
  std::string point;
  for (int length = 1 + below(rng, 2); length > 0; --length) point += "\0\1ab\xff"[below(rng, 5)];
  if (below(rng, 8) == 0) point += std::string(20, 'z');
  return point;
}

using Model = std::multiset<std::pair<Interval, int>>;

void check_stab(const IntervalTree& tree, const Model& model, const std::string& point) {
  std::multiset<int> found;
  tree.stab(point, [&](const Interval& interval, CoreInstance* item) {
    CHECK(interval.holds(point));
    found.insert(number_of(item));
  });
  std::multiset<int> expected;
  for (const auto& [interval, number] : model)
    if (interval.lower <= point && point < interval.upper) expected.insert(number);
  REQUIRE(found == expected);
}

Value random_value(Rng& rng) {
  static const char* const texts[] = {"", "a", "A", "ab", "aB%", "b", "a_", "%", "Ab\xc3\xa9", "1"};
  switch (below(rng, 8)) {
    case 0: return Value::null();
    case 1: return Value::boolean_of(below(rng, 2) == 0);
    case 2: return Value::real(below(rng, 8) - 4 + 0.5);
    case 3: return Value::real(below(rng, 8) - 4);
    case 4: return Value::bytes_of(texts[below(rng, 3)]);
    case 5: return Value::text_of(texts[below(rng, 10)]);
    default: return Value::int_of(below(rng, 2) == 0 ? below(rng, 8) - 4 : 300 - below(rng, 600));
  }
}

bool is_met(Kind kind, Value value, Value parameter) {
  switch (kind) {
    case Kind::kFrom: return triples::less_equal(parameter, value).is_true();
    case Kind::kBehind: return triples::less(parameter, value).is_true();
    case Kind::kBelow: return triples::less(value, parameter).is_true();
    case Kind::kUpTo: return triples::less_equal(value, parameter).is_true();
    case Kind::kLike: return triples::like(value, parameter, Value::null()).is_true();
  }
  return false;
}

// A route over a row of two values, which stand in its nodes: an equality and a range, or one of
// both.
struct Routed {
  Node equal, range;
  RouteKey route;

  Routed(bool has_equality, const std::vector<Kind>& bounds) {
    if (has_equality) {
      route.of_row.push_back(&equal);
      route.parameters.push_back(0);
    }
    if (bounds.empty()) return;
    route.range = &range;
    route.folded = bounds[0] == Kind::kLike;
    for (std::size_t i = 0; i < bounds.size(); ++i)
      route.bounds.push_back({bounds[i], static_cast<std::uint32_t>(i + 1)});
  }

  RouteValues values(Value first, Value second) {
    equal.literal = triples::OwnedValue(first);
    range.literal = triples::OwnedValue(second);
    RouteValues values;
    values.read(route, {});
    return values;
  }

  bool wants(const std::vector<Value>& parameters, Value first, Value second) const {
    if (!route.of_row.empty() && triples::compare(first, parameters[0]) != 0) return false;
    return std::all_of(route.bounds.begin(), route.bounds.end(), [&](const RouteBound& b) {
      return is_met(b.kind, second, parameters[b.parameter]);
    });
  }
};

struct Row {
  bool there = false;
  Value first, second;
};

Row random_row(Rng& rng) {
  return {below(rng, 4) != 0, Value::int_of(below(rng, 3)), random_value(rng)};
}

// What a changed row visits: all that want it, none twice, and of LIKE perhaps some more.
void check_change(Routed& routed, const RouteIndex& index,
                  const std::map<int, std::vector<Value>>& held, const Row& before,
                  const Row& after) {
  const RouteValues old_values = routed.values(before.first, before.second);
  const RouteValues new_values = routed.values(after.first, after.second);
  std::multiset<int> visited;
  index.for_each(before.there ? &old_values : nullptr, after.there ? &new_values : nullptr,
                 [&](CoreInstance& instance) { visited.insert(number_of(&instance)); });
  for (const auto& [number, parameters] : held) {
    const bool wanted = (before.there && routed.wants(parameters, before.first, before.second)) ||
                        (after.there && routed.wants(parameters, after.first, after.second));
    if (wanted || !routed.route.folded) REQUIRE(visited.count(number) == (wanted ? 1 : 0));
    REQUIRE(visited.count(number) <= 1);
    visited.erase(number);
  }
  REQUIRE(visited.empty());
}

void run_route(Routed& routed, std::uint64_t seed) {
  CAPTURE(seed);
  Rng rng(seed);
  RouteIndex index(routed.route);
  std::map<int, std::vector<Value>> held;
  int next = 0;
  for (int step = 0; step < 400; ++step) {
    if (below(rng, 3) != 0 || held.empty()) {
      std::vector<Value> parameters{Value::int_of(below(rng, 3))};
      for (const RouteBound& bound : routed.route.bounds) {
        static_cast<void>(bound);
        parameters.push_back(random_value(rng));
      }
      index.insert(parameters, instance(next));
      held[next++] = std::move(parameters);
    } else {
      const auto at = std::next(held.begin(), below(rng, static_cast<int>(held.size())));
      index.erase(at->second, instance(at->first));
      held.erase(at);
    }
    const Row before = random_row(rng);
    Row after = random_row(rng);
    if (below(rng, 3) == 0) after.second = before.second;
    check_change(routed, index, held, before, after);
  }
  for (const auto& [number, parameters] : held) index.erase(parameters, instance(number));
  check_change(routed, index, {}, {true, Value::int_of(1), Value::int_of(1)}, {});
}

}  // namespace

TEST_CASE("interval tree: a stab finds what asking every interval finds") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    IntervalTree tree;
    Model model;
    for (int step = 0; step < 600; ++step) {
      // Grows, then shrinks to nothing.
      if (below(rng, 600) > step) {
        Interval interval{random_point(rng), random_point(rng)};
        if (interval.empty()) continue;
        const int number = below(rng, 1000);
        model.emplace(interval, number);
        tree.insert(std::move(interval), instance(number));
      } else if (!model.empty()) {
        const auto at = std::next(model.begin(), below(rng, static_cast<int>(model.size())));
        tree.erase(at->first, instance(at->second));
        model.erase(at);
      }
      tree.check_invariants();
      REQUIRE(tree.empty() == model.empty());
      check_stab(tree, model, random_point(rng));
    }
    while (!model.empty()) {
      tree.erase(model.begin()->first, instance(model.begin()->second));
      model.erase(model.begin());
    }
    tree.check_invariants();
    CHECK(tree.empty());
  }
}

TEST_CASE("interval tree: equal and nested intervals, ascending and descending, are all found") {
  for (const bool ascending : {true, false}) {
    IntervalTree tree;
    Model model;
    for (int i = 0; i < 500; ++i) {
      const int low = ascending ? i : 499 - i;
      const std::string lower{static_cast<char>('A' + low / 50), static_cast<char>('a' + low % 7)};
      const Interval interval{lower, i % 3 == 0 ? std::string("\xff") : lower + "m"};
      model.emplace(interval, i);
      tree.insert(interval, instance(i));
    }
    tree.check_invariants();
    for (const char* point : {"A", "Aa", "Aam", "Cc", "Ccl", "Jg", "zz", "\xff"})
      check_stab(tree, model, point);
  }
}

TEST_CASE("route index: a row visits once each instance that wants it before or after") {
  const std::vector<std::vector<Kind>> ranges = {
      {},
      {Kind::kFrom},
      {Kind::kBehind},
      {Kind::kBelow},
      {Kind::kUpTo},
      {Kind::kFrom, Kind::kBelow},
      {Kind::kUpTo, Kind::kBehind, Kind::kFrom},
      {Kind::kLike},
      {Kind::kLike, Kind::kLike},
  };
  for (const bool has_equality : {false, true}) {
    for (const std::vector<Kind>& bounds : ranges) {
      Routed routed(has_equality, bounds);
      if (routed.route.empty()) continue;
      for (std::uint64_t seed = 1; seed <= 8; ++seed) run_route(routed, seed);
    }
  }
}

TEST_CASE("route index: a comparison with NULL wants no row") {
  Routed routed(false, {Kind::kFrom, Kind::kUpTo});
  RouteIndex index(routed.route);
  index.insert(std::vector<Value>{Value::null(), Value::null(), Value::int_of(9)}, instance(1));
  index.insert(std::vector<Value>{Value::null(), Value::int_of(9), Value::int_of(1)}, instance(2));
  int visits = 0;
  for (const Value value : {Value::null(), Value::int_of(5), Value::text_of("x")}) {
    const RouteValues values = routed.values(Value::null(), value);
    index.for_each(&values, nullptr, [&](CoreInstance&) { ++visits; });
  }
  CHECK(visits == 0);
}
