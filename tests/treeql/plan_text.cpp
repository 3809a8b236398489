#include "tests/treeql/plan_text.h"

namespace tremula::treeql {

using dataflow::Aggregate;
using dataflow::Expr;
using dataflow::ExprOp;
using dataflow::OrderTerm;
using dataflow::Property;
using dataflow::PropertyKind;
using dataflow::Select;
using dataflow::Source;

namespace {

std::string number(std::uint32_t n) { return std::to_string(n); }

std::string attr_text(triples::AttrId attr) {
  if (attr == triples::kGeneratedIdAttr) return "id";
  return attr == triples::kRowAttr ? "?" : number(static_cast<std::uint32_t>(attr));
}

std::string literal_text(triples::Value value) {
  std::string text;
  triples::print_json(value, text);
  return value.kind == triples::Kind::kBytes ? "b" + text : text;
}

const char* op_text(ExprOp op) {
  switch (op) {
    case ExprOp::kNegate: return "neg";
    case ExprOp::kNot: return "not";
    case ExprOp::kIsNull: return "isnull";
    case ExprOp::kIsNotNull: return "notnull";
    case ExprOp::kAdd: return "+";
    case ExprOp::kSubtract: return "-";
    case ExprOp::kMultiply: return "*";
    case ExprOp::kDivide: return "/";
    case ExprOp::kModulo: return "%";
    case ExprOp::kConcat: return "||";
    case ExprOp::kEqual: return "=";
    case ExprOp::kNotEqual: return "!=";
    case ExprOp::kLess: return "<";
    case ExprOp::kLessEqual: return "<=";
    case ExprOp::kGreater: return ">";
    case ExprOp::kGreaterEqual: return ">=";
    case ExprOp::kIs: return "is";
    case ExprOp::kIsNot: return "isnot";
    case ExprOp::kJsonGet: return "->";
    case ExprOp::kJsonGetText: return "->>";
    case ExprOp::kLike: return "like";
    case ExprOp::kGlob: return "glob";
    case ExprOp::kAnd: return "and";
    case ExprOp::kOr: return "or";
    case ExprOp::kInList: return "inlist";
    case ExprOp::kCase: return "case";
    case ExprOp::kExists: return "exists";
    case ExprOp::kIn: return "in";
    case ExprOp::kScalar: return "scalar";
    case ExprOp::kJsonArray: return "array";
    case ExprOp::kJsonObject: return "object";
    default: return "";
  }
}

std::string operator_text(const Expr& expr) {
  if (expr.op == ExprOp::kCast) return "cast:" + std::string(triples::type_name(expr.type));
  if (expr.op != ExprOp::kCall) return op_text(expr.op);
  for (const triples::FunctionInfo& info : triples::functions()) {
    if (info.function == expr.function) return std::string(info.name);
  }
  return "?";
}

std::string order_text(const std::vector<OrderTerm>& order) {
  std::string text;
  for (const OrderTerm& term : order) {
    const bool descending = term.direction == triples::Direction::kDescending;
    const bool last = term.nulls == triples::Nulls::kLast;
    text += " " + plan_text(*term.expr);
    if (descending) text += ":desc";
    if (last != descending) text += last ? ":nulls_last" : ":nulls_first";
  }
  return text;
}

std::string aggregate_text(const Aggregate& aggregate) {
  constexpr const char* kNames[] = {"count", "count", "sum",   "avg",
                                    "min",   "max",   "total", "group_concat"};
  std::string text = kNames[static_cast<std::size_t>(aggregate.kind)];
  text += "(";
  if (aggregate.distinct) text += "distinct ";
  text += aggregate.argument ? plan_text(*aggregate.argument) : "*";
  if (aggregate.separator) text += ", " + plan_text(*aggregate.separator);
  if (!aggregate.order.empty()) text += " order" + order_text(aggregate.order);
  if (aggregate.filter) text += " filter " + plan_text(*aggregate.filter);
  return text + ")";
}

std::string properties_text(const std::vector<Property>& properties) {
  std::string text;
  for (const Property& property : properties) {
    if (!text.empty()) text += ", ";
    if (!property.name.empty()) text += property.name + ": ";
    switch (property.kind) {
      case PropertyKind::kValue: text += plan_text(*property.expr); break;
      case PropertyKind::kArray: text += "[" + plan_text(*property.select) + "]"; break;
      case PropertyKind::kSingle: text += "(" + plan_text(*property.select) + ")"; break;
      case PropertyKind::kObject: text += "{" + properties_text(property.properties) + "}"; break;
    }
  }
  return text;
}

std::string source_text(const Source& source) {
  std::string text = source.join == dataflow::JoinKind::kLeft ? "left " : "";
  text += source.derived ? "(" + plan_text(*source.derived) + ")" : source.name;
  text += source.alias == source.name && !source.derived ? "[" : " " + source.alias + "[";
  for (std::size_t i = 0; i < source.columns.size(); ++i) {
    if (i > 0) text += " ";
    text += source.derived ? source.columns[i].name : attr_text(source.columns[i].attr);
  }
  text += "]";
  if (source.on) text += " on " + plan_text(*source.on);
  return text;
}

std::string group_text(const Select& select) {
  if (!select.grouped) return "";
  std::string text = " group";
  for (const dataflow::ExprPtr& key : select.group_keys) text += " " + plan_text(*key);
  for (const Aggregate& aggregate : select.aggregates) text += " " + aggregate_text(aggregate);
  for (const dataflow::Dependent& dependent : select.dependents) {
    text += " dep:" + number(dependent.source) + "." + number(dependent.column);
  }
  if (select.having) text += " having " + plan_text(*select.having);
  return text;
}

std::string write_text(const std::vector<WriteColumn>& columns, const Select& select) {
  std::string text = "(";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) text += " ";
    text += attr_text(columns[i].attr);
    if (columns[i].attr == triples::kRowAttr) text += columns[i].name;
  }
  return text + ") " + plan_text(select);
}

