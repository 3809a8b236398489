#include "core/dataflow/explain.h"

#include <map>
#include <set>
#include <utility>

#include "core/dataflow/join_plan.h"
#include "core/dataflow/owned_rows.h"

namespace tremula::dataflow {

namespace {

const char* aggregate_name(AggregateKind kind) {
  switch (kind) {
    case AggregateKind::kCountAll: return "count(*)";
    case AggregateKind::kCount: return "count";
    case AggregateKind::kSum: return "sum";
    case AggregateKind::kAvg: return "avg";
    case AggregateKind::kMin: return "min";
    case AggregateKind::kMax: return "max";
    case AggregateKind::kTotal: return "total";
    case AggregateKind::kGroupConcat: return "group_concat";
  }
  return "";
}

const char* site_name(SiteKind kind) {
  switch (kind) {
    case SiteKind::kExists: return "exists";
    case SiteKind::kIn: return "in";
    case SiteKind::kScalar: return "scalar";
    case SiteKind::kArray: return "array";
    case SiteKind::kSingle: return "single";
    case SiteKind::kDerived: return "derived";
  }
  return "";
}

std::string number(std::size_t n) { return std::to_string(n); }

// Numbers the blocks and cores that stand at several places of a plan.
class SharedParts {
 public:
  explicit SharedParts(const Block& root) { count(root); }

  // Returns: 0 for what stands at one place.
  std::size_t part_of(const void* what) {
    if (places_[what] < 2) return 0;
    return parts_.try_emplace(what, parts_.size() + 1).first->second;
  }
  bool is_told(const void* what) { return !told_.insert(what).second; }

 private:
  // What is below something that was counted stands with it.
  void count(const Block& block) {
    if (places_[&block]++ > 0) return;
    for (const Site& site : block.sites) count(*site.child);
    const Core& core = *block.core;
    if (places_[&core]++ > 0) return;
    for (const auto* sites : {&core.sites, &core.group_sites, &core.derived})
      for (const Site& site : *sites) count(*site.child);
  }

  std::map<const void*, std::size_t> places_;
  std::map<const void*, std::size_t> parts_;
  std::set<const void*> told_;
};

class Explainer {
 public:
  Explainer(const Block& root, bool live) : parts_(root), live_(live) {}

  // A block's operators, each feeding the one above it: view, sub-selects and window over the rows
  // of the core.
  PlanNode block(const Block& b, const BlockInstance* instance) {
    PlanNode view{.text = "view {" + names(b.properties) + "}", .notes = {}, .children = {}};
    view.part = parts_.part_of(&b);
    if (view.part > 0 && parts_.is_told(&b)) {
      view.told_before = true;
      return view;
    }
    if (live_) held_by(b, instance, view.notes);
    sites(b.sites, "", view);
    const Core& core = *b.core;
    if (b.limit >= 0) {
      const std::string held =
          instance ? number(instance->row_count(triples::Side::kNew)) : "limit";
      add(view, "window " + held + order_text(core));
    } else if (b.ordered && !core.at_most_one) {
      add(view, "order" + order_text(core));
    }
    rows(b.core, view);
    return view;
  }

 private:
  static PlanNode& add(PlanNode& to, std::string text) {
    to.children.push_back({.text = std::move(text), .notes = {}, .children = {}});
    return to.children.back();
  }

  static void held_by(const Block& b, const BlockInstance* instance,
                      std::vector<std::string>& notes) {
    std::size_t instances = 0, rows = 0, bytes = 0;
    const auto count = [&](const BlockInstance& i) {
      ++instances;
      rows += i.row_count(triples::Side::kNew);
      bytes += i.memory_bytes();
    };
    if (instance != nullptr)
      count(*instance);
    else
      b.directory->for_each(count);
    if (instance == nullptr) notes.push_back("instances: " + number(instances));
    notes.push_back("rows: " + number(rows));
    notes.push_back("bytes: " + number(bytes));
    notes.push_back("deltas: " + number(b.deltas_seen));
  }

