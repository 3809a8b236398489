// plan_array alone: its steps, taken one after the other, make one array of another.
#include "core/dataflow/array_moves.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "tests/property/rng.h"

using tremula::dataflow::ArrayItem;
using tremula::dataflow::ArrayPlan;
using tremula::dataflow::ArrayStep;
using tremula::dataflow::plan_array;
using tremula::property::Rng;

namespace {

// Rows are letters; the listed ones are given by `listed`.
std::vector<ArrayItem> items_of(const std::string& before, const std::string& after,
                                const std::string& listed) {
  std::vector<ArrayItem> items;
  for (char row : listed) {
    ArrayItem item;
    if (before.find(row) != std::string::npos) item.old_index = before.find(row);
    if (after.find(row) != std::string::npos) item.new_index = after.find(row);
    items.push_back(item);
  }
  return items;
}

// The steps as text, and `array` with them taken.
std::string take(const ArrayPlan& plan, const std::string& listed, std::string& array) {
  std::string text;
  for (const auto& [leaves, enters] : plan.replaced) {
    const std::size_t at = array.find(listed[leaves]);
    REQUIRE(at != std::string::npos);
    array[at] = listed[enters];
    text += std::string(1, listed[leaves]) + "=" + listed[enters] + " ";
  }
  for (const ArrayStep& step : plan.steps) {
    const char row = listed[step.item];
    if (step.kind != ArrayStep::Kind::kAdd) {
      const std::size_t from = step.kind == ArrayStep::Kind::kMove ? step.from : step.index;
      REQUIRE(from < array.size());
      REQUIRE(array[from] == row);
      array.erase(from, 1);
    }
    if (step.kind == ArrayStep::Kind::kRemove) {
      text += "-" + std::to_string(step.index) + " ";
      continue;
    }
    REQUIRE(step.index <= array.size());
    array.insert(step.index, 1, row);
    if (step.kind == ArrayStep::Kind::kMove)
      text += std::to_string(step.from) + ">" + std::to_string(step.index) + " ";
    else
      text += "+" + std::to_string(step.index) + row + " ";
  }
  if (!text.empty()) text.pop_back();
  return text;
}

std::string steps(const std::string& before, const std::string& after, const std::string& listed) {
  std::string array = before;
  ArrayPlan plan;
  plan_array(items_of(before, after, listed), plan);
  const std::string text = take(plan, listed, array);
  CHECK(array == after);
  return text;
}

// The rows that must be listed: those that are on one side only, and those beside a longest common
// run of the others; here all that are not in a run chosen greedily, plus some at rest.
std::string must_list(Rng& rng, const std::string& before, const std::string& after) {
  std::string listed;
  std::size_t last = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const std::size_t was = before.find(after[i]);
    const bool at_rest = was != std::string::npos && was >= last;
    if (at_rest && rng.chance(60))
      last = was + 1;  // unlisted: keeps its order to the others
    else
      listed += after[i];
  }
  for (char row : before) {
    if (after.find(row) == std::string::npos) listed += row;
  }
  for (std::size_t i = listed.size(); i > 1; --i)
    std::swap(listed[i - 1], listed[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
  return listed;
}

std::string random_array(Rng& rng) {
  std::string rows = "abcdefghijkl";
  for (std::size_t i = rows.size(); i > 1; --i)
    std::swap(rows[i - 1], rows[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
  return rows.substr(0, static_cast<std::size_t>(rng.below(13)));
}

}  // namespace

TEST_CASE("array moves: one row that changes is one step") {
  CHECK(steps("abcd", "abcd", "") == "");
  CHECK(steps("abcd", "abcd", "bd") == "");
  CHECK(steps("abcd", "acd", "b") == "-1");
  CHECK(steps("acd", "abcd", "b") == "+1b");
  CHECK(steps("abcd", "bcda", "a") == "0>3");
  CHECK(steps("abcd", "dabc", "d") == "3>0");
  CHECK(steps("abcd", "axcd", "bx") == "b=x");
  CHECK(steps("", "a", "a") == "+0a");
  CHECK(steps("a", "", "a") == "-0");
}

TEST_CASE("array moves: rows leave, move and come in one plan") {
  CHECK(steps("abcd", "daec", "bde") == "b=e 3>0");
  CHECK(steps("abcd", "badc", "abcd").size() == 7);   // two moves
  CHECK(steps("abcd", "dcba", "abcd").size() == 11);  // three moves
  CHECK(steps("abcd", "wxyz", "abcdwxyz") == "a=w b=x c=y d=z");
  CHECK(steps("abcdef", "ef", "abcd") == "-3 -2 -1 -0");
}

TEST_CASE("array moves: the steps of any change lead to the new array, and are few") {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const std::string before = random_array(rng);
    std::string after = random_array(rng);
    if (rng.chance(50)) {
      after = before;  // a few rows differ
      for (int i = rng.below(4); i > 0 && !after.empty(); --i) {
        const char row = rng.pick(std::vector<char>(after.begin(), after.end()));
        after.erase(after.find(row), 1);
        const int places = static_cast<int>(after.size()) + 1;
        if (rng.chance(70)) after.insert(static_cast<std::size_t>(rng.below(places)), 1, row);
      }
    }
    const std::string listed = must_list(rng, before, after);
    const std::vector<ArrayItem> items = items_of(before, after, listed);
    CAPTURE(before);
    CAPTURE(after);
    CAPTURE(listed);
    ArrayPlan plan;
    plan_array(items, plan);
    std::string array = before;
    const std::string text = take(plan, listed, array);
    CAPTURE(text);
    REQUIRE(array == after);
    std::size_t one_sided = 0;
    for (const ArrayItem& item : items)
      one_sided += item.old_index == ArrayItem::kNowhere || item.new_index == ArrayItem::kNowhere;
    const std::size_t count = plan.steps.size() + plan.replaced.size();
    // At most a step for each row listed; at least one for each that leaves or enters, or pair of
    // them.
    CHECK(count <= items.size());
    CHECK(2 * plan.replaced.size() <= one_sided);
    CHECK(count >= one_sided - plan.replaced.size());
  }
}
