#include "tests/property/generator.h"
#include "tests/property/printer.h"

namespace tremula::property {
namespace {

// What the one column of a printed select holds.
enum class Yield { kJson, kValue, kFirstJson, kFirstValue, kColumns };

class SqlitePrinter {
 public:
  explicit SqlitePrinter(const Schema& schema) : schema_(schema) {}
  std::string expr(const Expr& expr, const Select* within);
  std::string select(const Select& select, Yield yield);

 private:
  std::string column(const std::string& alias, const std::string& name) {
    return "\"" + alias + "\".\"" + name + "\"";
  }
  std::string from(const Select& select);
  std::string order_columns(const Select& select, std::string& order);
  std::vector<std::string> keys_of(const Select& select);
  std::string json(const Property& property, const Select& select);
  std::string as_json(const std::string& value, Type type);
  std::string object(const std::vector<Property>& shape, const Select& select);
  std::string distinct_select(const Select& select, Yield yield);
  std::string order_expr(const OrderTerm& term, const Select& select,
                         const std::vector<Property>& shape);
  std::string direction(const OrderTerm& term);

  const Schema& schema_;
};

std::string SqlitePrinter::expr(const Expr& expr, const Select* within) {
  if (expr.is_column()) return column(expr.alias, expr.column);
  std::string text;
  for (std::size_t i = 0; i < expr.sql.size(); ++i) {
    if (expr.sql.compare(i, 6, "{keys}") == 0) {
      for (const std::string& key : keys_of(*within)) text += ", " + key + ", 0";
      i += 5;
      continue;
    }
    if (expr.sql[i] != '{' || i + 2 >= expr.sql.size() || expr.sql[i + 2] != '}') {
      text += expr.sql[i];
      continue;
    }
    const char what = expr.sql[i + 1];
    if (what == 's') {
      text += select(expr.selects[0],
                     expr.use == SelectUse::kScalar ? Yield::kFirstValue : Yield::kValue);
    } else {
      text += this->expr(expr.args[static_cast<std::size_t>(what - '0')], within);
    }
    i += 2;
  }
  return text;
}

std::string SqlitePrinter::as_json(const std::string& value, Type type) {
  const char* const tag = type == Type::kBool ? "b" : type == Type::kJson ? "j" : "";
  return "tq_val(" + value + ", '" + tag + "')";
}

std::string SqlitePrinter::json(const Property& property, const Select& within) {
  switch (property.kind) {
    case PropertyKind::kArray:
      return "(SELECT tq_arr(j) FROM (" + select(property.select[0], Yield::kJson) + "))";
    case PropertyKind::kSingle: return "(" + select(property.select[0], Yield::kFirstJson) + ")";
    case PropertyKind::kObject: return object(property.object, within);
    default: return as_json(expr(property.expr[0], &within), property.expr[0].type);
  }
}

std::string SqlitePrinter::object(const std::vector<Property>& shape, const Select& select) {
  std::string text = "tq_obj(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "'" : ", '") + shape[i].name + "', " + json(shape[i], select);
  }
  return text + ")";
}

std::string SqlitePrinter::from(const Select& select) {
  std::string text;
  for (std::size_t i = 0; i < select.from.size(); ++i) {
    const Source& source = select.from[i];
    text += i == 0 ? " FROM " : source.left ? " LEFT JOIN " : " JOIN ";
    text += source.derived.empty() ? source.table
                                   : "(" + this->select(source.derived[0], Yield::kColumns) + ")";
    text += " AS \"" + source.alias + "\"";
    if (i > 0) text += " ON " + expr(source.on[0], nullptr);
  }
  if (!select.where.empty()) text += " WHERE " + expr(select.where[0], nullptr);
  for (std::size_t i = 0; i < select.group.size(); ++i) {
    text += (i == 0 ? " GROUP BY " : ", ") + expr(select.group[i], nullptr);
  }
  if (!select.having.empty()) text += " HAVING " + expr(select.having[0], &select);
  return text;
}

// The tie-break of rows that are not grouped.
std::vector<std::string> SqlitePrinter::keys_of(const Select& select) {
  std::vector<std::string> keys;
  for (const Source& source : select.from) {
    if (source.derived.empty()) {
      const Table& table = schema_.table(source.table);
      for (int key : table.keys()) {
        keys.push_back(column(source.alias, table.columns[static_cast<std::size_t>(key)].name));
      }
    } else {
      for (const OutputColumn& one : columns_of(schema_, source)) {
        keys.push_back(column(source.alias, one.name));
      }
    }
  }
  return keys;
}

std::string SqlitePrinter::direction(const OrderTerm& term) {
  std::string text = term.descending ? " DESC" : "";
  if (term.nulls == 1) text += " NULLS FIRST";
  if (term.nulls == 2) text += " NULLS LAST";
  return text;
}

std::string SqlitePrinter::order_expr(const OrderTerm& term, const Select& select,
                                      const std::vector<Property>& shape) {
  if (term.output.empty()) return expr(term.expr[0], &select);
  for (const Property& property : shape) {
    if (property.name == term.output) return expr(property.expr[0], &select);
  }
  return "NULL";
}

std::string limits(const Select& select, Yield yield) {
  const bool first = yield == Yield::kFirstJson || yield == Yield::kFirstValue;
  int limit = select.limit;
  if (first && limit != 0) limit = 1;
  std::string text = " LIMIT " + std::to_string(limit);
  if (select.offset > 0) text += " OFFSET " + std::to_string(select.offset);
  return text;
}

// The order columns o0, o1 … of the inner select; `order` gets the ORDER BY over them. SQLite
// does not
// find outer columns in the ORDER BY of a sub-select, but does in its result.
std::string SqlitePrinter::order_columns(const Select& select, std::string& order) {
  const std::vector<Property> shape = flatten(schema_, select, select.shape);
  std::string text;
  int count = 0;
  const auto add = [&](const std::string& value, const std::string& how) {
    const std::string name = "o" + std::to_string(count++);
    text += ", " + value + " AS " + name;
    order += (order.empty() ? " ORDER BY " : ", ") + name + how;
  };
  for (const OrderTerm& term : select.order) {
    add(order_expr(term, select, shape), direction(term));
  }
  if (select.group.empty()) {
    for (const std::string& key : keys_of(select)) add(key, "");
  } else {
    for (const Expr& group : select.group) add(expr(group, nullptr), "");
  }
  return text;
}

// The expression whose value a property holds as it is; null for objects and arrays.
const Expr* scalar_of(const Property& property) {
  if (property.kind == PropertyKind::kExpr) return &property.expr[0];
  const bool bare = property.kind == PropertyKind::kSingle && property.select[0].bare_value;
  return bare ? &property.select[0].shape[0].expr[0] : nullptr;
}

// The distinct values inside, named c0, c1 …; order, limit and JSON outside.
std::string SqlitePrinter::distinct_select(const Select& select, Yield yield) {
  const std::vector<Property> shape = flatten(schema_, select, select.shape);
  std::string inner, ties, values, order, outputs;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::string name = "c" + std::to_string(i);
    const Expr* const scalar = scalar_of(shape[i]);
    const bool plain = shape[i].kind == PropertyKind::kExpr;
    inner += (i == 0 ? "" : ", ");
    if (scalar == nullptr)
      inner += json(shape[i], select);
    else if (plain)
      inner += expr(*scalar, &select);
    else
      inner += "(" + this->select(shape[i].select[0], Yield::kFirstValue) + ")";
    inner += " AS " + name;
    ties += ", " + name;
    const std::string value = scalar != nullptr ? as_json(name, scalar->type) : name;
    values += (i == 0 ? "'" : ", '") + shape[i].name + "', " + value;
    outputs += (i == 0 ? "" : ", ") + name + " AS \"" + shape[i].name + "\"";
  }
  for (const OrderTerm& term : select.order) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i].name != term.output) continue;
      order += ", c" + std::to_string(i) + direction(term);
    }
  }
  std::string text = "SELECT ";
  if (yield == Yield::kColumns)
    text += outputs;
  else if (yield == Yield::kValue || yield == Yield::kFirstValue)
    text += "c0";
  else if (select.bare_value)
    text += as_json("c0", shape[0].expr[0].type) + " AS j";
  else
    text += "tq_obj(" + values + ") AS j";
  text += " FROM (SELECT DISTINCT " + inner + from(select) + ") ORDER BY ";
  return text + (order + ties).substr(2) + limits(select, yield);
}

