// ExactSum: the sum of any numbers, exact under additions and retractions, rounded once when read.
//
//   INTs        128-bit integer, in place
//   REALs       signed 32-bit digits in 64-bit chunks, the run in use, on the heap
//   +Inf, -Inf  counts, beside the REALs
//
// So a sum never drifts however many updates went by, and depends on the rows alone, not on their
// order.
// Source: Neal, "Fast exact summation using small and large superaccumulators" (2015).
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/triples/value.h"

namespace tremula::dataflow {

class ExactSum {
 public:
  ExactSum() = default;
  ExactSum(const ExactSum& other);
  ExactSum(ExactSum&&) = default;
  ExactSum& operator=(const ExactSum& other);
  ExactSum& operator=(ExactSum&&) = default;

  // sign +1 adds a row's value, -1 takes it back. NULL and non-numbers don't count at all.
  // Cost: O(1).
  void add(triples::Value value, int sign);

  // `count` INTs at once, whose sum this is.
  void add_ints(__int128 sum, std::int64_t count) {
    integers_ += sum;
    int_count_ += count;
  }
  // Of numbers.
  std::int64_t count() const { return int_count_ + (reals_ == nullptr ? 0 : reals_->count); }
  // NULL over nothing; exact INT while all are INTs and the total fits; else REAL, rounded half to
  // even from the exact sum of INTs and REALs together. +Inf with -Inf is NULL, a sum beyond
  // doubles is infinite.
  triples::Value sum() const;
  triples::Value avg() const;    // the total as REAL divided by count(); NULL over nothing
  triples::Value total() const;  // as sum(), but always REAL; 0.0 over nothing
  // With the object itself.
  std::size_t memory_bytes() const;

 private:
  struct Reals {
    std::int64_t count = 0;
    std::int64_t plus_infinity = 0;
    std::int64_t minus_infinity = 0;
    // Chunk i weighs 2^(32 * (first_chunk + i)) units of the least double.
    std::vector<std::int64_t> chunks;
    int first_chunk = 0;
    int adds_until_carry = 0;

    void add(double number, int sign);
    void make_room(int begin, int end);
    void carry();
  };

  bool has_reals() const { return reals_ != nullptr && reals_->count > 0; }
  double rounded() const;

  __int128 integers_ = 0;
  std::int64_t int_count_ = 0;
  std::unique_ptr<Reals> reals_;
};

}  // namespace tremula::dataflow
