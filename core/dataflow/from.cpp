#include "core/dataflow/from.h"

#include <algorithm>

#include "core/dataflow/owned_rows.h"
#include "core/dataflow/range_lookup.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::ColumnIndex;
using triples::Relation;
using triples::Side;
using triples::Slot;

void TupleFinder::pull(bool old_side, bool new_side) {
  const Core& core = instance_.core_;
  if (core.sources.empty()) {
    // Nothing is bound, so nothing else decides these.
    std::vector<const Conjunct*> all;
    for (const Conjunct& c : core.conjuncts) all.push_back(&c);
    old_side = old_side && holds(all, Side::kOld, false);
    new_side = new_side && holds(all, Side::kNew, false);
    if (!old_side && !new_side) return;
  }
  bind(core.pull_plan, 0, old_side, new_side);
}

void TupleFinder::list(Side side) {
  lists_ = true;
  pull(side == Side::kOld, side == Side::kNew);
}

std::int64_t TupleFinder::count_key() {
  const BindStep& step = instance_.core_.pull_plan[0];
  const RelationIndex* index = index_of(step, true);
  if (index == nullptr || index->columns().size() != step.columns.size()) return -1;
  std::string key;
  if (!encode_values(step, index->columns(), Side::kNew, key)) return 0;
  return static_cast<std::int64_t>(index->count(key));
}

void TupleFinder::push(std::uint32_t source, Slot slot) {
  const Core& core = instance_.core_;
  pinned_source_ = static_cast<int>(source);
  pinned_ = slot;
  if (core.sources[source].join == JoinKind::kLeft) {
    rest_of_ = static_cast<int>(source);
    bind(core.prefix_plans[source], 0, true, true);
  } else {
    bind(core.push_plans[source], 0, true, true);
  }
}

void TupleFinder::reached(bool in_old, bool in_new) {
  if (rest_of_ < 0) {
    stopped_ = !visitor_.visit(tuple_, in_old, in_new);
    return;
  }
  // A tuple of the sources before a LEFT JOIN's touched row: go on with the row, and with nobody.
  const int source = rest_of_;
  rest_of_ = -1;
  TupleFinder rest(instance_, visitor_);
  std::copy(tuple_, tuple_ + source, rest.tuple_);
  rest.pinned_source_ = source;
  rest.pinned_ = pinned_;
  rest.bind(instance_.core_.rest_plans[static_cast<std::size_t>(source)], 0, in_old, in_new);
  stopped_ = rest.stopped_;
  rest_of_ = source;
}

bool TupleFinder::holds(const std::vector<const Conjunct*>& conjuncts, Side side,
                        bool with_sites) const {
  const RowContext row = instance_.tuple_context(tuple_, side);
  for (const Conjunct* c : conjuncts) {
    if (c->sites.empty() == with_sites) continue;
    if (!is_true(c->node, row)) return false;
  }
  return true;
}

void TupleFinder::bind(const JoinPlan& plan, std::size_t at, bool in_old, bool in_new) {
  if (at == plan.size()) {
    reached(in_old, in_new);
    return;
  }
  if (instance_.engine().is_interrupted()) stopped_ = true;
  if (stopped_) return;
  const BindStep& step = plan[at];
  const bool pinned_prefix = rest_of_ == static_cast<int>(step.source);
  if (instance_.core_.sources[step.source].join == JoinKind::kLeft && !pinned_prefix) {
    bind_left(plan, at, in_old, in_new);
    return;
  }
  if (candidates_.size() <= at) candidates_.resize(plan.size());
  std::vector<Slot> rows = std::move(candidates_[at]);
  rows.clear();
  bool search_old = in_old, search_new = in_new;
  if (rest_of_ >= 0 && !instance_.core_.has_on_sites) {
    // Only tuples that the pinned row may meet are looked for: on the sides where it is.
    const Relation& pinned = *instance_.relations()[static_cast<std::size_t>(rest_of_)];
    search_old = in_old && pinned.exists(pinned_, Side::kOld);
    search_new = in_new && pinned.exists(pinned_, Side::kNew);
  }
  const bool complete = candidates(step, at == 0, search_old, search_new, rows);
  // Found by one side's values, on that side alone: the lookup has decided.
  const bool looked_up =
      complete && search_old != search_new && in_old == search_old && in_new == search_new;
  const Relation& relation = *instance_.relations()[step.source];
  if (step.access != AccessKind::kPinned) prefetch_few(relation, rows, step.reads);
  for (std::size_t i = 0; i < rows.size() && !stopped_; ++i) {
    if (i + kAhead < rows.size() && triples::worth_prefetching(rows[i], rows[i + kAhead]))
      relation.prefetch(rows[i + kAhead], step.reads);
    const Slot slot = rows[i];
    bind_row(plan, at, slot, in_old && (pinned_prefix || relation.exists(slot, Side::kOld)),
             in_new && (pinned_prefix || relation.exists(slot, Side::kNew)), looked_up);
  }
  candidates_[at] = std::move(rows);
}

