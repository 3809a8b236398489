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

CoreInstance::CoreInstance(Engine& engine, Core& core, std::span<const triples::Value> parameters)
    : Instance(engine, core.rank),
      core_(core),
      parameters_(parameters),
      tuple_sites_(*this, SiteScope::kTuple, core.sites),
      group_sites_(*this, SiteScope::kGroup, core.group_sites),
      tuples_(core.sources.size()) {
  if (core.grouped)
    groups_ = std::make_unique<GroupTable>(core.aggregates, core.dependents.size(),
                                           core.first_keys.size());
  static const std::vector<CoreAggregate> kNoAggregates;
  if (core.distinct)
    distinct_ = std::make_unique<GroupTable>(kNoAggregates, 0, core.first_values.size());
  stage_relation_[0] =
      distinct_ ? static_cast<const triples::Relation*>(distinct_.get()) : groups_.get();
}

CoreInstance::~CoreInstance() = default;

RowContext CoreInstance::tuple_context(const Slot* tuple, Side side) const {
  RowContext row;
  row.relations = relations_.data();
  row.tuple = tuple;
  row.parameters = parameters_.data();
  row.sites = &tuple_sites_;
  row.arena = &engine_.arena;
  row.side = side;
  return row;
}

RowContext CoreInstance::group_context(const Slot* slot, Side side) const {
  RowContext row = tuple_context(slot, side);
  row.relations = group_relation_;
  row.sites = &group_sites_;
  return row;
}

RowContext CoreInstance::row_context(RowId row, Side side, Slot& scratch) const {
  scratch = row;
  if (groups_ || distinct_) {
    RowContext context = group_context(&scratch, side);
    context.relations = stage_relation_;
    return context;
  }
  return tuple_context(core_.sources.size() == 1 ? &scratch : tuples_.tuple(row), side);
}

void CoreInstance::open() {
  group_relation_[0] = groups_.get();
  RowContext row = tuple_context(nullptr, Side::kNew);
  std::vector<triples::Value> values;
  for (std::uint32_t d = 0; d < core_.derived.size(); ++d) {
    const Site& site = core_.derived[d];
    values.clear();
    for (const Node& node : site.parameters) values.push_back(evaluate(node, row));
    BlockInstance& child = site.child->directory->acquire(engine_, *site.child, values);
    child.add_parent({}, {this, kAllRows, static_cast<std::uint16_t>(d), SiteScope::kDerived});
    derived_.push_back(&child);
  }
  for (const CoreSource& source : core_.sources)
    relations_.push_back(
        source.derived < 0
            ? source.relation
            : derived_[static_cast<std::size_t>(source.derived)]->derived_relation());
  row.relations = relations_.data();
  tuple_sites_.open(row);
  group_sites_.open(row);
  if (engine_.live) open_reverse_indexes();
}

// The rows that a semi-join's member concerns are found by these.
void CoreInstance::open_reverse_indexes() {
  reverse_indexes_.resize(core_.sites.size());
  for (std::size_t i = 0; i < core_.sites.size(); ++i) {
    const Site& site = core_.sites[i];
    if (site.reverse_source < 0) continue;
    const CoreSource& from = core_.sources[static_cast<std::size_t>(site.reverse_source)];
    std::vector<triples::ColumnIndex> columns;
    for (const Node& node : site.probe) columns.push_back(node.index);
    if (columns != from.key_columns)
      reverse_indexes_[i] = engine_.indexes.of(from.table).exact(columns);
  }
}

void CoreInstance::hydrate(bool ordered) {
  ordered_ = ordered && !core_.at_most_one;
  hydrating_ = true;
  open();
  if (groups_ && core_.group_keys.empty()) groups_->touch_group({}, {});
  Collector collector(*this);
  TupleFinder finder(*this, collector);
  const std::int64_t counted = core_.counts_key ? finder.count_key() : -1;
  if (counted >= 0)
    count_rows(counted);
  else
    finder.pull(false, true);
  finish_groups();
  finish_distinct();
  if (ordered_) build_order();
  count_old_ = count_new_;
  if (groups_) groups_->settle();
  if (distinct_) distinct_->settle();
  deltas_.clear();
  hydrating_ = false;
  release_dead_tuples();
}

