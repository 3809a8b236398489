// CoreInstance: from tuples to the rows of the last stage. Groups and DISTINCT are in
// core_groups.cpp.
#include <algorithm>

#include "core/dataflow/from.h"
#include "core/dataflow/instance.h"
#include "core/dataflow/owned_rows.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;

// Passes found tuples to the instance.
class CoreInstance::Collector final : public TupleVisitor {
 public:
  explicit Collector(CoreInstance& instance) : instance_(instance) {}
  bool visit(const Slot* tuple, bool in_old, bool in_new) override {
    if (instance_.hydrating_ || instance_.closing_ || instance_.first_visit(tuple))
      instance_.take_tuple(tuple, in_old, in_new);
    return true;
  }

 private:
  CoreInstance& instance_;
};

TailLayout CoreInstance::lay_out(const Core& core) {
  return CorePart::Tail::lay_out(
      sizeof(CoreInstance), {!core.derived.empty(), !core.sites.empty(), !core.group_sites.empty(),
                             needs_rows(core), core.grouped, core.distinct});
}

CoreInstance::CoreInstance(Core& core) : Instance(core.rank), core_(core) {
  if (!core.layout.has_parts) return;
  static const std::vector<CoreAggregate> kNoAggregates;
  if (derived() != nullptr) std::construct_at(derived());
  if (tuple_sites() != nullptr)
    std::construct_at(tuple_sites(), *this, SiteScope::kTuple, core.sites);
  if (group_sites() != nullptr)
    std::construct_at(group_sites(), *this, SiteScope::kGroup, core.group_sites);
  if (tuples() != nullptr) std::construct_at(tuples(), core.sources.size());
  if (groups() != nullptr)
    std::construct_at(groups(), core.aggregates, core.group_keys.size(), core.dependents.size(),
                      core.first_keys.size());
  if (distinct() != nullptr)
    std::construct_at(distinct(), kNoAggregates, core.distinct_values.size(), std::size_t{0},
                      core.first_values.size());
}

CoreInstance::~CoreInstance() { CorePart::Tail::destroy(this, core_.layout); }

CoreStep& CoreInstance::step() {
  if (!step_) {
    begin_step();
    engine().note(*this);
  }
  return *step_;
}

void CoreInstance::begin_step() {
  step_ = engine().core_steps.take();
  step_->count_old = count_;
  if (groups() != nullptr) groups()->begin_step(step_->touched_table);
  if (distinct() != nullptr) distinct()->begin_step(step_->touched_distinct);
}

void CoreInstance::end_step() {
  if (!step_) return;
  if (groups() != nullptr) groups()->settle();
  if (distinct() != nullptr) distinct()->settle();
  for (RowId row : step_->dead_tuples) tuples()->release(row);
  engine().core_steps.give_back(std::move(step_));
}

RowContext CoreInstance::tuple_context(const Slot* tuple, Side side) const {
  RowContext row;
  row.relations = relations();
  row.tuple = tuple;
  row.parameters = parameters().data();
  row.sites = tuple_sites();
  row.arena = &engine().arena;
  row.side = side;
  return row;
}

RowContext CoreInstance::group_context(const Slot* slot, Side side) const {
  RowContext row = tuple_context(slot, side);
  if (groups() != nullptr) row.relations = groups()->as_relations();
  row.sites = group_sites();
  return row;
}

RowContext CoreInstance::row_context(RowId row, Side side, Slot& scratch) const {
  scratch = row;
  if (core_.grouped || core_.distinct) {
    RowContext context = group_context(&scratch, side);
    if (distinct() != nullptr) context.relations = distinct()->as_relations();
    return context;
  }
  return tuple_context(core_.sources.size() > 1 ? tuples()->tuple(row) : &scratch, side);
}

void CoreInstance::open() {
  if (!core_.layout.has_parts) return;
  RowContext row = tuple_context(nullptr, Side::kNew);
  std::vector<triples::Value> values;
  for (std::uint32_t d = 0; d < core_.derived.size(); ++d) {
    const Site& site = core_.derived[d];
    values.clear();
    for (const Node& node : site.parameters) values.push_back(evaluate(node, row));
    BlockInstance& child = site.child->directory->acquire(engine(), *site.child, values);
    child.add_parent({}, {this, kAllRows, static_cast<std::uint16_t>(d), SiteScope::kDerived});
    derived()->instances.push_back(&child);
  }
  if (!core_.derived.empty()) {
    for (const CoreSource& source : core_.sources)
      derived()->relations.push_back(source.derived < 0 ? source.relation
                                                        : derived_relation(source.derived));
    row.relations = relations();
  }
  if (tuple_sites() != nullptr) tuple_sites()->open(row);
  if (group_sites() != nullptr) group_sites()->open(row);
  if (engine().live) open_reverse_indexes();
}

