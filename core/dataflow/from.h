// from: the tuples of a select's sources, n-way INNER and LEFT joins, with what WHERE can decide
// without sub-selects.
//
// Law: the tuples that push names with (in_old, in_new) are exactly the difference of pull(kOld)
// and pull(kNew), and tuples of touched rows that are in both.
// A step binds one source after the other (join_plan.h) and decides each tuple on both sides at
// once.
// Thread: the writer thread alone.
#pragma once

#include "core/dataflow/instance.h"

namespace tremula::dataflow {

class TupleFinder {
 public:
  TupleFinder(CoreInstance& instance, TupleVisitor& visitor)
      : instance_(instance), visitor_(visitor) {}

  // All tuples of the sides asked for.
  void pull(bool old_side, bool new_side);
  // The tuples of one side as the instance has taken them in, for those who begin to need them: the
  // sub-selects of an ON are asked and stay as they are.
  void list(triples::Side side);
  // What pull() finds of the new side's rows, given to take(slot) as they are found; before them
  // expect() is told how many they are, where that is known.
  // Requires: core.is_plain().
  template <typename Expect, typename Take>
  void pull_rows(Expect&& expect, Take&& take);
  // How many tuples pull() would find on the new side, told by an index; -1: it can't tell.
  // Requires: core.counts_key.
  std::int64_t count_key();
  // The tuples that a touched row is in on either side, and those of a LEFT JOIN that it makes or
  // unmakes.
  void push(std::uint32_t source, triples::Slot slot);

 private:
  void bind(const JoinPlan& plan, std::size_t at, bool in_old, bool in_new);
  void bind_left(const JoinPlan& plan, std::size_t at, bool in_old, bool in_new);
  void bind_row(const JoinPlan& plan, std::size_t at, triples::Slot slot, bool in_old, bool in_new,
                bool looked_up);
  bool candidates(const BindStep& step, bool first, bool in_old, bool in_new,
                  std::vector<triples::Slot>& out);
  void candidates_by_key(const BindStep& step, bool in_old, bool in_new,
                         std::vector<triples::Slot>& out);
  // The row with the step's key as it is on `side`, or kNoSlot.
  triples::Slot find_by_key(const BindStep& step, triples::Side side) const;
  void candidates_by_index(const BindStep& step, const RelationIndex& index, bool in_old,
                           bool in_new, std::vector<triples::Slot>& out);
  bool candidates_by_arms(const BindStep& step, bool first, bool in_old, bool in_new,
                          std::vector<triples::Slot>& out);
  bool candidates_by_range(const BindStep& step, bool in_old, bool in_new,
                           std::vector<triples::Slot>& out);
  const RelationIndex* index_of(const BindStep& step, bool first) const;
  // Encodes what the columns must be on `side`; false if one of them is NULL where that equals
  // nothing.
  bool encode_values(const BindStep& step, const std::vector<triples::ColumnIndex>& columns,
                     triples::Side side, std::string& out) const;
  bool holds(const std::vector<const Conjunct*>& conjuncts, triples::Side side,
             bool with_sites) const;
  void match(const BindStep& step, triples::Slot slot, bool& in_old, bool& in_new);
  void reached(bool in_old, bool in_new);

  static constexpr std::size_t kAhead = 8;  // so many rows are on their way from memory
  // So few rows that none is ahead are sent for at once, with all that will be read of them.
  static void prefetch_few(const triples::Relation& relation, std::span<const triples::Slot> rows,
                           triples::ColumnMask columns) {
    if (rows.size() > kAhead) return;
    for (const triples::Slot slot : rows) relation.prefetch(slot, columns);
  }

  CoreInstance& instance_;
  TupleVisitor& visitor_;
  triples::Slot tuple_[kSourcesMax] = {};
  int pinned_source_ = -1;
  triples::Slot pinned_ = triples::kNoSlot;
  int rest_of_ = -1;  // collecting prefixes of this LEFT JOIN's source
  bool lists_ = false;
  bool stopped_ = false;
  std::vector<std::vector<triples::Slot>> candidates_;  // by depth
};

template <typename Expect, typename Take>
void TupleFinder::pull_rows(Expect&& expect, Take&& take) {
  const BindStep& step = instance_.core_.pull_plan[0];
  const triples::Relation& relation = *instance_.relations()[0];
  const Engine& engine = instance_.engine();
  if (step.access == AccessKind::kKey) {
    tuple_[0] = find_by_key(step, triples::Side::kNew);
    if (tuple_[0] == triples::kNoSlot) return;
    prefetch_few(relation, {tuple_, 1}, instance_.core_.sources[0].read_columns);
    if (relation.exists(tuple_[0], triples::Side::kNew) &&
        holds(step.filter, triples::Side::kNew, false))
      take(tuple_[0]);
    return;
  }
  std::vector<triples::Slot> rows;
  const bool looked_up = candidates(step, true, false, true, rows);
  if (looked_up && step.filter.empty()) expect(rows.size());
  prefetch_few(relation, rows, instance_.core_.sources[0].read_columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size() && triples::worth_prefetching(rows[i], rows[i + kAhead]))
      relation.prefetch(rows[i + kAhead], step.reads);
    if (engine.is_interrupted()) return;
    tuple_[0] = rows[i];
    if (!relation.exists(rows[i], triples::Side::kNew)) continue;
    if (!step.filter.empty() && !holds(step.filter, triples::Side::kNew, false)) continue;
    if (!looked_up && !step.implied.empty() && !holds(step.implied, triples::Side::kNew, false))
      continue;
    take(rows[i]);
  }
}

}  // namespace tremula::dataflow
