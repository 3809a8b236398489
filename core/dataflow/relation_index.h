// RelationIndex: the rows of a relation by the values of some columns, on both sides.
//
//   encoded column values -> slots            KeyedSlots on the new side
//   touched: slot, old group, new group       what differs on the old one
//
// It stands where refresh() left it: a graph refreshes at the start of a step, statements inside a
// transaction before they read. It answers for equality alone, in no order.
// Thread: the writer thread alone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/dataflow/graph.h"
#include "core/dataflow/keyed_slots.h"
#include "core/dataflow/range_index.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

class RelationIndex {
 public:
  // Reads all rows.  Cost: O(n).
  RelationIndex(const triples::Relation& relation, std::vector<triples::ColumnIndex> columns);

  const std::vector<triples::ColumnIndex>& columns() const { return columns_; }
  // Cost, of all three: O(rows written).
  void refresh();
  void rollback();
  void settle();
  // Besides refresh(): where the relation is sealed, its net changes tell what to look at, each row
  // once. The steps of each move wait for memory, so that those of many are done step by step.
  // Requires: nothing was looked at in this transaction yet.
  struct Move {
    RelationIndex* index = nullptr;
    triples::Slot slot = 0;
    bool in_old = false;
    bool in_new = false;
    KeyedSlots::Hash old_hash = 0;
    KeyedSlots::Hash new_hash = 0;
    KeyedSlots::Group old_group = KeyedSlots::kNoGroup;
    std::string old_key, new_key;

    void prefetch_groups();
    void prefetch_entries();
    void apply();
  };
  // Returns: false if the change does not concern it; else `move` is begun.
  bool begin_move(const triples::RowChange& change, Move& move);
  void end_moves() { seen_ = relation_.write_log().size(); }
  bool has_looked() const { return seen_ > 0; }
  std::size_t memory_bytes() const;
  void check_invariants() const;  // asserts

  // Calls visit(slot) for the rows whose columns encode to `key` on `side`, until it returns false.
  // Cost: O(1) and the rows of the key on either side, once it has looked at all that is touched.
  template <typename Visitor>
  void for_each(std::string_view key, triples::Side side, Visitor&& visit) const {
    const KeyedSlots::Group group = groups_.find(key);
    if (group == KeyedSlots::kNoGroup) return;
    if (side == triples::Side::kNew || touched_.empty()) {
      for (triples::Slot slot : groups_.slots(group))
        if (!visit(slot)) return;
      return;
    }
    const Moves moves = moves_of(group);
    for (triples::Slot slot : groups_.slots(group)) {
      if (moves.came > 0 && came(slot)) continue;
      if (!visit(slot)) return;
    }
    for (std::uint32_t at = moves.left; at != kNone; at = next_left(at, group))
      if (!visit(touched_[at].slot)) return;
  }
  // Rows on the new side with this key.  Cost: O(1).
  std::size_t count(std::string_view key) const;

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  // A row that was looked at again in this step, and the groups that have it; they may be the same.
  struct Touched {
    triples::Slot slot = 0;
    KeyedSlots::Group old_group = KeyedSlots::kNoGroup;
    KeyedSlots::Group new_group = KeyedSlots::kNoGroup;
    std::uint32_t next_left = kNone;  // the next that left the same group, once that is noted
  };
  // What differs between a group's sides.
  struct Moves {
    std::uint32_t left = kNone;  // the first of touched_ that is in it on the old side alone
    std::uint32_t came = 0;      // how many are in it on the new side alone
  };

  void key_of(triples::Slot slot, triples::Side side, std::string& out) const;
  void look_again(triples::Slot slot);
  void move(triples::Slot slot, KeyedSlots::Group from, KeyedSlots::Group to);
  void put_touched(std::uint32_t at, KeyedSlots::Group group);
  void forget_touched();
  std::uint32_t find_touched(triples::Slot slot) const;
  bool came(triples::Slot slot) const;
  Moves moves_of(KeyedSlots::Group group) const;
  std::uint32_t next_left(std::uint32_t at, KeyedSlots::Group group) const;
  void note_moves() const;

  const triples::Relation& relation_;
  const std::vector<triples::ColumnIndex> columns_;
  triples::ColumnMask mask_ = 0;
  KeyedSlots groups_;
  std::size_t seen_ = 0;  // of the relation's write log
  std::string before_, after_;
  mutable std::vector<Touched> touched_;
  std::vector<KeyedSlots::Group> passed_;  // a touched row came and went again: perhaps empty
  // Of touched_, made when somebody asks and it is long.
  mutable base::FlatMap<triples::Slot, std::uint32_t> by_slot_;
  mutable base::FlatMap<KeyedSlots::Group, Moves> by_group_;
  mutable bool noted_ = false;  // by_group_ shows touched_ as it is
};

// Moves of a commit, in indexes of whatever relations, that wait for memory together.
class RelationMoves {
 public:
  void begin(RelationIndex& index, const triples::RowChange& change) {
    if (!index.begin_move(change, moves_[count_])) return;
    if (++count_ == kMax) make();
  }
  void make();

 private:
  static constexpr std::size_t kMax = 32;
  std::vector<RelationIndex::Move> moves_{kMax};
  std::size_t count_ = 0;
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
  // Rows by the order of a column; null if there is no such index and `may_make` is false.
  std::shared_ptr<RangeIndex> range(triples::ColumnIndex column, bool may_make);
  void declare(triples::ColumnIndex column, IndexBuild build);
  void drop(triples::ColumnIndex column);
  void refresh();
  // Moves are only begun if `moves` has room; the caller makes the last ones.
  void refresh_sealed(RelationMoves& moves);
  void rollback();
  void settle();
  std::size_t memory_bytes() const;

 private:
  void forget(RelationIndex* last);
  template <typename Call>
  void for_each_range(Call&& call) const;

  const triples::Relation& relation_;
  std::vector<RelationIndex*> active_;
  std::vector<std::weak_ptr<RangeIndex>> ranges_;
  std::map<std::vector<triples::ColumnIndex>, std::weak_ptr<RelationIndex>> indexes_;
  std::vector<std::shared_ptr<RelationIndex>> kept_;
  std::map<triples::ColumnIndex, std::shared_ptr<RelationIndex>> declared_;  // null: not built yet
};

struct ArrangementStore::Impl {
  explicit Impl(TableSource& source) : tables(source) {}
  RelationIndexes& of(triples::TypeId type);

  TableSource& tables;
  RelationMoves moves;
  // Declared for tables that nobody has asked for yet.
  std::map<triples::TypeId, std::set<triples::AttrId>> unopened;
  std::map<triples::TypeId, std::unique_ptr<RelationIndexes>> relations;
};

}  // namespace tremula::dataflow
