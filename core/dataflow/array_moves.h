// array_moves: in which order rows leave, move and enter so that an array becomes another, with few
// operations.
//
//   base      rows that nothing moves: unchanged ones, changed ones at rest, and pairs where one
//   row takes another's place
//   1. the others that leave, by descending old index   2. movers and those that enter, by
//   ascending new index
//
// Source: at rest are the longest increasing run of rows that stay (Schensted 1961) among those
// with as many unchanged rows before them as before.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace tremula::dataflow {

// A row that differs between the sides; every row that moved relative to the unlisted ones is
// listed.
struct ArrayItem {
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  std::size_t old_index = kNowhere;  // kNowhere: it enters
  std::size_t new_index = kNowhere;  // kNowhere: it leaves
};

struct ArrayStep {
  enum class Kind : unsigned char { kRemove, kMove, kAdd } kind = Kind::kRemove;
  std::size_t item = 0;
  std::size_t from = 0;   // of kMove: where it is when the step is taken
  std::size_t index = 0;  // where it is removed, added, or moved to
};

struct ArrayPlan {
  std::vector<ArrayStep> steps;
  // Items that leave and items that enter in the very place of one of them: (leaves, enters).
  std::vector<std::pair<std::size_t, std::size_t>> replaced;

  // Made in its place: a step that is made first and then copied is read before it is all written.
  void add(ArrayStep::Kind kind, std::size_t item, std::size_t from, std::size_t index) {
    ArrayStep& step = steps.emplace_back();
    step.kind = kind;
    step.item = item;
    step.from = from;
    step.index = index;
  }
  void clear() {
    steps.clear();
    replaced.clear();
  }
};

// Fills an empty plan.
void plan_array(std::span<const ArrayItem> items, ArrayPlan& plan);

}  // namespace tremula::dataflow
