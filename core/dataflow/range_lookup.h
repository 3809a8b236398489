// Range lookup: where in the order of a column rows may stand that meet comparisons and patterns.
//
//   val >= 7 AND val < 9      [7 .. 9)
//   title LIKE 'ab%'          ["AB" .. "Ab") ... : a piece for each case of its first letters, and
//                             what is no TEXT
//
// Pieces may hold too many rows, never too few: conditions are decided again.
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/dataflow/range_index.h"
#include "core/dataflow/template.h"

namespace tremula::dataflow {

// Encoded values from `lower` on, less than `upper`.
struct KeyRange {
  std::string lower, upper;
};

// Appends the pieces, ascending and apart from each other; none if nothing meets the bounds.
// Returns: false if the bounds leave nothing out.
bool find_ranges(const std::vector<RangeBound>& bounds, const RowContext& row,
                 std::vector<KeyRange>& out);

// Of the step's columns the one whose pieces hold the fewest rows.
struct RangeChoice {
  const BindStep* step = nullptr;  // the step, or one of its arms
  std::vector<KeyRange> ranges;
  std::size_t rows = 0;
};
// `find` gives the index of an arm's column, or null.
// Returns: no step if there is no index, or none that leaves out most rows.
template <typename Find>
RangeChoice choose_range(const BindStep& step, const RowContext& row, Find find) {
  RangeChoice best;
  for (const BindStep& arm : step.arms) {
    RangeChoice choice{&arm, {}, 0};
    if (!find_ranges(arm.bounds, row, choice.ranges)) continue;
    const RangeIndex* const index = find(arm);
    if (index == nullptr) continue;
    for (const KeyRange& range : choice.ranges)
      choice.rows += index->count(range.lower, range.upper, row.side);
    // To look at all rows in their order is cheaper than to be led to most of them.
    if (choice.rows > index->size(row.side) / 2) continue;
    if (best.step == nullptr || choice.rows < best.rows) best = std::move(choice);
  }
  return best;
}

}  // namespace tremula::dataflow
