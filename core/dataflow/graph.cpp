#include "core/dataflow/graph.h"

#include <algorithm>

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
using triples::RowChange;
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

std::vector<Value> root_vector(const Lowered& lowered, std::span<const Value> parameters) {
  std::vector<Value> values;
  for (const ParameterOrigin& origin : lowered.origins) {
    TREMULA_ASSERT(origin.from != ParameterOrigin::From::kOuter);
    values.push_back(origin.from == ParameterOrigin::From::kUser ? parameters[origin.user]
                                                                 : origin.literal.value());
  }
  return values;
}

// A root instance with a listener. It keeps the engine and its template.
class RootView final : public View {
 public:
  RootView(std::shared_ptr<Engine> engine, std::shared_ptr<Block> block, BlockInstance& instance)
      : engine_(std::move(engine)), block_(std::move(block)), instance_(instance) {}

  ~RootView() override {
    if (!engine_->live) return;
    engine_->views.erase(this);
    instance_.remove_listener(this);
    engine_->release_later(instance_, std::move(block_));
    if (!engine_->in_step) engine_->settle();
  }

  void for_each_json(const std::function<bool(std::string_view)>& row) const override {
    bool more = true;
    std::string text;
    instance_.for_each_visible(engine_->present(), [&](RowId id) {
      if (!more) return;
      text.clear();
      print_row(instance_, id, engine_->present(), text);
      more = row(text);
    });
    forget_texts();
  }
  void print(std::string& out) const override {
    print_rows(instance_, engine_->present(), out);
    forget_texts();
  }
  std::size_t row_count() const override { return instance_.row_count(engine_->present()); }
  ChangeList changes(bool with_old) const override {
    ChangeList& kept = instance_.kept_changes(with_old);
    if (!kept) {
      auto list = std::make_shared<std::vector<Change>>();
      make_changes(instance_, with_old, *list);
      kept = std::move(list);
    }
    return kept;
  }
  std::string explain() const override {
    std::string text;
    explain_block(*block_, &instance_, text);
    return text;
  }
  const BlockInstance* instance() const { return &instance_; }

 private:
  // What printing computed; in a step deltas may still point there.
  void forget_texts() const {
    if (!engine_->in_step) engine_->arena.clear();
  }

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Block> block_;
  BlockInstance& instance_;
};

}  // namespace

struct Graph::Impl {
  Impl(TableSource& tables, ArrangementStore& store, Life life)
      : arrangements(store), engine(std::make_shared<Engine>(tables, store.impl())) {
    engine->live = life == Life::kLive;
  }

  std::unique_ptr<RootView> open(const Select& select, std::span<const Value> parameters) {
    Lowered lowered = lower_root(select, engine->tables, engine->registry);
    const std::vector<Value> values = root_vector(lowered, parameters);
    BlockInstance& instance = lowered.block->directory->acquire(*engine, *lowered.block, values);
    instance.add_use();
    auto view = std::make_unique<RootView>(engine, lowered.block, instance);
    if (engine->live) {
      engine->views.insert(view.get());
      instance.add_listener(++engine->opened, view.get());
    }
    return view;
  }

  // Wakes the instances of `reader` that a changed row may concern, by the values that instances
  // are routed by.
  void route(const TemplateRegistry::Reader& reader, const RowChange& change) {
    const Core& core = *reader.core;
    const CoreSource& source = core.sources[reader.source];
    if (change.in_old && change.in_new && (change.changed & source.read_columns) == 0) return;
    if (core.directory->size() == 0) return;
    const RouteKey& key = core.routes[reader.source];
    auto touch = [&](CoreInstance& instance) { instance.touch(reader.source, change.slot); };
    if (key.empty()) {
      core.directory->for_each(touch);
      return;
    }
    Slot tuple[kSourcesMax] = {};
    const triples::Relation* relations[kSourcesMax] = {};
    tuple[reader.source] = change.slot;
    relations[reader.source] = source.relation;
    RowContext row;
    row.relations = relations;
    row.tuple = tuple;
    row.arena = &engine->arena;
    const bool only_new = change.in_new && (change.changed & key.read_columns) == 0;
    const bool ask_old = change.in_old && !only_new;
    if (ask_old) {
      row.side = Side::kOld;
      old_values.read(key, row);
    }
    if (change.in_new) {
      row.side = Side::kNew;
      new_values.read(key, row);
    }
    core.directory->routes(reader.source)
        .for_each(ask_old ? &old_values : nullptr, change.in_new ? &new_values : nullptr, touch);
  }

  ArrangementStore& arrangements;
  std::shared_ptr<Engine> engine;
  RouteValues old_values, new_values;
  std::vector<View*> touched;
};

Graph::Graph(TableSource& tables, ArrangementStore& arrangements, Life life)
    : impl_(std::make_unique<Impl>(tables, arrangements, life)) {}
Graph::~Graph() = default;

Result<std::unique_ptr<View>> Graph::open(const Select& select, std::span<const Value> parameters) {
  if (!LimitCheck(parameters).select(select))
    return Error{ErrorCode::kLimitRange, "LIMIT and OFFSET must be whole numbers from 0", {}};
  impl_->arrangements.refresh();
  return std::unique_ptr<View>(impl_->open(select, parameters));
}

Result<void> Graph::run(const Select& select, std::span<const Value> parameters,
                        const RowVisitor& visit) {
  if (!LimitCheck(parameters).select(select))
    return Error{ErrorCode::kLimitRange, "LIMIT and OFFSET must be whole numbers from 0", {}};
  impl_->arrangements.refresh();
  const std::unique_ptr<RootView> view = impl_->open(select, parameters);
  const BlockInstance& instance = *view->instance();
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
  for (const auto& [type, readers] : engine.registry.tables()) {
    const std::span<const RowChange> changes = engine.tables.table(type)->changes();
    for (const RowChange& change : changes)
      for (const TemplateRegistry::Reader& reader : readers) impl.route(reader, change);
  }
  engine.drain_all();
  impl.touched.clear();
  std::vector<std::pair<std::uint64_t, View*>> touched;
  for (const BlockInstance* root : engine.touched_roots)
    touched.insert(touched.end(), root->listeners().begin(), root->listeners().end());
  std::sort(touched.begin(), touched.end());
  for (const auto& [opened, view] : touched) impl.touched.push_back(view);
  return impl.touched;
}

void Graph::settle() {
  impl_->engine->settle();
  impl_->engine->in_step = false;
}

GraphStats Graph::stats() const {
  const Engine& engine = *impl_->engine;
  GraphStats stats;
  stats.templates = engine.registry.size();
  stats.instances = engine.instances;
  stats.views = engine.views.size();
  for (const auto& entry : engine.views)
    stats.bytes += static_cast<RootView*>(entry.key)->instance()->memory_bytes();
  return stats;
}

std::string explain(const Select& select, TableSource& tables) {
  TemplateRegistry registry;
  const Lowered lowered = lower_root(select, tables, registry);
  std::string text;
  explain_block(*lowered.block, nullptr, text);
  return text;
}

}  // namespace tremula::dataflow
