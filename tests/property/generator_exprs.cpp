// The expressions of QueryGenerator, by the type that they give.
#include <algorithm>

#include "tests/property/generator.h"

namespace tremula::property {
namespace {

bool names_one_of(const Expr& expr, const std::vector<Expr>& frame) {
  if (expr.is_column()) {
    return std::any_of(frame.begin(), frame.end(),
                       [&](const Expr& one) { return one.alias == expr.alias; });
  }
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const Expr& arg) { return names_one_of(arg, frame); });
}

const std::string& pick_text(Rng& rng, const std::vector<std::string>& all) {
  return rng.pick(all);
}

}  // namespace

Type QueryGenerator::any_type() {
  static const std::vector<Type> types = {Type::kInt,  Type::kInt,  Type::kInt,  Type::kReal,
                                          Type::kText, Type::kText, Type::kBool, Type::kBytes};
  return rng_.pick(types);
}

Expr QueryGenerator::literal(Type type) {
  if (type == Type::kJson) {
    return forms(type, "CAST('{\"a\":[1,null]}' AS JSON)", "'{\"a\":[1,null]}'", {});
  }
  if (rng_.chance(4)) return form(type, "NULL", {});
  const Literal made = random_literal(rng_, type);
  Expr result = forms(type, made.tql, made.sql, {});
  result.literal = true;
  return result;
}

bool QueryGenerator::find_atom(Type type, const Frame& frame, Expr& result) {
  std::vector<const Expr*> fitting;
  for (const Expr& expr : frame) {
    if (expr.type == type) fitting.push_back(&expr);
  }
  if (fitting.empty()) return false;
  result = *rng_.pick(fitting);
  return true;
}

Expr QueryGenerator::atom(Type type, const Scope& scope) {
  const int frames = static_cast<int>(scope.frames.size());
  Expr result;
  for (int i = frames - 1; i >= 0; --i) {
    if (i > 0 && rng_.chance(20)) continue;
    if (!find_atom(type, scope.frames[static_cast<std::size_t>(i)], result)) continue;
    result.bare = result.bare && scope.bare && i == frames - 1 && rng_.chance(25);
    return result;
  }
  return literal(type);
}

Expr QueryGenerator::expr(Type type, const Scope& scope, int depth) {
  if (type == Type::kJson) return json_expr(scope, depth);
  if (scope.rows != nullptr && rng_.chance(40)) return aggregate(type, scope, depth);
  if (type == Type::kBool && rng_.chance(60)) return comparison(scope, depth);
  if (depth <= 0 || rng_.chance(40)) return rng_.chance(80) ? atom(type, scope) : literal(type);
  if (rng_.chance(25)) return any_expr(type, scope, depth);
  switch (type) {
    case Type::kInt: return int_expr(scope, depth);
    case Type::kReal: return real_expr(scope, depth);
    case Type::kText: return text_expr(scope, depth);
    case Type::kBool: return bool_expr(scope, depth);
    default: return any_expr(type, scope, depth);
  }
}

// Columns of JSON, undeclared columns, and parts of them: values whose type shows at run time.
Expr QueryGenerator::json_expr(const Scope& scope, int depth) {
  if (scope.rows != nullptr) {
    Expr arg;
    if (!dynamics_ || !find_atom(Type::kJson, *scope.rows, arg)) return literal(Type::kJson);
    arg.bare = false;
    Expr result = forms(Type::kJson, rng_.chance(50) ? "max({0})" : "min({0})", "NULL", {arg});
    result.dynamic = result.aggregate = true;
    return result;
  }
  static const std::vector<std::string> steps = {"-> 'a'", "->> 'b'", "-> 0", "->> -1",
                                                 "-> '$.b.c'"};
  Expr column = atom(Type::kJson, scope);
  if (!dynamics_ || depth <= 0 || !column.is_column() || rng_.chance(40)) return column;
  Expr result = forms(Type::kJson, "({0} " + rng_.pick(steps) + ")", "NULL", {column});
  result.dynamic = true;
  return result;
}

