#include "core/dataflow/relation_index.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::ColumnIndex;
using triples::Side;
using triples::Slot;
using Group = KeyedSlots::Group;

namespace {

constexpr Group kNoGroup = KeyedSlots::kNoGroup;
constexpr std::size_t kScannedMax = 8;  // up to so many touched rows are found by looking at all
constexpr std::size_t kKeptMax = 256;   // touched rows whose memory outlives the step

template <typename Table>
void clear_scratch(Table& table) {
  if (table.empty()) return;
  if (table.size() > kKeptMax)
    table = Table();
  else
    table.clear();
}

}  // namespace

RelationIndex::RelationIndex(const triples::Relation& relation, std::vector<ColumnIndex> columns)
    : relation_(relation), columns_(std::move(columns)) {
  for (ColumnIndex column : columns_) mask_ |= triples::column_bit(column);
  for (Slot slot = 0; slot < relation.slot_end(); ++slot) {
    if (!relation.exists(slot, Side::kOld)) continue;
    key_of(slot, Side::kOld, before_);
    groups_.insert(groups_.find_or_make(before_), slot);
  }
  refresh();
}

void RelationIndex::key_of(Slot slot, Side side, std::string& out) const {
  out.clear();
  for (ColumnIndex column : columns_)
    triples::encode_ordered(relation_.read(slot, column, side), out);
}

void RelationIndex::move(Slot slot, Group from, Group to) {
  if (from == to) return;
  if (from != kNoGroup) groups_.erase(from, slot);
  if (to != kNoGroup) groups_.insert(to, slot);
}

// A row that may have been looked at in this step before.
void RelationIndex::look_again(Slot slot) {
  Group after = kNoGroup;
  if (relation_.exists(slot, Side::kNew)) {
    key_of(slot, Side::kNew, after_);
    after = groups_.find_or_make(after_);
  }
  std::uint32_t at = find_touched(slot);
  if (at == kNone) {
    Group before = kNoGroup;
    if (relation_.exists(slot, Side::kOld)) {
      key_of(slot, Side::kOld, before_);
      before = groups_.find(before_);
      TREMULA_ASSERT(before != kNoGroup);
    }
    if (before == after) return;
    at = static_cast<std::uint32_t>(touched_.size());
    touched_.push_back({slot, before, before, kNone});
  }
  put_touched(at, after);
}

void RelationIndex::put_touched(std::uint32_t at, Group group) {
  Touched& t = touched_[at];
  if (t.new_group != t.old_group && t.new_group != kNoGroup) passed_.push_back(t.new_group);
  move(t.slot, t.new_group, group);
  t.new_group = group;
  noted_ = false;
}

bool RelationIndex::begin_move(const triples::RowChange& change, Move& move) {
  move.in_old = change.in_old;
  move.in_new = change.in_new;
  if (change.in_old && change.in_new && (change.changed & mask_) == 0) return false;
  if (change.in_old) key_of(change.slot, Side::kOld, move.old_key);
  if (change.in_new) key_of(change.slot, Side::kNew, move.new_key);
  if (change.in_old && change.in_new && move.old_key == move.new_key) return false;
  move.index = this;
  move.slot = change.slot;
  if (change.in_old) {
    move.old_hash = KeyedSlots::hash_of(move.old_key);
    groups_.prefetch_place(move.old_hash, move.slot);
  }
  if (change.in_new) {
    move.new_hash = KeyedSlots::hash_of(move.new_key);
    groups_.prefetch_place(move.new_hash, move.slot);
  }
  return true;
}

void RelationIndex::Move::prefetch_groups() {
  if (in_old) index->groups_.prefetch_group(old_hash);
  if (in_new) index->groups_.prefetch_group(new_hash);
}

void RelationIndex::Move::prefetch_entries() {
  const KeyedSlots& groups = index->groups_;
  old_group = in_old ? groups.find(old_key, old_hash) : kNoGroup;
  if (in_old) groups.prefetch_entry(old_group, slot, false);
  if (!in_new) return;
  const Group group = groups.find(new_key, new_hash);
  if (group != kNoGroup) groups.prefetch_entry(group, slot, true);
}

void RelationIndex::Move::apply() {
  const Group new_group = in_new ? index->groups_.find_or_make(new_key, new_hash) : kNoGroup;
  TREMULA_ASSERT(!in_old || old_group != kNoGroup);
  index->touched_.push_back({slot, old_group, new_group, kNone});
  index->noted_ = false;
  index->move(slot, old_group, new_group);
}

void RelationIndex::refresh() {
  const std::span<const Slot> log = relation_.write_log();
  for (; seen_ < log.size(); ++seen_) look_again(log[seen_]);
}

void RelationIndex::rollback() {
  for (std::uint32_t at = 0; at < touched_.size(); ++at) put_touched(at, touched_[at].old_group);
  forget_touched();
}

