#include "core/dataflow/route_finder.h"

#include <algorithm>
#include <optional>

namespace tremula::dataflow {

namespace {

using Kind = RouteTerm::Kind;
using Terms = std::vector<RouteTerm>;
// A row that meets all terms of one of these; none: no row. No value: any row.
using Union = std::optional<std::vector<Terms>>;

constexpr std::size_t kArmsMax = 16;
constexpr std::size_t kHopsMax = 3;

SourceMask bit(std::size_t source) { return SourceMask{1} << source; }

// A core whose parameters are given by another core's: itself, or a sub-select's.
struct Scope {
  const Core* core = nullptr;
  const std::vector<Node>* parameters = nullptr;  // null: its own
};

bool reads_parameter(const Node& node) {
  bool reads = false;
  for_each_node(node, [&](const Node& n) { reads = reads || n.op == ExprOp::kParameter; });
  return reads;
}

bool is_of_row(const Node& node, std::uint32_t source) {
  return node.sources() == bit(source) && !node.has_site() && !reads_parameter(node);
}

Node as_source_0(Node node) {
  if (node.is_column()) node.source = 0;
  for (Node& argument : node.arguments) argument = as_source_0(std::move(argument));
  return node;
}

// The node with the parameters of the core that asks; none if they depend on a row.
std::optional<Node> as_value(const Node& node, const Scope& scope) {
  if (node.sources() != 0 || node.has_site()) return std::nullopt;
  if (scope.parameters == nullptr) return node;
  if (node.op == ExprOp::kParameter) {
    const Node& given = (*scope.parameters)[node.index];
    if (given.sources() != 0 || given.has_site()) return std::nullopt;
    return given;
  }
  Node made = node;
  for (Node& argument : made.arguments) {
    std::optional<Node> value = as_value(argument, scope);
    if (!value) return std::nullopt;
    argument = std::move(*value);
  }
  return made;
}

// How good a term is to find instances by; from kGood on no better one is looked for elsewhere.
int worth(const Terms& terms) {
  constexpr int kWorthOfEqual = 4;
  bool below = false, above = false, prefix = false;
  for (const RouteTerm& term : terms) {
    if (term.kind == Kind::kEqual) return kWorthOfEqual;
    if (term.kind == Kind::kLike || term.kind == Kind::kGlob) prefix = true;
    if (term.kind == Kind::kFrom || term.kind == Kind::kBehind) below = true;
    if (term.kind == Kind::kBelow || term.kind == Kind::kUpTo) above = true;
  }
  if (below && above) return 3;
  if (prefix) return 2;
  return below || above ? 1 : 0;
}
constexpr int kGood = 2;

int worth(const std::vector<Terms>& arms) {
  int least = 5;
  for (const Terms& arm : arms) least = std::min(least, worth(arm));
  return least;
}

// The terms of the conditions on one source.
class TermFinder {
 public:
  TermFinder(const Scope& scope, std::uint32_t source) : scope_(scope), source_(source) {}

  Union find(const Node& node, bool negated) const {
    switch (node.op) {
      case ExprOp::kNot: return find(node.arguments[0], !negated);
      case ExprOp::kAnd: return negated ? any_of(node, true) : all_of(node, false);
      case ExprOp::kOr: return negated ? all_of(node, true) : any_of(node, false);
      case ExprOp::kColumn: return truth(node, !negated);
      case ExprOp::kIsNull:
      case ExprOp::kIsNotNull: return null_test(node, negated);
      case ExprOp::kInList: return negated ? std::nullopt : one_of(node);
      case ExprOp::kLike:
      case ExprOp::kGlob: return negated ? std::nullopt : pattern(node);
      default: return comparison(node, negated);
    }
  }

  // What meets both; of two unions only the better one is kept.
  static Union both(Union a, Union b) {
    if (!a || !b) return a ? a : b;
    if (a->size() > 1 && b->size() > 1) return worth(*a) >= worth(*b) ? a : b;
    Union& many = a->size() > 1 ? a : b;
    Union& one = a->size() > 1 ? b : a;
    if (one->empty()) return one;
    for (Terms& arm : *many) arm.insert(arm.begin(), (*one)[0].begin(), (*one)[0].end());
    return many;
  }

 private:
  Union all_of(const Node& node, bool negated) const {
    Union all;
    for (const Node& argument : node.arguments) all = both(std::move(all), find(argument, negated));
    return all;
  }
  Union any_of(const Node& node, bool negated) const {
    std::vector<Terms> arms;
    for (const Node& argument : node.arguments) {
      Union found = find(argument, negated);
      if (!found || arms.size() + found->size() > kArmsMax) return std::nullopt;
      for (Terms& arm : *found) arms.push_back(std::move(arm));
    }
    return arms;
  }

