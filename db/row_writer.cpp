#include "db/row_writer.h"

#include <algorithm>

#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"
#include "db/json_text.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Span;
using triples::Kind;
using triples::MergeRule;
using triples::Slot;
using triples::Type;
using triples::Value;

namespace {

Error null_error(const Target& target, const std::string& table, Span span) {
  return {ErrorCode::kNotNull, "'" + target.name + "' of " + table + " may not be NULL", span};
}

Error named_twice(const Target& target, Span span) {
  return {ErrorCode::kSyntax, "column '" + target.name + "' is named twice", span};
}

bool has_default(const triples::ColumnDef& column) {
  return column.default_value && !column.default_value->value().is_null();
}

// The elements of a SET: distinct INTs and TEXTs, sorted. Returns: false if it isn't such an array.
bool set_text(Value array, base::Arena& arena, Value& out) {
  std::vector<Value> elements;
  for (std::int64_t i = 0;; ++i) {
    const Value element = triples::json_get(array, Value::int_of(i), arena);
    if (element.is_null()) break;
    if (element.kind != Kind::kInt && element.kind != Kind::kText) return false;
    elements.push_back(element);
  }
  if (elements.size() != json_array_size(array.view())) return false;
  const auto before = [](Value a, Value b) { return triples::compare(a, b) < 0; };
  std::sort(elements.begin(), elements.end(), before);
  const auto same = [](Value a, Value b) { return triples::compare(a, b) == 0; };
  elements.erase(std::unique(elements.begin(), elements.end(), same), elements.end());
  std::string text = "[";
  for (const Value& element : elements) {
    if (text.size() > 1) text += ',';
    triples::print_json(element, text);
  }
  text += ']';
  out = Value::json_of(arena.copy(text));
  return true;
}

bool accepts(Type type, Kind kind) {
  switch (type) {
    case Type::kAny: return true;
    case Type::kBool: return kind == Kind::kBool;
    case Type::kInt: return kind == Kind::kInt;
    case Type::kReal: return kind == Kind::kInt || kind == Kind::kReal;
    case Type::kText: return kind == Kind::kText;
    case Type::kBytes: return kind == Kind::kBytes;
    case Type::kJson: return kind != Kind::kBytes;
  }
  return false;
}

}  // namespace

Error mismatch(const Target& target, std::string_view table, Value value, Span span) {
  std::string found;
  triples::print_json(value, found);
  constexpr std::size_t kShownMax = 40;
  if (found.size() > kShownMax) {
    std::size_t end = kShownMax;
    while (end > 0 && (static_cast<unsigned char>(found[end]) & 0xC0) == 0x80) --end;
    found = found.substr(0, end) + "...";
  }
  std::string wanted(target.merge == MergeRule::kSet ? "a JSON array of INT and TEXT"
                                                     : triples::type_name(target.type));
  return {ErrorCode::kTypeMismatch,
          "'" + target.name + "' of " + std::string(table) + " is " + wanted + ", found " +
              std::string(triples::kind_name(value.kind)) + " " + found,
          span};
}

RowWriter::RowWriter(const triples::TableDef& definition, lsm::RowTable& table, KeyGenerator& keys,
                     WriteNotes& notes)
    : definition_(definition), table_(table), keys_(keys), notes_(notes) {
  for (const triples::ColumnDef& column : definition_.columns) {
    if (!column.visible) continue;
    targets_.push_back({.name = column.name,
                        .attr = column.attr,
                        .column = table_.column(column.attr),
                        .type = column.type,
                        .key_position = column.key_position,
                        .not_null = column.not_null || column.merge == MergeRule::kCounter,
                        .has_default = has_default(column),
                        .merge = column.merge});
    has_sets_ = has_sets_ || column.merge == MergeRule::kSet;
    if (column.merge != MergeRule::kCounter) continue;
    has_counters_ = true;
    if (has_default(column) && column.default_value->value().kind == Kind::kInt) {
      targets_.back().start = column.default_value->value().integer;
    }
  }
  if (definition_.generated_key && find_target(triples::kGeneratedIdAttr) == kNoTarget) {
    targets_.push_back({.name = "id",
                        .attr = triples::kGeneratedIdAttr,
                        .column = table_.column(triples::kGeneratedIdAttr),
                        .type = Type::kInt,
                        .key_position = 0});
  }
  named_.assign(targets_.size(), 0);
  for (TargetIndex i = 0; i < targets_.size(); ++i) {
    const Target& target = targets_[i];
    if (target.key_position >= 0) {
      const auto position = static_cast<std::size_t>(target.key_position);
      if (key_targets_.size() <= position) key_targets_.resize(position + 1, kNoTarget);
      key_targets_[position] = i;
    } else if (target.not_null && !target.has_default && target.merge != MergeRule::kCounter) {
      required_.push_back(i);
    }
  }
  key_values_.resize(key_targets_.size());
}

