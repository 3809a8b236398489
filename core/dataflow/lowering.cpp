#include "core/dataflow/lowering.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/dataflow/accumulator.h"
#include "core/dataflow/join_plan.h"
#include "core/dataflow/lowering_scope.h"

namespace tremula::dataflow {

namespace {

// The greatest level that is named below `expr`, and the least; sub-selects count as naming
// everything.
struct Levels {
  bool own = false;
  bool outer = false;
  bool select = false;
};

void collect_levels(const Expr& expr, Levels& levels) {
  if (expr.op == ExprOp::kColumn) (expr.level == 0 ? levels.own : levels.outer) = true;
  if (expr.select) levels.select = true;
  for (const ExprPtr& argument : expr.arguments) collect_levels(*argument, levels);
}

Levels levels_of(const Expr& expr) {
  Levels levels;
  collect_levels(expr, levels);
  return levels;
}

void lower_levels(Expr& expr) {
  if (expr.op == ExprOp::kColumn) --expr.level;
  for (const ExprPtr& argument : expr.arguments) lower_levels(*argument);
}

bool only_own(const Levels& l) { return l.own && !l.outer && !l.select; }
bool only_outer(const Levels& l) { return l.outer && !l.own && !l.select; }

void flatten_and(const Expr& expr, std::vector<const Expr*>& out) {
  if (expr.op != ExprOp::kAnd) {
    out.push_back(&expr);
    return;
  }
  for (const ExprPtr& argument : expr.arguments) flatten_and(*argument, out);
}

// Values of such an expression may be equal and yet print differently.
bool prints_by_row(const Expr& expr) {
  return expr.type == triples::Type::kAny || expr.type == triples::Type::kJson;
}

bool is_own_column(const Expr& expr) { return expr.op == ExprOp::kColumn && expr.level == 0; }

}  // namespace

bool has_selective_equality(const Select& select) {
  if (!select.where) return false;
  std::vector<const Expr*> conjuncts;
  flatten_and(*select.where, conjuncts);
  for (const Expr* c : conjuncts) {
    if (c->op != ExprOp::kEqual) continue;
    for (int side = 0; side < 2; ++side)
      if (is_own_column(*c->arguments[side]) && !levels_of(*c->arguments[1 - side]).own &&
          !levels_of(*c->arguments[1 - side]).select)
        return true;
  }
  return false;
}

BlockLowering::BlockLowering(const Select& select, SiteKind use, bool may_probe, bool root,
                             TableSource& tables, TemplateRegistry& registry)
    : select_(select),
      use_(use),
      may_probe_(may_probe),
      root_(root),
      tables_(tables),
      registry_(registry),
      core_(std::make_unique<Core>()),
      block_(std::make_unique<Block>()) {}

Lowered BlockLowering::run() {
  stage_ = Stage::kTuple;
  sites_ = &core_->sites;
  lower_sources();
  lower_conditions();
  lower_groups();
  lower_distinct();
  lower_order();
  finish_core();
  lower_shape();
  finish_block();
  Lowered result;
  result.block = registry_.share(std::move(block_));
  result.origins = std::move(origins_);
  result.probe = std::move(probe_);
  return result;
}

void BlockLowering::lower_sources() {
  for (const Source& source : select_.sources) {
    CoreSource made;
    made.join = source.join;
    made.name = source.name;
    for (const SourceColumn& column : source.columns) {
      const auto at = static_cast<triples::ColumnIndex>(made.columns.size());
      made.columns.emplace_back(source.derived ? at : tables_.column(source.table, column.attr),
                                column.name);
    }
    if (source.derived) {
      made.derived = static_cast<int>(core_->derived.size());
      core_->derived.push_back(lower_site(*source.derived, SiteKind::kDerived, nullptr));
    } else {
      made.table = source.table;
      made.relation = tables_.table(source.table);
      made.key_columns = tables_.key_columns(source.table);
    }
    core_->sources.push_back(std::move(made));
  }
}

void BlockLowering::add_conjuncts(const Expr& expr, int left_source) {
  std::vector<const Expr*> parts;
  flatten_and(expr, parts);
  for (const Expr* part : parts) {
    if (left_source < 0 && take_probe(*part)) continue;
    Conjunct conjunct;
    const std::size_t sites_before = core_->sites.size();
    conjunct.node = lower(*part);
    conjunct.left_source = left_source;
    for (std::size_t s = sites_before; s < core_->sites.size(); ++s)
      conjunct.sites.push_back(static_cast<std::uint32_t>(s));
    conjunct.sources = conjunct.node.sources();
    for (std::uint32_t s : conjunct.sites) {
      for (const Node& node : core_->sites[s].parameters) conjunct.sources |= node.sources();
      for (const Node& node : core_->sites[s].probe) conjunct.sources |= node.sources();
    }
    // An ON decides about its own source, whatever it reads.
    if (left_source >= 0) conjunct.sources |= SourceMask{1} << left_source;
    if (left_source >= 0 && !conjunct.sites.empty()) core_->has_on_sites = true;
    core_->conjuncts.push_back(std::move(conjunct));
  }
}

// `inner = outer` of a correlated EXISTS: counted by inner, probed with outer.
bool BlockLowering::take_probe(const Expr& conjunct) {
  if (!may_probe_ || conjunct.op != ExprOp::kEqual) return false;
  for (int side = 0; side < 2; ++side) {
    const Expr& inner = *conjunct.arguments[side];
    const Expr& outer = *conjunct.arguments[1 - side];
    if (!only_own(levels_of(inner)) || !only_outer(levels_of(outer))) continue;
    block_->members.push_back(lower(inner));
    ExprPtr shifted = clone(outer);
    lower_levels(*shifted);
    probe_.push_back(std::move(shifted));
    return true;
  }
  return false;
}

void BlockLowering::lower_conditions() {
  for (std::size_t i = 0; i < select_.sources.size(); ++i) {
    const Source& source = select_.sources[i];
    if (!source.on) continue;
    add_conjuncts(*source.on, source.join == JoinKind::kLeft ? static_cast<int>(i) : -1);
  }
  if (select_.where) add_conjuncts(*select_.where, -1);
  for (const Conjunct& c : core_->conjuncts)
    if (c.left_source < 0)
      core_->where_sites.insert(core_->where_sites.end(), c.sites.begin(), c.sites.end());
  later_sites_from_ = static_cast<std::uint32_t>(core_->sites.size());
  if (use_ == SiteKind::kIn) {
    // What IN compares with; a grouped or distinct child gives it from its last stage, in
    // finish_core().
    if (!select_.grouped && !select_.distinct && !select_.limit)
      block_->members.push_back(lower(*select_.shape.properties[0].expr));
  }
}

std::vector<NodeOrder> BlockLowering::lower_order_terms(const std::vector<OrderTerm>& order) {
  std::vector<NodeOrder> terms;
  for (const OrderTerm& term : order)
    terms.push_back({lower(*term.expr), term.direction, term.nulls});
  return terms;
}

void BlockLowering::lower_aggregate(const Aggregate& aggregate) {
  CoreAggregate made;
  made.kind = aggregate.kind;
  made.distinct = aggregate.distinct;
  made.has_argument = aggregate.argument != nullptr;
  made.has_filter = aggregate.filter != nullptr;
  made.has_separator = aggregate.separator != nullptr;
  if (aggregate.argument) made.argument = lower(*aggregate.argument);
  if (aggregate.filter) made.filter = lower(*aggregate.filter);
  if (aggregate.separator) made.separator = lower(*aggregate.separator);
  made.order = lower_order_terms(aggregate.order);
  made.needs_row_key = Accumulator::needs_row_key(aggregate.kind, aggregate.distinct, aggregate);
  core_->aggregates.push_back(std::move(made));
}

void BlockLowering::lower_groups() {
  if (!select_.grouped) return;
  core_->grouped = true;
  for (const ExprPtr& key : select_.group_keys) {
    if (prints_by_row(*key))
      core_->first_keys.push_back(static_cast<std::uint32_t>(core_->group_keys.size()));
    core_->group_keys.push_back(lower(*key));
  }
  for (const Aggregate& aggregate : select_.aggregates) lower_aggregate(aggregate);
  for (const Dependent& d : select_.dependents) {
    const Node node = column_node(d.source, d.column);
    core_->dependents.push_back({node.source, node.index});
  }
  stage_ = Stage::kGroup;
  sites_ = &core_->group_sites;
  if (select_.having) {
    core_->has_having = true;
    core_->having = lower(*select_.having);
  }
}

// A property as one value: trees as their JSON text.
Node BlockLowering::lower_printed(const Property& property) {
  if (property.kind == PropertyKind::kValue) return lower(*property.expr);
  Node node;
  if (property.kind == PropertyKind::kObject) {
    node.op = ExprOp::kJsonObject;
    for (const Property& p : property.properties) {
      node.names.push_back(p.name);
      node.arguments.push_back(lower_printed(p));
    }
    return node;
  }
  const SiteKind kind =
      property.kind == PropertyKind::kArray ? SiteKind::kArray : SiteKind::kSingle;
  node.op = ExprOp::kScalar;
  Site site = lower_site(*property.select, kind, nullptr);
  node.index = static_cast<std::uint32_t>(sites_->size());
  sites_->push_back(std::move(site));
  return node;
}

void BlockLowering::lower_distinct() {
  if (!select_.distinct) return;
  core_->distinct = true;
  for (const Property& property : select_.shape.properties) {
    if (property.kind == PropertyKind::kSingle ||
        (property.kind == PropertyKind::kValue && prints_by_row(*property.expr)))
      core_->first_values.push_back(static_cast<std::uint32_t>(core_->distinct_values.size()));
    core_->distinct_values.push_back(lower_printed(property));
  }
  stage_ = Stage::kDistinct;
}

void BlockLowering::lower_order() {
  const bool one_group = select_.grouped && select_.group_keys.empty();
  core_->at_most_one =
      !select_.distinct && (one_group || (select_.sources.empty() && !select_.grouped));
  core_->order = lower_order_terms(select_.order);
}

void BlockLowering::finish_core() {
  for (std::uint32_t s = later_sites_from_; s < core_->sites.size(); ++s)
    core_->later_sites.push_back(s);
  core_->parameter_count = origins_.size();
  core_->single = root_;
  std::stable_partition(core_->conjuncts.begin(), core_->conjuncts.end(),
                        [](const Conjunct& c) { return c.sites.empty(); });
  for (Site& site : core_->sites) find_reverse(site);
  auto raise = [this](const std::vector<Site>& sites) {
    for (const Site& site : sites) core_->rank = std::max(core_->rank, site.child->rank + 1);
  };
  raise(core_->derived);
  raise(core_->sites);
  raise(core_->group_sites);
  core_->canonical = canonical_text(*core_);
  find_equalities(*core_);
  core_ptr_ = registry_.share(std::move(core_));
  block_->core = core_ptr_;
}

// Rows of a semi-join's parent can be found from a member through an index if the probe is plain
// columns of one source.
void BlockLowering::find_reverse(Site& site) {
  if (site.probe.empty() || !site.whole) return;
  for (const Node& node : site.probe)
    if (!node.is_column() || node.source != site.probe[0].source) return;
  const CoreSource& source = core_->sources[site.probe[0].source];
  if (source.relation == nullptr) return;
  site.reverse_source = static_cast<int>(site.probe[0].source);
}

namespace {

BlockProperty named_property(const std::string& name) {
  BlockProperty made;
  made.name = name;
  made.label = ",";
  triples::print_json_string(name, made.label);
  made.label += ':';
  return made;
}

}  // namespace

BlockProperty BlockLowering::lower_property(const Property& property) {
  BlockProperty made = named_property(property.name);
  made.kind = property.kind;
  switch (property.kind) {
    case PropertyKind::kValue: made.node = lower(*property.expr); break;
    case PropertyKind::kObject:
      for (const Property& p : property.properties) made.properties.push_back(lower_property(p));
      break;
    case PropertyKind::kArray:
    case PropertyKind::kSingle: {
      const SiteKind kind =
          property.kind == PropertyKind::kArray ? SiteKind::kArray : SiteKind::kSingle;
      Site site = lower_site(*property.select, kind, nullptr);
      made.site = static_cast<std::uint32_t>(sites_->size());
      sites_->push_back(std::move(site));
      break;
    }
  }
  return made;
}

void BlockLowering::lower_shape() {
  in_shape_ = true;
  sites_ = &block_->sites;
  block_->use = use_;
  block_->root = root_;
  block_->bare = select_.shape.bare;
  if (select_.limit) block_->limit = static_cast<int>(constant_parameter(*select_.limit));
  if (select_.offset) block_->offset = static_cast<int>(constant_parameter(*select_.offset));
  const bool windowed = select_.limit != nullptr;
  if (use_ == SiteKind::kExists) {
    block_->ordered = false;
    return;
  }
  if (use_ == SiteKind::kIn && !block_->members.empty()) return;
  block_->ordered = use_ != SiteKind::kIn || windowed;
  for (std::size_t i = 0; i < select_.shape.properties.size(); ++i) {
    const Property& property = select_.shape.properties[i];
    if (!select_.distinct) {
      block_->properties.push_back(lower_property(property));
      continue;
    }
    BlockProperty column = named_property(property.name);
    column.node = column_node(0, static_cast<std::uint32_t>(i));
    block_->properties.push_back(std::move(column));
  }
  if (use_ == SiteKind::kIn) block_->members.push_back(block_->properties[0].node);
}

void BlockLowering::finish_block() {
  block_->parameter_count = origins_.size();
  note_reads(core_ptr_->pull_plan, block_->members);
  block_->rank = core_ptr_->rank + 1;
  for (const Site& site : block_->sites)
    block_->rank = std::max(block_->rank, site.child->rank + 1);
  block_->canonical = canonical_text(*block_);
}

Lowered lower_root(const Select& select, TableSource& tables, TemplateRegistry& registry) {
  return BlockLowering(select, SiteKind::kArray, false, true, tables, registry).run();
}

}  // namespace tremula::dataflow