Expr QueryGenerator::any_expr(Type type, const Scope& scope, int depth) {
  const auto sub = [&](Type t) { return expr(t, scope, depth - 1); };
  switch (rng_.below(7)) {
    case 0: return form(type, "coalesce({0}, {1})", {sub(type), sub(type)});
    case 1: return form(type, "nullif({0}, {1})", {sub(type), sub(type)});
    case 2: return form(type, "iif({0}, {1}, {2})", {sub(Type::kBool), sub(type), sub(type)});
    case 3:
      return form(type, "CASE WHEN {0} THEN {1} ELSE {2} END",
                  {sub(Type::kBool), sub(type), sub(type)});
    case 4: {
      const Type by = any_type();
      return form(type, "CASE {0} WHEN {1} THEN {2} WHEN {3} THEN {4} END",
                  {sub(by), sub(by), sub(type), sub(by), sub(type)});
    }
    case 5:
      return form(type, rng_.chance(50) ? "max({0}, {1})" : "min({0}, {1})",
                  {sub(type), sub(type)});
    default:
      if (!spend()) return atom(type, scope);
      Expr result = form(type, "({s})", {});
      result.selects.push_back(value_select(scope, type, depth - 1, SelectUse::kScalar));
      return result;
  }
}

Expr QueryGenerator::int_expr(const Scope& scope, int depth) {
  const auto sub = [&](Type t) { return expr(t, scope, depth - 1); };
  const Type i = Type::kInt;
  switch (rng_.below(11)) {
    case 0: return form(i, "({0} + {1})", {sub(i), sub(i)});
    case 1: return form(i, "({0} - {1})", {sub(i), sub(i)});
    case 2: return form(i, "({0} * {1})", {sub(i), sub(i)});
    case 3: return form(i, "({0} / {1})", {sub(i), sub(i)});
    case 4: return form(i, "({0} % {1})", {sub(i), sub(i)});
    case 5: return form(i, "abs({0} % 7)", {sub(i)});
    case 6: return form(i, "length({0})", {sub(Type::kText)});
    case 7: return form(i, "instr({0}, {1})", {sub(Type::kText), sub(Type::kText)});
    case 8: return form(i, "CAST({0} AS INT)", {sub(rng_.chance(50) ? Type::kText : Type::kReal)});
    case 9: return form(i, "(- {0})", {sub(i)});
    default:
      if (!spend()) return form(i, "sign({0})", {sub(rng_.chance(50) ? i : Type::kReal)});
      Expr count = form(i, "({s})", {});
      Select inner;
      Scope own = scope;
      own.rows = nullptr;
      inner.row_form = inner.bare_value = inner.aggregated = true;
      add_sources(inner, own, scope, depth - 1);
      add_condition(inner, own, depth - 1);
      Property only;
      only.expr.push_back(form(i, "count(*)", {}));
      only.expr[0].aggregate = true;
      inner.shape.push_back(std::move(only));
      count.selects.push_back(std::move(inner));
      return count;
  }
}

Expr QueryGenerator::real_expr(const Scope& scope, int depth) {
  const auto sub = [&](Type t) { return expr(t, scope, depth - 1); };
  const Type r = Type::kReal;
  const Type other = rng_.chance(40) ? Type::kInt : r;
  switch (rng_.below(7)) {
    case 0: return form(r, "({0} + {1})", {sub(r), sub(other)});
    case 1: return form(r, "({0} - {1})", {sub(other), sub(r)});
    case 2: return form(r, "({0} * {1})", {sub(r), sub(other)});
    case 3: return form(r, "({0} / {1})", {sub(other), sub(r)});
    case 4: return form(r, "abs({0})", {sub(r)});
    case 5: return forms(r, "CAST({0} AS REAL)", "CAST({0} AS REAL)", {sub(Type::kInt)});
    default: return forms(r, "round({0}, 1)", "tq_round({0}, 1)", {sub(r)});
  }
}

Expr QueryGenerator::text_expr(const Scope& scope, int depth) {
  const auto sub = [&](Type t) { return expr(t, scope, depth - 1); };
  const Type t = Type::kText;
  switch (rng_.below(10)) {
    case 0: return form(t, "({0} || {1})", {sub(t), sub(t)});
    case 1: return forms(t, "({0} || {1})", "(tq_text({0}) || {1})", {sub(Type::kInt), sub(t)});
    case 2: return forms(t, "({0} || {1})", "(tq_text({0}) || {1})", {sub(Type::kReal), sub(t)});
    case 3: return form(t, rng_.chance(50) ? "upper({0})" : "lower({0})", {sub(t)});
    case 4: return form(t, "substr({0}, {1} % 9)", {sub(t), sub(Type::kInt)});
    case 5:
      return form(t, "substr({0}, {1} % 9, {2} % 9)", {sub(t), sub(Type::kInt), sub(Type::kInt)});
    case 6: {
      static const std::vector<std::string> all = {"trim({0})",       "ltrim({0})",
                                                   "rtrim({0})",      "trim({0}, {1})",
                                                   "ltrim({0}, {1})", "rtrim({0}, {1})"};
      const std::string& text = pick_text(rng_, all);
      if (text.find('1') == std::string::npos) return form(t, text, {sub(t)});
      return form(t, text, {sub(t), sub(t)});
    }
    case 7: return form(t, "replace({0}, {1}, {2})", {sub(t), sub(t), sub(t)});
    case 8:
      return forms(t, "CAST({0} AS TEXT)", "tq_text({0})", {sub(rng_.chance(50) ? Type::kInt : t)});
    default: {
      const Type of = any_type();
      const char* const sql = of == Type::kBool ? "tq_typeof({0}, 'bool')" : "tq_typeof({0}, '')";
      return forms(t, "typeof({0})", sql, {sub(of)});
    }
  }
}

