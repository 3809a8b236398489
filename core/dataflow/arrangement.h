// Arrangement: rows of a collection in one order, answering on both sides of the step in hand.
//
//   tree: the new side            touched: what differs, by old key and by new key
//   a(1) b(2) c(3) d(9)           c: old key 7, new key 3    =>  old side: a(1) b(2) c(7) d(9)
//
// The tree always stands on the new side (as far as changes were given); the touched entries answer
// for the old one.
// Invariants, each tested by check_invariants():
//   A1  the tree's entries are those of the new side, sorted by (key, row); a row has one key.
//   A2  touched() holds each row once, with the key it had when the step began and the one it has
//       now; equal ones are dropped.
//   A3  rank(k, old) = rank(k, new) - |{t: new key < k}| + |{t: old key < k}|.
// Thread: the writer thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
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
    bool valid() const { return from_tree_ ? tree_.valid() : merged_ != nullptr; }
    std::string_view key() const;
    RowId row() const;
    void next();

   private:
    friend class Arrangement;
    void choose();
    OrderTree::Cursor tree_;
    const Arrangement* merged_ = nullptr;  // null: the tree alone answers
    std::size_t new_at_ = 0;  // into by_new_key_: the first at or behind tree_
    std::size_t old_at_ = 0;  // into by_old_key_
    bool from_tree_ = true;   // the entry is tree_'s, else that at old_at_
  };

  // Gives `row` the key `after` (none: takes it out) where it had `before` (none: it was not there)
  // until now: before this call, not before the step. May be called more than once a step for a
  // row; what counts is the first `before` and the last `after`.
  // Cost: O(log n).
  void update(RowId row, std::optional<std::string_view> before,
              std::optional<std::string_view> after);

  // Replaces all entries on both sides.  Requires: nothing touched.  Cost: O(n log n).
  void build(OrderEntries entries);

  std::size_t size(triples::Side side) const;
  // Entries before (key, row).  Cost: O(log n + log touched) after the first use of the old side
  // since the last update(), which sorts what is touched.
  std::size_t rank(std::string_view key, RowId row, triples::Side side) const;
  // The entry at `index`, or the end.  Cost: O(log n * log touched).
  Cursor select(std::size_t index, triples::Side side) const;
  // The first entry not below (key, row).
  Cursor lower_bound(std::string_view key, RowId row, triples::Side side) const;

  // What differs between the sides, in no particular order.
  const std::vector<Touched>& touched() const { return touched_; }
  // The touched entry of `row`, or null.
  const Touched* find_touched(RowId row) const;

  void settle();  // Forgets the old side.  Cost: O(touched).
  std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  using Key = std::optional<std::string>;
  // A touched entry in an order by key: the key's first bytes, to compare without looking it up.
  struct Ordered {
    std::uint64_t head;
    std::uint64_t middle;
    std::uint32_t at;  // into touched_
  };
  using Order = std::vector<Ordered>;

  void note_first(RowId row, std::optional<std::string_view> before,
                  std::optional<std::string_view> after);
  void note_again(std::size_t at, std::optional<std::string_view> after);
  std::size_t touched_index(RowId row) const;
  void drop_touched(std::size_t at);
  void assign(Key& target, std::optional<std::string_view> key);
  void keep_memory(Key& key);
  bool is_new_side(triples::Side side) const {
    return side == triples::Side::kNew || touched_.empty();
  }
  void sort_touched() const;
  void sort_by(Key Touched::*key, Order& order) const;
  std::size_t count_below(const Order& order, Key Touched::*key, std::string_view bound,
                          RowId row) const;
  std::size_t tree_rank_of_new(std::size_t new_at) const;

  OrderTree tree_;
  std::vector<Touched> touched_;
  base::FlatMap<RowId, std::uint32_t> index_;  // of touched_ by row, once it is long
  std::size_t old_size_ = 0;                   // touched entries with an old key
  std::size_t new_size_ = 0;
  mutable bool sorted_ = false;  // by_old_key_ and by_new_key_ show touched_ as it is
  mutable Order by_old_key_;
  mutable Order by_new_key_;
  std::vector<std::string> spare_;  // strings with memory, so that a steady load allocates nothing
};

}  // namespace tremula::dataflow