  static std::string names(const std::vector<BlockProperty>& properties) {
    std::string text;
    for (const BlockProperty& p : properties) {
      if (!text.empty()) text += ' ';
      text += p.name.empty() ? "value" : p.name;
      if (p.kind == PropertyKind::kArray) text += "[]";
      if (p.kind == PropertyKind::kSingle) text += "()";
      if (p.kind == PropertyKind::kObject) text += '{' + names(p.properties) + '}';
    }
    return text;
  }

  static std::string column_text(const Core& core, const Node& node) {
    if (node.op == ExprOp::kParameter) return "$" + number(node.index);
    if (!node.is_column()) return "expression";
    if (core.grouped || core.distinct) return "column " + number(node.index);
    return column_name(core.sources[node.source], node.index);
  }

  static std::string column_name(const CoreSource& source, triples::ColumnIndex column) {
    for (const auto& [index, name] : source.columns)
      if (index == column) return name;
    return number(column);
  }

  static std::string order_text(const Core& core) {
    std::string text;
    for (const NodeOrder& term : core.order)
      text += (text.empty() ? " by " : ", ") + column_text(core, term.node) +
              (term.direction == triples::Direction::kDescending ? " desc" : "");
    return text + (text.empty() ? " by key" : ", key");
  }

  // The rows that the view is cut from. They are an operator of their own where something is to be
  // told of them: what they hold, or that they stand at several places.
  void rows(const std::shared_ptr<Core>& shared, PlanNode& to) {
    const Core& core = *shared;
    const std::size_t part = parts_.part_of(&core);
    if (!live_ && part == 0) return stages(core, to);
    PlanNode& node = add(to, "rows");
    node.part = part;
    if (part > 0 && parts_.is_told(&core)) {
      node.told_before = true;
      return;
    }
    if (live_) held_by(shared, node.notes);
    stages(core, node);
  }

  // What the instances of the core hold together.
  static void held_by(const std::shared_ptr<Core>& shared, std::vector<std::string>& notes) {
    const Core& core = *shared;
    CoreInstance::Held held;
    core.directory->for_each([&held](const CoreInstance& instance) { held += instance.held(); });
    notes.push_back("held: " + number(held.rows) + (held.ordered ? " in order" : ""));
    if (core.grouped) notes.push_back("groups: " + number(held.groups));
    notes.push_back("bytes: " + number(held.bytes));
    notes.push_back("deltas: " + number(core.deltas_seen));
    notes.push_back("instances: " + number(core.directory->size()));
    // Each template that stands on the core holds it.
    const auto users = static_cast<std::size_t>(shared.use_count());
    if (users > 1) notes.push_back("shared by " + number(users) + " plans");
  }

  void stages(const Core& core, PlanNode& to) {
    if (core.distinct) add(to, "distinct").notes = {"state: one counter a value"};
    if (core.has_having) add(to, "filter having");
    sites(core.group_sites, "of groups ", to);
    if (core.grouped) group(core, to);
    for (const Conjunct& c : core.conjuncts)
      if (!c.sites.empty() && c.left_source < 0) add(to, "filter by sub-select");
    sites(core.sites, "", to);
    from(core, to);
  }

  static void group(const Core& core, PlanNode& to) {
    std::string text = "group by " + number(core.group_keys.size()) + " keys:";
    bool recomputes = false;
    for (const CoreAggregate& a : core.aggregates) {
      text += std::string(" ") + aggregate_name(a.kind) + (a.distinct ? " distinct" : "");
      recomputes = recomputes || a.kind == AggregateKind::kGroupConcat;
    }
    PlanNode& node = add(to, text);
    if (recomputes) node.notes = {"recomputes group"};
  }