struct BodyText {
  std::string operator()(const Insert& insert) const {
    std::string text = insert.upsert ? "upsert " : "insert ";
    text += number(static_cast<std::uint32_t>(insert.table));
    for (const InsertRow& row : insert.rows) text += " " + write_text(row.columns, row.values);
    return text;
  }
  std::string operator()(const Update& update) const {
    return "update " + number(static_cast<std::uint32_t>(update.table)) + " " +
           write_text(update.columns, update.rows);
  }
  std::string operator()(const Delete& statement) const {
    return "delete " + number(static_cast<std::uint32_t>(statement.table)) + " " +
           plan_text(statement.rows);
  }
  std::string operator()(const Query& query) const { return plan_text(query.select); }
  std::string operator()(const Subscribe& subscribe) const {
    return "subscribe " + subscribe.name + " as " + plan_text(subscribe.select);
  }
  std::string operator()(const Unsubscribe& statement) const {
    return "unsubscribe " + statement.name;
  }
  std::string operator()(const Explain& explain) const {
    return "explain " + plan_text(explain.select);
  }
  std::string operator()(const ExplainLive& explain) const {
    return "explain live " + explain.name;
  }
  std::string operator()(const DropTable& drop) const { return "drop " + drop.name; }
  std::string operator()(const DeclareTable& declare) const {
    return "table " + declare.table.name;
  }
  std::string operator()(Transaction transaction) const {
    constexpr const char* kNames[] = {"begin", "commit", "rollback"};
    return kNames[static_cast<std::size_t>(transaction)];
  }
  std::string operator()(Show show) const {
    constexpr const char* kNames[] = {"show tables", "show subscriptions", "show stats"};
    return kNames[static_cast<std::size_t>(show)];
  }
  std::string operator()(Maintenance maintenance) const {
    return maintenance == Maintenance::kFlush ? "flush" : "sync";
  }
  std::string operator()(const Import& import) const {
    return "import " + number(static_cast<std::uint32_t>(import.table)) + " from " + import.file +
           (import.replace ? " replace" : "");
  }
  std::string operator()(const Export& statement) const {
    return "export " + plan_text(statement.select) + " to " + statement.file;
  }
};

}  // namespace

std::string plan_text(const Expr& expr) {
  if (expr.op == ExprOp::kLiteral) return literal_text(expr.literal.value());
  if (expr.op == ExprOp::kParameter) return "?" + number(expr.parameter);
  if (expr.op == ExprOp::kColumn) {
    return "@" + number(expr.level) + "." + number(expr.source) + "." + number(expr.column);
  }
  std::string text = "(" + operator_text(expr);
  for (std::size_t i = 0; i < expr.arguments.size(); ++i) {
    text += " ";
    if (i < expr.names.size()) text += expr.names[i] + ": ";
    text += plan_text(*expr.arguments[i]);
  }
  if (expr.select) text += " " + plan_text(*expr.select);
  return text + ")";
}

std::string plan_text(const Select& select) {
  std::string text = select.distinct ? "distinct " : "";
  const std::string shape = properties_text(select.shape.properties);
  text += select.shape.bare ? "<" + shape + ">" : "{" + shape + "}";
  for (std::size_t i = 0; i < select.sources.size(); ++i) {
    text += (i == 0 ? " from " : " join ") + source_text(select.sources[i]);
  }
  if (select.where) text += " where " + plan_text(*select.where);
  text += group_text(select);
  if (!select.order.empty()) text += " order" + order_text(select.order);
  if (select.limit) text += " limit " + plan_text(*select.limit);
  if (select.offset) text += " offset " + plan_text(*select.offset);
  return text;
}

std::string plan_text(const Statement& statement) {
  return std::visit(BodyText{}, statement.body);
}

}  // namespace tremula::treeql
