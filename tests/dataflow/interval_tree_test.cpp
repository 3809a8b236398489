// IntervalTree against asking every interval.
#include "core/dataflow/interval_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>

using namespace tremula;
using dataflow::Interval;
using dataflow::IntervalTree;

namespace {

using Rng = std::mt19937_64;

int below(Rng& rng, int end) { return static_cast<int>(rng() % static_cast<std::uint64_t>(end)); }

// Few, so that bounds and points meet.
std::string random_point(Rng& rng) {
  std::string point;
  for (int length = 1 + below(rng, 2); length > 0; --length) point += "\0\1ab\xff"[below(rng, 5)];
  if (below(rng, 8) == 0) point += std::string(20, 'z');
  return point;
}

using Model = std::map<Interval, int>;

void check_stab(const IntervalTree& tree, const Model& model, const std::string& point) {
  std::set<int> found;
  tree.stab(point, [&](const dataflow::IntervalView& interval, std::uint32_t items) {
    CHECK(interval.holds(point));
    CHECK(found.insert(static_cast<int>(items)).second);
    return true;
  });
  std::set<int> expected;
  for (const auto& [interval, number] : model)
    if (interval.lower <= point && point < interval.upper) expected.insert(number);
  REQUIRE(found == expected);
}

void erase(IntervalTree& tree, const Interval& interval) {
  const IntervalTree::Number node = tree.add(interval);
  tree.items(node) = IntervalTree::kNone;
  tree.erase(node);
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
        const int number = below(rng, 1000000);
        model[interval] = number;
        tree.items(tree.add(interval)) = static_cast<std::uint32_t>(number);
      } else if (!model.empty()) {
        const auto at = std::next(model.begin(), below(rng, static_cast<int>(model.size())));
        erase(tree, at->first);
        model.erase(at);
      }
      tree.check_invariants();
      REQUIRE(tree.empty() == model.empty());
      check_stab(tree, model, random_point(rng));
    }
    while (!model.empty()) {
      erase(tree, model.begin()->first);
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
      model[interval] = i;
      tree.items(tree.add(interval)) = static_cast<std::uint32_t>(i);
    }
    tree.check_invariants();
    for (const char* point : {"A", "Aa", "Aam", "Cc", "Ccl", "Jg", "zz", "\xff"})
      check_stab(tree, model, point);
  }
}