void CoreInstance::build_order() {
  order_.build(std::move(building_));
  building_ = {};
}

// The children that rows hold are found again by walking the rows.
void CoreInstance::release_rows() {
  closing_ = true;
  if (!core_.where_sites.empty() || !core_.later_sites.empty() || core_.has_on_sites) {
    Collector collector(*this);
    const bool new_side = engine_.present() == Side::kNew;
    TupleFinder(*this, collector).pull(!new_side, new_side);
  }
  if (groups_ && group_sites_.size() > 0)
    for (Slot slot = 0; slot < groups_->slot_end(); ++slot)
      if (groups_->exists(slot, engine_.present())) update_group_sites(slot, false, true);
}

void CoreInstance::release_children() {
  release_rows();
  tuple_sites_.close();
  group_sites_.close();
  for (std::uint32_t d = 0; d < derived_.size(); ++d)
    engine_.release_later(*derived_[d], {},
                          {this, kAllRows, static_cast<std::uint16_t>(d), SiteScope::kDerived});
  derived_.clear();
}

void CoreInstance::touch(std::uint32_t source, Slot slot) {
  touched_rows_.push_back({source, slot});
  wake();
}

void CoreInstance::site_changed(SiteScope scope, std::uint32_t site, RowId row) {
  if (scope == SiteScope::kGroup) {
    if (row == kAllRows)
      touched_all_groups_ = true;
    else
      touched_groups_.push_back(row);
  } else if (scope == SiteScope::kTuple) {
    const int left = left_source_of(site);
    if (row == kAllRows)
      touched_all_ = true;
    else if (left >= 0)
      touched_rows_.push_back({static_cast<std::uint32_t>(left), row});
    else
      touched_tuples_.push_back(row);
  } else {
    for (std::uint32_t s = 0; s < core_.sources.size(); ++s) {
      if (core_.sources[s].derived != static_cast<int>(site)) continue;
      for (const triples::RowChange& change : derived_[site]->derived_relation()->changes())
        touched_rows_.push_back({s, change.slot});
    }
  }
  wake();
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
  std::vector<triples::ColumnIndex> columns;
  for (const Node& node : site.probe) columns.push_back(node.index);
  const CoreSource& from = core_.sources[source];
  if (columns == from.key_columns) {
    const Slot slot = engine_.tables.find(from.table, key);
    if (slot != triples::kNoSlot) touch(source, slot);
    return;
  }
  auto add = [&](Slot slot) {
    touch(source, slot);
    return true;
  };
  reverse_indexes_[index]->for_each(key, Side::kOld, add);
  reverse_indexes_[index]->for_each(key, Side::kNew, add);
}

bool CoreInstance::first_visit(const Slot* tuple) {
  if (!many_candidates_) return true;
  return visited_.insert(
      std::string_view(reinterpret_cast<const char*>(tuple), core_.sources.size() * sizeof(Slot)));
}

// Whether tuples need numbers of their own.
bool CoreInstance::needs_rows() const {
  return core_.sources.size() > 1 && ((!groups_ && !distinct_) || !core_.sites.empty());
}

void CoreInstance::update_sites(const std::vector<std::uint32_t>& sites, RowId row,
                                const Slot* tuple, bool in_old, bool in_new) {
  const RowContext context = tuple_context(tuple, closing_ ? engine_.present() : Side::kNew);
  for (std::uint32_t site : sites) {
    if (closing_)
      tuple_sites_.release(site, row, context);
    else
      tuple_sites_.update(site, row, context, in_old, in_new);
  }
}

