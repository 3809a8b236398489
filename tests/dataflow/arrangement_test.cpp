// Arrangement: both sides against two sorted models, over many steps.
#include "core/dataflow/arrangement.h"

#include <doctest/doctest.h>

#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using tremula::dataflow::Arrangement;
using tremula::dataflow::OrderEntries;
using tremula::dataflow::RowId;
using tremula::triples::Side;

namespace {

using Rng = std::mt19937_64;
using Key = std::optional<std::string>;
using Entries = std::set<std::pair<std::string, RowId>>;

std::string random_key(Rng& rng) {
  static const std::string stems[] = {"", "a", std::string(7, 'h'), std::string(16, 'm'),
                                      std::string(30, 'z')};
  std::string key = stems[rng() % std::size(stems)];
  for (std::size_t i = rng() % 3; i > 0; --i) key.push_back("\0ab\xff"[rng() % 4]);
  return key;
}

std::optional<std::string_view> view(const Key& key) {
  if (!key) return std::nullopt;
  return *key;
}

// What an arrangement must be: the key of each row on either side.
struct Model {
  std::map<RowId, std::string> rows[2];  // old, new

  Key key(RowId row, Side side) const {
    const auto& side_rows = rows[side == Side::kNew];
    const auto found = side_rows.find(row);
    return found == side_rows.end() ? Key() : Key(found->second);
  }
  void set(RowId row, const Key& key) {
    if (key) {
      rows[1][row] = *key;
    } else {
      rows[1].erase(row);
    }
  }
  Entries entries(Side side) const {
    Entries sorted;
    for (const auto& [row, key] : rows[side == Side::kNew]) sorted.emplace(key, row);
    return sorted;
  }
};

std::pair<std::string, RowId> entry_of(const Arrangement::Cursor& cursor) {
  return {std::string(cursor.key()), cursor.row()};
}

void check_scan(Arrangement::Cursor at, Entries::const_iterator expected,
                Entries::const_iterator end, int steps_max) {
  for (int i = 0; i < steps_max; ++i) {
    REQUIRE(at.valid() == (expected != end));
    if (!at.valid()) return;
    REQUIRE(entry_of(at) == *expected);
    at.next();
    ++expected;
  }
}

void check_side(const Arrangement& arrangement, const Model& model, Side side, Rng& rng) {
  CAPTURE(static_cast<int>(side));
  const Entries entries = model.entries(side);
  REQUIRE(arrangement.size(side) == entries.size());
  check_scan(arrangement.lower_bound("", 0, side), entries.begin(), entries.end(), 1 << 30);
  for (int i = 0; i < 4; ++i) {
    const std::string key = random_key(rng);
    const RowId row = static_cast<RowId>(rng() % 100);
    const auto expected = entries.lower_bound({key, row});
    const auto rank = static_cast<std::size_t>(std::distance(entries.begin(), expected));
    REQUIRE(arrangement.rank(key, row, side) == rank);
    check_scan(arrangement.lower_bound(key, row, side), expected, entries.end(), 5);
  }
  for (std::size_t i = 0; i <= entries.size(); i += 1 + rng() % 3) {
    check_scan(arrangement.select(i, side), std::next(entries.begin(), static_cast<long>(i)),
               entries.end(), 4);
  }
}

void check_touched(const Arrangement& arrangement, const Model& model, RowId rows) {
  std::size_t differing = 0;
  for (RowId row = 0; row < rows; ++row) {
    const Key old_key = model.key(row, Side::kOld);
    const Key new_key = model.key(row, Side::kNew);
    const Arrangement::Touched* touched = arrangement.find_touched(row);
    REQUIRE((touched != nullptr) == (old_key != new_key));
    if (touched == nullptr) continue;
    ++differing;
    REQUIRE(touched->row == row);
    REQUIRE(touched->old_key == old_key);
    REQUIRE(touched->new_key == new_key);
  }
  REQUIRE(arrangement.touched().size() == differing);
}

void check_all(const Arrangement& arrangement, const Model& model, RowId rows, Rng& rng) {
  check_touched(arrangement, model, rows);
  check_side(arrangement, model, Side::kNew, rng);
  check_side(arrangement, model, Side::kOld, rng);
}

void random_update(Arrangement& arrangement, Model& model, RowId rows, Rng& rng) {
  const RowId row = static_cast<RowId>(rng() % rows);
  const Key before = model.key(row, Side::kNew);
  Key after;
  if (rng() % 3 != 0) after = random_key(rng);
  if (rng() % 5 == 0) after = model.key(row, Side::kOld);  // the step undoes itself
  const Arrangement::Touched* touched = arrangement.find_touched(row);
  if (touched != nullptr && rng() % 2 == 0) {
    arrangement.update(row, view(touched->new_key),
                       after == touched->old_key ? view(touched->old_key) : view(after));
  } else {
    arrangement.update(row, view(before), view(after));
  }
  model.set(row, after);
}

}  // namespace

