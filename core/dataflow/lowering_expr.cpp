// Expressions and sub-selects of a select that is being lowered, and the canonical texts.
#include "core/base/check.h"
#include "core/dataflow/lowering_scope.h"

namespace tremula::dataflow {

namespace {

bool same_origin(const ParameterOrigin& a, const ParameterOrigin& b) {
  return a.from == ParameterOrigin::From::kOuter && b.from == a.from && a.level == b.level &&
         a.source == b.source && a.column == b.column;
}

}  // namespace

Node BlockLowering::parameter_node(ParameterOrigin origin) {
  std::uint32_t position = 0;
  while (position < origins_.size() && !same_origin(origins_[position], origin)) ++position;
  if (position == origins_.size()) origins_.push_back(std::move(origin));
  Node node;
  node.op = ExprOp::kParameter;
  node.index = position;
  return node;
}

// Constants that decide which rows there are become parameters, so that selects that differ in them
// are one template; constants that are only printed stay.
Node BlockLowering::constant_node(const triples::OwnedValue& literal) {
  if (in_shape_) {
    Node node;
    node.literal = literal;
    return node;
  }
  ParameterOrigin origin;
  origin.literal = literal;
  return parameter_node(std::move(origin));
}

std::uint32_t BlockLowering::constant_parameter(const Expr& expr) {
  ParameterOrigin origin;
  if (expr.op == ExprOp::kParameter) {
    origin.from = ParameterOrigin::From::kUser;
    origin.user = expr.parameter;
  } else {
    TREMULA_ASSERT(expr.op == ExprOp::kLiteral);
    origin.literal = expr.literal;
  }
  return parameter_node(std::move(origin)).index;
}

Node BlockLowering::column_node(std::uint32_t source, std::uint32_t column) {
  Node node;
  node.op = ExprOp::kColumn;
  node.source = source;
  node.index = column;
  if (stage_ != Stage::kTuple) return node;
  Core& core = core_ptr_ ? *core_ptr_ : *core_;
  if (!select_.sources[source].derived)
    node.index =
        tables_.column(select_.sources[source].table, select_.sources[source].columns[column].attr);
  core.sources[source].read_columns |= triples::column_bit(node.index);
  return node;
}

Node BlockLowering::lower(const Expr& expr) {
  Node node;
  switch (expr.op) {
    case ExprOp::kLiteral: return constant_node(expr.literal);
    case ExprOp::kParameter: {
      ParameterOrigin origin;
      origin.from = ParameterOrigin::From::kUser;
      origin.user = expr.parameter;
      return parameter_node(std::move(origin));
    }
    case ExprOp::kColumn: {
      if (expr.level == 0) return column_node(expr.source, expr.column);
      ParameterOrigin origin;
      origin.from = ParameterOrigin::From::kOuter;
      origin.level = expr.level;
      origin.source = expr.source;
      origin.column = expr.column;
      return parameter_node(std::move(origin));
    }
    default: break;
  }
  node.op = expr.op;
  node.type = expr.type;
  node.function = expr.function;
  node.names = expr.names;
  for (const ExprPtr& argument : expr.arguments) node.arguments.push_back(lower(*argument));
  if (expr.select) {
    const SiteKind kind = expr.op == ExprOp::kExists ? SiteKind::kExists
                          : expr.op == ExprOp::kIn   ? SiteKind::kIn
                                                     : SiteKind::kScalar;
    Site site =
        lower_site(*expr.select, kind, kind == SiteKind::kIn ? expr.arguments[0].get() : nullptr);
    node.index = static_cast<std::uint32_t>(sites_->size());
    sites_->push_back(std::move(site));
  }
  return node;
}

// The value of a child's parameter in this select's scope.
Node BlockLowering::origin_node(const ParameterOrigin& origin) {
  if (origin.from == ParameterOrigin::From::kLiteral) return constant_node(origin.literal);
  if (origin.from == ParameterOrigin::From::kOuter && origin.level == 1)
    return column_node(origin.source, origin.column);
  ParameterOrigin outer = origin;
  if (outer.from == ParameterOrigin::From::kOuter) --outer.level;
  return parameter_node(std::move(outer));
}

Site BlockLowering::lower_site(const Select& child, SiteKind kind, const Expr* probe) {
  // A semi-join counts all members once; worth it where many rows of this select will probe.
  const bool rows_decided = stage_ == Stage::kTuple && !in_shape_;
  const bool may_probe = kind == SiteKind::kExists && rows_decided && !child.grouped &&
                         !child.distinct && !child.limit && !child.sources.empty() &&
                         (!has_selective_equality(select_) || has_selective_equality(child));
  Lowered lowered = BlockLowering(child, kind, may_probe, false, tables_, registry_).run();
  Site site;
  site.kind = kind;
  site.child = lowered.block;
  site.whole = true;
  for (const ParameterOrigin& origin : lowered.origins) {
    site.parameters.push_back(origin_node(origin));
    if (site.parameters.back().sources() != 0) site.whole = false;
  }
  if (probe != nullptr) site.probe.push_back(lower(*probe));
  for (const ExprPtr& expr : lowered.probe) site.probe.push_back(lower(*expr));
  return site;
}

namespace {

void append_site(const Site& site, std::string& out) {
  out += '{' + std::to_string(static_cast<int>(site.kind)) + '@' +
         std::to_string(reinterpret_cast<std::uintptr_t>(site.child.get()));
  for (const Node& node : site.parameters) append_canonical(node, out);
  out += '?';
  for (const Node& node : site.probe) append_canonical(node, out);
  out += '}';
}

void append_order(const std::vector<NodeOrder>& order, std::string& out) {
  for (const NodeOrder& term : order) {
    append_canonical(term.node, out);
    out += term.direction == triples::Direction::kAscending ? '+' : '-';
    out += term.nulls == triples::Nulls::kFirst ? 'f' : 'l';
  }
}

void append_aggregate(const CoreAggregate& a, std::string& out) {
  out += 'a' + std::to_string(static_cast<int>(a.kind)) + (a.distinct ? "d" : "");
  if (a.has_argument) append_canonical(a.argument, out);
  if (a.has_filter) append_canonical(a.filter, out += 'f');
  if (a.has_separator) append_canonical(a.separator, out += 's');
  append_order(a.order, out);
}

void append_property(const BlockProperty& property, std::string& out) {
  triples::print_json_string(property.name, out);
  out += std::to_string(static_cast<int>(property.kind));
  if (property.kind == PropertyKind::kValue) append_canonical(property.node, out);
  if (property.kind == PropertyKind::kArray || property.kind == PropertyKind::kSingle)
    out += std::to_string(property.site);
  for (const BlockProperty& p : property.properties) append_property(p, out += '.');
  out += ';';
}

}  // namespace

std::string canonical_text(const Core& core) {
  std::string out;
  for (const CoreSource& source : core.sources) {
    out += source.join == JoinKind::kLeft ? 'L' : 'I';
    if (source.derived >= 0)
      append_site(core.derived[static_cast<std::size_t>(source.derived)], out);
    else
      out += std::to_string(static_cast<std::uint32_t>(source.table));
  }
  for (const Conjunct& c : core.conjuncts) {
    out += 'w' + std::to_string(c.left_source);
    append_canonical(c.node, out);
  }
  for (const Site& site : core.sites) append_site(site, out);
  if (core.grouped) out += 'G';
  for (const Node& key : core.group_keys) append_canonical(key, out);
  for (std::uint32_t key : core.first_keys) out += 'k' + std::to_string(key);
  for (const CoreAggregate& a : core.aggregates) append_aggregate(a, out);
  for (const Dependent& d : core.dependents)
    out += 'd' + std::to_string(d.source) + '.' + std::to_string(d.column);
  if (core.has_having) append_canonical(core.having, out += 'H');
  for (const Site& site : core.group_sites) append_site(site, out);
  if (core.distinct) out += 'D';
  for (const Node& value : core.distinct_values) append_canonical(value, out);
  for (std::uint32_t value : core.first_values) out += 'v' + std::to_string(value);
  out += 'O';
  append_order(core.order, out);
  // Members of a semi-join take parameters that stand nowhere in the text.
  out += '#' + std::to_string(core.parameter_count);
  if (core.single) out += '1';
  return out;
}

std::string canonical_text(const Block& block) {
  std::string out = "B" + std::to_string(reinterpret_cast<std::uintptr_t>(block.core.get()));
  out += '/' + std::to_string(block.limit) + '/' + std::to_string(block.offset) + '/' +
         std::to_string(static_cast<int>(block.use)) + (block.bare ? "b" : "") +
         (block.root ? "r" : "") + (block.ordered ? "o" : "");
  for (const BlockProperty& property : block.properties) append_property(property, out);
  for (const Node& member : block.members) append_canonical(member, out += 'm');
  for (const Site& site : block.sites) append_site(site, out);
  return out;
}

}  // namespace tremula::dataflow
