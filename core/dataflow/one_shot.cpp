#include "core/dataflow/one_shot.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/dataflow/relation_index.h"
#include "core/dataflow/render.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

bool has_select(const ExprPtr& expr) {
  if (!expr) return false;
  return expr->select != nullptr ||
         std::any_of(expr->arguments.begin(), expr->arguments.end(), has_select);
}

bool has_select(const std::vector<Property>& properties) {
  return std::any_of(properties.begin(), properties.end(), [](const Property& p) {
    return p.select != nullptr || has_select(p.expr) || has_select(p.properties);
  });
}

bool is_plain(const Select& s) {
  return s.sources.size() == 1 && !s.sources[0].derived && !s.grouped && !s.distinct &&
         !has_select(s.where) && !has_select(s.shape.properties) &&
         std::none_of(s.order.begin(), s.order.end(),
                      [](const OrderTerm& term) { return has_select(term.expr); });
}

}  // namespace

std::unique_ptr<OneShot> OneShot::make(const Select& select, TableSource& tables,
                                       ArrangementStore& store) {
  if (!is_plain(select)) return nullptr;
  std::unique_ptr<OneShot> made(new OneShot(tables, store));
  made->lowered_ = lower_root(select, tables, made->registry_);
  made->relation_ = made->lowered_.block->core->sources[0].relation;
  return made;
}

RowContext OneShot::context(const Slot& slot) const {
  RowContext row;
  row.relations = &relation_;
  row.tuple = &slot;
  row.parameters = values_.data();
  row.arena = &arena_;
  row.side = Side::kNew;
  return row;
}

// Finds the rows of the access.
// Returns: false if there is no index for it.
bool OneShot::find_by(const BindStep& step, std::vector<Slot>& out) {
  if (step.access == AccessKind::kUnion) {
    for (const BindStep& arm : step.arms)
      if (!find_by(arm, out)) return false;
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return true;
  }
  const bool by_key = step.access == AccessKind::kKey;
  if (!by_key && step.access != AccessKind::kIndex) return false;
  const triples::TypeId table = lowered_.block->core->sources[0].table;
  std::shared_ptr<RelationIndex> index;
  if (!by_key) index = store_.impl().of(table).find(step.columns, false);
  if (!by_key && !index) return false;
  key_.clear();
  const RowContext row = context(triples::kNoSlot);
  for (const triples::ColumnIndex column : by_key ? step.columns : index->columns()) {
    const auto at = std::find(step.columns.begin(), step.columns.end(), column);
    const auto i = static_cast<std::size_t>(at - step.columns.begin());
    const Value value = evaluate(*step.values[i], row);
    if (value.is_null() && !step.null_matches[i]) return true;
    triples::encode_ordered(value, key_);
  }
  if (by_key) {
    const Slot slot = tables_.find(table, key_);
    if (slot != triples::kNoSlot && relation_->exists(slot, Side::kNew)) out.push_back(slot);
    return true;
  }
  index->for_each(key_, Side::kNew, [&out](Slot slot) {
    out.push_back(slot);
    return true;
  });
  return true;
}

void OneShot::find_all(std::vector<Slot>& out) const {
  for (Slot slot = 0; slot < relation_->slot_end(); ++slot)
    if (relation_->exists(slot, Side::kNew)) out.push_back(slot);
}

// Leaves in slots_ what the result holds, in order.
Result<void> OneShot::find(std::span<const Value> parameters) {
  const Block& block = *lowered_.block;
  store_.refresh();
  arena_.clear();
  values_.clear();
  for (const ParameterOrigin& origin : lowered_.origins)
    values_.push_back(origin.from == ParameterOrigin::From::kUser ? parameters[origin.user]
                                                                  : origin.literal.value());
  std::size_t window[2] = {0, ~std::size_t{0}};  // OFFSET, LIMIT
  for (const int which : {0, 1}) {
    const int parameter = which == 0 ? block.offset : block.limit;
    if (parameter < 0) continue;
    const Value value = values_[static_cast<std::size_t>(parameter)];
    if (value.kind != triples::Kind::kInt || value.integer < 0)
      return Error{ErrorCode::kLimitRange, "LIMIT and OFFSET must be whole numbers from 0", {}};
    window[which] = static_cast<std::size_t>(value.integer);
  }
  slots_.clear();
  if (!find_by(block.core->pull_plan[0], slots_)) {
    slots_.clear();
    find_all(slots_);
  }
  std::erase_if(slots_, [&](const Slot& slot) {
    const RowContext row = context(slot);
    return !std::all_of(block.core->conjuncts.begin(), block.core->conjuncts.end(),
                        [&](const Conjunct& c) { return is_true(c.node, row); });
  });
  sort(window[0], window[1]);
  return {};
}

void OneShot::key_of(Slot slot, std::string& out) const {
  out.clear();
  const RowContext row = context(slot);
  for (const NodeOrder& term : lowered_.block->core->order)
    triples::encode_ordered(evaluate(term.node, row), out, term.direction, term.nulls);
  out += relation_->key(slot);
}

// Of many rows and a small window no more are sorted than it holds and those before it.
void OneShot::sort(std::size_t offset, std::size_t limit) {
  const std::size_t end =
      limit > slots_.size() ? slots_.size() : std::min(slots_.size(), offset + limit);
  if (slots_.size() > 1) {
    sorted_.resize(slots_.size());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      key_of(slots_[i], sorted_[i].first);
      sorted_[i].second = slots_[i];
    }
    const auto middle = sorted_.begin() + static_cast<std::ptrdiff_t>(end);
    if (end < sorted_.size()) std::nth_element(sorted_.begin(), middle, sorted_.end());
    std::sort(sorted_.begin(), middle);
    for (std::size_t i = 0; i < end; ++i) slots_[i] = sorted_[i].second;
    constexpr std::size_t kKeptMax = 1024;
    if (sorted_.size() > kKeptMax) sorted_ = {};
  }
  slots_.resize(end);
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(std::min(offset, end)));
}

Result<void> OneShot::for_each_json(std::span<const Value> parameters,
                                    const std::function<bool(std::string_view)>& row) {
  TREMULA_TRY(find(parameters));
  // What is told may run this select again.
  const std::vector<Slot> slots = std::move(slots_);
  const std::vector<Value> values = values_;
  std::string text;
  for (const Slot slot : slots) {
    if (!relation_->exists(slot, Side::kNew)) continue;  // it has gone meanwhile
    text.clear();
    RowContext of_row = context(slot);
    of_row.parameters = values.data();
    print_plain(*lowered_.block, of_row, text);
    if (!row(text)) break;
  }
  return {};
}

Result<void> OneShot::for_each_value(std::span<const Value> parameters,
                                     const Graph::RowVisitor& row) {
  TREMULA_TRY(find(parameters));
  std::vector<Value> values;
  for (const Slot slot : slots_) {
    values.clear();
    const RowContext of_row = context(slot);
    for (const BlockProperty& property : lowered_.block->properties)
      values.push_back(evaluate(property.node, of_row));
    if (!row(slot, values)) break;
  }
  return {};
}

}  // namespace tremula::dataflow
