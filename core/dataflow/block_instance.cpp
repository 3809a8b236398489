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

BlockInstance::BlockInstance(Engine& engine, Block& block, std::span<const Value> parameters)
    : Instance(engine, block.rank),
      block_(block),
      parameters_(parameters),
      sites_(*this, SiteScope::kShape, block.sites) {
  if (block.limit >= 0) {
    has_limit_ = true;
    limit_ = whole_number(parameters_.values()[static_cast<std::size_t>(block.limit)]);
  }
  if (block.offset >= 0)
    offset_ = whole_number(parameters_.values()[static_cast<std::size_t>(block.offset)]);
}

BlockInstance::~BlockInstance() = default;

void BlockInstance::hydrate() {
  Core& core = *block_.core;
  core_ = &core.directory->acquire(engine_, core, parameters_.values().first(core.parameter_count),
                                   block_.ordered);
  core_->add_reader(*this);
  Slot scratch;
  sites_.open(shape_context(0, Side::kNew, scratch));
  if (block_.use == SiteKind::kDerived) derived_ = std::make_unique<DerivedRelation>();
  if (block_.sites.size() > 0 || derived_ || !block_.members.empty()) {
    for_each_row([this](RowId row) {
      update_row_sites(row, false, true);
      if (derived_) derive_row(row, true);
      if (!block_.members.empty()) count_member(row, false, true);
    });
  }
  settle_members();
  if (derived_) derived_->settle();
}

// The rows of the result as it stands, in order where there is one.
void BlockInstance::for_each_row(const std::function<void(RowId)>& visit) const {
  if (has_limit_ || core_->ordered())
    for_each_visible(Side::kNew, visit);
  else
    core_->for_each_row(visit);
}

void BlockInstance::release_children() {
  if (block_.sites.size() > 0)
    for_each_row([this](RowId row) {
      Slot scratch;
      const RowContext context = shape_context(row, engine_.present(), scratch);
      for (std::uint32_t s = 0; s < sites_.size(); ++s) sites_.release(s, row, context);
    });
  sites_.close();
  core_->remove_reader(*this);
  block_.core->directory->release(*core_);
}

void BlockInstance::add_parent(std::string_view key, const ParentRef& parent) {
  ++uses_;
  if (engine_.live) parents_[key].add(parent);
}

void BlockInstance::remove_parent(std::string_view key, const ParentRef& parent) {
  --uses_;
  ParentList* list = parents_.find(key);
  TREMULA_ASSERT(list != nullptr);
  list->remove(parent);
  if (list->empty()) parents_.erase(key);
}

RowContext BlockInstance::shape_context(RowId row, Side side, Slot& scratch) const {
  RowContext context = core_->row_context(row, side, scratch);
  context.parameters = parameters_.data();
  context.sites = &sites_;
  return context;
}

std::size_t BlockInstance::reach() const {
  if (!has_limit_ || !block_.ordered) return ~std::size_t{0};
  return limit_ == 0 ? 0 : offset_ + limit_;
}

std::size_t BlockInstance::row_count(Side side) const {
  const std::size_t all = core_->count(side);
  if (!has_limit_) return all;
  return all <= offset_ ? 0 : std::min(limit_, all - offset_);
}

RowId BlockInstance::row_at(std::size_t index, Side side) const {
  if (index >= row_count(side)) return kAllRows;
  return core_->select(offset_ + index, side);
}

std::size_t BlockInstance::index_of(RowId row, Side side) const {
  return core_->rank(row, side) - offset_;
}

void BlockInstance::for_each_visible(Side side, const std::function<void(RowId)>& visit) const {
  std::size_t left = row_count(side);
  if (left == 0) return;
  if (!core_->ordered()) {
    visit(core_->select(0, side));
    return;
  }
  for (auto at = core_->order().select(offset_, side); left > 0 && at.valid(); at.next(), --left)
    visit(at.row());
}

Value BlockInstance::scalar(Side side) const {
  const RowId row = row_at(0, side);
  if (row == kAllRows) return Value::null();
  Slot scratch;
  return evaluate(block_.properties[0].node, shape_context(row, side, scratch));
}

Value BlockInstance::contains(std::string_view key, bool has_null, Side side) const {
  const bool old_side = side == Side::kOld;
  if (block_.use == SiteKind::kIn) {
    if ((old_side ? total_old_ : total_new_) == 0) return Value::boolean_of(false);
    if (has_null) return Value::null();
  }
  if (const Member* member = members_.find(key))
    if ((old_side ? member->count_old : member->count_new) > 0) return Value::boolean_of(true);
  if (block_.use == SiteKind::kIn && (old_side ? nulls_old_ : nulls_new_) > 0) return Value::null();
  return Value::boolean_of(false);
}

// --- The step ---

