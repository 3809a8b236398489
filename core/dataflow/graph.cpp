#include "core/dataflow/graph.h"

#include <algorithm>
#include <utility>

#include "core/dataflow/explain.h"
#include "core/dataflow/instance.h"
#include "core/dataflow/owned_rows.h"
#include "core/dataflow/patch.h"
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

// Every LIMIT and OFFSET of a select and the selects in it must be bound to a whole number.
class LimitCheck {
 public:
  explicit LimitCheck(std::span<const Value> parameters) : parameters_(parameters) {}

  bool select(const Select& s) const {
    for (const Source& source : s.sources)
      if ((source.derived && !select(*source.derived)) || !expr(source.on)) return false;
    for (const ExprPtr& key : s.group_keys)
      if (!expr(key)) return false;
    for (const Aggregate& a : s.aggregates)
      if (!expr(a.argument) || !expr(a.filter) || !expr(a.separator) || !order(a.order))
        return false;
    return expr(s.where) && expr(s.having) && order(s.order) && properties(s.shape.properties) &&
           whole(s.limit) && whole(s.offset);
  }

 private:
  bool whole(const ExprPtr& e) const {
    if (!e) return true;
    const Value v = e->op == ExprOp::kParameter ? parameters_[e->parameter] : e->literal.value();
    return v.kind == triples::Kind::kInt && v.integer >= 0;
  }
  bool order(const std::vector<OrderTerm>& terms) const {
    return std::all_of(terms.begin(), terms.end(),
                       [this](const OrderTerm& t) { return expr(t.expr); });
  }
  bool properties(const std::vector<Property>& list) const {
    for (const Property& p : list)
      if (!expr(p.expr) || (p.select && !select(*p.select)) || !properties(p.properties))
        return false;
    return true;
  }
  bool expr(const ExprPtr& e) const {
    if (!e) return true;
    if (e->select && !select(*e->select)) return false;
    return std::all_of(e->arguments.begin(), e->arguments.end(),
                       [this](const ExprPtr& a) { return expr(a); });
  }
  std::span<const Value> parameters_;
};

std::vector<Value> root_vector(const std::vector<ParameterOrigin>& origins,
                               std::span<const Value> parameters) {
  std::vector<Value> values;
  values.reserve(origins.size());
  for (const ParameterOrigin& origin : origins) {
    TREMULA_ASSERT(origin.from != ParameterOrigin::From::kOuter);
    values.push_back(origin.from == ParameterOrigin::From::kUser ? parameters[origin.user]
                                                                 : origin.literal.value());
  }
  return values;
}

}  // namespace

// --- View ---

View::View(BlockInstance& instance, std::uint64_t opened)
    : instance_(&instance), opened_(opened), marked_(0) {
  if (!engine().live) return;
  ++engine().views;
  next_ = *instance.listeners();
  link_ = instance.listeners();
  *link_ = this;
  if (next_ != nullptr) next_->link_ = &next_;
}

View::View(View&& other) noexcept
    : instance_(std::exchange(other.instance_, nullptr)),
      next_(std::exchange(other.next_, nullptr)),
      link_(std::exchange(other.link_, nullptr)),
      opened_(other.opened_),
      marked_(other.marked_) {
  if (link_ == nullptr) return;
  *link_ = this;
  if (next_ != nullptr) next_->link_ = &next_;
}

void View::end() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  Engine& engine = this->engine();
  --engine.views;
  engine.release_later(*instance_, {}, {});
  link_ = nullptr;
  if (!engine.in_step) engine.settle();
}

Engine& View::engine() const { return instance_->engine(); }

void View::for_each_json(const std::function<bool(std::string_view)>& row,
                         std::size_t rows_max) const {
  const Side side = engine().present();
  bool more = true;
  std::string text;
  const auto give = [&](RowId id) {
    if (!more) return;
    text.clear();
    print_row(*instance_, id, side, text);
    more = row(text);
  };
  instance_->for_each_visible(side, give, rows_max);
  forget_texts();
}

void View::print(std::string& out) const {
  print_rows(*instance_, engine().present(), out);
  forget_texts();
}

std::size_t View::row_count() const { return instance_->row_count(engine().present()); }

ChangeList View::changes(bool with_old, base::Arena& arena) const {
  BlockStep& step = instance_->step();
  if (!step.listed[with_old]) {
    step.changes[with_old] = make_changes(*instance_, with_old, arena);
    step.listed[with_old] = true;
  }
  return step.changes[with_old];
}

std::string View::explain(PlanFormat format) const {
  return print_plan(explain_block(instance_->block(), instance_), format);
}

// What printing computed; in a step deltas may still point there.
void View::forget_texts() const {
  if (!engine().in_step) engine().arena.clear();
}

struct SelectPlan::Impl {
  std::weak_ptr<Block> block;
  std::vector<ParameterOrigin> origins;
};
SelectPlan::SelectPlan() = default;
SelectPlan::~SelectPlan() = default;
SelectPlan::SelectPlan(SelectPlan&&) noexcept = default;
SelectPlan& SelectPlan::operator=(SelectPlan&&) noexcept = default;

