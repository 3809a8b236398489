// ExactSum: the sum of any numbers, exact under additions and retractions, rounded once when read.
//
//   INTs  128-bit integer        REALs  signed 32-bit digits in 64-bit chunks, the run in use        +Inf, -Inf  counts
//
// So a sum never drifts however many updates went by, and depends on the rows alone, not on their order.
// Source: Neal, "Fast exact summation using small and large superaccumulators" (2015).
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/triples/value.h"

namespace tremula::dataflow {

class ExactSum {
 public:
  // sign +1 adds a row's value, -1 takes it back. NULL and non-numbers don't count at all.  Cost: O(1).
  void add(triples::Value value, int sign);

  std::int64_t count() const;  // of numbers
  // sum(): NULL over nothing; exact INT while all are INTs and the total fits; else REAL, rounded half to even from the exact sum
  // of INTs and REALs together; +Inf with -Inf: NULL; a sum beyond the range of doubles is +-Inf.
  triples::Value sum() const;
  triples::Value avg() const;    // the total as REAL divided by count(); NULL over nothing
  triples::Value total() const;  // always REAL, 0.0 over nothing
  std::size_t memory_bytes() const;

 private:
  double rounded() const;
  __int128 integers_ = 0;
  std::int64_t int_count_ = 0;
  std::int64_t real_count_ = 0;
  std::int64_t plus_infinity_ = 0;
  std::int64_t minus_infinity_ = 0;
  std::vector<std::int64_t> chunks_;  // chunk i weighs 2^(32 * (first_chunk_ + i)) units of the smallest double
  int first_chunk_ = 0;
  int adds_until_carry_ = 0;
};

}  // namespace tremula::dataflow
