// BlockInstance: window, members, derived rows: a result over a core's rows. Its law: deltas() is
// the difference of the two sides' results, and rows in both that may print otherwise.
#include "core/base/check.h"
#include "core/dataflow/instance.h"
#include "core/dataflow/owned_rows.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

// LIMIT or OFFSET as it was bound; Graph::open has checked that it is a whole number.
std::size_t whole_number(Value value) {
  TREMULA_ASSERT(value.kind == triples::Kind::kInt && value.integer >= 0);
  return static_cast<std::size_t>(value.integer);
}

}  // namespace

BlockInstance::BlockInstance(Block& block) : Instance(block.rank), block_(block) {
  if (block.root)
    users_.listeners = nullptr;
  else
    std::construct_at(&users_.parents);
  if (sites_or_null() != nullptr)
    std::construct_at(sites_or_null(), *this, SiteScope::kShape, block.sites);
  if (members() != nullptr) std::construct_at(members());
  if (derived() != nullptr) std::construct_at(derived(), block.properties.size());
}

TailLayout BlockInstance::lay_out(const Block& block) {
  return BlockPart::Tail::lay_out(
      sizeof(BlockInstance),
      {!block.sites.empty(), !block.members.empty(), block.use == SiteKind::kDerived});
}

BlockInstance::~BlockInstance() {
  BlockPart::Tail::destroy(this, block_.layout);
  if (!block_.root) std::destroy_at(&users_.parents);
}

BlockStep& BlockInstance::step() {
  if (!step_) {
    begin_step();
    engine().note(*this);
  }
  return *step_;
}

void BlockInstance::begin_step() {
  step_ = engine().block_steps.take();
  if (DerivedRelation* rows = derived()) rows->begin_step(step_->derived);
}

void BlockInstance::end_step() {
  if (!step_) return;
  if (DerivedRelation* rows = derived()) rows->settle();
  engine().block_steps.give_back(std::move(step_));
}

std::size_t BlockInstance::number_at(int parameter, std::size_t otherwise) const {
  if (parameter < 0) return otherwise;
  return whole_number(parameters()[static_cast<std::size_t>(parameter)]);
}

void BlockInstance::hydrate(std::span<const Value> parameters) {
  Core& core = *block_.core;
  core_ = &core.directory->acquire(engine(), core, parameters.first(core.parameter_count),
                                   block_.ordered);
  core_->add_reader(*this);
  if (!block_.layout.has_parts) return;
  Slot scratch;
  if (SiteHolder* sites = sites_or_null()) sites->open(shape_context(0, Side::kNew, scratch));
  if (derived() != nullptr) begin_step();
  for_each_row([this](RowId row) {
    if (engine().is_interrupted()) return;
    update_row_sites(row, false, true);
    if (derived() != nullptr) derive_row(row, true);
    if (members() != nullptr) count_member(row, false, true);
  });
  end_step();
}

// The rows of the result as it stands, in order where there is one.
void BlockInstance::for_each_row(const std::function<void(RowId)>& visit) const {
  if (has_limit() || core_->ordered())
    for_each_visible(Side::kNew, visit);
  else
    core_->for_each_row(visit);
}

void BlockInstance::release_children() {
  if (!block_.sites.empty())
    for_each_row([this](RowId row) {
      Slot scratch;
      const RowContext context = shape_context(row, engine().present(), scratch);
      for (std::uint32_t s = 0; s < block_.sites.size(); ++s)
        sites_or_null()->release(s, row, context);
    });
  if (SiteHolder* sites = sites_or_null()) sites->close();
  core_->remove_reader(*this);
  block_.core->directory->release(*core_);
}

void BlockInstance::add_parent(std::string_view key, const ParentRef& parent) {
  ++uses_;
  if (!engine().live) return;
  if (key.empty()) {
    users_.parents.add(parent);
    return;
  }
  Members& members = *this->members();
  if (!members.parents)
    members.parents = std::make_unique<base::FlatMap<std::string, ParentList>>();
  (*members.parents)[key].add(parent);
}