void RelationIndex::settle() {
  refresh();  // where nothing changed in the end, no step has
  forget_touched();
}

void RelationIndex::forget_touched() {
  for (const Touched& t : touched_) {
    if (t.old_group != kNoGroup) groups_.drop_if_empty(t.old_group);
    if (t.new_group != kNoGroup) groups_.drop_if_empty(t.new_group);
  }
  for (Group group : passed_) groups_.drop_if_empty(group);
  clear_scratch(touched_);
  clear_scratch(passed_);
  clear_scratch(by_slot_);
  clear_scratch(by_group_);
  noted_ = false;
  seen_ = 0;
}

std::size_t RelationIndex::count(std::string_view key) const {
  const Group group = groups_.find(key);
  return group == kNoGroup ? 0 : groups_.slots(group).size();
}

// --- What is touched ---

std::uint32_t RelationIndex::find_touched(Slot slot) const {
  if (touched_.size() <= kScannedMax) {
    for (std::uint32_t at = 0; at < touched_.size(); ++at)
      if (touched_[at].slot == slot) return at;
    return kNone;
  }
  for (auto at = static_cast<std::uint32_t>(by_slot_.size()); at < touched_.size(); ++at)
    by_slot_.insert(touched_[at].slot, at);
  const std::uint32_t* at = by_slot_.find(slot);
  return at == nullptr ? kNone : *at;
}

// Whether a row of a group's new side is in another on the old one, or in none.
bool RelationIndex::came(Slot slot) const {
  const std::uint32_t at = find_touched(slot);
  return at != kNone && touched_[at].old_group != touched_[at].new_group;
}

RelationIndex::Moves RelationIndex::moves_of(Group group) const {
  if (touched_.size() > kScannedMax) {
    note_moves();
    const Moves* moves = by_group_.find(group);
    return moves == nullptr ? Moves() : *moves;
  }
  Moves moves;
  for (const Touched& t : touched_) moves.came += t.new_group == group && t.old_group != group;
  moves.left = next_left(kNone, group);
  return moves;
}

// The next of touched_ behind `at` that left the group; kNone stands before the first.
std::uint32_t RelationIndex::next_left(std::uint32_t at, Group group) const {
  if (touched_.size() > kScannedMax) return touched_[at].next_left;
  for (++at; at < touched_.size(); ++at)
    if (touched_[at].old_group == group && touched_[at].new_group != group) return at;
  return kNone;
}

void RelationIndex::note_moves() const {
  if (noted_) return;
  noted_ = true;
  by_group_.clear();
  for (std::uint32_t at = 0; at < touched_.size(); ++at) {
    Touched& t = touched_[at];
    if (t.old_group == t.new_group) continue;
    if (t.new_group != kNoGroup) ++by_group_[t.new_group].came;
    if (t.old_group == kNoGroup) continue;
    Moves& moves = by_group_[t.old_group];
    t.next_left = moves.left;
    moves.left = at;
  }
}

std::size_t RelationIndex::memory_bytes() const {
  return sizeof *this + groups_.memory_bytes() + touched_.capacity() * sizeof(Touched) +
         passed_.capacity() * sizeof(Group) + by_slot_.memory_bytes() + by_group_.memory_bytes();
}

void RelationIndex::check_invariants() const {
  groups_.check_invariants();
  if (touched_.empty()) TREMULA_ASSERT(groups_.empty_group_count() == 0);
  base::FlatSet<Slot> seen;
  for (const Touched& t : touched_) {
    TREMULA_ASSERT(seen.insert(t.slot));
    if (t.new_group == kNoGroup) continue;
    const std::span<const Slot> slots = groups_.slots(t.new_group);
    TREMULA_ASSERT(std::find(slots.begin(), slots.end(), t.slot) != slots.end());
  }
}

// --- The indexes of a relation ---

std::shared_ptr<RelationIndex> RelationIndexes::find(const std::vector<ColumnIndex>& columns,
                                                     bool may_make) {
  auto found = indexes_.find(columns);
  if (found != indexes_.end())
    if (std::shared_ptr<RelationIndex> index = found->second.lock()) return index;
  for (ColumnIndex column : columns) {
    auto declared = declared_.find(column);
    if (declared == declared_.end()) continue;
    if (!declared->second) declared->second = exact({column});
    return declared->second;
  }
  return may_make ? exact(columns) : nullptr;
}

std::shared_ptr<RelationIndex> RelationIndexes::exact(const std::vector<ColumnIndex>& columns) {
  auto found = indexes_.find(columns);
  if (found != indexes_.end())
    if (std::shared_ptr<RelationIndex> index = found->second.lock()) return index;
  std::shared_ptr<RelationIndex> made(new RelationIndex(relation_, columns),
                                      [this](RelationIndex* last) { forget(last); });
  active_.push_back(made.get());
  indexes_[columns] = made;
  return made;
}