// The rows that a semi-join's member concerns are found by these.
void CoreInstance::open_reverse_indexes() {
  for (const Site& site : core_.sites) {
    if (site.reverse_source < 0 || site.reverse_index) continue;
    const CoreSource& from = core_.sources[static_cast<std::size_t>(site.reverse_source)];
    std::vector<triples::ColumnIndex> columns;
    for (const Node& node : site.probe) columns.push_back(node.index);
    if (columns != from.key_columns)
      site.reverse_index = engine().indexes.of(from.table).exact(columns);
  }
}

void CoreInstance::hydrate(bool ordered) {
  ordered_ = ordered && !core_.at_most_one;
  hydrating_ = true;
  begin_step();
  open();
  if (groups() != nullptr && core_.group_keys.empty()) groups()->touch_group({}, {});
  Collector collector(*this);
  TupleFinder finder(*this, collector);
  const std::int64_t counted = core_.counts_key ? finder.count_key() : -1;
  if (counted >= 0)
    count_rows(counted);
  else if (core_.is_plain())
    hydrate_rows(finder);
  else
    finder.pull(false, true);
  finish_groups();
  finish_distinct();
  if (ordered_ && count_ == 1)
    order_.build_one(step_->first_row);
  else if (ordered_)
    order_.build(step_->building);
  hydrating_ = false;
  end_step();
}

// What take_tuple() comes to for each row of a plain core, which is most of a first result.
void CoreInstance::hydrate_rows(TupleFinder& finder) {
  const triples::Relation& relation = *relations()[0];
  OrderEntries& entries = step_->building;
  RowContext row = tuple_context(nullptr, Side::kNew);
  std::string& key = engine().key;
  std::size_t expected = 0;
  const auto take = [&](Slot slot) {
    ++count_;
    if (!ordered_) return;
    row.tuple = &slot;
    key.clear();
    for (const NodeOrder& term : core_.order) {
      const triples::Value value = term.node.is_column()
                                       ? relation.read(slot, term.node.index, Side::kNew)
                                       : evaluate(term.node, row);
      triples::encode_ordered(value, key, term.direction, term.nulls);
    }
    key += relation.key(slot);
    step_->first_row = slot;
    if (count_ == 1 && expected > 1) entries.reserve(expected, expected * (key.size() + 1));
    entries.add(key, slot);
  };
  finder.pull_rows([&expected](std::size_t rows) { expected = rows; }, take);
  core_.deltas_seen += count_;
}

// The children that rows hold are found again by walking the rows.
void CoreInstance::release_rows() {
  closing_ = true;
  if (std::any_of(core_.sites.begin(), core_.sites.end(),
                  [](const Site& site) { return site.lists_rows(); })) {
    Collector collector(*this);
    const bool new_side = engine().present() == Side::kNew;
    TupleFinder(*this, collector).pull(!new_side, new_side);
  }
  if (core_.grouped && !core_.group_sites.empty())
    for (Slot slot = 0; slot < groups()->slot_end(); ++slot)
      if (groups()->exists(slot, engine().present())) update_group_sites(slot, false, true);
}

void CoreInstance::release_children() {
  if (!core_.layout.has_parts) return;
  release_rows();
  if (tuple_sites() != nullptr) tuple_sites()->close();
  if (group_sites() != nullptr) group_sites()->close();
  if (derived() == nullptr) return;
  std::vector<BlockInstance*>& tables = derived()->instances;
  for (std::uint32_t d = 0; d < tables.size(); ++d)
    engine().release_later(*tables[d], {},
                           {this, kAllRows, static_cast<std::uint16_t>(d), SiteScope::kDerived});
  tables.clear();
}

void CoreInstance::touch(std::uint32_t source, Slot slot) {
  // Routes may name it twice in a row.
  std::vector<TouchedRow>& rows = step().touched_rows;
  if (!rows.empty() && rows.back().slot == slot && rows.back().source == source) return;
  rows.push_back({source, slot});
  engine().wake(*this);
}