Expr QueryGenerator::bool_expr(const Scope& scope, int depth) {
  const auto sub = [&](Type t) { return expr(t, scope, depth - 1); };
  const Type b = Type::kBool;
  switch (rng_.below(12)) {
    case 0: return form(b, "({0} AND {1})", {sub(b), sub(b)});
    case 1: return form(b, "({0} OR {1})", {sub(b), sub(b)});
    case 2: return form(b, "(NOT {0})", {sub(b)});
    case 3:
      return form(b, rng_.chance(50) ? "({0} IS NULL)" : "({0} IS NOT NULL)", {sub(any_type())});
    case 4: {
      const Type of = any_type();
      return form(b, rng_.chance(50) ? "({0} IS {1})" : "({0} IS NOT {1})", {sub(of), sub(of)});
    }
    case 5: {
      const Type of = any_type();
      return form(b,
                  rng_.chance(70) ? "({0} BETWEEN {1} AND {2})" : "({0} NOT BETWEEN {1} AND {2})",
                  {sub(of), sub(of), sub(of)});
    }
    case 6: return pattern(scope, depth);
    case 7:
    case 8:
    case 9: return membership(scope, depth);
    default: return comparison(scope, depth);
  }
}

Expr QueryGenerator::comparison(const Scope& scope, int depth) {
  Expr json;
  if (dynamics_ && rng_.chance(8) && find_atom(Type::kJson, scope.frames.back(), json)) {
    static const std::vector<std::string> signs = {"=", "<>", "<", ">=", "IS", "IS NOT"};
    Expr result = forms(Type::kBool, "({0} " + rng_.pick(signs) + " {1})", "NULL",
                        {json_expr(scope, depth), literal(any_type())});
    result.dynamic = true;
    return result;
  }
  static const std::vector<std::string> operators = {
      "=", "!=", "<>", "<", "<=", ">", ">=", "!=", "<=", ">="};
  const Type left = any_type();
  const bool numeric = left == Type::kInt || left == Type::kReal;
  const Type right =
      numeric && rng_.chance(25) ? (left == Type::kInt ? Type::kReal : Type::kInt) : left;
  const Expr first = rng_.chance(70) ? atom(left, scope) : expr(left, scope, depth - 1);
  return form(Type::kBool, "({0} " + rng_.pick(operators) + " {1})",
              {first, expr(right, scope, depth - 1)});
}

Expr QueryGenerator::pattern(const Scope& scope, int depth) {
  static const std::vector<std::string> like = {"'a%'", "'%b'",  "'_'", "'%'",
                                                "'a_'", "'%é%'", "'1%'"};
  static const std::vector<std::string> glob = {"'a*'",     "'*b'", "'?'",
                                                "'[a-c]*'", "'*'",  "'[^a]*'"};
  const Type of = rng_.chance(85) ? Type::kText : Type::kInt;
  const std::string negation = rng_.chance(25) ? "NOT " : "";
  Expr value = expr(of, scope, depth - 1);
  if (rng_.chance(20)) {
    return form(Type::kBool, "({0} " + negation + "LIKE 'x\\%%' ESCAPE '\\')", {value});
  }
  if (rng_.chance(30)) {
    const std::string rest = negation + "GLOB " + rng_.pick(glob) + ")";
    return forms(Type::kBool, "({0} " + rest, "(tq_text({0}) " + rest, {value});
  }
  const std::string rest = negation + "LIKE " + rng_.pick(like) + ")";
  return forms(Type::kBool, "({0} " + rest, "(tq_text({0}) " + rest, {value});
}

