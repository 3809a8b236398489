#include "core/dataflow/one_shot.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/dataflow/range_lookup.h"
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

bool has_select(const std::vector<OrderTerm>& order) {
  return std::any_of(order.begin(), order.end(),
                     [](const OrderTerm& term) { return has_select(term.expr); });
}

bool has_select(const Aggregate& a) {
  return has_select(a.argument) || has_select(a.filter) || has_select(a.separator) ||
         has_select(a.order);
}

bool is_plain(const Select& s) {
  return s.sources.size() == 1 && !s.sources[0].derived && s.group_keys.empty() && !s.distinct &&
         !has_select(s.where) && !has_select(s.having) && !has_select(s.shape.properties) &&
         !has_select(s.order) &&
         std::none_of(s.aggregates.begin(), s.aggregates.end(),
                      [](const Aggregate& a) { return has_select(a); });
}

// Whether aggregates are computed here: others know how to count an index.
bool is_aggregated(const Core& core) { return !core.counts_key && core.dependents.empty(); }

// Nothing but how many rows there are.
bool counts_all(const Core& core) {
  return core.conjuncts.empty() && core.pull_plan[0].access == AccessKind::kScan &&
         std::all_of(core.aggregates.begin(), core.aggregates.end(), [](const CoreAggregate& a) {
           return a.kind == AggregateKind::kCountAll && !a.has_filter && !a.distinct;
         });
}

// Whose rows must say more than a value.
bool is_by_row(const CoreAggregate& aggregate) {
  return aggregate.needs_row_key || aggregate.kind == AggregateKind::kGroupConcat;
}

// Whether a scan loads nothing: all that it reads goes batch by batch.
bool reads_at_once(const Core& core) {
  const auto reads = [](const Node& node) { return RowBatch::is_read_at_once(node); };
  return std::all_of(core.conjuncts.begin(), core.conjuncts.end(),
                     [&](const Conjunct& conjunct) { return reads(conjunct.node); }) &&
         std::all_of(
             core.aggregates.begin(), core.aggregates.end(), [&](const CoreAggregate& aggregate) {
               return !is_by_row(aggregate) && reads(aggregate.filter) && reads(aggregate.argument);
             });
}

// Rows between two rests, and batches where nothing is loaded.
constexpr std::size_t kRestRows = 256;
constexpr std::size_t kRestBatches = 16;
// The largest window whose rows are kept apart while a table is scanned.
constexpr std::size_t kTopMax = 1024;

}  // namespace