std::string SqlitePrinter::select(const Select& select, Yield yield) {
  if (select.distinct) return distinct_select(select, yield);
  const std::vector<Property> shape = flatten(schema_, select, select.shape);
  std::string inner, outer = "j";
  if (yield == Yield::kColumns) {
    outer.clear();
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::string name = "\"" + shape[i].name + "\"";
      inner += (i == 0 ? "" : ", ") + expr(shape[i].expr[0], &select) + " AS " + name;
      outer += (i == 0 ? "" : ", ") + name;
    }
  } else if (yield == Yield::kValue || yield == Yield::kFirstValue) {
    inner = expr(shape[0].expr[0], &select) + " AS j";
  } else if (select.bare_value) {
    inner = as_json(expr(shape[0].expr[0], &select), shape[0].expr[0].type) + " AS j";
  } else {
    inner = object(shape, select) + " AS j";
  }
  std::string order;
  inner += order_columns(select, order);
  return "SELECT " + outer + " FROM (SELECT " + inner + from(select) + ")" + order +
         limits(select, yield);
}

}  // namespace

std::string sql_select(const Schema& schema, const Select& select) {
  return SqlitePrinter(schema).select(select, Yield::kJson);
}

std::string sql_expr(const Schema& schema, const Expr& expr) {
  return SqlitePrinter(schema).expr(expr, nullptr);
}

}  // namespace tremula::property