struct Graph::Impl {
  Impl(TableSource& tables, ArrangementStore& store, Life life)
      : arrangements(store), engine(std::make_unique<Engine>(tables, store.impl())) {
    engine->live = life == Life::kLive;
  }

  BlockInstance& open(const Select& select, std::span<const Value> parameters, SelectPlan& plan) {
    if (!plan.impl_) plan.impl_ = std::make_unique<SelectPlan::Impl>();
    std::shared_ptr<Block> block = plan.impl_->block.lock();
    if (!block) {
      Lowered lowered = lower_root(select, engine->tables, engine->registry);
      block = std::move(lowered.block);
      *plan.impl_ = {block, std::move(lowered.origins)};
    }
    const std::vector<Value> values = root_vector(plan.impl_->origins, parameters);
    BlockInstance& instance = block->directory->acquire(*engine, *block, values);
    instance.add_use();
    if (engine->live)
      block->directory->keep(block);
    else
      engine->roots.push_back(block);
    return instance;
  }

  ArrangementStore& arrangements;
  std::unique_ptr<Engine> engine;
  std::vector<std::pair<std::uint64_t, View*>> by_opening;
  std::vector<View*> touched;
};

Graph::Graph(TableSource& tables, ArrangementStore& arrangements, Life life)
    : impl_(std::make_unique<Impl>(tables, arrangements, life)) {}
Graph::~Graph() = default;

void Graph::interrupt_by(const std::atomic<bool>* flag) {
  TREMULA_ASSERT(!impl_->engine->live);
  impl_->engine->interrupt = flag;
}

Result<View> Graph::open(const Select& select, std::span<const Value> parameters,
                         SelectPlan* plan) {
  if (!LimitCheck(parameters).select(select))
    return Error{ErrorCode::kLimitRange, "LIMIT and OFFSET must be whole numbers from 0", {}};
  impl_->arrangements.refresh();
  SelectPlan own;
  return View(impl_->open(select, parameters, plan == nullptr ? own : *plan),
              ++impl_->engine->opened);
}

Result<void> Graph::run(const Select& select, std::span<const Value> parameters,
                        const RowVisitor& visit) {
  if (!LimitCheck(parameters).select(select))
    return Error{ErrorCode::kLimitRange, "LIMIT and OFFSET must be whole numbers from 0", {}};
  impl_->arrangements.refresh();
  SelectPlan plan;
  const BlockInstance& instance = impl_->open(select, parameters, plan);
  const Core& core = instance.core().core();
  const bool plain =
      !core.grouped && !core.distinct && !core.sources.empty() && core.sources[0].derived < 0;
  bool more = true;
  std::vector<Value> values;
  instance.for_each_visible(Side::kNew, [&](RowId row) {
    if (!more) return;
    Slot scratch;
    const RowContext context = instance.shape_context(row, Side::kNew, scratch);
    values.clear();
    for (const BlockProperty& p : instance.block().properties)
      values.push_back(evaluate(p.node, context));
    more = visit(plain ? context.tuple[0] : triples::kNoSlot, values);
  });
  return {};
}

std::span<View* const> Graph::step() {
  Impl& impl = *impl_;
  Engine& engine = *impl.engine;
  engine.in_step = true;
  impl.arrangements.refresh_sealed();
  engine.router.route(engine.registry);
  engine.drain_all();
  auto& order = impl.by_opening;
  order.clear();
  for (const BlockInstance* root : engine.touched_roots)
    for (View* view = root->first_listener(); view != nullptr; view = view->next_)
      order.emplace_back(std::uint64_t{view->opened_}, view);
  if (!std::is_sorted(order.begin(), order.end())) std::sort(order.begin(), order.end());
  impl.touched.clear();
  for (const auto& [opened, view] : order) impl.touched.push_back(view);
  return impl.touched;
}

void Graph::settle() {
  impl_->engine->settle();
  impl_->engine->in_step = false;
}

std::vector<View*> Graph::views() const {
  std::vector<View*> all;
  impl_->engine->registry.for_each_block([&all](const Block& block) {
    if (!block.root) return;
    block.directory->for_each([&all](BlockInstance& root) {
      for (View* view = root.first_listener(); view != nullptr; view = view->next_)
        all.push_back(view);
    });
  });
  return all;
}

GraphStats Graph::stats() const {
  const Engine& engine = *impl_->engine;
  GraphStats stats;
  stats.templates = engine.registry.size();
  stats.instances = engine.instances;
  stats.views = engine.views;
  stats.bytes = engine.memory_bytes();
  return stats;
}

std::string explain(const Select& select, TableSource& tables, PlanFormat format) {
  TemplateRegistry registry;
  const Lowered lowered = lower_root(select, tables, registry);
  return print_plan(explain_block(*lowered.block, nullptr), format);
}

}  // namespace tremula::dataflow
