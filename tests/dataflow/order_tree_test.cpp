// OrderTree against std::set, with the invariants looked at as it grows and shrinks.
#include "core/dataflow/order_tree.h"

#include <doctest/doctest.h>

#include <iterator>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using tremula::dataflow::OrderEntries;
using tremula::dataflow::OrderTree;
using tremula::dataflow::RowId;

namespace {

using Model = std::set<std::pair<std::string, RowId>>;
using Rng = std::mt19937_64;

std::size_t below(Rng& rng, std::size_t end) { return rng() % end; }

// Keys that share beginnings, hold zero bytes, and stand on both sides of the inline length.
std::string random_key(Rng& rng) {
  static const std::string stems[] = {"", "a", std::string("a\0", 2), std::string(12, 'p'),
                                      std::string(18, '\xff'), std::string(40, 'q')};
  std::string key = stems[below(rng, std::size(stems))];
  const std::size_t more = below(rng, 6);
  for (std::size_t i = 0; i < more; ++i) key.push_back("\0\1a\x7f\xff"[below(rng, 5)]);
  return key;
}

std::pair<std::string, RowId> entry_of(const OrderTree::Cursor& cursor) {
  return {std::string(cursor.key()), cursor.row()};
}

void check_place(const OrderTree& tree, const Model& model, const std::string& key, RowId row) {
  const auto expected = model.lower_bound({key, row});
  const auto rank = static_cast<std::size_t>(std::distance(model.begin(), expected));
  REQUIRE(tree.rank(key, row) == rank);
  OrderTree::Cursor found = tree.lower_bound(key, row);
  OrderTree::Cursor selected = tree.select(rank);
  REQUIRE(found.valid() == (expected != model.end()));
  REQUIRE(selected.valid() == found.valid());
  if (!found.valid()) return;
  REQUIRE(entry_of(found) == *expected);
  REQUIRE(entry_of(selected) == *expected);
  found.previous();
  REQUIRE(found.valid() == (expected != model.begin()));
  if (found.valid()) REQUIRE(entry_of(found) == *std::prev(expected));
}

void check_all(const OrderTree& tree, const Model& model) {
  tree.check_invariants();
  REQUIRE(tree.size() == model.size());
  OrderTree::Cursor forward = tree.begin();
  for (const auto& entry : model) {
    REQUIRE(forward.valid());
    REQUIRE(entry_of(forward) == entry);
    forward.next();
  }
  REQUIRE(!forward.valid());
  OrderTree::Cursor backward = tree.last();
  for (auto it = model.rbegin(); it != model.rend(); ++it) {
    REQUIRE(backward.valid());
    REQUIRE(entry_of(backward) == *it);
    backward.previous();
  }
  REQUIRE(!backward.valid());
}

OrderEntries entries_of(const Model& model) {
  OrderEntries entries;
  for (const auto& [key, row] : model) entries.add(key, row);
  return entries;
}

}  // namespace

TEST_CASE("order tree: random inserts and erases stand as in a sorted set") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    OrderTree tree;
    Model model;
    const RowId rows = seed % 3 == 0 ? 4 : 300;
    for (int phase = 0; phase < 6; ++phase) {
      const bool grow = phase % 2 == 0;
      for (int i = 0; i < 2500; ++i) {
        std::pair<std::string, RowId> entry = {random_key(rng), static_cast<RowId>(rng() % rows)};
        if (below(rng, 10) < (grow ? 9 : 2)) {
          REQUIRE(tree.insert(entry.first, entry.second) == model.insert(entry).second);
        } else {
          if (!model.empty() && below(rng, 4) != 0) {
            const auto at = model.lower_bound(entry);
            if (at != model.end()) entry = *at;
          }
          REQUIRE(tree.erase(entry.first, entry.second) == (model.erase(entry) == 1));
        }
        if (i % 50 == 0) {
          check_place(tree, model, random_key(rng), static_cast<RowId>(rng() % rows));
        }
        if (i % 500 == 0) check_all(tree, model);
      }
      check_all(tree, model);
    }
    while (!model.empty()) {
      auto at = model.lower_bound({random_key(rng), 0});
      if (at == model.end()) at = model.begin();
      REQUIRE(tree.erase(at->first, at->second));
      model.erase(at);
      if (model.size() % 97 == 0) tree.check_invariants();
    }
    check_all(tree, model);
    const std::size_t empty_bytes = tree.memory_bytes();
    CHECK(empty_bytes < 4096);
  }
}

TEST_CASE("order tree: keys that come in order, from either end, leave nodes well filled") {
  for (const bool ascending : {true, false}) {
    OrderTree tree;
    const int count = 20'000;
    for (int i = 0; i < count; ++i) {
      const int n = ascending ? i : count - i;
      const char key[] = {static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                          static_cast<char>(n)};
      REQUIRE(tree.insert({key, sizeof key}, static_cast<RowId>(n)));
    }
    tree.check_invariants();
    CHECK(tree.size() == count);
    CHECK(tree.memory_bytes() < static_cast<std::size_t>(count) * 42);
  }
}

TEST_CASE("order tree: built from sorted entries it is the tree that inserts make") {
  for (const std::size_t count : {0, 1, 3, 64, 65, 112, 113, 5'000, 60'000}) {
    CAPTURE(count);
    Rng rng(count);
    Model model;
    while (model.size() < count) model.insert({random_key(rng), static_cast<RowId>(rng() % 99999)});
    OrderTree tree;
    tree.insert("goes away", 1);
    tree.build(entries_of(model));
    check_all(tree, model);
    for (int i = 0; i < 100; ++i) check_place(tree, model, random_key(rng), 0);
    for (int i = 0; i < 1000; ++i) {
      const std::pair<std::string, RowId> entry = {random_key(rng), static_cast<RowId>(rng() % 9)};
      REQUIRE(tree.insert(entry.first, entry.second) == model.insert(entry).second);
      if (const auto at = model.lower_bound({random_key(rng), 0}); at != model.end()) {
        REQUIRE(tree.erase(at->first, at->second));
        model.erase(at);
      }
    }
    check_all(tree, model);
  }
}

TEST_CASE("order tree: moves leave an empty tree behind, that can be filled again") {
  OrderTree tree;
  tree.insert("a", 1);
  tree.insert(std::string(50, 'b'), 2);
  OrderTree moved(std::move(tree));
  CHECK(moved.size() == 2);
  CHECK(tree.size() == 0);
  CHECK(!tree.begin().valid());
  CHECK(!tree.last().valid());
  CHECK(!tree.select(0).valid());
  CHECK(tree.rank("z") == 0);
  CHECK(!tree.erase("a", 1));
  tree.insert("c", 3);
  tree = std::move(moved);
  CHECK(tree.size() == 2);
  CHECK(tree.begin().key() == "a");
  CHECK(tree.last().row() == 2);
  tree.check_invariants();
}

TEST_CASE("order tree: a tree of few entries takes little memory") {
  OrderTree tree;
  tree.insert("one", 1);
  tree.insert("two", 2);
  CHECK(tree.memory_bytes() <= 200);
}