  static std::string route_text(const RoutePlan& plan) {
    std::string text;
    for (const RouteArm& arm : plan.arms) {
      bool equal = false, interval = false;
      for (const RouteTerm& term : arm.terms)
        (term.kind == RouteTerm::Kind::kEqual ? equal : interval) = true;
      if (!text.empty()) text += " or ";
      text += equal ? (interval ? "eq, interval" : "eq") : interval ? "interval" : "columns";
      for (std::size_t hop = 0; hop < arm.hops.size(); ++hop)
        text += arm.hops[hop].by_key ? " through key" : " through index";
    }
    return text.empty() ? "no row" : text;
  }

  static std::string access_text(const BindStep& step, const CoreSource& source) {
    std::string text = std::string("access: ") + access_name(step.access);
    for (std::size_t i = 0; i < step.columns.size(); ++i)
      text += (i == 0 ? "(" : ", ") + column_name(source, step.columns[i]);
    if (!step.columns.empty()) text += ')';
    if (step.access == AccessKind::kUnion) text += '(' + number(step.arms.size()) + " lookups)";
    return text;
  }

  void from(const Core& core, PlanNode& to) {
    if (core.pull_plan.empty()) add(to, "from nothing: one row");
    for (const BindStep& step : core.pull_plan) {
      const CoreSource& source = core.sources[step.source];
      PlanNode& node = add(
          to, std::string(source.join == JoinKind::kLeft ? "left join " : "from ") + source.name);
      node.notes = {access_text(step, source)};
      if (!step.filter.empty() || !step.match.empty())
        node.notes.push_back("filter: " + number(step.filter.size() + step.match.size()) +
                             " conditions");
      node.notes.push_back("route: " + route_text(core.routes[step.source]));
      if (source.derived < 0) continue;
      const Site& derived = core.derived[static_cast<std::size_t>(source.derived)];
      node.children.push_back(block(*derived.child, nullptr));
    }
  }

  void sites(const std::vector<Site>& list, const std::string& of, PlanNode& to) {
    for (const Site& site : list) {
      PlanNode& node = add(to, "apply " + of + site_name(site.kind));
      const bool whole = site.whole && site.probe.empty();
      node.notes = {std::string("parents: ") + (site.reverse_source >= 0 ? "index"
                                                : whole                  ? "whole"
                                                                         : "listed")};
      if (!site.probe.empty()) node.notes.push_back("semi-join");
      PlanNode child = block(*site.child, nullptr);
      node.children.push_back(std::move(child));
    }
  }

  SharedParts parts_;
  const bool live_;
};

}  // namespace

PlanNode explain_block(const Block& block, const BlockInstance* instance) {
  return Explainer(block, instance != nullptr).block(block, instance);
}

std::size_t CoreInstance::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + tail_bytes(parameters()) + order_.memory_bytes() +
                      readers_.memory_bytes() + (step_ ? sizeof(CoreStep) : 0);
  if (const DerivedTables* tables = derived())
    bytes += sizeof(*tables) + tables->relations.capacity() * sizeof(tables->relations[0]) +
             tables->instances.capacity() * sizeof(tables->instances[0]);
  if (tuple_sites() != nullptr) bytes += tuple_sites()->memory_bytes();
  if (group_sites() != nullptr) bytes += group_sites()->memory_bytes();
  if (tuples() != nullptr) bytes += tuples()->memory_bytes();
  if (groups() != nullptr) bytes += groups()->memory_bytes();
  if (distinct() != nullptr) bytes += distinct()->memory_bytes();
  return bytes;
}

CoreInstance::Held CoreInstance::held() const {
  return {.rows = count_,
          .groups = groups() == nullptr ? 0 : groups()->row_count(triples::Side::kNew),
          .bytes = memory_bytes(),
          .ordered = ordered_};
}

std::size_t BlockInstance::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + (block_.owns_vector() ? tail_bytes(parameters()) : 0) +
                      (step_ ? sizeof(BlockStep) : 0);
  if (!block_.root) bytes += users_.parents.memory_bytes();
  if (sites_or_null() != nullptr) bytes += sites_or_null()->memory_bytes();
  if (members() != nullptr) bytes += members()->memory_bytes();
  if (derived() != nullptr) bytes += derived()->memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
