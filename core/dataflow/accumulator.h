// Accumulator: the state of one aggregate over one group, moved by the rows that enter and leave.
//
//   count              a number
//   sum avg total      an exact sum
//   min max            the values in order          (value | row key)
//   DISTINCT           the same, whose first row of each value counts in the above
//   group_concat       the texts in order of the rows
//
// The result depends on the rows that are in, not on how they came: 1 and 1.0 are one value, and
// the first row by row key says as which it is read.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/arena.h"
#include "core/dataflow/exact_sum.h"
#include "core/dataflow/order_tree.h"
#include "core/dataflow/plan.h"
#include "core/dataflow/row_batch.h"
#include "core/triples/value.h"

namespace tremula::dataflow {

// What one row gives to an aggregate. Borrowed for the call.
struct Contribution {
  triples::Value argument;   // of count(*): anything
  triples::Value separator;  // of group_concat: stands before the row's text; NULL is none
  std::string_view row_key;  // orders the rows of the group, unique; see needs_row_key()
};

class Accumulator {
 public:
  Accumulator(AggregateKind kind, bool distinct);
  ~Accumulator();
  Accumulator(const Accumulator&) = delete;
  Accumulator& operator=(const Accumulator&) = delete;

  // Whether contributions must bring a row key; without need it may be empty.
  static bool needs_row_key(AggregateKind kind, bool distinct, const Aggregate& aggregate);

  // The row enters (its FILTER is TRUE).
  // Cost: O(1); O(log n) for DISTINCT, min, max, group_concat.
  void add(const Contribution& row);
  // The rows of a batch enter; of a kind that needs no row key, and not group_concat.
  // The least and the greatest value are kept of each batch: what was added so can't be retracted.
  void add_batch(BatchValues arguments, BatchRows rows);
  // `rows` rows enter at once.  Requires: a count(*) without DISTINCT.
  void add_rows(std::int64_t rows) { count_ += rows; }
  // The row leaves.  Requires: exactly what was added before.
  void retract(const Contribution& row);

  // The aggregate over the rows that are in; bytes lie in the arena.
  // Cost: O(1), min and max O(log n), group_concat O(n).
  triples::Value value(base::Arena& arena) const;
  std::size_t memory_bytes() const;

 private:
  struct Texts;

  void change(const Contribution& row, int sign);
  void add_numbers(BatchValues arguments, BatchRows rows);
  void add_extreme(BatchValues arguments, BatchRows rows);
  void change_distinct(const Contribution& row, int sign);
  void change_text(const Contribution& row, int sign);
  void count_value(triples::Value value, int sign);
  triples::Value least_or_greatest(base::Arena& arena) const;

  // There may be very many, so that what is never there together shares its place.
  bool sums() const {
    return kind_ == AggregateKind::kSum || kind_ == AggregateKind::kAvg ||
           kind_ == AggregateKind::kTotal;
  }
  bool concats() const { return kind_ == AggregateKind::kGroupConcat; }
  union {
    std::int64_t count_ = 0;  // of count
    ExactSum* sum_;           // of sum, avg, total: null before the first number
  };
  union {
    OrderTree* values_ = nullptr;  // of min, max, and DISTINCT but for group_concat
    Texts* texts_;                 // of group_concat
  };
  AggregateKind kind_;
  bool distinct_;
};

}  // namespace tremula::dataflow