  Union term(Kind kind, const Node& of_row, std::vector<const Node*> values,
             bool null_meets = false) const {
    if (!is_of_row(of_row, source_)) return std::nullopt;
    RouteTerm made;
    made.kind = kind;
    made.null_meets = null_meets;
    made.of_row = as_source_0(of_row);
    for (const Node* value : values) {
      std::optional<Node> given = as_value(*value, scope_);
      if (!given) return std::nullopt;
      made.values.push_back(std::move(*given));
    }
    made.text = kind == Kind::kLike ? "l" : kind == Kind::kGlob ? "g" : "v";
    append_canonical(made.of_row, made.text);
    return {{{std::move(made)}}};
  }

  Union truth(const Node& column, bool value) const {
    Node literal;
    literal.literal = triples::OwnedValue(triples::Value::boolean_of(value));
    return term(Kind::kEqual, column, {&literal});
  }
  Union null_test(const Node& node, bool negated) const {
    if ((node.op == ExprOp::kIsNull) == negated) return std::nullopt;
    const Node null{};
    return term(Kind::kEqual, node.arguments[0], {&null}, true);
  }
  Union one_of(const Node& node) const {
    std::vector<const Node*> values;
    for (std::size_t i = 1; i < node.arguments.size(); ++i) values.push_back(&node.arguments[i]);
    return term(Kind::kEqual, node.arguments[0], std::move(values));
  }
  Union pattern(const Node& node) const {
    std::vector<const Node*> values;
    for (std::size_t i = 1; i < node.arguments.size(); ++i) values.push_back(&node.arguments[i]);
    return term(node.op == ExprOp::kLike ? Kind::kLike : Kind::kGlob, node.arguments[0],
                std::move(values));
  }
  Union comparison(const Node& node, bool negated) const {
    Kind kind = Kind::kEqual, turned = Kind::kEqual, other = Kind::kEqual, other_turned = other;
    switch (node.op) {
      case ExprOp::kEqual:
      case ExprOp::kIs:
        if (negated) return std::nullopt;
        break;
      case ExprOp::kNotEqual:
      case ExprOp::kIsNot:
        if (!negated) return std::nullopt;
        break;
      case ExprOp::kGreaterEqual:
        kind = Kind::kFrom, turned = Kind::kUpTo, other = Kind::kBelow,
        other_turned = Kind::kBehind;
        break;
      case ExprOp::kGreater:
        kind = Kind::kBehind, turned = Kind::kBelow, other = Kind::kUpTo,
        other_turned = Kind::kFrom;
        break;
      case ExprOp::kLess:
        kind = Kind::kBelow, turned = Kind::kBehind, other = Kind::kFrom,
        other_turned = Kind::kUpTo;
        break;
      case ExprOp::kLessEqual:
        kind = Kind::kUpTo, turned = Kind::kFrom, other = Kind::kBehind,
        other_turned = Kind::kBelow;
        break;
      default: return std::nullopt;
    }
    if (negated) kind = other, turned = other_turned;
    const bool is = node.op == ExprOp::kIs || node.op == ExprOp::kIsNot;
    Union found = term(kind, node.arguments[0], {&node.arguments[1]}, is);
    return found ? found : term(turned, node.arguments[1], {&node.arguments[0]}, is);
  }

  const Scope& scope_;
  const std::uint32_t source_;
};

// Arms over one source of a core, with the hops that lead there.
class ArmFinder {
 public:
  // `asked`: the sources on the way, which are not asked again.
  std::vector<RouteArm> find(const Scope& scope, std::uint32_t source, SourceMask asked,
                             std::size_t hops) const {
    const Core& core = *scope.core;
    const bool left = core.sources[source].join == JoinKind::kLeft;
    Union own;
    for (const Conjunct& c : core.conjuncts)
      if (c.left_source == (left ? static_cast<int>(source) : -1) &&
          (hops > 0 ||
           c.sites.empty()))  // these are held for rows that the rest doesn't let through
        own = TermFinder::both(std::move(own), TermFinder(scope, source).find(c.node, false));
    std::vector<RouteArm> best = arms_of(own);
    if (hops == kHopsMax || worth_of(best) >= kGood) return best;
    consider(best, through_joins(scope, source, asked | bit(source), hops));
    if (!left) consider(best, through_sites(scope, source, hops));
    return best;
  }

 private:
  static std::vector<RouteArm> arms_of(const Union& terms) {
    if (!terms) return {RouteArm()};
    std::vector<RouteArm> arms;
    for (const Terms& arm : *terms) arms.push_back({{}, arm});
    return arms;
  }
  static int worth_of(const std::vector<RouteArm>& arms) {
    int least = 5;
    for (const RouteArm& arm : arms) least = std::min(least, worth(arm.terms));
    return least;
  }
  static void consider(std::vector<RouteArm>& best, std::vector<RouteArm> other) {
    if (worth_of(other) >= kGood && worth_of(other) > worth_of(best)) best = std::move(other);
  }