void CoreInstance::site_changed(SiteScope scope, std::uint32_t site, RowId row) {
  CoreStep& step = this->step();
  if (scope == SiteScope::kGroup) {
    if (row == kAllRows)
      step.touched_all_groups = true;
    else
      step.touched_groups.push_back(row);
  } else if (scope == SiteScope::kTuple) {
    const int left = left_source_of(site);
    if (row == kAllRows)
      step.touched_all = true;
    else if (left >= 0)
      step.touched_rows.push_back({static_cast<std::uint32_t>(left), row});
    else
      step.touched_tuples.push_back(row);
  } else {
    for (std::uint32_t s = 0; s < core_.sources.size(); ++s) {
      if (core_.sources[s].derived != static_cast<int>(site)) continue;
      for (const triples::RowChange& change : derived_relation(static_cast<int>(site))->changes())
        step.touched_rows.push_back({s, change.slot});
    }
  }
  engine().wake(*this);
}

// The LEFT JOIN in whose ON a site stands, or -1.
int CoreInstance::left_source_of(std::uint32_t site) const {
  if (!core_.has_on_sites) return -1;
  for (const Conjunct& c : core_.conjuncts)
    if (c.left_source >= 0)
      for (std::uint32_t s : c.sites)
        if (s == site) return c.left_source;
  return -1;
}

void CoreInstance::member_changed(SiteScope scope, std::uint32_t index, std::string_view key) {
  if (scope != SiteScope::kTuple) return;
  const Site& site = core_.sites[index];
  if (site.reverse_source < 0) return;
  const auto source = static_cast<std::uint32_t>(site.reverse_source);
  if (!site.reverse_index) {
    const Slot slot = engine().tables.find(core_.sources[source].table, key);
    if (slot != triples::kNoSlot) touch(source, slot);
    return;
  }
  auto add = [&](Slot slot) {
    touch(source, slot);
    return true;
  };
  site.reverse_index->for_each(key, Side::kOld, add);
  site.reverse_index->for_each(key, Side::kNew, add);
}

bool CoreInstance::first_visit(const Slot* tuple) {
  if (!step_->many_candidates) return true;
  return step_->visited.insert(
      std::string_view(reinterpret_cast<const char*>(tuple), core_.sources.size() * sizeof(Slot)));
}

// Whether tuples need numbers of their own.
bool CoreInstance::needs_rows(const Core& core) {
  return core.sources.size() > 1 && ((!core.grouped && !core.distinct) || !core.sites.empty());
}

const DerivedRelation* CoreInstance::derived_relation(int number) const {
  return derived()->instances[static_cast<std::size_t>(number)]->derived_relation();
}

void CoreInstance::update_sites(const std::vector<std::uint32_t>& sites, RowId row,
                                const Slot* tuple, bool in_old, bool in_new) {
  if (sites.empty()) return;
  const RowContext context = tuple_context(tuple, closing_ ? engine().present() : Side::kNew);
  for (std::uint32_t site : sites) {
    if (closing_)
      tuple_sites()->release(site, row, context);
    else
      tuple_sites()->update(site, row, context, in_old, in_new);
  }
}

void CoreInstance::update_pair(const std::vector<std::uint32_t>& sites, std::uint32_t source,
                               const Slot* tuple, bool in_old, bool in_new) {
  if (!hydrating_ && !closing_) {
    std::string pair(reinterpret_cast<const char*>(tuple), (source + 1) * sizeof(Slot));
    pair += static_cast<char>(source);
    if (!step_->visited_pairs.insert(pair)) return;
  }
  update_sites(sites, tuple[source], tuple, in_old, in_new);
}

bool CoreInstance::where_sites_true(const Slot* tuple, Side side) const {
  if (core_.where_sites.empty()) return true;
  const RowContext row = tuple_context(tuple, side);
  for (const Conjunct& c : core_.conjuncts)
    if (!c.sites.empty() && c.left_source < 0 && !is_true(c.node, row)) return false;
  return true;
}

