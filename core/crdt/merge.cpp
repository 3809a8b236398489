#include "core/crdt/merge.h"

#include "core/base/check.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

namespace {

using triples::Kind;
using triples::MergeRule;
using triples::Value;

bool is_newer(const Stamp& a, const Stamp& b, const Sites& sites) {
  if (a.version != b.version) return a.version > b.version;
  return sites.compare(a.site, b.site) > 0;
}

// By MAX, MIN: greater means that `a` wins whatever the stamps.
std::strong_ordering compare_by_rule(MergeRule rule, Value a, Value b) {
  TREMULA_ASSERT(rule != MergeRule::kCounter && rule != MergeRule::kSet);
  if (rule == MergeRule::kLww) return std::strong_ordering::equal;
  if (a.is_null() || b.is_null() || rule == MergeRule::kMax) return triples::compare(a, b);
  return triples::compare(b, a);
}

}  // namespace

std::strong_ordering compare_exactly(Value a, Value b) {
  const std::strong_ordering order = triples::compare(a, b);
  return order != 0 ? order : a.kind <=> b.kind;
}

RowChange merge_row(RowState& row, CausalLength cl, const Meta& incoming, const Sites& sites) {
  switch (enter_life(row, cl)) {
    case Life::kOver: return RowChange::kNothing;
    case Life::kNewLife: row.meta = incoming; return RowChange::kNewLife;
    case Life::kPresent: break;
  }
  if (row.meta.stamp.version != Version{} && !is_newer(incoming.stamp, row.meta.stamp, sites)) {
    return RowChange::kNothing;
  }
  row.meta = incoming;
  return RowChange::kOwnRecord;
}

bool create_row(RowState& row, const Meta& now) {
  if (is_alive(row.cl)) return false;
  row = {next(row.cl), now};
  return true;
}

bool delete_row(RowState& row, const Meta& now) {
  if (!is_alive(row.cl)) return false;
  row = {next(row.cl), now};
  return true;
}

bool wins_tie(MergeRule rule, const Register& incoming, const Register& stored,
              const Sites& sites) {
  if (stored.stamp.version == Version{}) return true;
  const std::strong_ordering by_rule = compare_by_rule(rule, incoming.value, stored.value);
  if (by_rule != 0) return by_rule > 0;
  if (incoming.stamp != stored.stamp) return is_newer(incoming.stamp, stored.stamp, sites);
  return compare_exactly(incoming.value, stored.value) > 0;
}

bool write_matters(MergeRule rule, const Register& stored, Value value, bool has_default) {
  if (stored.stamp.version == Version{}) return !value.is_null() || has_default;
  if (triples::identical(stored.value, value)) return false;
  return compare_by_rule(rule, value, stored.value) >= 0;
}

}  // namespace tremula::crdt