TEST_CASE("arrangement: both sides answer as two sorted sets, step after step") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const RowId rows = static_cast<RowId>(3 + (seed * seed) * 5);
    Arrangement arrangement;
    Model model;
    for (int step = 0; step < 500; ++step) {
      CAPTURE(step);
      const std::size_t updates = step % 7 == 0 ? rng() % 60 : rng() % 5;
      for (std::size_t i = 0; i < updates; ++i) {
        random_update(arrangement, model, rows, rng);
        if (rng() % 4 == 0) check_side(arrangement, model, Side::kOld, rng);
      }
      check_all(arrangement, model, rows, rng);
      if (step % 20 == 0) arrangement.check_invariants();
      if (rng() % 4 == 0) continue;  // the next updates belong to the same step
      arrangement.settle();
      model.rows[0] = model.rows[1];
      if (step % 10 == 0) check_all(arrangement, model, rows, rng);
    }
  }
}

TEST_CASE("arrangement: a step of thousands of rows answers and settles") {
  Rng rng(7);
  const RowId rows = 6'000;
  OrderEntries entries;
  Model model;
  for (RowId row = 0; row < rows; row += 2) {
    model.rows[1][row] = random_key(rng);
    entries.add(model.rows[1][row], row);
  }
  Arrangement arrangement;
  arrangement.build(std::move(entries));
  model.rows[0] = model.rows[1];
  check_side(arrangement, model, Side::kOld, rng);
  const std::size_t bytes = arrangement.memory_bytes();
  for (int i = 0; i < 9'000; ++i) random_update(arrangement, model, rows, rng);
  check_touched(arrangement, model, rows);
  arrangement.check_invariants();
  const Entries old_entries = model.entries(Side::kOld);
  check_scan(arrangement.lower_bound("", 0, Side::kOld), old_entries.begin(), old_entries.end(),
             1 << 30);
  for (std::size_t i = 0; i < old_entries.size(); i += 37) {
    check_scan(arrangement.select(i, Side::kOld),
               std::next(old_entries.begin(), static_cast<long>(i)), old_entries.end(), 3);
  }
  for (RowId row = 0; row < rows; ++row) {  // all back
    const Key now = model.key(row, Side::kNew);
    const Key then = model.key(row, Side::kOld);
    arrangement.update(row, view(now), view(then));
  }
  CHECK(arrangement.touched().empty());
  model.rows[1] = model.rows[0];
  check_side(arrangement, model, Side::kOld, rng);
  arrangement.settle();
  CHECK(arrangement.memory_bytes() < 2 * bytes + (1 << 16));
}

TEST_CASE("arrangement: a row that moves stands at its old place on the old side alone") {
  Arrangement arrangement;
  OrderEntries entries;
  entries.add("d", 4);
  entries.add("a", 1);
  entries.add("c", 3);
  entries.add("b", 2);
  arrangement.build(std::move(entries));
  arrangement.update(3, "c", "e");
  const auto text = [&arrangement](Side side) {
    std::string rows;
    for (auto at = arrangement.lower_bound("", 0, side); at.valid(); at.next()) {
      rows += std::string(at.key()) + std::to_string(at.row()) + " ";
    }
    return rows;
  };
  CHECK(text(Side::kOld) == "a1 b2 c3 d4 ");
  CHECK(text(Side::kNew) == "a1 b2 d4 e3 ");
  CHECK(arrangement.rank("e", 0, Side::kOld) == 4);
  CHECK(arrangement.rank("e", 0, Side::kNew) == 3);
  CHECK(arrangement.select(2, Side::kOld).row() == 3);
  CHECK(arrangement.select(2, Side::kNew).row() == 4);
  arrangement.update(3, "e", std::nullopt);
  CHECK(text(Side::kOld) == "a1 b2 c3 d4 ");
  CHECK(text(Side::kNew) == "a1 b2 d4 ");
  arrangement.update(3, std::nullopt, "c");
  CHECK(arrangement.touched().empty());
  arrangement.settle();
  CHECK(text(Side::kOld) == "a1 b2 c3 d4 ");
}
