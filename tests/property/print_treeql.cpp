#include "tests/property/printer.h"

namespace tremula::property {
namespace {

std::string tql_shape(const std::vector<Property>& shape, bool row_form);

std::string tql_property(const Property& property, bool row_form) {
  switch (property.kind) {
    case PropertyKind::kStar: return property.alias.empty() ? "*" : property.alias + ".*";
    case PropertyKind::kArray: return property.name + ": [" + tql_select(property.select[0]) + "]";
    case PropertyKind::kSingle: return property.name + ": (" + tql_select(property.select[0]) + ")";
    case PropertyKind::kObject:
      return property.name + ": { " + tql_shape(property.object, false) + " }";
    case PropertyKind::kExpr: break;
  }
  const std::string value = tql_expr(property.expr[0]);
  if (property.name.empty()) return value;
  return row_form ? value + " AS " + property.name : property.name + ": " + value;
}

std::string tql_shape(const std::vector<Property>& shape, bool row_form) {
  std::string text;
  for (const Property& property : shape) {
    if (!text.empty()) text += ", ";
    text += tql_property(property, row_form);
  }
  return text;
}

std::string tql_source(const Source& source) {
  if (!source.derived.empty()) return "(" + tql_select(source.derived[0]) + ") AS " + source.alias;
  if (source.alias == source.table) return source.table;
  return source.table + " AS " + source.alias;
}

std::string tql_order(const OrderTerm& term) {
  std::string text = term.output.empty() ? tql_expr(term.expr[0]) : term.output;
  if (term.descending) text += " DESC";
  if (term.nulls == 1) text += " NULLS FIRST";
  if (term.nulls == 2) text += " NULLS LAST";
  return text;
}

}  // namespace

std::string tql_expr(const Expr& expr) {
  if (expr.is_column()) return expr.bare ? expr.column : expr.alias + "." + expr.column;
  std::string text;
  for (std::size_t i = 0; i < expr.tql.size(); ++i) {
    if (expr.tql[i] != '{' || i + 2 >= expr.tql.size() || expr.tql[i + 2] != '}') {
      text += expr.tql[i];
      continue;
    }
    const char what = expr.tql[i + 1];
    text += what == 's' ? tql_select(expr.selects[0])
                        : tql_expr(expr.args[static_cast<std::size_t>(what - '0')]);
    i += 2;
  }
  return text;
}

std::string tql_select(const Select& select) {
  std::string text = select.distinct ? "SELECT DISTINCT " : "SELECT ";
  const std::string shape = tql_shape(select.shape, select.row_form);
  text += select.row_form ? shape : "{ " + shape + " }";
  for (std::size_t i = 0; i < select.from.size(); ++i) {
    const Source& source = select.from[i];
    text += i == 0 ? " FROM " : source.left ? " LEFT JOIN " : " JOIN ";
    text += tql_source(source);
    if (i > 0) text += " ON " + tql_expr(source.on[0]);
  }
  if (!select.where.empty()) text += " WHERE " + tql_expr(select.where[0]);
  for (std::size_t i = 0; i < select.group.size(); ++i) {
    text += (i == 0 ? " GROUP BY " : ", ") + tql_expr(select.group[i]);
  }
  if (!select.having.empty()) text += " HAVING " + tql_expr(select.having[0]);
  for (std::size_t i = 0; i < select.order.size(); ++i) {
    text += (i == 0 ? " ORDER BY " : ", ") + tql_order(select.order[i]);
  }
  if (select.limit >= 0) {
    text += " LIMIT " + std::to_string(select.limit);
    if (select.offset > 0) text += " OFFSET " + std::to_string(select.offset);
  }
  return text;
}

}  // namespace tremula::property
