#include "core/dataflow/join_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/check.h"
#include "core/dataflow/route_finder.h"

namespace tremula::dataflow {

namespace {

SourceMask bit(std::size_t source) { return SourceMask{1} << source; }

constexpr std::size_t kArmsMax = 256;  // of a union

bool is_comparison(const Node& node) { return node.op == ExprOp::kEqual || node.op == ExprOp::kIs; }

bool is_bound(const Node& node) {
  return node.op == ExprOp::kLess || node.op == ExprOp::kLessEqual || node.op == ExprOp::kGreater ||
         node.op == ExprOp::kGreaterEqual;
}

bool is_pattern(const Node& node) {
  return (node.op == ExprOp::kLike && node.arguments.size() == 2) || node.op == ExprOp::kGlob;
}

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
    return e.left_source >= 0 ? e.left_source == prefix_of_ : leads(*e.conjunct);
  }

  // A row of the LEFT JOIN whose prefixes are wanted makes or unmakes tuples with nobody in its
  // place. So a condition of WHERE that reads the row leads to all of them only if it isn't TRUE of
  // nobody: a comparison of its column itself, not by IS.
  bool leads(const Conjunct& c) const {
    if (prefix_of_ < 0 || (c.sources & bit(static_cast<std::size_t>(prefix_of_))) == 0) return true;
    if (c.node.op != ExprOp::kEqual && !is_bound(c.node) && !is_pattern(c.node)) return false;
    return std::all_of(c.node.arguments.begin(), c.node.arguments.end(), [this](const Node& n) {
      return n.is_column() || (n.sources() & bit(static_cast<std::size_t>(prefix_of_))) == 0;
    });
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
    if (step.access == AccessKind::kScan && s.join != JoinKind::kLeft) find_arms(step);
    if (step.access == AccessKind::kScan && s.join != JoinKind::kLeft) find_range(step);
    return step;
  }

  // Of each column that is compared: which of them leads to the fewest rows depends on the values.
  void find_range(BindStep& step) const {
    if (core_.sources[step.source].relation == nullptr) return;
    std::map<triples::ColumnIndex, std::vector<RangeBound>> by_column;
    for (const Conjunct& c : core_.conjuncts) {
      if (c.left_source >= 0 || !c.sites.empty() || !leads(c)) continue;
      if (is_bound(c.node)) {
        const bool greater = c.node.op == ExprOp::kGreater || c.node.op == ExprOp::kGreaterEqual;
        const bool strict = c.node.op == ExprOp::kGreater || c.node.op == ExprOp::kLess;
        for (std::size_t side = 0; side < 2; ++side) {
          const Node& value = c.node.arguments[1 - side];
          if (is_compared(step, c.node.arguments[side], value))
            by_column[c.node.arguments[side].index].push_back(
                {&value, RangeBound::Form::kCompare, greater == (side == 0), strict});
        }
      } else if (is_pattern(c.node) &&
                 is_compared(step, c.node.arguments[0], c.node.arguments[1])) {
        const auto form =
            c.node.op == ExprOp::kLike ? RangeBound::Form::kLike : RangeBound::Form::kGlob;
        by_column[c.node.arguments[0].index].push_back({&c.node.arguments[1], form, false, false});
      }
    }
    for (auto& [column, bounds] : by_column) {
      BindStep& arm = step.arms.emplace_back();
      arm.source = step.source;
      arm.access = step.access = AccessKind::kRange;
      arm.columns = {column};
      arm.bounds = std::move(bounds);
      step.columns.push_back(column);
    }
  }

  // Whether the step binds the column, and the value is known before.
  bool is_compared(const BindStep& step, const Node& column, const Node& value) const {
    return column.is_column() && column.source == step.source && (value.sources() & ~bound_) == 0 &&
           (value.sources() & bit(step.source)) == 0;
  }

  // `column IN (...)`, or an OR of equalities: the rows of each.
  void find_arms(BindStep& step) const {
    for (const Conjunct& c : core_.conjuncts) {
      if (c.left_source >= 0 || !c.sites.empty() || (c.sources & bit(step.source)) == 0) continue;
      if (!leads(c)) continue;
      std::vector<BindStep> arms;
      if (!add_arms(c.node, step.source, arms) || arms.size() > kArmsMax) continue;
      if (!step.arms.empty() && step.arms.size() <= arms.size()) continue;
      step.access = AccessKind::kUnion;
      step.arms = std::move(arms);
    }
  }