void CoreInstance::take_tuple(const Slot* tuple, bool in_old, bool in_new) {
  RowId row = core_.sources.size() == 1 ? tuple[0] : 0;
  if (TupleTable* tuples = this->tuples()) {
    row = tuples->intern(tuple);
    if (!in_new && !closing_) step().dead_tuples.push_back(row);
    tuple = tuples->tuple(row);
  }
  update_sites(core_.where_sites, row, tuple, in_old, in_new);
  in_old = in_old && where_sites_true(tuple, Side::kOld);
  in_new = in_new && where_sites_true(tuple, Side::kNew);
  if (!in_old && !in_new) return;
  update_sites(core_.later_sites, row, tuple, in_old, in_new);
  if (closing_) return;
  ++core_.deltas_seen;
  if (core_.grouped)
    group_tuple(tuple, in_old, in_new);
  else if (core_.distinct)
    distinct_row(tuple_context(tuple, Side::kNew), in_old, in_new);
  else
    final_row(row, in_old, in_new);
}

void CoreInstance::drain() {
  CoreStep& step = this->step();
  // One row of one source is met once anyway.
  step.many_candidates = step.touched_all || core_.sources.size() != 1 ||
                         step.touched_rows.size() + step.touched_tuples.size() > 1;
  Collector collector(*this);
  for (std::size_t i = 0; i < step.touched_rows.size(); ++i)
    TupleFinder(*this, collector).push(step.touched_rows[i].source, step.touched_rows[i].slot);
  if (step.touched_all) TupleFinder(*this, collector).pull(true, true);
  for (std::size_t i = 0; i < step.touched_tuples.size(); ++i) {
    // Its rows are as they were, or it was visited: what sub-selects don't decide, holds on both
    // sides.
    const Slot slot = step.touched_tuples[i];
    const Slot* tuple = core_.sources.size() > 1 ? tuples()->tuple(slot) : &slot;
    if (first_visit(tuple)) take_tuple(tuple, true, true);
  }
  finish_groups();
  finish_distinct();
  if (step.deltas.empty()) return;
  if (ordered_) order_.move(*this, step.deltas);
  wake_readers();
}

const ChangedRanks& CoreInstance::changed_ranks() const {
  CoreStep& step = *step_;
  if (step.ranked) return step.ranks;
  step.ranked = true;
  for (const RowDelta& d : step.deltas) {
    if (d.in_old) step.ranks.add(Side::kOld, d.old_at, d.row);
    if (d.in_new) step.ranks.add(Side::kNew, d.new_at, d.row);
  }
  step.ranks.sort();
  return step.ranks;
}

void CoreInstance::settle() { end_step(); }

// --- The last stage ---

void CoreInstance::final_row(RowId row, bool in_old, bool in_new) {
  // The first change of a step keeps the old count.
  if (!hydrating_) {
    RowDelta& delta = step().deltas.emplace_back();
    delta.row = row;
    delta.in_old = in_old;
    delta.in_new = in_new;
  }
  count_ += in_new;
  count_ -= in_old;
  if (!ordered_ || !hydrating_) return;
  if (count_ == 1) {
    step_->first_row = row;
    return;
  }
  std::string& key = engine().key;
  if (count_ == 2) {
    order_key(step_->first_row, Side::kNew, key);
    step_->building.add(key, step_->first_row);
  }
  order_key(row, Side::kNew, key);
  step_->building.add(key, row);
}

void CoreInstance::order_key(RowId row, Side side, std::string& out) const {
  out.clear();
  Slot scratch;
  order_key_of(row_context(row, side, scratch), out);
}

void CoreInstance::order_key_of(const RowContext& row, std::string& out) const {
  for (const NodeOrder& term : core_.order)
    triples::encode_ordered(evaluate(term.node, row), out, term.direction, term.nulls);
  tie_break_of(row, out);
}

void CoreInstance::tie_break_of(const RowContext& row, std::string& out) const {
  if (core_.distinct) {
    for (triples::ColumnIndex c = 0; c < core_.distinct_values.size(); ++c)
      triples::encode_ordered(distinct()->read(row.tuple[0], c, row.side), out);
  } else if (core_.grouped) {
    for (triples::ColumnIndex c = 0; c < core_.group_keys.size(); ++c)
      triples::encode_ordered(groups()->read(row.tuple[0], c, row.side), out);
  } else {
    row_key(row, out);
  }
}

void CoreInstance::tie_break(RowId row, Side side, std::string& out) const {
  out.clear();
  Slot scratch;
  tie_break_of(row_context(row, side, scratch), out);
}

void CoreInstance::identity(RowId row, Side side, std::string& out) const {
  if (core_.grouped || core_.distinct || !core_.derived.empty()) {
    tie_break(row, side, out);
    return;
  }
  Slot scratch;
  const RowContext context = row_context(row, side, scratch);
  out.assign(reinterpret_cast<const char*>(context.tuple), core_.sources.size() * sizeof(Slot));
}

