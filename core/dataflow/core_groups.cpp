// The stages GROUP BY, HAVING and DISTINCT of a CoreInstance.
//
// Law: the group deltas that push names are the difference of the groups pulled on both sides; a
// group that empties and refills in one step stays.
#include "core/dataflow/instance.h"
#include "core/dataflow/owned_rows.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;
using triples::Value;

// What one tuple gives to its group on one side.
struct CoreInstance::Contributions {
  struct One {
    bool counts = false;  // FILTER is TRUE
    Value argument, separator;
    std::string row_key;

    bool same(const One& other) const {
      return counts == other.counts &&
             (!counts || (identical(argument, other.argument) &&
                          identical(separator, other.separator) && row_key == other.row_key));
    }
  };
  std::string key;
  std::vector<Value> key_values;
  std::vector<One> aggregates;
};

void CoreInstance::contributions(const Slot* tuple, Side side, Contributions& out) const {
  const RowContext row = tuple_context(tuple, side);
  for (const Node& node : core_.group_keys) {
    out.key_values.push_back(evaluate(node, row));
    triples::encode_ordered(out.key_values.back(), out.key);
  }
  for (const CoreAggregate& a : core_.aggregates) {
    Contributions::One one;
    one.counts = !a.has_filter || is_true(a.filter, row);
    if (one.counts) {
      if (a.has_argument) one.argument = evaluate(a.argument, row);
      one.separator = a.has_separator ? evaluate(a.separator, row) : Value::text_of(",");
      if (a.needs_row_key) {
        for (const NodeOrder& term : a.order)
          triples::encode_ordered(evaluate(term.node, row), one.row_key, term.direction,
                                  term.nulls);
        row_key(row, one.row_key);
      }
    }
    out.aggregates.push_back(std::move(one));
  }
  for (std::uint32_t position : core_.first_keys) {
    Contributions::One first;
    first.counts = true;
    first.argument = out.key_values[position];
    row_key(row, first.row_key);
    out.aggregates.push_back(std::move(first));
  }
}

void CoreInstance::apply_contributions(Slot slot, const Contributions& c, int sign) {
  GroupTable::Group& group = groups()->group(slot);
  group.members += sign;
  TREMULA_ASSERT(group.members >= 0);
  for (std::size_t i = 0; i < c.aggregates.size(); ++i) {
    const Contributions::One& one = c.aggregates[i];
    if (!one.counts) continue;
    Accumulator& accumulator = groups()->accumulators(slot)[i];
    if (sign > 0)
      accumulator.add({one.argument, one.separator, one.row_key});
    else
      accumulator.retract({one.argument, one.separator, one.row_key});
  }
}

void CoreInstance::remember_dependents(Slot slot, const Slot* tuple) {
  for (std::size_t d = 0; d < core_.dependents.size(); ++d)
    groups()->dependents(slot)[d] = tuple[core_.dependents[d].source];
}

void CoreInstance::group_tuple(const Slot* tuple, bool in_old, bool in_new) {
  Contributions before, after;
  if (in_old) contributions(tuple, Side::kOld, before);
  if (in_new) contributions(tuple, Side::kNew, after);
  if (in_old && in_new && before.key == after.key) {
    const Slot slot = groups()->touch_group(after.key, after.key_values);
    remember_dependents(slot, tuple);
    const std::span<Accumulator> accumulators = groups()->accumulators(slot);
    for (std::size_t i = 0; i < after.aggregates.size(); ++i) {
      const Contributions::One& a = before.aggregates[i];
      const Contributions::One& b = after.aggregates[i];
      if (a.same(b)) continue;
      if (a.counts) accumulators[i].retract({a.argument, a.separator, a.row_key});
      if (b.counts) accumulators[i].add({b.argument, b.separator, b.row_key});
    }
  } else {
    if (in_old)
      apply_contributions(groups()->touch_group(before.key, before.key_values), before, -1);
    if (in_new) {
      const Slot slot = groups()->touch_group(after.key, after.key_values);
      remember_dependents(slot, tuple);
      apply_contributions(slot, after, 1);
    }
  }
}

void CoreInstance::count_rows(std::int64_t rows) {
  const Slot slot = groups()->touch_group({}, {});
  groups()->group(slot).members += rows;
  for (Accumulator& a : groups()->accumulators(slot)) a.add_rows(rows);  // no keys: no first values
}

