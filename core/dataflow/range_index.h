// RangeIndex: the rows of a relation by the order of one column, on both sides.
//
//   encoded column value -> slots            one Arrangement, keyed by the value alone
//
// It stands where refresh() left it, as a RelationIndex does.
// Thread: the writer thread alone.
#pragma once

#include <string>
#include <string_view>

#include "core/dataflow/arrangement.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

class RangeIndex {
 public:
  // Reads all rows.  Cost: O(n log n).
  RangeIndex(const triples::Relation& relation, triples::ColumnIndex column);

  triples::ColumnIndex column() const { return column_; }
  void refresh();
  // The same where the relation is sealed: rows whose column did not change are passed over.
  void refresh_sealed();
  void rollback();
  void settle();
  std::size_t memory_bytes() const { return sizeof(*this) + order_.memory_bytes(); }

  std::size_t size(triples::Side side) const { return order_.size(side); }
  // Rows whose encoded value is `lower` or more and less than `upper`.  Cost: O(log n).
  std::size_t count(std::string_view lower, std::string_view upper, triples::Side side) const {
    return order_.rank(upper, 0, side) - order_.rank(lower, 0, side);
  }
  // Calls visit(slot) for the rows whose encoded value is `lower` or more and less than `upper`.
  template <typename Visitor>
  void for_each(std::string_view lower, std::string_view upper, triples::Side side,
                Visitor&& visit) const {
    for (Arrangement::Cursor at = order_.lower_bound(lower, 0, side); at.valid(); at.next()) {
      if (at.key() >= upper) return;
      visit(static_cast<triples::Slot>(at.row()));
    }
  }

 private:
  void key_of(triples::Slot slot, triples::Side side, std::string& out) const;
  void look_again(triples::Slot slot);

  const triples::Relation& relation_;
  const triples::ColumnIndex column_;
  Arrangement order_;
  std::size_t seen_ = 0;  // of the relation's write log
  std::string before_, after_;
};

}  // namespace tremula::dataflow