  static std::vector<RouteArm> with_hop(const RouteHop& hop, std::vector<RouteArm> arms) {
    for (RouteArm& arm : arms) arm.hops.insert(arm.hops.begin(), hop);
    return arms;
  }

  static void finish(RouteHop& hop, const std::vector<triples::ColumnIndex>& key) {
    hop.by_key = hop.columns == key;
    hop.text = std::to_string(static_cast<std::uint32_t>(hop.table));
    for (std::size_t i = 0; i < hop.columns.size(); ++i) {
      hop.text += ',' + std::to_string(hop.columns[i]);
      append_canonical(hop.from[i], hop.text);
    }
  }

  // Tuples with the row hold a row of an INNER joined source that equalities lead to.
  std::vector<RouteArm> through_joins(const Scope& scope, std::uint32_t source, SourceMask asked,
                                      std::size_t hops) const {
    const Core& core = *scope.core;
    const bool left = core.sources[source].join == JoinKind::kLeft;
    std::vector<RouteArm> best = {RouteArm()};
    for (std::uint32_t to = 0; to < core.sources.size(); ++to) {
      const CoreSource& other = core.sources[to];
      if ((asked & bit(to)) != 0 || other.join == JoinKind::kLeft || other.relation == nullptr)
        continue;
      RouteHop hop;
      hop.table = other.table;
      hop.relation = other.relation;
      for (const Equality& e : core.equalities) {
        // Of a LEFT JOIN's row, what WHERE says of nobody in its place must not be TRUE.
        const bool holds = e.left_source == -1 ? !left || e.value.is_column()
                                               : left && e.left_source == static_cast<int>(source);
        if (e.source != to || e.is || !holds || !is_of_row(e.value, source)) continue;
        if (std::find(hop.columns.begin(), hop.columns.end(), e.column) != hop.columns.end())
          continue;
        hop.columns.push_back(e.column);
        hop.from.push_back(as_source_0(e.value));
      }
      if (hop.columns.empty()) continue;
      finish(hop, other.key_columns);
      consider(best, with_hop(hop, find(scope, to, asked, hops + 1)));
    }
    return best;
  }

  // A row that EXISTS or IN lets through has a member in the child. Sub-selects that are held for
  // each row must hear of every row, let through or not.
  std::vector<RouteArm> through_sites(const Scope& scope, std::uint32_t source,
                                      std::size_t hops) const {
    const Core& core = *scope.core;
    std::vector<RouteArm> best = {RouteArm()};
    if (hops == 0 && (core.sources.size() > 1 || holds_children_by_row(core))) return best;
    for (const Conjunct& c : core.conjuncts) {
      if (c.left_source >= 0 || (c.node.op != ExprOp::kExists && c.node.op != ExprOp::kIn))
        continue;
      const Site& site = core.sites[c.node.index];
      consider(best, through_site(scope, site, source, hops));
    }
    return best;
  }

  std::vector<RouteArm> through_site(const Scope& scope, const Site& site, std::uint32_t source,
                                     std::size_t hops) const {
    const Block& block = *site.child;
    const Core& child = *block.core;
    if (!site.whole || site.probe.empty() || site.probe.size() != block.members.size())
      return {RouteArm()};
    if (child.grouped || child.distinct || block.limit >= 0) return {RouteArm()};
    RouteHop hop;
    const std::uint32_t to = block.members[0].source;
    for (std::size_t i = 0; i < block.members.size(); ++i) {
      const Node& member = block.members[i];
      if (!member.is_column() || member.source != to || !is_of_row(site.probe[i], source))
        return {RouteArm()};
      hop.columns.push_back(member.index);
      hop.from.push_back(as_source_0(site.probe[i]));
    }
    const CoreSource& from = child.sources[to];
    if (from.join == JoinKind::kLeft || from.relation == nullptr) return {RouteArm()};
    hop.table = from.table;
    hop.relation = from.relation;
    finish(hop, from.key_columns);
    std::vector<Node> parameters;
    for (const Node& node : site.parameters) {
      std::optional<Node> value = as_value(node, scope);
      Node unknown;
      unknown.op = ExprOp::kColumn;  // never a value
      parameters.push_back(value ? std::move(*value) : unknown);
    }
    return with_hop(hop, find({&child, &parameters}, to, 0, hops + 1));
  }
};

}  // namespace

bool holds_children_by_row(const Core& core) {
  return core.has_on_sites ||
         std::any_of(core.where_sites.begin(), core.where_sites.end(), [&](std::uint32_t s) {
           const Site& site = core.sites[s];
           return !site.whole || (!site.probe.empty() && site.reverse_source < 0);
         });
}

RoutePlan find_route(const Core& core, std::uint32_t source) {
  if (core.sources[source].relation == nullptr) return {{RouteArm()}};
  return {ArmFinder().find({&core, nullptr}, source, 0, 0)};
}

}  // namespace tremula::dataflow