void CoreInstance::fill_outputs(Slot slot) {
  GroupTable::Group& group = groups()->group(slot);
  group.in_new = group.members > 0 || core_.group_keys.empty();
  if (!group.in_new) return;
  const OwnedRows::Values values = groups()->values(slot);
  const std::span<Accumulator> accumulators = groups()->accumulators(slot);
  std::size_t at = core_.group_keys.size();
  std::size_t next = 0;
  while (next < core_.aggregates.size())
    values[at++].set(accumulators[next++].value(engine().arena));
  for (std::uint32_t position : core_.first_keys)
    values[position].set(accumulators[next++].value(engine().arena));
  for (std::size_t d = 0; d < core_.dependents.size(); ++d) {
    const Slot from = groups()->dependents(slot)[d];
    Value value;
    if (from != triples::kNoSlot)
      value = relations()[core_.dependents[d].source]->read(from, core_.dependents[d].column,
                                                            Side::kNew);
    values[at++].set(value);
  }
}

bool CoreInstance::having_true(Slot slot, Side side) const {
  return !core_.has_having || is_true(core_.having, group_context(&slot, side));
}

void CoreInstance::update_group_sites(Slot slot, bool in_old, bool in_new) {
  const RowContext context = group_context(&slot, closing_ ? engine().present() : Side::kNew);
  for (std::uint32_t site = 0; site < core_.group_sites.size(); ++site) {
    if (closing_)
      group_sites()->release(site, slot, context);
    else
      group_sites()->update(site, slot, context, in_old, in_new);
  }
}

void CoreInstance::finish_groups() {
  if (!core_.grouped) return;
  for (Slot slot : groups()->touched()) fill_outputs(slot);
  // What was touched by a sub-select alone comes after, and only once.
  std::vector<RowId>& by_site = step_->touched_groups;
  if (step_->touched_all_groups)
    for (Slot slot = 0; slot < groups()->slot_end(); ++slot) by_site.push_back(slot);
  base::FlatSet<Slot> forced;
  for (Slot slot : by_site)
    if (groups()->exists(slot, Side::kOld) || groups()->exists(slot, Side::kNew))
      forced.insert(slot);
  for (Slot slot : groups()->touched()) finish_group(slot, forced.erase(slot));
  for (const auto& entry : forced) finish_group(entry.key, true);
}

void CoreInstance::finish_group(Slot slot, bool forced) {
  const GroupTable::Group& group = groups()->group(slot);
  bool in_old = group.in_old, in_new = group.in_new;
  if (!in_old && !in_new) return;
  if (in_old && in_new && !forced && groups()->is_touched(slot) && groups()->same_values(slot))
    return;
  update_group_sites(slot, in_old, in_new);
  in_old = in_old && having_true(slot, Side::kOld);
  in_new = in_new && having_true(slot, Side::kNew);
  if (!in_old && !in_new) return;
  if (core_.distinct)
    distinct_row(group_context(&slot, Side::kNew), in_old, in_new);
  else
    final_row(slot, in_old, in_new);
}

void CoreInstance::count_distinct(const RowContext& row, int sign) {
  std::string key;
  std::vector<Value> values;
  for (const Node& node : core_.distinct_values) {
    values.push_back(evaluate(node, row));
    triples::encode_ordered(values.back(), key);
  }
  const Slot slot = distinct()->touch_group(key, values);
  GroupTable::Group& group = distinct()->group(slot);
  group.members += sign;
  TREMULA_ASSERT(group.members >= 0);
  if (!core_.first_values.empty()) {
    std::string order;
    if (core_.grouped)
      order = groups()->key_of(row.tuple[0]);
    else
      row_key(row, order);
    for (std::size_t i = 0; i < core_.first_values.size(); ++i) {
      const Contribution first{values[core_.first_values[i]], {}, order};
      Accumulator& accumulator = distinct()->accumulators(slot)[i];
      if (sign > 0)
        accumulator.add(first);
      else
        accumulator.retract(first);
    }
  }
}

void CoreInstance::distinct_row(RowContext row, bool in_old, bool in_new) {
  if (in_old) {
    row.side = Side::kOld;
    count_distinct(row, -1);
  }
  if (in_new) {
    row.side = Side::kNew;
    count_distinct(row, 1);
  }
}

void CoreInstance::finish_distinct() {
  if (!core_.distinct) return;
  for (Slot slot : distinct()->touched()) {
    GroupTable::Group& group = distinct()->group(slot);
    group.in_new = group.members > 0;
    bool changed = group.in_old != group.in_new;
    // A row of DISTINCT is its values, but 1 may become 1.0 when its first row goes.
    for (std::size_t i = 0; group.in_new && i < core_.first_values.size(); ++i) {
      HeldValue& value = distinct()->values(slot)[core_.first_values[i]];
      const Value first = distinct()->accumulators(slot)[i].value(engine().arena);
      if (identical(value.value(), first)) continue;
      value.set(first);
      changed = true;
    }
    if (changed) final_row(slot, group.in_old, group.in_new);
  }
}

}  // namespace tremula::dataflow