  // Returns: false if rows that meet the node can't be found by equalities alone.
  bool add_arms(const Node& node, std::uint32_t source, std::vector<BindStep>& arms) const {
    switch (node.op) {
      case ExprOp::kOr:
        return std::all_of(node.arguments.begin(), node.arguments.end(),
                           [&](const Node& n) { return add_arms(n, source, arms); });
      case ExprOp::kAnd:
        for (const Node& argument : node.arguments) {
          std::vector<BindStep> of_one;
          if (!add_arms(argument, source, of_one)) continue;
          arms.insert(arms.end(), of_one.begin(), of_one.end());
          return true;
        }
        return false;
      case ExprOp::kInList:
        for (std::size_t i = 1; i < node.arguments.size(); ++i)
          if (!add_arm(node.arguments[0], node.arguments[i], false, source, arms)) return false;
        return true;
      case ExprOp::kEqual:
      case ExprOp::kIs: {
        const bool is = node.op == ExprOp::kIs;
        return add_arm(node.arguments[0], node.arguments[1], is, source, arms) ||
               add_arm(node.arguments[1], node.arguments[0], is, source, arms);
      }
      default: return false;
    }
  }

  bool add_arm(const Node& column, const Node& value, bool is, std::uint32_t source,
               std::vector<BindStep>& arms) const {
    if (!column.is_column() || column.source != source || (value.sources() & ~bound_) != 0)
      return false;
    const CoreSource& s = core_.sources[source];
    BindStep arm;
    arm.source = source;
    arm.columns.push_back(column.index);
    arm.values.push_back(&value);
    arm.null_matches.push_back(is);
    const bool by_key = !is && s.relation != nullptr && s.key_columns == arm.columns;
    arm.access = by_key ? AccessKind::kKey : AccessKind::kIndex;
    arms.push_back(std::move(arm));
    return true;
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
      case AccessKind::kUnion: return 2;
      case AccessKind::kRange: return 3;
      default: return 4;
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
  if (plan.empty() || holds_children_by_row(core)) return;
  if (plan[0].access != AccessKind::kScan && plan[0].access != AccessKind::kRange) return;
  const CoreSource& source = core.sources[plan[0].source];
  if (source.join == JoinKind::kLeft || source.relation == nullptr) return;
  for (const Conjunct& c : core.conjuncts) {
    if (c.left_source >= 0 || (c.node.op != ExprOp::kExists && c.node.op != ExprOp::kIn)) continue;
    const Site& site = core.sites[c.node.index];
    if (!site.whole || site.reverse_source != static_cast<int>(plan[0].source)) continue;
    if (site.probe.size() != 1 || source.key_columns.size() != 1) continue;
    if (site.probe[0].index != source.key_columns[0]) continue;
    plan[0].access = AccessKind::kMembers;
    plan[0].columns.clear();
    plan[0].arms.clear();
    plan[0].site = static_cast<int>(c.node.index);
    return;
  }
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

void note_read(BindStep& step, const Node& node) {
  for_each_node(node, [&step](const Node& n) {
    if (n.is_column() && n.source == step.source) step.reads |= triples::column_bit(n.index);
  });
}

// What filters, grouping and order read of the rows of each step; not what the shape reads, which
// may be of few.
void note_core_reads(const Core& core, JoinPlan& plan) {
  for (BindStep& step : plan) {
    for (const Conjunct* c : step.filter) note_read(step, c->node);
    for (const Conjunct* c : step.match) note_read(step, c->node);
    for (const Site& site : core.sites) {
      for (const Node& node : site.probe) note_read(step, node);
      for (const Node& node : site.parameters) note_read(step, node);
    }
    for (const Node& key : core.group_keys) note_read(step, key);
    for (const CoreAggregate& a : core.aggregates)
      if (a.has_argument) note_read(step, a.argument);
    if (core.grouped || core.distinct) continue;  // their order is over other rows
    for (const NodeOrder& term : core.order) note_read(step, term.node);
  }
}

}  // namespace

void build_plans(Core& core) {
  const SourceMask all = bit(core.sources.size()) - 1;
  core.pull_plan = Planner(core, all).pull();
  use_members(core, core.pull_plan);
  note_core_reads(core, core.pull_plan);
  core.counts_key = only_counts_key(core);
  for (std::uint32_t s = 0; s < core.sources.size(); ++s) {
    const bool left = core.sources[s].join == JoinKind::kLeft;
    core.push_plans.push_back(left ? JoinPlan() : Planner(core, all).push(s));
    core.prefix_plans.push_back(left ? Planner(core, bit(s) - 1).prefix(s) : JoinPlan());
    core.rest_plans.push_back(left ? Planner(core, all).rest(s) : JoinPlan());
    core.routes.push_back(find_route(core, s));
  }
}

void note_reads(JoinPlan& plan, const std::vector<Node>& nodes) {
  for (BindStep& step : plan)
    for (const Node& node : nodes) note_read(step, node);
}

const char* access_name(AccessKind kind) {
  switch (kind) {
    case AccessKind::kPinned: return "row";
    case AccessKind::kKey: return "key";
    case AccessKind::kIndex: return "index";
    case AccessKind::kUnion: return "union";
    case AccessKind::kRange: return "range";
    case AccessKind::kMembers: return "members";
    case AccessKind::kScan: return "scan";
  }
  return "";
}

}  // namespace tremula::dataflow
