// RelationIndex: the rows of a relation by the values of some columns, on both sides.
//
//   encoded column values -> slots            one Arrangement, keyed by the values alone
//
// It stands where refresh() left it: a graph refreshes at the start of a step, statements inside a
// transaction before they read.
// Thread: the writer thread alone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dataflow/arrangement.h"
#include "core/dataflow/graph.h"

namespace tremula::dataflow {

class RelationIndex {
 public:
  // Reads all rows.  Cost: O(n log n).
  RelationIndex(const triples::Relation& relation, std::vector<triples::ColumnIndex> columns);

  const std::vector<triples::ColumnIndex>& columns() const { return columns_; }
  void refresh();
  // The same where the relation is sealed: rows whose columns here did not change are passed over.
  void refresh_sealed();
  void rollback();
  void settle();
  std::size_t memory_bytes() const { return order_.memory_bytes(); }

  // Calls visit(slot) for the rows whose columns encode to `key` on `side`, until it returns false.
  template <typename Visitor>
  void for_each(std::string_view key, triples::Side side, Visitor&& visit) const {
    for (Arrangement::Cursor at = order_.lower_bound(key, 0, side); at.valid(); at.next()) {
      if (at.key() != key || !visit(static_cast<triples::Slot>(at.row()))) return;
    }
  }
  // Rows on the new side with this key.
  std::size_t count(std::string_view key) const;

 private:
  void key_of(triples::Slot slot, triples::Side side, std::string& out) const;
  void look_again(triples::Slot slot);

  const triples::Relation& relation_;
  const std::vector<triples::ColumnIndex> columns_;
  triples::ColumnMask mask_ = 0;
  Arrangement order_;
  std::size_t seen_ = 0;  // of the relation's write log
  std::string before_, after_;
};

// The indexes of one relation, made when somebody asks.
class RelationIndexes {
 public:
  explicit RelationIndexes(const triples::Relation& relation) : relation_(relation) {}

  // The index over exactly `columns`, or one over a part of them that is declared; null if there is
  // none and `may_make` is false.
  std::shared_ptr<RelationIndex> find(const std::vector<triples::ColumnIndex>& columns,
                                      bool may_make);
  // The index over exactly `columns`, made if there is none.
  std::shared_ptr<RelationIndex> exact(const std::vector<triples::ColumnIndex>& columns);
  // The same, kept as long as the relation.
  RelationIndex& kept(const std::vector<triples::ColumnIndex>& columns);
  void declare(triples::ColumnIndex column);
  void drop(triples::ColumnIndex column);
  void refresh();
  void refresh_sealed();
  void rollback();
  void settle();
  std::size_t memory_bytes() const;

 private:
  void forget(RelationIndex* last);

  const triples::Relation& relation_;
  std::vector<RelationIndex*> active_;
  std::map<std::vector<triples::ColumnIndex>, std::weak_ptr<RelationIndex>> indexes_;
  std::vector<std::shared_ptr<RelationIndex>> kept_;
  std::map<triples::ColumnIndex, std::shared_ptr<RelationIndex>> declared_;
};

struct ArrangementStore::Impl {
  explicit Impl(TableSource& source) : tables(source) {}
  RelationIndexes& of(triples::TypeId type);

  TableSource& tables;
  std::map<triples::TypeId, std::unique_ptr<RelationIndexes>> relations;
};

}  // namespace tremula::dataflow
