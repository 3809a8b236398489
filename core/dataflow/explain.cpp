#include "core/dataflow/explain.h"

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

class Explainer {
 public:
  explicit Explainer(std::string& out) : out_(out) {}

  void block(const Block& b, const BlockInstance* instance, int depth) {
    const Core& core = *b.core;
    line(depth, "view {" + names(b.properties) + "}" + (b.root ? "" : held_instances(b)));
    if (instance != nullptr)
      out_.insert(out_.size() - 1, "   rows: " + number(instance->row_count(triples::Side::kNew)) +
                                       "   bytes: " + number(instance->memory_bytes()) +
                                       "   deltas: " + number(instance->deltas_seen()));
    sites(b.sites, "", depth + 1);
    if (b.limit >= 0)
      line(depth + 1, std::string("window ") + (instance ? window_text(*instance) : "limit") +
                          order_text(core));
    else if (b.ordered && !core.at_most_one)
      line(depth + 1, "order" + order_text(core));
    stages(core, instance, depth + 1);
  }

 private:
  static std::string number(std::size_t n) { return std::to_string(n); }

  void line(int depth, const std::string& text) {
    out_.append(static_cast<std::size_t>(2 * depth), ' ');
    out_ += text;
    out_ += '\n';
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

  static std::string held_instances(const Block& b) {
    const std::size_t held = b.directory->size();
    return held == 0 ? "" : "   instances: " + number(held);
  }

  static std::string window_text(const BlockInstance& i) {
    return number(i.row_count(triples::Side::kNew));
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

  void stages(const Core& core, const BlockInstance* instance, int depth) {
    if (instance != nullptr)
      line(depth, "state: " + instance->core().describe_state() +
                      "   shared by: " + number(core.directory->size()) + " instances");
    if (core.distinct) line(depth, "distinct   state: one counter a value");
    if (core.has_having) line(depth, "filter having");
    sites(core.group_sites, "of groups ", depth);
    if (core.grouped) group(core, depth);
    for (const Conjunct& c : core.conjuncts)
      if (!c.sites.empty() && c.left_source < 0) line(depth, "filter by sub-select");
    sites(core.sites, "", depth);
    from(core, depth);
  }

  void group(const Core& core, int depth) {
    std::string text = "group by " + number(core.group_keys.size()) + " keys:";
    bool recomputes = false;
    for (const CoreAggregate& a : core.aggregates) {
      text += std::string(" ") + aggregate_name(a.kind) + (a.distinct ? " distinct" : "");
      recomputes = recomputes || a.kind == AggregateKind::kGroupConcat;
    }
    if (recomputes) text += "   recomputes group";
    line(depth, text);
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

  void from(const Core& core, int depth) {
    if (core.pull_plan.empty()) line(depth, "from nothing: one row");
    for (const BindStep& step : core.pull_plan) {
      const CoreSource& source = core.sources[step.source];
      std::string text = std::string(source.join == JoinKind::kLeft ? "left join " : "from ") +
                         source.name + "   access: " + access_name(step.access);
      for (std::size_t i = 0; i < step.columns.size(); ++i)
        text += (i == 0 ? "(" : ", ") + column_name(source, step.columns[i]);
      if (!step.columns.empty()) text += ')';
      if (!step.arms.empty()) text += '(' + number(step.arms.size()) + " lookups)";
      if (!step.filter.empty() || !step.match.empty())
        text += "   filter: " + number(step.filter.size() + step.match.size()) + " conditions";
      line(depth, text + "   route: " + route_text(core.routes[step.source]));
      if (source.derived < 0) continue;
      const Site& derived = core.derived[static_cast<std::size_t>(source.derived)];
      block(*derived.child, nullptr, depth + 1);
    }
  }

  void sites(const std::vector<Site>& list, const std::string& of, int depth) {
    for (const Site& site : list) {
      std::string text = "apply " + of + site_name(site.kind) + "   parents: ";
      if (site.reverse_source >= 0)
        text += "index";
      else
        text += site.whole && site.probe.empty() ? "whole" : "listed";
      if (!site.probe.empty()) text += "   semi-join";
      line(depth, text);
      block(*site.child, nullptr, depth + 1);
    }
  }

  std::string& out_;
};

}  // namespace

void explain_block(const Block& block, const BlockInstance* instance, std::string& out) {
  Explainer(out).block(block, instance, 0);
  if (!out.empty()) out.pop_back();
}

std::size_t CoreInstance::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + tail_bytes(parameters()) + order_.memory_bytes() +
                      readers_.memory_bytes() + (step_ ? sizeof(CoreStep) : 0);
  if (!parts_) return bytes;
  bytes += sizeof(CoreParts) + parts_->tuples.memory_bytes();
  if (groups() != nullptr) bytes += sizeof(GroupTable) + groups()->memory_bytes();
  if (distinct() != nullptr) bytes += sizeof(GroupTable) + distinct()->memory_bytes();
  return bytes;
}

std::string CoreInstance::describe_state() const {
  std::string text = std::to_string(count_) + " rows";
  if (ordered_) text += " in order";
  if (core_.grouped)
    text += ", " + std::to_string(groups()->row_count(triples::Side::kNew)) + " groups";
  return text + ", " + std::to_string(memory_bytes()) + " bytes, " + std::to_string(deltas_seen_) +
         " deltas seen";
}

std::size_t BlockInstance::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + (block_.owns_vector() ? tail_bytes(parameters()) : 0) +
                      (step_ ? sizeof(BlockStep) : 0);
  if (!parts_) return bytes;
  bytes += sizeof(BlockParts) + parts_->parents.memory_bytes();
  if (parts_->derived) bytes += sizeof(DerivedRelation) + parts_->derived->memory_bytes();
  if (!parts_->members) return bytes;
  const Members& members = *parts_->members;
  bytes += sizeof(Members) + members.parents.memory_bytes() + members.counted.memory_bytes();
  for (const auto& entry : members.parents) bytes += entry.value.memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
