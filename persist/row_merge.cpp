#include "persist/row_merge.h"

#include <utility>
#include <vector>

#include "core/crdt/counter.h"
#include "core/crdt/set.h"

namespace tremula::persist {

using base::Result;
using crdt::Life;
using crdt::Register;
using crdt::RowChange;
using triples::AttrId;
using triples::ColumnDef;
using triples::Fate;
using triples::MergeRule;
using triples::OwnedValue;
using triples::TableDef;
using triples::TypeId;
using triples::Value;

Result<void> RowMerge::begin(TypeId type, std::string_view key) {
  type_ = type;
  key_ = key;
  arena_.clear();
  TREMULA_TRY_ASSIGN(before_, read_row(tree_, book_, type, key));
  state_ = before_.state;
  is_new_life_ = has_changed_ = extras_changed_ = false;
  registers_.clear();
  states_.clear();
  states_changed_.clear();
  removed_.clear();
  extras_ = before_.extras;
  return {};
}

const TableDef* RowMerge::table() const { return into_.catalog(into_.owner).find(type_); }

void RowMerge::drop_cells() {
  is_new_life_ = true;
  registers_.clear();
  states_.clear();
  states_changed_.clear();
  removed_.clear();
  extras_.clear();
  extras_changed_ = false;
}

const ColumnDef* RowMerge::place_of(const ExtraKey& key) {
  const TableDef* definition = table();
  if (definition == nullptr) return nullptr;
  if (key.name.empty()) {
    const ColumnDef* column = definition->find_attr(AttrId{key.column});
    const bool fits = column != nullptr && column->declared && column->merge == key.rule;
    return fits && column->key_position < 0 ? column : nullptr;
  }
  if (key.rule != MergeRule::kLww) return nullptr;
  // A name: a register of that name takes it by its own rule.
  if (const ColumnDef* column = definition->find_column(key.name)) {
    return is_register(column->merge) && column->key_position < 0 ? column : nullptr;
  }
  if (definition->strict || definition->dropped) return nullptr;
  const AttrId attr = into_.undeclared(into_.owner, type_, key.name);
  return table()->find_attr(attr);
}

Register RowMerge::stored(AttrId attr) const {
  const auto changed = registers_.find(attr);
  if (changed != registers_.end()) {
    Register value = changed->second.value;
    value.value = changed->second.bytes.value();
    return value;
  }
  const lsm::StoredCell* cell = is_new_life_ ? nullptr : before_.cell(attr);
  if (cell == nullptr || removed_.contains(attr)) return {};
  Register value{meta_of(before_, attr, book_).stamp, cell->value.value()};
  if (lsm::is_removed_mark(value.value)) {
    const TableDef* definition = table();
    const ColumnDef* column = definition == nullptr ? nullptr : definition->find_attr(attr);
    const bool reads_default = column != nullptr && has_default(*column);
    value.value = reads_default ? column->default_value->value() : Value::null();
  }
  return value;
}

bool RowMerge::merge_register(const ColumnDef& column, const Register& incoming) {
  if (!crdt::wins(column.merge, incoming, stored(column.attr), book_.sites())) return false;
  registers_[column.attr] = {incoming, OwnedValue(incoming.value)};
  return true;
}

bool RowMerge::merge_extra(const ExtraKey& key, const crdt::ChangeRecord& record,
                           const crdt::Meta& meta) {
  const auto found = extras_.find(key);
  std::string bytes = found == extras_.end() ? std::string() : found->second;
  bool changed = false;
  if (key.rule == MergeRule::kCounter) {
    changed = crdt::merge_counter(bytes, {meta, record.value.integer});
  } else if (key.rule == MergeRule::kSet) {
    changed = crdt::merge_set(bytes, crdt::SetEntry{record.value, meta, record.is_removal});
  } else {
    Register kept;
    crdt::Position at;
    if (!bytes.empty() && !crdt::read_register(bytes, kept, at)) kept = {};
    changed = crdt::wins(key.rule, {meta.stamp, record.value}, kept, book_.sites());
    if (changed) {
      bytes.clear();
      crdt::put_register(bytes, {meta.stamp, record.value}, meta.position);
    }
  }
  if (!changed) return false;
  extras_[key] = std::move(bytes);
  extras_changed_ = true;
  return true;
}

std::string& RowMerge::state_of(const ColumnDef& column) {
  const auto [place, is_new] = states_.try_emplace(column.attr);
  if (is_new && !is_new_life_) {
    place->second = column.merge == MergeRule::kCounter ? counter_state_of(before_, column, book_)
                                                        : set_state_of(before_, column, book_);
  }
  return place->second;
}

bool RowMerge::merge_cell(const crdt::ChangeRecord& record, const crdt::Meta& meta) {
  const ExtraKey key{static_cast<std::uint32_t>(record.column), std::string(record.column_name),
                     record.rule};
  const ColumnDef* column = place_of(key);
  if (column == nullptr) return merge_extra(key, record, meta);
  bool changed = false;
  switch (column->merge) {
    case MergeRule::kCounter:
      changed = crdt::merge_counter(state_of(*column), {meta, record.value.integer});
      break;
    case MergeRule::kSet:
      changed =
          crdt::merge_set(state_of(*column), crdt::SetEntry{record.value, meta, record.is_removal});
      break;
    default: return merge_register(*column, {meta.stamp, record.value});
  }
  if (changed) states_changed_[column->attr] = true;
  return changed;
}

void RowMerge::take(const crdt::ChangeRecord& record) {
  const crdt::Meta incoming{{record.version, book_.sites().number_of(record.site)}, position()};
  bool changed = false;
  if (record.is_row()) {
    const RowChange change = crdt::merge_row(state_, record.cl, incoming, book_.sites());
    if (change == RowChange::kNewLife) drop_cells();
    changed = change != RowChange::kNothing;
  } else {
    const Life life = crdt::enter_life(state_, record.cl);
    if (life == Life::kOver) return;
    if (life == Life::kNewLife) drop_cells();
    changed = merge_cell(record, incoming);
  }
  if (!changed) return;
  has_changed_ = true;
  ++changes_;
}

bool RowMerge::adopt_extra(const ExtraKey& key, const std::string& bytes) {
  const ColumnDef* column = place_of(key);
  if (column == nullptr) return false;
  if (is_register(key.rule)) {
    Register kept;
    crdt::Position at;
    if (crdt::read_register(bytes, kept, at)) merge_register(*column, kept);
    return true;
  }
  std::string& state = state_of(*column);
  // Each entry is as new here as if it had come now.
  if (key.rule == MergeRule::kCounter) {
    crdt::CounterReader reader(bytes);
    for (crdt::CounterEntry entry; reader.next(entry);) {
      entry.meta.position = position();
      crdt::merge_counter(state, entry);
    }
  } else {
    crdt::SetReader reader(bytes);
    for (crdt::SetEntry entry; reader.next(entry);) {
      entry.meta.position = position();
      crdt::merge_set(state, entry);
    }
  }
  states_changed_[column->attr] = true;
  return true;
}

// A column was set to NULL under its name before it was declared.
void RowMerge::adopt_removals() {
  const TableDef* definition = table();
  for (const ColumnDef& from : definition->columns) {
    const lsm::StoredCell* cell = from.declared ? nullptr : before_.cell(from.attr);
    if (cell == nullptr || !lsm::is_removed_mark(cell->value.value())) continue;
    const ColumnDef* to = definition->find_column(from.name);
    if (to == nullptr) continue;
    if (is_register(to->merge)) {
      merge_register(*to, {meta_of(before_, from.attr, book_).stamp, Value::null()});
    }
    removed_[from.attr] = true;
    has_changed_ = true;
    ++changes_;
  }
}

void RowMerge::adopt() {
  if (before_.slot == triples::kNoSlot || table() == nullptr) return;
  for (auto extra = extras_.begin(); extra != extras_.end();) {
    if (adopt_extra(extra->first, extra->second)) {
      extra = extras_.erase(extra);
      extras_changed_ = has_changed_ = true;
      ++changes_;
    } else {
      ++extra;
    }
  }
  adopt_removals();
}

// --- The row's part of the transaction ---

Result<void> RowMerge::finish() {
  if (!has_changed_) return {};
  if (crdt::is_alive(state_.cl)) {
    put_living();
    return {};
  }
  if (before_.slot != triples::kNoSlot) {
    rows_.begin_row(type_, before_.slot, Fate::kDeleted, key_, 0);
    book_.mark(type_, hidden_);
  }
  return book_.put_grave(tree_, type_, key_, state_, hidden_);
}

// As UPDATE stores it: NULL removes the triple, unless there is a DEFAULT to hide.
Value RowMerge::cell_value(const ColumnDef& column, Value value) const {
  if (!value.is_null()) return value;
  return has_default(column) ? Value::null() : lsm::removed_mark();
}

void RowMerge::gather_key(std::map<AttrId, Value>& cells) {
  const TableDef* definition = table();
  std::vector<Value> values;
  if (definition == nullptr || !read_key(*definition, key_, arena_, values)) return;
  if (definition->generated_key) {
    cells[triples::kGeneratedIdAttr] = values[0];
    return;
  }
  const auto columns = definition->key_columns();
  for (std::size_t i = 0; i < columns.size(); ++i) cells[columns[i]->attr] = values[i];
}

void RowMerge::gather_cells(std::map<AttrId, Value>& cells) {
  const TableDef* definition = table();
  for (const auto& [attr, changed] : registers_) {
    const ColumnDef* column = definition->find_attr(attr);
    cells[attr] = cell_value(*column, changed.bytes.value());
  }
  for (const auto& [attr, changed] : states_changed_) {
    const ColumnDef* column = definition->find_attr(attr);
    const std::string& state = states_[attr];
    cells[state_attr(attr)] = Value::bytes_of(state);
    Value value = column->merge == MergeRule::kCounter
                      ? Value::int_of(crdt::counter_value(state, counter_start(*column)))
                      : crdt::set_value(state, arena_);
    if (value.is_null()) value = has_default(*column) ? Value::null() : Value::missing();
    cells[attr] = value;
  }
  for (const auto& [attr, is_removed] : removed_) cells[attr] = Value::missing();
}

void RowMerge::put_living() {
  std::map<AttrId, Value> cells;
  const bool was_there = before_.slot != triples::kNoSlot;
  const bool keeps_cells = was_there && !is_new_life_;
  const bool moves = was_there && is_new_life_ && into_.lives_move;
  const bool stood = was_there && !moves;
  if (moves) rows_.begin_row(type_, before_.slot, Fate::kDeleted, key_, 0);
  if (stood && is_new_life_) {
    for (const auto& [attr, cell] : before_.cells) cells[attr] = Value::missing();
  }
  if (!keeps_cells) gather_key(cells);
  gather_cells(cells);

  std::map<AttrId, crdt::Meta> merged;
  if (keeps_cells) merged = before_.merged;
  for (const auto& [attr, value] : cells) merged.erase(attr);
  for (const auto& [attr, changed] : registers_) merged[attr] = {changed.value.stamp, position()};
  // Counters and sets alone don't need them, if the row is of this database.
  const bool is_plain = keeps_cells && !before_.has_stamps && registers_.empty() &&
                        state_.meta.stamp == before_.state.meta.stamp;
  std::string stamps;
  if (!is_plain) {
    stamps = stamps_bytes(state_, merged);
    cells[kStampsAttr] = Value::bytes_of(stamps);
  }
  std::string extras;
  put_extras(extras, extras_);
  if (!extras.empty() && (extras_changed_ || !keeps_cells)) {
    cells[kExtrasAttr] = Value::bytes_of(extras);
  } else if (extras.empty() && keeps_cells && !before_.extras.empty()) {
    cells[kExtrasAttr] = Value::missing();
  }
  if (!stood) std::erase_if(cells, [](const auto& cell) { return cell.second.is_missing(); });

  const triples::Slot slot = stood ? before_.slot : into_.new_slot(into_.owner, type_);
  rows_.begin_row(type_, slot, stood ? Fate::kUpdated : Fate::kInserted, key_, cells.size());
  for (const auto& [attr, value] : cells) rows_.cell(attr, value);
  book_.note_stamped(type_);
}

}  // namespace tremula::persist