void CoreInstance::row_key(const RowContext& row, std::string& out) const {
  for (std::size_t s = 0; s < core_.sources.size(); ++s) {
    const Slot slot = row.tuple[s];
    if (slot == triples::kNoSlot) {
      triples::encode_ordered(triples::Value::null(), out);
    } else if (core_.sources[s].derived < 0) {
      out += relations()[s]->key(slot);
    } else {
      const std::size_t columns = core_.sources[s].columns.size();
      for (triples::ColumnIndex c = 0; c < columns; ++c)
        triples::encode_ordered(relations()[s]->read(slot, c, row.side), out);
    }
  }
}

std::size_t CoreInstance::rank(RowId row, Side side) const {
  if (!ordered_) return 0;
  const std::size_t at = order_.rank(*this, row);
  if (side == Side::kNew || deltas().empty()) return at;
  for (const RowDelta& d : deltas())
    if (d.row == row) return d.old_at;
  const ChangedRanks& ranks = changed_ranks();
  return ranks.place_of_unchanged(ranks.unchanged_before(at, Side::kNew), Side::kOld);
}

RowId CoreInstance::select(std::size_t index, Side side) const {
  if (index >= count(side)) return kAllRows;
  if (!ordered_) return kSingleRow;
  if (side == Side::kNew || deltas().empty()) return order_.select(index);
  const ChangedRanks& ranks = changed_ranks();
  if (const auto* changed = ranks.changed_at(index, Side::kOld)) return changed->row;
  return order_.select(
      ranks.place_of_unchanged(ranks.unchanged_before(index, Side::kOld), Side::kNew));
}

void CoreInstance::for_each_from(std::size_t index, std::size_t count, Side side,
                                 const std::function<void(RowId)>& visit) const {
  if (side == Side::kOld && !deltas().empty()) {
    for (std::size_t i = 0; i < count; ++i) visit(select(index + i, side));
    return;
  }
  order_.for_each(index, count, [&visit](RowId row) {
    visit(row);
    return true;
  });
}

// Calls visit(row) with the rows of the last stage that pass on the new side, for those who begin
// to need them.
class RowCollector final : public TupleVisitor {
 public:
  using Visit = std::function<void(const Slot*)>;
  explicit RowCollector(Visit visit) : visit_(std::move(visit)) {}
  bool visit(const Slot* tuple, bool, bool) override {
    visit_(tuple);
    return true;
  }

 private:
  Visit visit_;
};

void CoreInstance::for_each_row(const std::function<void(RowId)>& visit) {
  // While it is made inside a step or a transaction the new side counts, otherwise what it has
  // taken in.
  const Side side = engine().present();
  if (ordered_) {
    for_each_from(0, count_, Side::kNew, visit);
  } else if (core_.distinct) {
    for (Slot slot = 0; slot < distinct()->slot_end(); ++slot)
      if (distinct()->exists(slot, side)) visit(slot);
  } else if (core_.grouped) {
    for (Slot slot = 0; slot < groups()->slot_end(); ++slot)
      if (groups()->exists(slot, side) && having_true(slot, side)) visit(slot);
  } else {
    RowCollector collector([&](const Slot* tuple) {
      if (!where_sites_true(tuple, side)) return;
      visit(core_.sources.size() == 1 ? tuple[0]
            : core_.sources.empty()   ? kSingleRow
                                      : tuples()->intern(tuple));
    });
    TupleFinder(*this, collector).list(side);
  }
}

void CoreInstance::demand_order() {
  if (ordered_ || core_.at_most_one) return;
  base::FlatSet<RowId> changed;
  for (const RowDelta& d : deltas()) changed.insert(d.row);
  OrderEntries entries;
  std::string key;
  const Side side = engine().present();
  for_each_row([&](RowId row) {
    if (changed.contains(row)) return;
    order_key(row, side, key);
    entries.add(key, row);
  });
  for (const RowDelta& d : deltas()) {
    if (!d.in_old) continue;
    order_key(d.row, Side::kOld, key);
    entries.add(key, d.row);
  }
  order_.build(entries);
  ordered_ = true;
  if (!deltas().empty()) order_.move(*this, step_->deltas);
}

}  // namespace tremula::dataflow
