#include "core/dataflow/relation_index.h"

#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::ColumnIndex;
using triples::Side;
using triples::Slot;

RelationIndex::RelationIndex(const triples::Relation& relation, std::vector<ColumnIndex> columns)
    : relation_(relation), columns_(std::move(columns)) {
  for (ColumnIndex column : columns_) mask_ |= triples::column_bit(column);
  std::vector<std::pair<std::string, RowId>> entries;
  entries.reserve(relation.row_count(Side::kOld));
  for (Slot slot = 0; slot < relation.slot_end(); ++slot) {
    if (!relation.exists(slot, Side::kOld)) continue;
    std::string key;
    key_of(slot, Side::kOld, key);
    entries.emplace_back(std::move(key), slot);
  }
  order_.build(std::move(entries));
  refresh();
}

void RelationIndex::key_of(Slot slot, Side side, std::string& out) const {
  out.clear();
  for (ColumnIndex column : columns_)
    triples::encode_ordered(relation_.read(slot, column, side), out);
}

void RelationIndex::look_again(Slot slot) {
  std::optional<std::string_view> before, after;
  if (const Arrangement::Touched* touched = order_.find_touched(slot)) {
    if (touched->new_key) before = before_ = *touched->new_key;
  } else if (relation_.exists(slot, Side::kOld)) {
    key_of(slot, Side::kOld, before_);
    before = before_;
  }
  if (relation_.exists(slot, Side::kNew)) {
    key_of(slot, Side::kNew, after_);
    after = after_;
  }
  if (before != after) order_.update(slot, before, after);
}

void RelationIndex::refresh() {
  const std::span<const Slot> log = relation_.write_log();
  for (; seen_ < log.size(); ++seen_) look_again(log[seen_]);
}

void RelationIndex::refresh_sealed() {
  if (seen_ > 0) {
    refresh();
    return;
  }
  for (const triples::RowChange& change : relation_.changes())
    if (!change.in_old || !change.in_new || (change.changed & mask_) != 0)
      look_again(change.slot);
  seen_ = relation_.write_log().size();
}

void RelationIndex::rollback() {
  const std::vector<Arrangement::Touched> touched = order_.touched();
  for (const Arrangement::Touched& t : touched) {
    std::optional<std::string_view> before, after;
    if (t.new_key) before = *t.new_key;
    if (t.old_key) after = *t.old_key;
    if (before != after) order_.update(t.row, before, after);
  }
  order_.settle();
  seen_ = 0;
}

void RelationIndex::settle() {
  refresh();  // where nothing changed in the end, no step has
  order_.settle();
  seen_ = 0;
}

std::size_t RelationIndex::count(std::string_view key) const {
  return order_.rank(triples::prefix_end(key), 0, Side::kNew) - order_.rank(key, 0, Side::kNew);
}

std::shared_ptr<RelationIndex> RelationIndexes::find(const std::vector<ColumnIndex>& columns,
                                                     bool may_make) {
  auto found = indexes_.find(columns);
  if (found != indexes_.end())
    if (std::shared_ptr<RelationIndex> index = found->second.lock()) return index;
  for (ColumnIndex column : columns) {
    auto declared = declared_.find(column);
    if (declared != declared_.end()) return declared->second;
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

void RelationIndexes::declare(ColumnIndex column) {
  if (declared_.count(column)) return;
  std::shared_ptr<RelationIndex> index = find({column}, true);
  declared_.emplace(column, std::move(index));
}

void RelationIndexes::drop(ColumnIndex column) { declared_.erase(column); }

void RelationIndexes::refresh() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->refresh();
}

void RelationIndexes::refresh_sealed() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->refresh_sealed();
}

void RelationIndexes::rollback() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->rollback();
}

void RelationIndexes::settle() {
  if (relation_.write_log().empty()) return;
  for (RelationIndex* index : active_) index->settle();
}

std::size_t RelationIndexes::memory_bytes() const {
  std::size_t bytes = 0;
  for (const RelationIndex* index : active_) bytes += index->memory_bytes();
  return bytes;
}

RelationIndexes& ArrangementStore::Impl::of(triples::TypeId type) {
  std::unique_ptr<RelationIndexes>& indexes = relations[type];
  if (!indexes) indexes = std::make_unique<RelationIndexes>(*tables.table(type));
  return *indexes;
}

ArrangementStore::ArrangementStore(TableSource& tables) : impl_(std::make_unique<Impl>(tables)) {}
ArrangementStore::~ArrangementStore() = default;

void ArrangementStore::declare_index(triples::TypeId type, triples::AttrId attr) {
  impl_->of(type).declare(impl_->tables.column(type, attr));
}

void ArrangementStore::drop_index(triples::TypeId type, triples::AttrId attr) {
  impl_->of(type).drop(impl_->tables.column(type, attr));
}

void ArrangementStore::refresh() {
  for (auto& [type, indexes] : impl_->relations) indexes->refresh();
}

void ArrangementStore::refresh_sealed() {
  for (auto& [type, indexes] : impl_->relations) indexes->refresh_sealed();
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