void BlockInstance::remove_parent(std::string_view key, const ParentRef& parent) {
  --uses_;
  if (key.empty()) {
    users_.parents.remove(parent);
    return;
  }
  Members& members = *this->members();
  ParentList* list = members.parents ? members.parents->find(key) : nullptr;
  TREMULA_ASSERT(list != nullptr);
  list->remove(parent);
  if (list->empty()) members.parents->erase(key);
  if (members.parents->empty()) members.parents.reset();
}

RowContext BlockInstance::shape_context(RowId row, Side side, Slot& scratch) const {
  RowContext context = core_->row_context(row, side, scratch);
  context.parameters = parameters().data();
  context.sites = sites_or_null();
  return context;
}

bool BlockInstance::prints_rows_like(const BlockInstance& other) const {
  const std::span<const Value> mine = parameters(), theirs = other.parameters();
  if (&block_ != &other.block_ || core_ != other.core_) return false;
  for (std::size_t i = block_.core->parameter_count; i < mine.size(); ++i) {
    const int position = static_cast<int>(i);  // LIMIT and OFFSET have positions of their own
    if (position == block_.limit || position == block_.offset) continue;
    if (!identical(mine[i], theirs[i])) return false;
  }
  return true;
}

std::size_t BlockInstance::reach() const {
  if (!has_limit() || !block_.ordered) return ~std::size_t{0};
  return limit() == 0 ? 0 : offset() + limit();
}

std::size_t BlockInstance::row_count(Side side) const {
  const std::size_t all = core_->count(side);
  if (!has_limit()) return all;
  const std::size_t before = offset();
  return all <= before ? 0 : std::min(limit(), all - before);
}

RowId BlockInstance::row_at(std::size_t index, Side side) const {
  if (index >= row_count(side)) return kAllRows;
  return core_->select(offset() + index, side);
}

std::size_t BlockInstance::index_of(RowId row, Side side) const {
  return core_->rank(row, side) - offset();
}

void BlockInstance::for_each_visible(Side side, const std::function<void(RowId)>& visit,
                                     std::size_t rows_max) const {
  const std::size_t count = std::min(row_count(side), rows_max);
  if (count == 0) return;
  if (core_->ordered())
    core_->for_each_from(offset(), count, side, visit);
  else
    visit(core_->select(0, side));
}

Value BlockInstance::scalar(Side side) const {
  const RowId row = row_at(0, side);
  if (row == kAllRows) return Value::null();
  Slot scratch;
  return evaluate(block_.properties[0].node, shape_context(row, side, scratch));
}

Value BlockInstance::contains(std::string_view key, bool has_null, Side side) const {
  const Members& members = *this->members();
  const MembersBefore* before =
      side == Side::kOld && step_ && step_->members_before.noted ? &step_->members_before : nullptr;
  if (block_.use == SiteKind::kIn) {
    if ((before ? before->total : members.total) == 0) return Value::boolean_of(false);
    if (has_null) return Value::null();
  }
  const std::uint32_t* changed = before ? before->counts.find(key) : nullptr;
  if ((changed ? *changed : members.counts.count(key)) > 0) return Value::boolean_of(true);
  if (block_.use == SiteKind::kIn && (before ? before->nulls : members.nulls) > 0)
    return Value::null();
  return Value::boolean_of(false);
}

// --- The step ---

void BlockInstance::site_changed(SiteScope, std::uint32_t, RowId row) {
  if (row == kAllRows)
    step().touched_all = true;
  else
    step().touched_rows.push_back(row);
  engine().wake(*this);
}

void BlockInstance::member_changed(SiteScope, std::uint32_t, std::string_view) {
  // A shape's rows are always listed.
}

void BlockInstance::update_row_sites(RowId row, bool in_old, bool in_new) {
  if (block_.sites.empty()) return;
  Slot scratch;
  const RowContext context = shape_context(row, Side::kNew, scratch);
  for (std::uint32_t s = 0; s < block_.sites.size(); ++s)
    sites_or_null()->update(s, row, context, in_old, in_new);
}