void BlockInstance::site_changed(SiteScope, std::uint32_t, RowId row) {
  if (row == kAllRows)
    touched_all_ = true;
  else
    touched_rows_.push_back(row);
  wake();
}

void BlockInstance::member_changed(SiteScope, std::uint32_t, std::string_view) {
  // A shape's rows are always listed.
}

void BlockInstance::update_row_sites(RowId row, bool in_old, bool in_new) {
  Slot scratch;
  const RowContext context = shape_context(row, Side::kNew, scratch);
  for (std::uint32_t s = 0; s < sites_.size(); ++s) sites_.update(s, row, context, in_old, in_new);
}

void BlockInstance::drain() {
  if (block_.use == SiteKind::kExists && block_.members.empty()) {
    tell_parents();
    return;
  }
  if (has_limit_)
    collect_window();
  else
    deltas_.assign(core_->deltas().begin(), core_->deltas().end());
  note_touched_rows();
  for (const RowDelta& delta : deltas_) {
    if (sites_.size() > 0) update_row_sites(delta.row, delta.in_old, delta.in_new);
    if (!block_.members.empty()) count_member(delta.row, delta.in_old, delta.in_new);
    if (derived_) derive_row(delta.row, delta.in_new);
  }
  deltas_seen_ += deltas_.size();
  if (derived_) {
    derived_->finish();
    derived_->indexes().refresh_sealed();
  }
  tell_parents();
}

namespace {

// A place in an order, or behind its end.  Borrowed: its key.
struct Edge {
  std::string_view key;
  RowId row = 0;
  bool at_end = true;

  bool operator<(const Edge& other) const {
    if (at_end || other.at_end) return !at_end && other.at_end;
    const int c = key.compare(other.key);
    return c < 0 || (c == 0 && row < other.row);
  }
};

Edge edge_at(const Arrangement& order, std::size_t index, Side side) {
  const Arrangement::Cursor at = order.select(index, side);
  return at.valid() ? Edge{at.key(), at.row(), false} : Edge{};
}

const Edge& least(const Edge& a, const Edge& b) { return b < a ? b : a; }
const Edge& greatest(const Edge& a, const Edge& b) { return a < b ? b : a; }

struct Range {
  Edge from, to;
  bool holds(const Edge& place) const { return !(place < from) && place < to; }
};

bool is_among(RowId row, std::span<const RowDelta> deltas, const base::FlatSet<RowId>& many) {
  if (!many.empty()) return many.contains(row);
  for (const RowDelta& d : deltas)
    if (d.row == row) return true;
  return false;
}

}  // namespace

// With T the rows that the core changed: those of T are decided by their keys; of the others only
// those between the edges of the two sides' windows come or go, at most |T| at each.
void BlockInstance::collect_window() {
  const Arrangement& order = core_->order();
  if (!core_->ordered()) {
    const bool old_row = row_count(Side::kOld) > 0, new_row = row_count(Side::kNew) > 0;
    if (old_row || new_row) deltas_.push_back({core_->single_row(), old_row, new_row});
    return;
  }
  Range range[2];
  for (Side side : {Side::kOld, Side::kNew}) {
    Range& r = range[static_cast<int>(side)];
    r.from = edge_at(order, offset_, side);
    r.to = edge_at(order, offset_ + limit_, side);
  }
  const std::span<const RowDelta> changed = core_->deltas();
  std::string key;
  auto place = [&](RowId row, Side side) {
    core_->order_key(row, side, key);
    return Edge{key, row, false};
  };
  for (const RowDelta& delta : changed) {
    RowDelta seen{delta.row, false, false};
    if (delta.in_old) seen.in_old = range[0].holds(place(delta.row, Side::kOld));
    if (delta.in_new) seen.in_new = range[1].holds(place(delta.row, Side::kNew));
    if (seen.in_old || seen.in_new) deltas_.push_back(seen);
  }
  constexpr std::size_t kFew = 8;
  base::FlatSet<RowId> many;
  if (changed.size() > kFew)
    for (const RowDelta& delta : changed) many.insert(delta.row);
  auto cross = [&](const Edge& from, const Edge& to, bool entering) {
    if (!(from < to)) return;
    for (auto at = order.lower_bound(from.key, from.row, Side::kNew); at.valid(); at.next()) {
      if (!(Edge{at.key(), at.row(), false} < to)) return;
      if (!is_among(at.row(), changed, many)) deltas_.push_back({at.row(), !entering, entering});
    }
  };
  cross(range[0].from, least(range[0].to, range[1].from), false);
  cross(greatest(range[0].from, range[1].to), range[0].to, false);
  cross(range[1].from, least(range[1].to, range[0].from), true);
  cross(greatest(range[1].from, range[0].to), range[1].to, true);
}