std::unique_ptr<OneShot> OneShot::make(const Select& select, TableSource& tables,
                                       ArrangementStore& store) {
  if (!is_plain(select)) return nullptr;
  std::unique_ptr<OneShot> made(new OneShot(tables, store));
  made->lowered_ = lower_root(select, tables, made->registry_);
  const Core& core = *made->lowered_.block->core;
  if (core.grouped && !is_aggregated(core)) return nullptr;
  made->relation_ = core.sources[0].relation;
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
  if (step.access == AccessKind::kRange) return find_by_range(step, out);
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

// Takes the parameters of a run.
Result<OneShot::Window> OneShot::begin(std::span<const Value> parameters) {
  const Block& block = *lowered_.block;
  store_.refresh();
  arena_.clear();
  values_.clear();
  for (const ParameterOrigin& origin : lowered_.origins)
    values_.push_back(origin.from == ParameterOrigin::From::kUser ? parameters[origin.user]
                                                                  : origin.literal.value());
  Window window;
  for (const int parameter : {block.offset, block.limit}) {
    if (parameter < 0) continue;
    const Value value = values_[static_cast<std::size_t>(parameter)];
    if (value.kind != triples::Kind::kInt || value.integer < 0)
      return Error{ErrorCode::kLimitRange, "LIMIT and OFFSET must be whole numbers from 0", {}};
    (parameter == block.offset ? window.offset : window.limit) =
        static_cast<std::size_t>(value.integer);
  }
  return window;
}

// By an order that live selects hold.
bool OneShot::find_by_range(const BindStep& step, std::vector<Slot>& out) {
  RelationIndexes& indexes = store_.impl().of(lowered_.block->core->sources[0].table);
  std::vector<std::shared_ptr<RangeIndex>> held;
  const auto find = [&](const BindStep& arm) {
    return held.emplace_back(indexes.range(arm.columns[0], false)).get();
  };
  const RangeChoice choice = choose_range(step, context(triples::kNoSlot), find);
  if (choice.step == nullptr) return false;
  const std::shared_ptr<RangeIndex> index = indexes.range(choice.step->columns[0], false);
  for (const KeyRange& range : choice.ranges) {
    index->for_each(range.lower, range.upper, Side::kNew,
                    [&out](Slot slot) { out.push_back(slot); });
  }
  return true;
}

bool OneShot::find_by_access() {
  found_.clear();
  return find_by(lowered_.block->core->pull_plan[0], found_);
}

template <typename Visit>
void OneShot::visit_found(const Rest& rest, Visit visit) {
  const Core& core = *lowered_.block->core;
  std::size_t rows = 0;
  for (const Slot slot : found_) {
    if (++rows % kRestRows == 0) {
      arena_.clear();
      if (rest && !rest()) return;
    }
    const RowContext row = context(slot);
    const bool holds =
        std::all_of(core.conjuncts.begin(), core.conjuncts.end(),
                    [&](const Conjunct& conjunct) { return is_true(conjunct.node, row); });
    if (holds) visit(slot, row);
  }
}

template <typename Visit>
void OneShot::visit_batches(const Rest& rest, Visit visit) {
  const Core& core = *lowered_.block->core;
  const std::size_t rest_batches = reads_at_once(core) ? kRestBatches : 1;
  RowBatch batch(*relation_, values_.data(), arena_);
  std::size_t batches = 0;
  for (Slot first = 0; first < relation_->slot_end(); first += triples::kBatchSlots) {
    arena_.clear();
    if (rest && ++batches % rest_batches == 0) {
      batch.rest();
      if (!rest()) return;
    }
    batch.begin(first);
    BatchRows rows = batch.rows();
    for (const Conjunct& conjunct : core.conjuncts) rows = batch.filter(conjunct.node, rows);
    if (!rows.empty()) visit(batch, rows);
  }
}

// Leaves in slots_ what the result holds, in order.
Result<void> OneShot::find(std::span<const Value> parameters, const Rest& rest) {
  TREMULA_TRY_ASSIGN(const Window window, begin(parameters));
  slots_.clear();
  const bool is_found = find_by_access();
  if (!is_found && window.limit <= kTopMax && window.offset <= kTopMax - window.limit) {
    find_top(window, rest);
    return {};
  }
  if (is_found) {
    visit_found(rest, [&](Slot slot, const RowContext&) { slots_.push_back(slot); });
  } else {
    visit_batches(rest, [&](const RowBatch& batch, BatchRows rows) {
      for (const std::uint8_t row : rows) slots_.push_back(batch.first() + row);
    });
  }
  sort(window, rest);
  return {};
}

void OneShot::contribute(const CoreAggregate& to, const RowContext& row, Accumulator& accumulator) {
  if (to.has_filter && !is_true(to.filter, row)) return;
  Contribution one;
  if (to.has_argument) one.argument = evaluate(to.argument, row);
  one.separator = to.has_separator ? evaluate(to.separator, row) : Value::text_of(",");
  key_.clear();
  if (to.needs_row_key) {
    for (const NodeOrder& term : to.order)
      triples::encode_ordered(evaluate(term.node, row), key_, term.direction, term.nulls);
    key_ += relation_->key(*row.tuple);
  }
  one.row_key = key_;
  accumulator.add(one);
}

void OneShot::contribute(const CoreAggregate& to, RowBatch& batch, BatchRows rows,
                         Accumulator& accumulator) {
  if (is_by_row(to)) {
    for (const std::uint8_t row : rows) {
      const Slot slot = batch.first() + row;
      contribute(to, context(slot), accumulator);
    }
    return;
  }
  if (to.has_filter) rows = batch.filter(to.filter, rows);
  if (rows.empty()) return;
  accumulator.add_batch(to.has_argument ? batch.evaluate(to.argument, rows) : BatchValues{}, rows);
}

Result<bool> OneShot::aggregate(std::span<const Value> parameters, const Rest& rest,
                                GroupTable& groups) {
  const Core& core = *lowered_.block->core;
  TREMULA_TRY_ASSIGN(const Window window, begin(parameters));
  TouchedRows touched;
  groups.begin_step(touched);
  const Slot group = groups.touch_group({}, {});
  const std::span<Accumulator> accumulators = groups.accumulators(group);
  if (counts_all(core)) {
    const auto rows = static_cast<std::int64_t>(relation_->row_count(Side::kNew));
    for (Accumulator& accumulator : accumulators) accumulator.add_rows(rows);
  } else if (find_by_access()) {
    visit_found(rest, [&](Slot, const RowContext& row) {
      for (std::size_t i = 0; i < core.aggregates.size(); ++i)
        contribute(core.aggregates[i], row, accumulators[i]);
    });
  } else {
    visit_batches(rest, [&](RowBatch& batch, BatchRows rows) {
      for (std::size_t i = 0; i < core.aggregates.size(); ++i)
        contribute(core.aggregates[i], batch, rows, accumulators[i]);
    });
  }
  arena_.clear();
  for (std::size_t i = 0; i < core.aggregates.size(); ++i)
    groups.values(group)[i].set(accumulators[i].value(arena_));
  groups.row(group).in_new = true;
  groups.settle();
  const triples::Relation* const relation = &groups;
  return window.offset == 0 && window.limit > 0 &&
         (!core.has_having || is_true(core.having, group_context(&relation)));
}

// Of the one group there is.
RowContext OneShot::group_context(const triples::Relation* const* groups) const {
  static constexpr Slot kGroup = 0;
  RowContext row = context(kGroup);
  row.relations = groups;
  return row;
}

// Of a scan no more rows are kept than the window needs: the others are told by the first term of
// the order alone.
void OneShot::find_top(Window window, const Rest& rest) {
  const std::vector<NodeOrder>& order = lowered_.block->core->order;
  const std::size_t most = window.offset + window.limit;
  sorted_.clear();  // a heap, the last of the order on top
  std::string key;
  visit_batches(rest, [&](RowBatch& batch, BatchRows rows) {
    if (most == 0) return;
    BatchValues first_term;
    if (!order.empty()) first_term = batch.evaluate(order[0].node, rows);
    for (const std::uint8_t row : rows) {
      const Slot slot = batch.first() + row;
      const bool is_full = sorted_.size() == most;
      if (is_full && !order.empty()) {
        key.clear();
        triples::encode_ordered(first_term[row], key, order[0].direction, order[0].nulls);
        if (key > std::string_view(sorted_.front().first).substr(0, key.size())) continue;
      } else if (is_full && relation_->key(slot) > sorted_.front().first) {
        continue;
      }
      key_of(slot, key);
      if (is_full && key > sorted_.front().first) continue;
      if (is_full) {
        std::pop_heap(sorted_.begin(), sorted_.end());
        sorted_.pop_back();
      }
      sorted_.emplace_back(key, slot);
      std::push_heap(sorted_.begin(), sorted_.end());
    }
  });
  std::sort_heap(sorted_.begin(), sorted_.end());
  for (std::size_t i = window.offset; i < sorted_.size(); ++i) slots_.push_back(sorted_[i].second);
  sorted_.clear();
}

void OneShot::key_of(Slot slot, std::string& out) const {
  out.clear();
  const RowContext row = context(slot);
  for (const NodeOrder& term : lowered_.block->core->order)
    triples::encode_ordered(evaluate(term.node, row), out, term.direction, term.nulls);
  out += relation_->key(slot);
}

// Of many rows and a small window no more are sorted than it holds and those before it.
void OneShot::sort(Window window, const Rest& rest) {
  const std::size_t end = window.limit > slots_.size()
                              ? slots_.size()
                              : std::min(slots_.size(), window.offset + window.limit);
  if (slots_.size() > 1) {
    sorted_.resize(slots_.size());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (rest && i % kRestRows == 0 && !rest()) return slots_.clear();
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
  slots_.erase(slots_.begin(),
               slots_.begin() + static_cast<std::ptrdiff_t>(std::min(window.offset, end)));
}

Result<void> OneShot::for_each_json(std::span<const Value> parameters,
                                    const std::function<bool(std::string_view)>& row,
                                    const Rest& rest,
                                    const std::function<void(std::size_t)>& count) {
  std::string text;
  const Core& core = *lowered_.block->core;
  if (core.grouped) {
    GroupTable groups(core.aggregates, 0, 0, 0);
    TREMULA_TRY_ASSIGN(const bool is_asked, aggregate(parameters, rest, groups));
    if (!is_asked) return {};
    const triples::Relation* const relation = &groups;
    print_plain(*lowered_.block, group_context(&relation), text);
    if (count) count(1);
    (void)row(text);  // there is no other to leave out
    return {};
  }
  TREMULA_TRY(find(parameters, rest));
  if (count) count(slots_.size());
  // What is told may run this select again.
  const std::vector<Slot> slots = std::move(slots_);
  const std::vector<Value> values = values_;
  std::size_t rows = 0;
  for (const Slot slot : slots) {
    if (rest && ++rows % kRestRows == 0 && !rest()) break;
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
  const Core& core = *lowered_.block->core;
  std::vector<Value> values;
  const auto tell = [&](Slot slot, const RowContext& of_row) {
    values.clear();
    for (const BlockProperty& property : lowered_.block->properties)
      values.push_back(evaluate(property.node, of_row));
    return row(slot, values);
  };
  if (core.grouped) {
    GroupTable groups(core.aggregates, 0, 0, 0);
    TREMULA_TRY_ASSIGN(const bool is_asked, aggregate(parameters, {}, groups));
    const triples::Relation* const relation = &groups;
    if (is_asked) (void)tell(0, group_context(&relation));
    return {};
  }
  TREMULA_TRY(find(parameters, {}));
  for (const Slot slot : slots_)
    if (!tell(slot, context(slot))) break;
  return {};
}

}  // namespace tremula::dataflow