TargetIndex RowWriter::find_target(std::string_view name, TargetIndex hint) const {
  if (hint < targets_.size() && targets_[hint].name == name) return hint;
  for (TargetIndex i = 0; i < targets_.size(); ++i) {
    if (targets_[i].name == name) return i;
  }
  return kNoTarget;
}

TargetIndex RowWriter::find_target(triples::AttrId attr) const {
  for (TargetIndex i = 0; i < targets_.size(); ++i) {
    if (targets_[i].attr == attr) return i;
  }
  return kNoTarget;
}

Result<Value> RowWriter::to_stored(const Cell& cell) {
  const Target& target = targets_[cell.target];
  const Value value = cell.value;
  if (value.is_null()) {
    if (target.not_null || target.key_position >= 0) {
      return null_error(target, definition_.name, cell.span);
    }
    return target.has_default ? Value::null() : Value::missing();
  }
  if (!accepts(target.type, value.kind)) {
    return mismatch(target, definition_.name, value, cell.span);
  }
  if (target.type == Type::kReal && value.kind == Kind::kInt) {
    return Value::real(static_cast<double>(value.integer));
  }
  if (target.merge == MergeRule::kSet) {
    Value sorted;
    if (value.kind != Kind::kJson || !set_text(value, arena_, sorted)) {
      return mismatch(target, definition_.name, value, cell.span);
    }
    return sorted;
  }
  return value;
}

Result<Slot> RowWriter::find(std::span<const Value> key) {
  if (key.size() != key_targets_.size()) {
    return Error{ErrorCode::kTypeMismatch, "the key of " + definition_.name + " has " +
                                               std::to_string(key_targets_.size()) +
                                               " columns, found " + std::to_string(key.size())};
  }
  key_.clear();
  for (std::size_t i = 0; i < key.size(); ++i) {
    TREMULA_TRY_ASSIGN(const Value value, to_stored({.target = key_targets_[i], .value = key[i]}));
    triples::encode_ordered(value, key_);
  }
  const Slot slot = table_.find(key_);
  if (slot == triples::kNoSlot || !table_.exists(slot, triples::Side::kNew)) {
    return triples::kNoSlot;
  }
  return slot;
}

// Converts the cells into stored_ and makes the row's key bytes.
Result<void> RowWriter::gather(std::span<const Cell> cells, Span row_span, bool generate) {
  ++generation_;
  stored_.clear();
  last_generated_key_ = 0;
  std::size_t keys_given = 0;
  for (const Cell& cell : cells) {
    const Target& target = targets_[cell.target];
    if (is_named(cell.target)) return named_twice(target, cell.span);
    named_[cell.target] = generation_;
    TREMULA_TRY_ASSIGN(const Value stored, to_stored(cell));
    stored_.push_back(stored);
    if (target.key_position >= 0) {
      key_values_[static_cast<std::size_t>(target.key_position)] = stored;
      ++keys_given;
    }
  }
  if (keys_given < key_targets_.size()) {
    if (definition_.generated_key && generate) {
      last_generated_key_ = keys_.next();
      key_values_[0] = Value::int_of(last_generated_key_);
    } else {
      for (const TargetIndex index : key_targets_) {
        if (!is_named(index)) return null_error(targets_[index], definition_.name, row_span);
      }
    }
  }
  key_.clear();
  for (const Value& value : key_values_) triples::encode_ordered(value, key_);
  return {};
}

Result<void> RowWriter::check_unnamed(Span row_span) const {
  for (const TargetIndex index : required_) {
    if (!is_named(index)) return null_error(targets_[index], definition_.name, row_span);
  }
  return {};
}

Result<Slot> RowWriter::insert_gathered(std::span<const Cell> cells, Span row_span) {
  TREMULA_TRY(check_unnamed(row_span));
  const Slot slot = table_.insert(key_);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Target& target = targets_[cells[i].target];
    // A sum of nothing is no sum.
    if (is_start(target, stored_[i])) continue;
    table_.write(slot, target.column, stored_[i]);
  }
  if (last_generated_key_ != 0) {
    table_.write(slot, targets_[key_targets_[0]].column, key_values_[0]);
  }
  if (!notes_.is_alone()) note(slot, cells);
  return slot;
}