Expr QueryGenerator::membership(const Scope& scope, int depth) {
  const std::string negation = rng_.chance(30) ? "NOT " : "";
  if (rng_.chance(35) || !spend()) {
    const Type of = any_type();
    std::vector<Expr> args = {expr(of, scope, depth - 1)};
    std::string text = "({0} " + negation + "IN (";
    const int count = rng_.chance(5) ? 0 : rng_.between(1, 4);
    for (int i = 1; i <= count; ++i) {
      text += (i > 1 ? ", {" : "{") + std::to_string(i) + "}";
      args.push_back(rng_.chance(75) ? literal(of) : expr(of, scope, depth - 1));
    }
    return form(Type::kBool, text + "))", std::move(args));
  }
  Expr result;
  result.type = Type::kBool;
  if (rng_.chance(50)) {
    result.tql = result.sql = "(" + negation + "EXISTS ({s}))";
    result.use = SelectUse::kExists;
    result.selects.push_back(value_select(scope, Type::kInt, depth - 1, SelectUse::kExists));
    return result;
  }
  const Type of = rng_.chance(70) ? Type::kInt : any_type();
  result.tql = result.sql = "({0} " + negation + "IN ({s}))";
  result.use = SelectUse::kIn;
  result.args.push_back(expr(of, scope, depth - 1));
  result.selects.push_back(value_select(scope, of, depth - 1, SelectUse::kIn));
  return result;
}

// What an aggregate takes: it names a column of the rows, or SQLite gives the aggregate to another
// select.
Expr QueryGenerator::argument(Type type, const Scope& rows, int depth) {
  Expr made = expr(type, rows, std::min(depth - 1, 1));
  if (names_one_of(made, rows.frames.back())) return made;
  if (find_atom(type, rows.frames.back(), made)) made.bare = false;
  return made;
}

Expr QueryGenerator::aggregate(Type type, const Scope& scope, int depth) {
  Scope rows = scope;
  rows.rows = nullptr;
  rows.frames.back() = *scope.rows;
  const std::string distinct = rng_.chance(20) ? "DISTINCT " : "";
  const Type counted = any_type();
  Expr result;
  if (Expr json; dynamics_ && type == Type::kReal && rng_.chance(10) &&
                 find_atom(Type::kJson, *scope.rows, json)) {
    json.bare = false;
    result = forms(type, "total({0})", "NULL", {json});
    result.dynamic = result.aggregate = true;
    return result;
  }
  if (type == Type::kInt && rng_.chance(35)) {
    result = form(type, "count(*)", {});
  } else if (type == Type::kInt && rng_.chance(40)) {
    result = form(type, "count(" + distinct + "{0})", {argument(counted, rows, depth)});
  } else if (type == Type::kInt && rng_.chance(60)) {
    result = forms(type, "sum(" + distinct + "{0})", "tq_sum(" + distinct + "{0})",
                   {argument(type, rows, depth)});
  } else if (type == Type::kReal && rng_.chance(75)) {
    static const std::vector<std::string> names = {"avg(", "total(", "sum("};
    const std::string& name = rng_.pick(names);
    const Type of = name == "sum(" || rng_.chance(50) ? Type::kReal : Type::kInt;
    result = forms(type, name + distinct + "{0})", "tq_" + name + distinct + "{0})",
                   {argument(of, rows, depth)});
  } else if (type == Type::kText && rng_.chance(50)) {
    result = concat(rows, depth);
  } else {
    result = form(type, (rng_.chance(50) ? "max(" : "min(") + distinct + "{0})",
                  {argument(type, rows, depth)});
  }
  for (const Expr& arg : result.args) {
    if (names_one_of(arg, rows.frames.back())) continue;
    if (type != Type::kInt) return literal(type);
    result = form(type, "count(*)", {});
    break;
  }
  if (result.sql.find("tq_concat") == std::string::npos && rng_.chance(20)) {
    Expr filter = expr(Type::kBool, rows, std::min(depth - 1, 1));
    if (names_one_of(filter, rows.frames.back())) {
      const std::string at = "{" + std::to_string(result.args.size()) + "}";
      result.tql += " FILTER (WHERE " + at + ")";
      result.sql += " FILTER (WHERE " + at + ")";
      result.args.push_back(std::move(filter));
    }
  }
  result.aggregate = true;
  return result;
}

