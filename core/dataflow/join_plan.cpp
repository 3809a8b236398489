#include "core/dataflow/join_plan.h"

#include <algorithm>
#include <set>

#include "core/base/check.h"

namespace tremula::dataflow {

namespace {

SourceMask bit(std::size_t source) { return SourceMask{1} << source; }

bool is_comparison(const Node& node) { return node.op == ExprOp::kEqual || node.op == ExprOp::kIs; }

// One plan in the making: which sources are bound, which conjuncts are decided.
class Planner {
 public:
  Planner(const Core& core, SourceMask wanted) : core_(core), wanted_(wanted) {}

  JoinPlan pull() {
    bind_all();
    return std::move(plan_);
  }

  // All tuples of one row of `source`, which is joined INNER.
  JoinPlan push(std::uint32_t source) {
    pin(source);
    bind_all();
    return std::move(plan_);
  }

  // The tuples of the sources before `source` that a row of it may meet: found by its ON, which
  // decides later.
  JoinPlan prefix(std::uint32_t source) {
    prefix_of_ = static_cast<int>(source);
    pin(source);
    bind_all();
    return std::move(plan_);
  }

  // From such a tuple on: `source`, then the sources after it.
  JoinPlan rest(std::uint32_t source) {
    bound_ = bit(source) - 1;
    for (const Conjunct& c : core_.conjuncts)
      if ((c.sources & ~bound_) == 0) done_.insert(&c);
    BindStep step = access(source);
    finish(step);
    bind_all();
    return std::move(plan_);
  }

 private:
  bool usable(const Equality& e, std::uint32_t source) const {
    const bool left = core_.sources[source].join == JoinKind::kLeft;
    if (e.source != source || (e.value_sources & ~bound_) != 0) return false;
    if (left) return e.left_source == static_cast<int>(source);
    return e.left_source == -1 || e.left_source == prefix_of_;
  }

  // Sources that must be bound before a LEFT JOIN's: those that its ON reads; with sub-selects in
  // an ON the FROM order, since the pairs that such an ON was asked about are listed by all sources
  // before it.
  SourceMask needed_before(std::uint32_t source) const {
    if (core_.has_on_sites) return bit(source) - 1;
    SourceMask mask = 0;
    if (core_.sources[source].join == JoinKind::kLeft)
      for (const Conjunct& c : core_.conjuncts)
        if (c.left_source == static_cast<int>(source)) mask |= c.sources;
    return mask & ~bit(source);
  }

  void pin(std::uint32_t source) {
    if (core_.has_on_sites) {
      pinned_ = static_cast<int>(source);
      return;
    }
    BindStep step;
    step.source = source;
    step.access = AccessKind::kPinned;
    finish(step);
  }

  // Whether `c` is decided by this plan, and where: all that it reads is bound.
  bool decidable(const Conjunct& c) const {
    if (done_.count(&c) || (c.sources & ~bound_) != 0) return false;
    return prefix_of_ < 0 || (c.sources & bit(static_cast<std::size_t>(prefix_of_))) == 0;
  }

  void finish(BindStep& step) {
    bound_ |= bit(step.source);
    for (const Conjunct& c : core_.conjuncts) {
      if (!decidable(c)) continue;
      if (c.left_source == static_cast<int>(step.source))
        step.match.push_back(&c);
      else if (c.left_source >= 0 || !c.sites.empty())
        continue;
      else if (std::find(step.implied.begin(), step.implied.end(), &c) == step.implied.end())
        step.filter.push_back(&c);
      done_.insert(&c);
    }
    std::erase_if(step.implied, [this](const Conjunct* c) { return done_.count(c) == 0; });
    plan_.push_back(std::move(step));
  }

  // How `source` can be reached now: a whole key, else equalities by an index, else all rows.
  BindStep access(std::uint32_t source) const {
    BindStep step;
    step.source = source;
    if (pinned_ == static_cast<int>(source)) {
      step.access = AccessKind::kPinned;
      return step;
    }
    const CoreSource& s = core_.sources[source];
    std::vector<const Equality*> found;
    for (const Equality& e : core_.equalities)
      if (usable(e, source)) found.push_back(&e);
    for (triples::ColumnIndex key : s.key_columns) {
      auto e = std::find_if(found.begin(), found.end(),
                            [key](const Equality* q) { return q->column == key && !q->is; });
      if (e == found.end()) break;
      use(**e, step);
    }
    if (!s.key_columns.empty() && step.columns.size() == s.key_columns.size()) {
      step.access = AccessKind::kKey;
      return step;
    }
    step = BindStep();
    step.source = source;
    for (const Equality* e : found)
      if (std::find(step.columns.begin(), step.columns.end(), e->column) == step.columns.end())
        use(*e, step);
    step.access = step.columns.empty() ? AccessKind::kScan : AccessKind::kIndex;
    return step;
  }