// Goes on with `slot` as the row of the step's source, on the sides where its conditions hold.
void TupleFinder::bind_row(const JoinPlan& plan, std::size_t at, Slot slot, bool in_old,
                           bool in_new, bool looked_up) {
  const BindStep& step = plan[at];
  tuple_[step.source] = slot;
  if (!step.filter.empty()) {
    in_old = in_old && holds(step.filter, Side::kOld, false);
    in_new = in_new && holds(step.filter, Side::kNew, false);
  }
  if (!step.implied.empty() && !looked_up) {
    in_old = in_old && holds(step.implied, Side::kOld, false);
    in_new = in_new && holds(step.implied, Side::kNew, false);
  }
  if (in_old || in_new) bind(plan, at + 1, in_old, in_new);
}

// Whether the row meets the tuple so far, by its ON, sub-selects last: their children are held for
// the pairs that the rest of the ON lets through.
void TupleFinder::match(const BindStep& step, Slot slot, bool& in_old, bool& in_new) {
  const Relation& relation = *instance_.relations()[step.source];
  tuple_[step.source] = slot;
  in_old = in_old && relation.exists(slot, Side::kOld) && holds(step.match, Side::kOld, false);
  in_new = in_new && relation.exists(slot, Side::kNew) && holds(step.match, Side::kNew, false);
  if (!instance_.core_.has_on_sites || (!in_old && !in_new)) return;
  for (const Conjunct* c : step.match)
    if (!lists_ && !c->sites.empty())
      instance_.update_pair(c->sites, step.source, tuple_, in_old, in_new);
  in_old = in_old && holds(step.match, Side::kOld, true);
  in_new = in_new && holds(step.match, Side::kNew, true);
}

void TupleFinder::bind_left(const JoinPlan& plan, std::size_t at, bool in_old, bool in_new) {
  const BindStep& step = plan[at];
  if (candidates_.size() <= at) candidates_.resize(plan.size());
  std::vector<Slot> rows = std::move(candidates_[at]);
  rows.clear();
  const int pinned = pinned_source_ == static_cast<int>(step.source) ? pinned_source_ : -1;
  pinned_source_ = pinned >= 0 ? -1 : pinned_source_;
  candidates(step, at == 0, in_old, in_new, rows);
  if (pinned >= 0 && std::find(rows.begin(), rows.end(), pinned_) == rows.end())
    rows.push_back(pinned_);
  bool nobody_old = in_old, nobody_new = in_new;
  for (Slot slot : rows) {
    if (stopped_) break;
    bool met_old = in_old, met_new = in_new;
    match(step, slot, met_old, met_new);
    nobody_old = nobody_old && !met_old;
    nobody_new = nobody_new && !met_new;
    if ((met_old || met_new) && (pinned < 0 || slot == pinned_))
      bind_row(plan, at, slot, met_old, met_new, false);
  }
  if (!stopped_ && (nobody_old || nobody_new))
    bind_row(plan, at, triples::kNoSlot, nobody_old, nobody_new, false);
  pinned_source_ = pinned >= 0 ? pinned : pinned_source_;
  candidates_[at] = std::move(rows);
}

// Returns: whether all columns of the access were looked up, so that what it implies holds.
bool TupleFinder::candidates(const BindStep& step, bool first, bool in_old, bool in_new,
                             std::vector<Slot>& out) {
  const Relation& relation = *instance_.relations()[step.source];
  switch (step.access) {
    case AccessKind::kPinned: out.push_back(pinned_); return false;
    case AccessKind::kKey: candidates_by_key(step, in_old, in_new, out); return true;
    case AccessKind::kIndex:
      if (const RelationIndex* index = index_of(step, first)) {
        candidates_by_index(step, *index, in_old, in_new, out);
        return index->columns().size() == step.columns.size();
      }
      break;
    case AccessKind::kMembers: {
      const triples::TypeId table = instance_.core_.sources[step.source].table;
      const BlockInstance* members = instance_.tuple_sites()->child(
          static_cast<std::uint32_t>(step.site), instance_.tuple_context(tuple_, Side::kNew));
      TableSource& tables = instance_.engine().tables;
      std::vector<std::string_view> keys;
      members->for_each_member([&keys](std::string_view key) { keys.push_back(key); });
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (i + kAhead < keys.size()) tables.prefetch(table, keys[i + kAhead]);
        const Slot slot = tables.find(table, keys[i]);
        if (slot != triples::kNoSlot) out.push_back(slot);
      }
      return false;
    }
    case AccessKind::kRange:
      if (candidates_by_range(step, in_old, in_new, out)) return false;
      break;
    case AccessKind::kUnion:
      if (candidates_by_arms(step, first, in_old, in_new, out)) return false;
      out.clear();
      break;
    default: break;
  }
  for (Slot slot = 0; slot < relation.slot_end(); ++slot)
    if ((in_old && relation.exists(slot, Side::kOld)) ||
        (in_new && relation.exists(slot, Side::kNew)))
      out.push_back(slot);
  return false;
}