void RelationIndexes::forget(RelationIndex* last) {
  std::erase(active_, last);
  indexes_.erase(last->columns());
  delete last;
}

RelationIndex& RelationIndexes::kept(const std::vector<ColumnIndex>& columns) {
  for (const std::shared_ptr<RelationIndex>& index : kept_)
    if (index->columns() == columns) return *index;
  kept_.push_back(exact(columns));
  return *kept_.back();
}

std::shared_ptr<RangeIndex> RelationIndexes::range(ColumnIndex column, bool may_make) {
  std::erase_if(ranges_, [](const auto& range) { return range.expired(); });
  for (const auto& range : ranges_)
    if (std::shared_ptr<RangeIndex> held = range.lock(); held->column() == column) return held;
  if (!may_make) return nullptr;
  auto made = std::make_shared<RangeIndex>(relation_, column);
  ranges_.push_back(made);
  return made;
}

template <typename Call>
void RelationIndexes::for_each_range(Call&& call) const {
  for (const auto& range : ranges_)
    if (const std::shared_ptr<RangeIndex> held = range.lock()) call(*held);
}

void RelationIndexes::declare(ColumnIndex column, IndexBuild build) {
  std::shared_ptr<RelationIndex>& index = declared_[column];
  if (!index && build == IndexBuild::kNow) index = exact({column});
}

void RelationIndexes::drop(ColumnIndex column) { declared_.erase(column); }

void RelationIndexes::refresh() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->refresh();
  for_each_range([](RangeIndex& range) { range.refresh(); });
}

void RelationIndexes::refresh_sealed(RelationMoves& moves) {
  if (relation_.write_log().empty()) return;
  for_each_range([](RangeIndex& range) { range.refresh_sealed(); });
  bool looked = false;
  for (RelationIndex* index : active_) looked = looked || index->has_looked();
  if (looked) return refresh();
  for (const triples::RowChange& change : relation_.changes())
    for (RelationIndex* index : active_) moves.begin(*index, change);
  for (RelationIndex* index : active_) index->end_moves();
}

void RelationMoves::make() {
  const std::span<RelationIndex::Move> moves(moves_.data(), count_);
  for (RelationIndex::Move& move : moves) move.prefetch_groups();
  for (RelationIndex::Move& move : moves) move.prefetch_entries();
  for (RelationIndex::Move& move : moves) move.apply();
  count_ = 0;
}

void RelationIndexes::rollback() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->rollback();
  for_each_range([](RangeIndex& range) { range.rollback(); });
}

void RelationIndexes::settle() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->settle();
  for_each_range([](RangeIndex& range) { range.settle(); });
}

std::size_t RelationIndexes::memory_bytes() const {
  std::size_t bytes = 0;
  for (const RelationIndex* index : active_) bytes += index->memory_bytes();
  for_each_range([&bytes](const RangeIndex& range) { bytes += range.memory_bytes(); });
  return bytes;
}

RelationIndexes& ArrangementStore::Impl::of(triples::TypeId type) {
  std::unique_ptr<RelationIndexes>& indexes = relations[type];
  if (indexes) return *indexes;
  indexes = std::make_unique<RelationIndexes>(*tables.table(type));
  if (const auto later = unopened.find(type); later != unopened.end()) {
    for (const triples::AttrId attr : later->second) {
      indexes->declare(tables.column(type, attr), IndexBuild::kWhenAsked);
    }
    unopened.erase(later);
  }
  return *indexes;
}

ArrangementStore::ArrangementStore(TableSource& tables) : impl_(std::make_unique<Impl>(tables)) {}
ArrangementStore::~ArrangementStore() = default;

void ArrangementStore::declare_index(triples::TypeId type, triples::AttrId attr, IndexBuild build) {
  if (build == IndexBuild::kWhenAsked && impl_->relations.count(type) == 0) {
    impl_->unopened[type].insert(attr);
    return;
  }
  impl_->of(type).declare(impl_->tables.column(type, attr), build);
}

void ArrangementStore::drop_index(triples::TypeId type, triples::AttrId attr) {
  if (const auto later = impl_->unopened.find(type); later != impl_->unopened.end()) {
    later->second.erase(attr);
    return;
  }
  impl_->of(type).drop(impl_->tables.column(type, attr));
}

void ArrangementStore::refresh() {
  for (auto& [type, indexes] : impl_->relations) indexes->refresh();
}

void ArrangementStore::refresh_sealed() {
  for (auto& [type, indexes] : impl_->relations) indexes->refresh_sealed(impl_->moves);
  impl_->moves.make();
}

void ArrangementStore::rollback() {
  for (auto& [type, indexes] : impl_->relations) indexes->rollback();
}

void ArrangementStore::settle() {
  for (auto& [type, indexes] : impl_->relations) indexes->settle();
}

std::size_t ArrangementStore::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [type, indexes] : impl_->relations) bytes += indexes->memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