// Rows whose sub-selects changed, that are in the result on both sides and not among the deltas
// already.
void BlockInstance::note_touched_rows() {
  if (!touched_all_ && touched_rows_.empty()) return;
  base::FlatSet<RowId> known;
  for (const RowDelta& delta : deltas_) known.insert(delta.row);
  auto add = [&](RowId row) {
    if (known.insert(row)) deltas_.push_back({row, true, true});
  };
  // A listed row was in the result; unless it is among the deltas, it still is.
  for (RowId row : touched_rows_) add(row);
  if (touched_all_) for_each_row(add);
  touched_rows_.clear();
  touched_all_ = false;
}

void BlockInstance::count_member(RowId row, bool in_old, bool in_new) {
  std::string key[2];
  bool null[2] = {false, false};
  for (Side side : {Side::kOld, Side::kNew}) {
    if (!(side == Side::kOld ? in_old : in_new)) continue;
    Slot scratch;
    // A member stands in the core, unless a window or groups stand between: then in the shape.
    RowContext context = core_->row_context(row, side, scratch);
    context.parameters = parameters_.data();
    if (!block_.sites.empty()) context.sites = &sites_;
    const int s = static_cast<int>(side);
    for (const Node& node : block_.members) {
      const Value value = evaluate(node, context);
      null[s] = null[s] || value.is_null();
      triples::encode_ordered(value, key[s]);
    }
  }
  total_new_ += in_new;
  total_new_ -= in_old;
  nulls_new_ += in_new && null[1];
  nulls_new_ -= in_old && null[0];
  if (in_old && in_new && key[0] == key[1]) return;
  auto touch = [this](const std::string& member_key) -> Member& {
    Member& member = members_[member_key];
    if (!member.touched) {
      member.touched = true;
      touched_members_.push_back(member_key);
    }
    return member;
  };
  if (in_old && !null[0]) --touch(key[0]).count_new;
  if (in_new && !null[1]) ++touch(key[1]).count_new;
}

void BlockInstance::settle_members() {
  for (const std::string& key : touched_members_) {
    Member& member = *members_.find(key);
    member.touched = false;
    member.count_old = member.count_new;
    if (member.count_new == 0) members_.erase(key);
  }
  touched_members_.clear();
  nulls_old_ = nulls_new_;
  total_old_ = total_new_;
}

// Gives the row of a derived table its values on the new side.
void BlockInstance::derive_row(RowId row, bool in_new) {
  const Slot slot = derived_->touch_row(row);
  OwnedRows::Row& made = derived_->row(slot);
  made.in_new = in_new;
  if (!in_new) return;
  Slot scratch;
  const RowContext context = shape_context(row, Side::kNew, scratch);
  made.values.clear();
  for (const BlockProperty& property : block_.properties)
    made.values.emplace_back(evaluate(property.node, context));
}

void BlockInstance::tell_all() {
  for (const auto& entry : parents_)
    entry.value.for_each([](const ParentRef& p) { p.owner->site_changed(p.scope, p.site, p.row); });
}

void BlockInstance::tell_members() {
  const bool nulls = block_.use == SiteKind::kIn &&
                     ((nulls_old_ > 0) != (nulls_new_ > 0) || (total_old_ > 0) != (total_new_ > 0));
  if (nulls) {
    tell_all();
    return;
  }
  for (const std::string& key : touched_members_) {
    const Member& member = *members_.find(key);
    if ((member.count_old > 0) == (member.count_new > 0)) continue;
    if (const ParentList* listed = parents_.find(key))
      listed->for_each([](const ParentRef& p) { p.owner->site_changed(p.scope, p.site, p.row); });
    if (const ParentList* whole = parents_.find(std::string_view()))
      whole->for_each([&](const ParentRef& p) {
        if (p.row == kAllRows) p.owner->member_changed(p.scope, p.site, key);
      });
  }
}

void BlockInstance::tell_parents() {
  if (block_.root) {
    if (!deltas_.empty()) engine_.touched_roots.push_back(this);
    return;
  }
  if (!block_.members.empty()) {
    tell_members();
    return;
  }
  bool changed = false;
  switch (block_.use) {
    case SiteKind::kExists: changed = exists(Side::kOld) != exists(Side::kNew); break;
    case SiteKind::kScalar: changed = !identical(scalar(Side::kOld), scalar(Side::kNew)); break;
    case SiteKind::kDerived: changed = !derived_->changes().empty(); break;
    default: changed = !deltas_.empty();
  }
  if (changed) tell_all();
}

void BlockInstance::remove_listener(View* view) {
  std::erase_if(listeners_, [view](const auto& l) { return l.second == view; });
}

void BlockInstance::settle() {
  deltas_.clear();
  for (ChangeList& kept : changes_) kept.reset();
  settle_members();
  if (derived_) derived_->settle();
}

}  // namespace tremula::dataflow