// Returns: false if an arm has no index, so that all rows must be looked at.
bool TupleFinder::candidates_by_arms(const BindStep& step, bool first, bool in_old, bool in_new,
                                     std::vector<Slot>& out) {
  for (const BindStep& arm : step.arms) {
    if (arm.access == AccessKind::kKey) {
      candidates_by_key(arm, in_old, in_new, out);
      continue;
    }
    const RelationIndex* index = index_of(arm, first);
    if (index == nullptr) return false;
    candidates_by_index(arm, *index, in_old, in_new, out);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return true;
}

// Returns: false if there is no order to look in that leaves out most rows.
bool TupleFinder::candidates_by_range(const BindStep& step, bool in_old, bool in_new,
                                      std::vector<Slot>& out) {
  const bool may_make = instance_.engine().live && instance_.core_.directory->size() > 1;
  const triples::TypeId table = instance_.core_.sources[step.source].table;
  const auto find = [&](const BindStep& arm) {
    if (!arm.range) {
      arm.range = instance_.engine().indexes.of(table).range(arm.columns[0], may_make);
    }
    return arm.range.get();
  };
  for (Side side : {Side::kOld, Side::kNew}) {
    if (!(side == Side::kOld ? in_old : in_new)) continue;
    const RangeChoice choice = choose_range(step, instance_.tuple_context(tuple_, side), find);
    if (choice.step == nullptr) {
      out.clear();
      return false;
    }
    for (const KeyRange& range : choice.ranges)
      choice.step->range->for_each(range.lower, range.upper, side,
                                   [&out](Slot slot) { out.push_back(slot); });
  }
  if (!in_old || !in_new) return true;
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return true;
}

bool TupleFinder::encode_values(const BindStep& step, const std::vector<ColumnIndex>& columns,
                                Side side, std::string& out) const {
  out.clear();
  const RowContext row = instance_.tuple_context(tuple_, side);
  for (ColumnIndex column : columns) {
    const auto at = std::find(step.columns.begin(), step.columns.end(), column);
    const auto i = static_cast<std::size_t>(at - step.columns.begin());
    const triples::Value value = evaluate(*step.values[i], row);
    if (value.is_null() && !step.null_matches[i]) return false;
    triples::encode_ordered(value, out);
  }
  return true;
}

void TupleFinder::candidates_by_key(const BindStep& step, bool in_old, bool in_new,
                                    std::vector<Slot>& out) {
  for (Side side : {Side::kOld, Side::kNew}) {
    if (!(side == Side::kOld ? in_old : in_new)) continue;
    const Slot slot = find_by_key(step, side);
    if (slot != triples::kNoSlot && (out.empty() || out[0] != slot)) out.push_back(slot);
  }
}

Slot TupleFinder::find_by_key(const BindStep& step, Side side) const {
  std::string key;
  if (!encode_values(step, step.columns, side, key)) return triples::kNoSlot;
  return instance_.engine().tables.find(instance_.core_.sources[step.source].table, key);
}

const RelationIndex* TupleFinder::index_of(const BindStep& step, bool first) const {
  const Core& core = instance_.core_;
  const CoreSource& source = core.sources[step.source];
  if (source.derived >= 0) {
    return &instance_.derived()
                ->instances[static_cast<std::size_t>(source.derived)]
                ->derived_relation()
                ->indexes()
                .kept(step.columns);
  }
  if (!step.index) {
    // A statement's own rows are found by an index of their own once they are asked for again.
    const bool again = instance_.engine().live && core.directory->size() > 1;
    const bool may_make = !(first && core.single) || again;
    step.index = instance_.engine().indexes.of(source.table).find(step.columns, may_make);
  }
  return step.index.get();
}

void TupleFinder::candidates_by_index(const BindStep& step, const RelationIndex& index, bool in_old,
                                      bool in_new, std::vector<Slot>& out) {
  std::string old_key, new_key;
  auto add = [&out](Slot slot) {
    out.push_back(slot);
    return true;
  };
  if (in_old && encode_values(step, index.columns(), Side::kOld, old_key))
    index.for_each(old_key, Side::kOld, add);
  else
    in_old = false;
  if (!in_new || !encode_values(step, index.columns(), Side::kNew, new_key)) return;
  const bool untouched = instance_.relations()[step.source]->write_log().empty();
  if (in_old && untouched && old_key == new_key) return;
  const bool both = in_old && !out.empty();
  index.for_each(new_key, Side::kNew, add);
  if (both) {
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
}

}  // namespace tremula::dataflow