void CoreInstance::update_pair(const std::vector<std::uint32_t>& sites, std::uint32_t source,
                               const Slot* tuple, bool in_old, bool in_new) {
  if (!hydrating_ && !closing_) {
    std::string pair(reinterpret_cast<const char*>(tuple), (source + 1) * sizeof(Slot));
    pair += static_cast<char>(source);
    if (!visited_pairs_.insert(pair)) return;
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
  if (needs_rows()) {
    row = tuples_.intern(tuple);
    if (!in_new && !closing_) {
      dead_tuples_.push_back(row);
      engine_.note(*this);
    }
    tuple = tuples_.tuple(row);
  }
  update_sites(core_.where_sites, row, tuple, in_old, in_new);
  in_old = in_old && where_sites_true(tuple, Side::kOld);
  in_new = in_new && where_sites_true(tuple, Side::kNew);
  if (!in_old && !in_new) return;
  update_sites(core_.later_sites, row, tuple, in_old, in_new);
  if (closing_) return;
  ++deltas_seen_;
  if (groups_)
    group_tuple(tuple, in_old, in_new);
  else if (distinct_)
    distinct_row(tuple_context(tuple, Side::kNew), in_old, in_new);
  else
    final_row(row, in_old, in_new);
}

namespace {

// A set that was once large is given back: clearing it costs its capacity.
void forget_visited(base::FlatSet<std::string>& visited) {
  constexpr std::size_t kKeptMax = 256;
  if (visited.size() > kKeptMax)
    visited = base::FlatSet<std::string>();
  else if (!visited.empty())
    visited.clear();
}

}  // namespace

void CoreInstance::drain() {
  // One row of one source is met once anyway.
  many_candidates_ = touched_all_ || core_.sources.size() != 1 ||
                     touched_rows_.size() + touched_tuples_.size() > 1;
  Collector collector(*this);
  for (std::size_t i = 0; i < touched_rows_.size(); ++i)
    TupleFinder(*this, collector).push(touched_rows_[i].source, touched_rows_[i].slot);
  if (touched_all_) TupleFinder(*this, collector).pull(true, true);
  for (RowId row : touched_tuples_) {
    // Its rows are as they were, or it was visited: what sub-selects don't decide, holds on both
    // sides.
    const Slot slot = row;
    const Slot* tuple = core_.sources.size() == 1 ? &slot : tuples_.tuple(row);
    if (first_visit(tuple)) take_tuple(tuple, true, true);
  }
  touched_rows_.clear();
  touched_tuples_.clear();
  touched_all_ = false;
  forget_visited(visited_);
  forget_visited(visited_pairs_);
  finish_groups();
  finish_distinct();
  if (!deltas_.empty()) wake_readers();
}

// Wakes the readers whose window reaches the first position that changed. Many windows over one
// order cost one look at the changed rows, not one each.
void CoreInstance::wake_readers() {
  auto first = readers_.begin();
  if (ordered_ && !readers_.empty() && readers_.front()->reach() != ~std::size_t{0}) {
    std::size_t least = ~std::size_t{0};
    for (const RowDelta& d : deltas_) {
      if (d.in_old) least = std::min(least, rank(d.row, Side::kOld));
      if (d.in_new) least = std::min(least, rank(d.row, Side::kNew));
    }
    first = std::upper_bound(readers_.begin(), readers_.end(), least,
                             [](std::size_t r, BlockInstance* b) { return r < b->reach(); });
  }
  for (; first != readers_.end(); ++first) engine_.wake(**first);
}

void CoreInstance::add_reader(BlockInstance& reader) {
  auto at = std::upper_bound(readers_.begin(), readers_.end(), reader.reach(),
                             [](std::size_t r, BlockInstance* b) { return r < b->reach(); });
  readers_.insert(at, &reader);
}

void CoreInstance::remove_reader(BlockInstance& reader) {
  auto at = std::lower_bound(readers_.begin(), readers_.end(), reader.reach(),
                             [](BlockInstance* b, std::size_t r) { return b->reach() < r; });
  readers_.erase(std::find(at, readers_.end(), &reader));
}

void CoreInstance::settle() {
  deltas_.clear();
  count_old_ = count_new_;
  order_.settle();
  if (groups_) groups_->settle();
  if (distinct_) distinct_->settle();
  release_dead_tuples();
}

void CoreInstance::release_dead_tuples() {
  for (RowId row : dead_tuples_) tuples_.release(row);
  dead_tuples_.clear();
}

// --- The last stage ---

void CoreInstance::final_row(RowId row, bool in_old, bool in_new) {
  count_new_ += in_new;
  count_new_ -= in_old;
  if (!hydrating_) {
    deltas_.push_back({row, in_old, in_new});
    engine_.note(*this);
  }
  if (!ordered_) return;
  if (hydrating_) {
    std::string key;
    order_key(row, Side::kNew, key);
    building_.emplace_back(std::move(key), row);
    return;
  }
  std::optional<std::string_view> before, after;
  if (in_old) {
    order_key(row, Side::kOld, key_old_);
    before = key_old_;
  }
  if (in_new) {
    order_key(row, Side::kNew, key_new_);
    after = key_new_;
  }
  if (before != after) order_.update(row, before, after);
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
  if (distinct_) {
    for (triples::ColumnIndex c = 0; c < core_.distinct_values.size(); ++c)
      triples::encode_ordered(distinct_->read(row.tuple[0], c, row.side), out);
  } else if (groups_) {
    for (triples::ColumnIndex c = 0; c < core_.group_keys.size(); ++c)
      triples::encode_ordered(groups_->read(row.tuple[0], c, row.side), out);
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
  if (groups_ || distinct_ || !core_.derived.empty()) {
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
      out += relations_[s]->key(slot);
    } else {
      const std::size_t columns = core_.sources[s].columns.size();
      for (triples::ColumnIndex c = 0; c < columns; ++c)
        triples::encode_ordered(relations_[s]->read(slot, c, row.side), out);
    }
  }
}

std::size_t CoreInstance::rank(RowId row, Side side) const {
  if (!ordered_) return 0;
  order_key(row, side, key_old_);
  return order_.rank(key_old_, row, side);
}

RowId CoreInstance::select(std::size_t index, Side side) const {
  if (!ordered_) return index == 0 && count(side) > 0 ? single_row_ : kAllRows;
  const Arrangement::Cursor at = order_.select(index, side);
  return at.valid() ? at.row() : kAllRows;
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
  const Side side = engine_.present();
  if (ordered_) {
    for (auto at = order_.lower_bound({}, 0, side); at.valid(); at.next()) visit(at.row());
  } else if (distinct_) {
    for (Slot slot = 0; slot < distinct_->slot_end(); ++slot)
      if (distinct_->exists(slot, side)) visit(slot);
  } else if (groups_) {
    for (Slot slot = 0; slot < groups_->slot_end(); ++slot)
      if (groups_->exists(slot, side) && having_true(slot, side)) visit(slot);
  } else {
    RowCollector collector([&](const Slot* tuple) {
      if (!where_sites_true(tuple, side)) return;
      visit(core_.sources.size() == 1 ? tuple[0]
            : core_.sources.empty()   ? 0
                                      : tuples_.intern(tuple));
    });
    TupleFinder(*this, collector).pull(side == Side::kOld, side == Side::kNew);
  }
}

void CoreInstance::demand_order() {
  if (ordered_ || core_.at_most_one) return;
  base::FlatSet<RowId> changed;
  for (const RowDelta& d : deltas_) changed.insert(d.row);
  std::vector<std::pair<std::string, RowId>> entries;
  std::string key;
  for_each_row([&](RowId row) {
    if (changed.contains(row)) return;
    order_key(row, Side::kNew, key);
    entries.emplace_back(key, row);
  });
  for (const RowDelta& d : deltas_) {
    if (!d.in_old) continue;
    order_key(d.row, Side::kOld, key);
    entries.emplace_back(key, d.row);
  }
  order_.build(std::move(entries));
  ordered_ = true;
  for (const RowDelta& d : deltas_) {
    std::optional<std::string_view> before, after;
    if (d.in_old) order_key(d.row, Side::kOld, key_old_), before = key_old_;
    if (d.in_new) order_key(d.row, Side::kNew, key_new_), after = key_new_;
    if (before != after) order_.update(d.row, before, after);
  }
}

}  // namespace tremula::dataflow