void BlockInstance::drain() {
  if (block_.use == SiteKind::kExists && block_.members.empty()) {
    tell_parents();
    return;
  }
  std::vector<RowDelta>& deltas = step().deltas;
  if (has_limit())
    collect_window();
  else
    deltas.assign(core_->deltas().begin(), core_->deltas().end());
  note_touched_rows();
  if (block_.layout.has_parts) {
    for (const RowDelta& delta : deltas) {
      update_row_sites(delta.row, delta.in_old, delta.in_new);
      if (members() != nullptr) count_member(delta.row, delta.in_old, delta.in_new);
      if (derived() != nullptr) derive_row(delta.row, delta.in_new);
    }
    if (derived() != nullptr) {
      derived()->finish();
      derived()->indexes().refresh_sealed(engine().indexes.moves);
      engine().indexes.moves.make();
    }
  }
  block_.deltas_seen += deltas.size();
  tell_parents();
}

// Rows that changed are decided by their places. The others are numbered in their order, which both
// sides share: each side's window holds a run of numbers, and what one run has before or behind the
// other comes or goes.
void BlockInstance::collect_window() {
  std::vector<RowDelta>& deltas = step_->deltas;
  if (!core_->ordered()) {
    const bool old_row = row_count(Side::kOld) > 0, new_row = row_count(Side::kNew) > 0;
    if (old_row || new_row) deltas.push_back({CoreInstance::kSingleRow, old_row, new_row});
    return;
  }
  if (core_->deltas().empty()) return;
  const std::size_t begin = offset(), end = begin + std::min(limit(), ~std::size_t{0} - begin);
  for (const RowDelta& delta : core_->deltas()) {
    const bool in_old = delta.in_old && delta.old_at >= begin && delta.old_at < end;
    const bool in_new = delta.in_new && delta.new_at >= begin && delta.new_at < end;
    if (!in_old && !in_new) continue;
    RowDelta& seen = deltas.emplace_back(delta);
    seen.in_old = in_old;
    seen.in_new = in_new;
  }
  const ChangedRanks& ranks = core_->changed_ranks();
  struct Run {
    std::size_t from, to;
  };
  auto run_on = [&](Side side) {
    const std::size_t all = core_->count(side);
    return Run{ranks.unchanged_before(std::min(begin, all), side),
               ranks.unchanged_before(std::min(end, all), side)};
  };
  const Run before = run_on(Side::kOld), after = run_on(Side::kNew);
  auto cross = [&](std::size_t from, std::size_t to, bool entering) {
    for (std::size_t number = from; number < to; ++number) {
      const std::size_t old_at = ranks.place_of_unchanged(number, Side::kOld);
      const std::size_t new_at = ranks.place_of_unchanged(number, Side::kNew);
      RowDelta& crossing = deltas.emplace_back();
      crossing.row = core_->select(new_at, Side::kNew);
      crossing.in_old = !entering;
      crossing.in_new = entering;
      crossing.old_at = static_cast<std::uint32_t>(old_at);
      crossing.new_at = static_cast<std::uint32_t>(new_at);
    }
  };
  cross(before.from, std::min(before.to, after.from), false);
  cross(std::max(before.from, after.to), before.to, false);
  cross(after.from, std::min(after.to, before.from), true);
  cross(std::max(after.from, before.to), after.to, true);
}

// Rows whose sub-selects changed, that are in the result on both sides and not among the deltas
// already.
void BlockInstance::note_touched_rows() {
  BlockStep& step = *step_;
  if (!step.touched_all && step.touched_rows.empty()) return;
  base::FlatSet<RowId> known;
  for (const RowDelta& delta : step.deltas) known.insert(delta.row);
  auto add = [&](RowId row) {
    if (known.insert(row)) step.deltas.push_back({row, true, true});
  };
  // A listed row was in the result; unless it is among the deltas, it still is.
  for (RowId row : step.touched_rows) add(row);
  if (step.touched_all) for_each_row(add);
}

