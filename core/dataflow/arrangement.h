// Arrangement: rows of a collection in one order, answering on both sides of the step in hand.
//
//   tree: the new side                      touched: what differs, by old key and by new key
//   a(1) b(2) c(3) d(9)                     c: old key 7, new key 3     =>   old side: a(1) b(2) c(7) d(9)
//
// The tree always stands on the new side (as far as changes were given); the touched entries answer for the old one.
// Invariants, each tested by check_invariants():
//   A1  the tree's entries are those of the new side, sorted by (key, row).
//   A2  touched() holds each row once, with the key it had when the step began and the one it has now; equal ones are dropped.
//   A3  rank(k, old) = rank(k, new) - |{t: new key < k}| + |{t: old key < k}|.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dataflow/order_tree.h"
#include "core/triples/ids.h"

namespace tremula::dataflow {

class Arrangement {
 public:
  struct Touched {
    RowId row = 0;
    std::optional<std::string> old_key;  // none: the row was not there
    std::optional<std::string> new_key;
  };

  // An entry and its way forward. Borrowed: valid until the next update(), build() or settle().
  class Cursor {
   public:
    bool valid() const;
    std::string_view key() const;
    RowId row() const;
    void next();

   private:
    friend class Arrangement;
    void skip_touched();   // old side: past entries of the tree that stand there for the new side only
    const Arrangement* arrangement_ = nullptr;
    OrderTree::Cursor tree_;
    std::size_t old_at_ = 0;  // into by_old_key_
    triples::Side side_ = triples::Side::kNew;
  };

  // Gives `row` the key `after` (none: takes it out) where it had `before` (none: it was not there) until now: before this call, not before
  // the step. May be called more than once a step for a row; what counts is the first `before` and the last `after`.
  // Cost: O(log n).
  void update(RowId row, std::optional<std::string_view> before, std::optional<std::string_view> after);

  // Replaces all entries on both sides.  Requires: nothing touched.  Cost: O(n log n).
  void build(std::vector<std::pair<std::string, RowId>> entries);

  std::size_t size(triples::Side side) const;
  // Entries before (key, row).  Cost: O(log n + log touched) after the first use in a step on the old side.
  std::size_t rank(std::string_view key, RowId row, triples::Side side) const;
  // The entry at `index`, or the end.  Cost: O(log n * log touched).
  Cursor select(std::size_t index, triples::Side side) const;
  // The first entry not below (key, row).
  Cursor lower_bound(std::string_view key, RowId row, triples::Side side) const;

  // What differs between the sides, in no particular order.
  const std::vector<Touched>& touched() const;
  // The touched entry of `row`, or null.
  const Touched* find_touched(RowId row) const;

  void settle();  // Forgets the old side.  Cost: O(touched).
  std::size_t memory_bytes() const;
  void check_invariants() const;
};

}  // namespace tremula::dataflow