  void use(const Equality& e, BindStep& step) const {
    step.columns.push_back(e.column);
    step.values.push_back(&e.value);
    step.null_matches.push_back(e.is);
    if (core_.sources[e.source].join != JoinKind::kLeft && !e.is && e.left_source < 0)
      step.implied.push_back(e.conjunct);
  }

  static int cost(const BindStep& step) {
    switch (step.access) {
      case AccessKind::kPinned:
      case AccessKind::kKey: return 0;
      case AccessKind::kIndex: return 1;
      default: return 2;
    }
  }

  void bind_all() {
    while ((bound_ & wanted_) != wanted_) bind_next();
  }

  void bind_next() {
    int best = -1;
    BindStep chosen;
    for (std::uint32_t s = 0; s < core_.sources.size(); ++s) {
      if ((wanted_ & bit(s)) == 0 || (bound_ & bit(s)) != 0) continue;
      if ((needed_before(s) & ~bound_) != 0) continue;
      BindStep step = access(s);
      if (best >= 0 && cost(step) >= cost(chosen)) continue;
      best = static_cast<int>(s);
      chosen = std::move(step);
    }
    TREMULA_ASSERT(best >= 0);
    finish(chosen);
  }

  const Core& core_;
  const SourceMask wanted_;
  SourceMask bound_ = 0;
  int pinned_ = -1;     // bound where its turn comes
  int prefix_of_ = -1;  // a LEFT JOIN's source, pinned to find the tuples before it
  std::set<const Conjunct*> done_;
  JoinPlan plan_;
};

// A semi-join that must hold and whose probe is the whole key of the first source: its members give
// the rows.
void use_members(const Core& core, JoinPlan& plan) {
  if (plan.empty() || plan[0].access != AccessKind::kScan) return;
  const CoreSource& source = core.sources[plan[0].source];
  if (source.join == JoinKind::kLeft || source.relation == nullptr) return;
  for (const Conjunct& c : core.conjuncts) {
    if (c.left_source >= 0 || (c.node.op != ExprOp::kExists && c.node.op != ExprOp::kIn)) continue;
    const Site& site = core.sites[c.node.index];
    if (!site.whole || site.reverse_source != static_cast<int>(plan[0].source)) continue;
    if (site.probe.size() != 1 || source.key_columns.size() != 1) continue;
    if (site.probe[0].index != source.key_columns[0]) continue;
    plan[0].access = AccessKind::kMembers;
    plan[0].site = static_cast<int>(c.node.index);
    return;
  }
}

bool reads_parameter(const Node& node) {
  bool reads = false;
  for_each_node(node, [&](const Node& n) { reads = reads || n.op == ExprOp::kParameter; });
  return reads;
}

// Whether a row of `source` without it concerns nobody.
bool decides(const Core& core, const Conjunct& c, std::uint32_t source) {
  const bool left = core.sources[source].join == JoinKind::kLeft;
  return c.left_source == (left ? static_cast<int>(source) : -1) && c.sources == bit(source) &&
         !c.node.has_site();
}

struct FoundBound {
  const Node* column = nullptr;  // null: it is none
  RouteBound bound;
};

// `column OP parameter`, or `parameter OP column`.
FoundBound bound_of(const Node& node) {
  using Kind = RouteBound::Kind;
  Kind kind = Kind::kLike;
  Kind turned = Kind::kLike;
  switch (node.op) {
    case ExprOp::kGreaterEqual: kind = Kind::kFrom, turned = Kind::kUpTo; break;
    case ExprOp::kGreater: kind = Kind::kBehind, turned = Kind::kBelow; break;
    case ExprOp::kLess: kind = Kind::kBelow, turned = Kind::kBehind; break;
    case ExprOp::kLessEqual: kind = Kind::kUpTo, turned = Kind::kFrom; break;
    case ExprOp::kLike: break;
    default: return {};
  }
  if (node.arguments.size() != 2) return {};  // LIKE with ESCAPE
  const Node& first = node.arguments[0];
  const Node& second = node.arguments[1];
  if (first.is_column() && second.op == ExprOp::kParameter) return {&first, {kind, second.index}};
  if (kind != Kind::kLike && first.op == ExprOp::kParameter && second.is_column())
    return {&second, {turned, first.index}};
  return {};
}

bool bounds_below(const RouteBound& bound) {
  return bound.kind == RouteBound::Kind::kFrom || bound.kind == RouteBound::Kind::kBehind;
}

// Closed on both sides is better than LIKE, which may have no prefix, and that than half open.
int worth(const std::vector<RouteBound>& bounds) {
  if (bounds[0].kind == RouteBound::Kind::kLike) return 2;
  const auto below = std::count_if(bounds.begin(), bounds.end(), bounds_below);
  return below > 0 && static_cast<std::size_t>(below) < bounds.size() ? 3 : 1;
}

// The bounds of the column that has the best, and of those the first.
void find_range(const Core& core, std::uint32_t source, RouteKey& route) {
  std::vector<RouteKey> ranges;
  for (const Conjunct& c : core.conjuncts) {
    if (!decides(core, c, source)) continue;
    const FoundBound found = bound_of(c.node);
    if (found.column == nullptr) continue;
    const bool folded = found.bound.kind == RouteBound::Kind::kLike;
    auto at = std::find_if(ranges.begin(), ranges.end(), [&](const RouteKey& r) {
      return r.range->index == found.column->index && r.folded == folded;
    });
    if (at == ranges.end()) {
      at = ranges.emplace(ranges.end());
      at->range = found.column;
      at->folded = folded;
    }
    at->bounds.push_back(found.bound);
  }
  for (const RouteKey& r : ranges) {
    if (route.has_range() && worth(r.bounds) <= worth(route.bounds)) continue;
    route.range = r.range;
    route.bounds = r.bounds;
    route.folded = r.folded;
  }
}

RouteKey find_route(const Core& core, std::uint32_t source) {
  RouteKey route;
  for (const Conjunct& c : core.conjuncts) {
    if (c.node.op != ExprOp::kEqual || !decides(core, c, source)) continue;
    for (int side = 0; side < 2; ++side) {
      const Node& parameter = c.node.arguments[static_cast<std::size_t>(side)];
      const Node& of_row = c.node.arguments[static_cast<std::size_t>(1 - side)];
      if (parameter.op != ExprOp::kParameter || reads_parameter(of_row)) continue;
      route.of_row.push_back(&of_row);
      route.parameters.push_back(parameter.index);
      break;
    }
  }
  find_range(core, source, route);
  auto add_columns = [&route](const Node& node) {
    if (node.is_column()) route.read_columns |= triples::column_bit(node.index);
  };
  for (const Node* node : route.of_row) for_each_node(*node, add_columns);
  if (route.has_range()) add_columns(*route.range);
  return route;
}

}  // namespace

void find_equalities(Core& core) {
  for (const Conjunct& c : core.conjuncts) {
    if (!is_comparison(c.node) || c.node.has_site()) continue;
    for (std::size_t side = 0; side < 2; ++side) {
      const Node& column = c.node.arguments[side];
      const Node& value = c.node.arguments[1 - side];
      if (!column.is_column()) continue;
      const SourceMask value_sources = value.sources();
      if ((value_sources & bit(column.source)) != 0) continue;
      core.equalities.push_back({column.source, column.index, value, value_sources, c.left_source,
                                 c.node.op == ExprOp::kIs, &c});
    }
  }
}

namespace {

bool only_counts_key(const Core& core) {
  if (!core.grouped || !core.group_keys.empty() || !core.dependents.empty()) return false;
  for (const CoreAggregate& a : core.aggregates)
    if (a.kind != AggregateKind::kCountAll || a.distinct || a.has_filter) return false;
  if (core.sources.size() != 1 || core.sources[0].relation == nullptr || !core.sites.empty())
    return false;
  const BindStep& step = core.pull_plan[0];
  return step.access == AccessKind::kIndex && step.filter.empty() &&
         step.implied.size() == step.columns.size();
}

}  // namespace

void build_plans(Core& core) {
  const SourceMask all = bit(core.sources.size()) - 1;
  core.pull_plan = Planner(core, all).pull();
  use_members(core, core.pull_plan);
  core.counts_key = only_counts_key(core);
  for (std::uint32_t s = 0; s < core.sources.size(); ++s) {
    const bool left = core.sources[s].join == JoinKind::kLeft;
    core.push_plans.push_back(left ? JoinPlan() : Planner(core, all).push(s));
    core.prefix_plans.push_back(left ? Planner(core, bit(s) - 1).prefix(s) : JoinPlan());
    core.rest_plans.push_back(left ? Planner(core, all).rest(s) : JoinPlan());
    core.routes.push_back(find_route(core, s));
  }
}

const char* access_name(AccessKind kind) {
  switch (kind) {
    case AccessKind::kPinned: return "row";
    case AccessKind::kKey: return "key";
    case AccessKind::kIndex: return "index";
    case AccessKind::kMembers: return "members";
    case AccessKind::kScan: return "scan";
  }
  return "";
}

}  // namespace tremula::dataflow