// {keys} becomes the key columns of the FROM tables: the order of group_concat unless told.
Expr QueryGenerator::concat(const Scope& rows, int depth) {
  static const std::vector<std::string> separators = {"','", "''", "'; '"};
  const bool distinct = rng_.chance(30);
  const std::string separator = rng_.pick(separators);
  const bool said = rng_.chance(60);
  Expr result;
  result.type = Type::kText;
  result.args.push_back(argument(rng_.chance(80) ? Type::kText : Type::kInt, rows, depth));
  result.tql = std::string("group_concat(") + (distinct ? "DISTINCT " : "") + "{0}";
  if (said || separator != "','") result.tql += ", " + separator;
  result.sql = "tq_concat(" + std::to_string(distinct ? 1 : 0) + ", " + separator + ", {0}";
  if (rng_.chance(50)) {
    const bool descending = rng_.chance(50);
    result.tql += std::string(" ORDER BY {1}") + (descending ? " DESC" : "");
    result.sql += std::string(", {1}, ") + (descending ? "1" : "0");
    Expr by = expr(any_type(), rows, 1);
    if (!names_column(by)) by = result.args[0];
    result.args.push_back(std::move(by));
  }
  result.tql += ")";
  result.sql += "{keys})";
  return result;
}

Expr QueryGenerator::for_row_of(const Table& table, Type type, bool allow_selects) {
  selects_left_ = allow_selects ? 2 : 0;
  dynamics_ = false;  // SQLite must know which rows are meant
  Scope scope;
  scope.frames.emplace_back();
  for (const Column& column : table.columns) {
    Expr one;
    one.type = column.type;
    one.alias = table.name;
    one.column = column.name;
    one.bare = true;
    scope.frames.back().push_back(std::move(one));
  }
  return expr(type, scope, 2);
}

namespace {

void change_constants(Rng& rng, Expr& expr) {
  if (expr.literal && rng.chance(50)) {
    const Literal other = random_literal(rng, expr.type);
    expr.tql = other.tql;
    expr.sql = other.sql;
  }
  for (Expr& arg : expr.args) change_constants(rng, arg);
  for (Select& select : expr.selects) property::change_constants(rng, select);
}

void change_constants(Rng& rng, std::vector<Property>& shape) {
  for (Property& property : shape) {
    for (Expr& expr : property.expr) change_constants(rng, expr);
    for (Select& select : property.select) property::change_constants(rng, select);
    change_constants(rng, property.object);
  }
}

bool sqlite_knows(const Expr& expr) {
  const bool uses_json = std::any_of(expr.args.begin(), expr.args.end(),
                                     [](const Expr& arg) { return arg.type == Type::kJson; });
  if (expr.dynamic || uses_json || expr.column == kUndeclared) return false;
  for (const Expr& arg : expr.args) {
    if (!sqlite_knows(arg)) return false;
  }
  return expr.selects.empty() || property::sqlite_knows(expr.selects[0]);
}

bool sqlite_knows(const std::vector<Expr>& exprs) {
  return std::all_of(exprs.begin(), exprs.end(), [](const Expr& one) { return sqlite_knows(one); });
}

bool sqlite_knows(const std::vector<Property>& shape, bool distinct) {
  for (const Property& property : shape) {
    if (distinct && property.kind == PropertyKind::kExpr && property.expr[0].type == Type::kJson) {
      return false;
    }
    if (!sqlite_knows(property.expr) || !sqlite_knows(property.object, false)) return false;
    if (!property.select.empty()) {
      const Select& inner = property.select[0];
      if (distinct && inner.bare_value && inner.shape[0].expr[0].type == Type::kJson) return false;
      if (!property::sqlite_knows(inner)) return false;
    }
  }
  return true;
}

}  // namespace

void change_constants(Rng& rng, Select& select) {
  for (Expr& expr : select.where) change_constants(rng, expr);
  for (Source& source : select.from) {
    for (Expr& expr : source.on) change_constants(rng, expr);
    for (Select& derived : source.derived) change_constants(rng, derived);
  }
  // Groups and what repeats them stay as they are.
  if (!select.aggregated) change_constants(rng, select.shape);
  if (select.limit > 0 && rng.chance(30)) select.limit = rng.between(1, 5);
}

bool sqlite_knows(const Select& select) {
  for (const Source& source : select.from) {
    if (!sqlite_knows(source.on)) return false;
    if (!source.derived.empty() && !sqlite_knows(source.derived[0])) return false;
  }
  for (const Expr& group : select.group) {
    if (group.type == Type::kJson) return false;
  }
  for (const OrderTerm& term : select.order) {
    if (!sqlite_knows(term.expr)) return false;
    if (!term.expr.empty() && term.expr[0].type == Type::kJson) return false;
  }
  return sqlite_knows(select.shape, select.distinct) && sqlite_knows(select.where) &&
         sqlite_knows(select.group) && sqlite_knows(select.having);
}

}  // namespace tremula::property