void BlockInstance::count_member(RowId row, bool in_old, bool in_new) {
  std::string key[2];
  bool null[2] = {false, false};
  for (Side side : {Side::kOld, Side::kNew}) {
    if (!(side == Side::kOld ? in_old : in_new)) continue;
    Slot scratch;
    // A member stands in the core, unless a window or groups stand between: then in the shape.
    RowContext context = core_->row_context(row, side, scratch);
    context.parameters = parameters().data();
    if (!block_.sites.empty()) context.sites = sites_or_null();
    const int s = static_cast<int>(side);
    for (const Node& node : block_.members) {
      const Value value = evaluate(node, context);
      null[s] = null[s] || value.is_null();
      triples::encode_ordered(value, key[s]);
    }
  }
  note_members();
  Members& members = *this->members();
  members.total += in_new;
  members.total -= in_old;
  members.nulls += in_new && null[1];
  members.nulls -= in_old && null[0];
  if (in_old && in_new && key[0] == key[1]) return;
  if (in_old && !null[0]) count_key(key[0], -1);
  if (in_new && !null[1]) count_key(key[1], 1);
}

// Before the first change of a step.
void BlockInstance::note_members() {
  if (!step_ || step_->members_before.noted) return;
  MembersBefore& before = step_->members_before;
  before.noted = true;
  before.nulls = members()->nulls;
  before.total = members()->total;
}

void BlockInstance::count_key(std::string_view key, int by) {
  const std::uint32_t before = members()->counts.change(key, by);
  if (step_) step_->members_before.counts.insert(key, before);
}

// Gives the row of a derived table its values on the new side.
void BlockInstance::derive_row(RowId row, bool in_new) {
  const Slot slot = derived()->touch_row(row);
  OwnedRows::Row& made = derived()->row(slot);
  made.in_new = in_new;
  if (!in_new) return;
  Slot scratch;
  const RowContext context = shape_context(row, Side::kNew, scratch);
  const OwnedRows::Values values = derived()->values(slot);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i].set(evaluate(block_.properties[i].node, context));
}

namespace {

void tell(const ParentList& parents) {
  parents.for_each([](const ParentRef& p) { p.owner->site_changed(p.scope, p.site, p.row); });
}

}  // namespace

void BlockInstance::tell_all() {
  tell(users_.parents);
  if (!members() || !members()->parents) return;
  for (const auto& entry : *members()->parents) tell(entry.value);
}

void BlockInstance::tell_members() {
  const MembersBefore& before = step_->members_before;
  if (!before.noted) return;
  const Members& members = *this->members();
  if (block_.use == SiteKind::kIn &&
      ((before.nulls > 0) != (members.nulls > 0) || (before.total > 0) != (members.total > 0))) {
    tell_all();
    return;
  }
  for (const auto& entry : before.counts) {
    const std::string& key = entry.key;
    if ((entry.value > 0) == (members.counts.count(key) > 0)) continue;
    if (members.parents)
      if (const ParentList* listed = members.parents->find(key)) tell(*listed);
    users_.parents.for_each([&](const ParentRef& p) {
      if (p.row == kAllRows) p.owner->member_changed(p.scope, p.site, key);
    });
  }
}

void BlockInstance::tell_parents() {
  if (block_.root) {
    if (!deltas().empty()) engine().touched_roots.push_back(this);
    return;
  }
  if (members()) {
    tell_members();
    return;
  }
  bool changed = false;
  switch (block_.use) {
    case SiteKind::kExists: changed = exists(Side::kOld) != exists(Side::kNew); break;
    case SiteKind::kScalar: changed = !identical(scalar(Side::kOld), scalar(Side::kNew)); break;
    case SiteKind::kDerived: changed = !derived()->changes().empty(); break;
    default: changed = !deltas().empty();
  }
  if (changed) tell_all();
}

void BlockInstance::settle() { end_step(); }

}  // namespace tremula::dataflow