// Notes that the row is to live with these columns, whatever others do.
void RowWriter::note(Slot slot, std::span<const Cell> cells) {
  notes_.add(table_.type(), slot);
  if (notes_.is_alone()) return;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Target& target = targets_[cells[i].target];
    notes_.name(target.attr, stored_[i]);
  }
  if (last_generated_key_ != 0) {
    notes_.name(targets_[key_targets_[0]].attr, key_values_[0]);
  }
}

Result<Slot> RowWriter::insert(std::span<const Cell> cells, Span row_span) {
  TREMULA_TRY(gather(cells, row_span, true));
  Slot slot = table_.find(key_);
  while (last_generated_key_ != 0 && slot != triples::kNoSlot) {  // given by hand to another row
    last_generated_key_ = keys_.next();
    key_values_[0] = Value::int_of(last_generated_key_);
    key_.clear();
    triples::encode_ordered(key_values_[0], key_);
    slot = table_.find(key_);
  }
  if (slot != triples::kNoSlot && table_.exists(slot, triples::Side::kNew)) {
    std::string key;
    for (const Value& value : key_values_) {
      if (!key.empty()) key += ", ";
      triples::print_json(value, key);
    }
    return Error{ErrorCode::kDuplicateKey,
                 definition_.name + " already has a row with the key " + key, row_span};
  }
  return insert_gathered(cells, row_span);
}

Result<Slot> RowWriter::upsert(std::span<const Cell> cells, Span row_span) {
  TREMULA_TRY(gather(cells, row_span, true));
  const Slot slot = table_.find(key_);
  if (slot == triples::kNoSlot || !table_.exists(slot, triples::Side::kNew)) {
    return insert_gathered(cells, row_span);
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Target& target = targets_[cells[i].target];
    if (target.key_position < 0) write(slot, target, stored_[i]);
  }
  note(slot, cells);
  return slot;
}

Result<Replaced> RowWriter::replace(std::span<const Cell> cells, Span row_span) {
  TREMULA_TRY(gather(cells, row_span, true));
  const Slot slot = table_.find(key_);
  if (slot == triples::kNoSlot || !table_.exists(slot, triples::Side::kNew)) {
    TREMULA_TRY_ASSIGN(const Slot inserted, insert_gathered(cells, row_span));
    return Replaced{.slot = inserted, .what = Replaced::What::kInserted};
  }
  TREMULA_TRY(check_unnamed(row_span));
  Replaced replaced{.slot = slot};
  const auto set = [&](const Target& target, Value stored) {
    if (identical(table_.stored(slot, target.column), stored)) return;
    write(slot, target, stored);
    replaced.what = Replaced::What::kUpdated;
  };
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Target& target = targets_[cells[i].target];
    if (target.key_position < 0) set(target, stored_[i]);
  }
  for (TargetIndex i = 0; i < targets_.size(); ++i) {
    if (!is_named(i) && targets_[i].key_position < 0) set(targets_[i], Value::missing());
  }
  if (replaced.what == Replaced::What::kUpdated) note(slot, cells);
  return replaced;
}

Result<void> RowWriter::update(Slot slot, std::span<const Cell> cells) {
  for (const Cell& cell : cells) table_.prefetch_cell(slot, targets_[cell.target].column);
  ++generation_;
  stored_.clear();
  for (const Cell& cell : cells) {
    const Target& target = targets_[cell.target];
    if (is_named(cell.target)) return named_twice(target, cell.span);
    named_[cell.target] = generation_;
    if (target.key_position >= 0) {
      return Error{ErrorCode::kKeyUpdate,
                   "'" + target.name + "' is part of the key of " + definition_.name +
                       " and can't be set; delete the row and insert it again",
                   cell.span};
    }
    TREMULA_TRY_ASSIGN(const Value stored, to_stored(cell));
    stored_.push_back(stored);
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    write(slot, targets_[cells[i].target], stored_[i]);
  }
  return {};
}

// A value that loses by MAX or MIN against the stored one has no effect; NULL loses against any.
void RowWriter::write(Slot slot, const Target& target, Value stored) {
  if (target.merge == MergeRule::kMax || target.merge == MergeRule::kMin) {
    const Value present = table_.stored(slot, target.column);
    const bool present_counts = !present.is_missing() && !present.is_null();
    if (present_counts) {
      if (stored.is_missing() || stored.is_null()) return;
      const auto order = triples::compare(stored, present);
      if (target.merge == MergeRule::kMax ? order < 0 : order > 0) return;
    }
  }
  if (is_start(target, stored) && table_.stored(slot, target.column).is_missing()) return;
  table_.write(slot, target.column, stored);
}

}  // namespace tremula::db
