// The selects of QueryGenerator: sources, groups, order, shapes.
#include <algorithm>
#include <set>

#include "tests/property/generator.h"

namespace tremula::property {
namespace {

Expr column_ref(const std::string& alias, const OutputColumn& column) {
  Expr expr;
  expr.type = column.type;
  expr.alias = alias;
  expr.column = column.name;
  return expr;
}

std::set<std::string> names_of(const std::vector<Property>& shape) {
  std::set<std::string> names;
  for (const Property& property : shape) {
    if (property.kind != PropertyKind::kStar) names.insert(property.name);
  }
  return names;
}

// Whether every key column of `table` under `alias` is among `group`.
bool key_is_grouped(const Table& table, const std::string& alias, const std::vector<Expr>& group) {
  for (int key : table.keys()) {
    const std::string& name = table.columns[static_cast<std::size_t>(key)].name;
    const bool found = std::any_of(group.begin(), group.end(), [&](const Expr& expr) {
      return expr.alias == alias && expr.column == name;
    });
    if (!found) return false;
  }
  return true;
}

}  // namespace

std::vector<OutputColumn> columns_of(const Schema& schema, const Source& source) {
  std::vector<OutputColumn> result;
  if (source.derived.empty()) {
    for (const Column& column : schema.table(source.table).columns) {
      result.push_back({column.name, column.type});
    }
    return result;
  }
  const Select& derived = source.derived[0];
  for (const Property& property : flatten(schema, derived, derived.shape)) {
    result.push_back({property.name, property.expr[0].type});
  }
  return result;
}

std::vector<Property> flatten(const Schema& schema, const Select& select,
                              const std::vector<Property>& shape) {
  std::set<std::string> taken = names_of(shape);
  std::vector<Property> result;
  for (const Property& property : shape) {
    if (property.kind != PropertyKind::kStar) {
      result.push_back(property);
      continue;
    }
    for (const Source& source : select.from) {
      if (!property.alias.empty() && property.alias != source.alias) continue;
      const bool hides_key = source.derived.empty() && schema.table(source.table).generated;
      for (const OutputColumn& column : columns_of(schema, source)) {
        if (hides_key && column.name == "id") continue;
        if (!taken.insert(column.name).second) continue;
        Property brought;
        brought.name = column.name;
        brought.expr.push_back(column_ref(source.alias, column));
        result.push_back(std::move(brought));
      }
    }
  }
  return result;
}

Select QueryGenerator::top() {
  selects_left_ = rng_.between(0, 6);
  return select({}, Place::kTop, 3);
}

Select QueryGenerator::select(const Scope& outer, Place place, int depth) {
  Select result;
  Scope scope = outer;
  scope.rows = nullptr;
  Frame rows;
  if (place == Place::kTop && rng_.chance(4)) {
    scope.frames.emplace_back();  // without FROM: a dashboard
    result.shape = shape(result, scope, place, depth);
    return result;
  }
  add_sources(result, scope, outer, depth);
  add_condition(result, scope, depth);
  if (rng_.chance(place == Place::kDerived ? 40 : 22)) add_groups(result, scope, rows, true);
  if (rng_.chance(15)) result.distinct = true;
  result.row_form = place == Place::kDerived || rng_.chance(20);
  result.bare_value = (place == Place::kArray || place == Place::kSingle) && rng_.chance(30);
  if (result.bare_value) {
    result.row_form = true;
    Property only;
    only.expr.push_back(expr(any_type(), scope, depth));
    result.shape.push_back(std::move(only));
  } else {
    result.shape = shape(result, scope, place, depth);
  }
  add_order(result, scope, depth);
  add_limit(result, place == Place::kSingle ? 25 : 40);
  return result;
}

Select QueryGenerator::value_select(const Scope& outer, Type type, int depth, SelectUse use) {
  Select result;
  Scope scope = outer;
  scope.rows = nullptr;
  Frame rows;
  result.row_form = result.bare_value = true;
  add_sources(result, scope, outer, depth);
  add_condition(result, scope, depth);
  if (use == SelectUse::kScalar && rng_.chance(50)) {
    add_groups(result, scope, rows, rng_.chance(20));
  } else if (rng_.chance(8)) {
    add_groups(result, scope, rows, true);
  }
  if (rng_.chance(8)) result.distinct = true;
  Property only;
  only.expr.push_back(use == SelectUse::kExists && rng_.chance(60) ? literal(Type::kInt)
                                                                   : expr(type, scope, depth));
  result.shape.push_back(std::move(only));
  add_order(result, scope, depth);
  if (use != SelectUse::kExists || rng_.chance(30)) add_limit(result, 20);
  return result;
}

void QueryGenerator::add_sources(Select& select, Scope& scope, const Scope& outer, int depth) {
  const int count = rng_.chance(65) ? 1 : rng_.chance(70) ? 2 : 3;
  scope.frames.emplace_back();
  scope.bare = false;
  for (int i = 0; i < count; ++i) {
    Source source;
    source.alias = fresh_alias();
    if (depth > 0 && rng_.chance(10) && spend()) {
      source.derived.push_back(this->select(outer, Place::kDerived, depth - 1));
    } else {
      source.table = rng_.pick(schema_.tables).name;
      if (count == 1 && scope.frames.size() == 1 && rng_.chance(10)) source.alias = source.table;
    }
    Frame added;
    for (const OutputColumn& column : columns_of(schema_, source)) {
      if (!source.derived.empty() && column.type == Type::kJson) continue;
      added.push_back(column_ref(source.alias, column));
    }
    if (dynamics_ && source.derived.empty() && !schema_.table(source.table).strict) {
      added.push_back(column_ref(source.alias, {kUndeclared, Type::kJson}));
    }
    if (i > 0) {
      source.left = rng_.chance(60);
      Scope before = scope;
      Expr on = equality_with(added, before, depth);
      scope.frames.back().insert(scope.frames.back().end(), added.begin(), added.end());
      if (rng_.chance(25)) {
        Expr extra = expr(Type::kBool, scope, std::min(depth - 1, 1));
        on = form(Type::kBool, rng_.chance(80) ? "({0} AND {1})" : "({0} OR {1})", {on, extra});
      }
      source.on.push_back(std::move(on));
    } else {
      scope.frames.back() = std::move(added);
    }
    select.from.push_back(std::move(source));
  }
  scope.bare = true;
  Frame& frame = scope.frames.back();
  for (Expr& expr : frame) {
    expr.bare = std::count_if(select.from.begin(), select.from.end(), [&](const Source& source) {
                  const std::vector<OutputColumn> columns = columns_of(schema_, source);
                  return std::any_of(columns.begin(), columns.end(),
                                     [&](const OutputColumn& c) { return c.name == expr.column; });
                }) == 1;
  }
}

// A likely join: some column of `inner` equals something of the same type outside.
Expr QueryGenerator::equality_with(const Frame& inner, const Scope& outer, int depth) {
  const Type type = rng_.chance(85) ? Type::kInt : rng_.chance(60) ? Type::kText : Type::kBool;
  Expr left;
  if (!find_atom(type, inner, left)) {
    Scope only = outer;
    only.frames.push_back(inner);
    only.bare = false;
    return expr(Type::kBool, only, std::min(depth - 1, 1));
  }
  left.bare = false;
  Scope plain = outer;
  plain.bare = false;
  const Expr right = atom(type, plain);
  return form(Type::kBool, rng_.chance(70) ? "({0} = {1})" : "({1} = {0})", {left, right});
}

void QueryGenerator::add_condition(Select& select, const Scope& scope, int depth) {
  Scope outer = scope;
  outer.frames.pop_back();
  const bool correlated = std::any_of(outer.frames.begin(), outer.frames.end(),
                                      [](const Frame& frame) { return !frame.empty(); });
  if (correlated && rng_.chance(75)) {
    Expr condition = equality_with(scope.frames.back(), outer, depth);
    if (rng_.chance(35)) {
      Expr extra = expr(Type::kBool, scope, depth - 1);
      condition = form(Type::kBool, "({0} AND {1})", {condition, extra});
    }
    select.where.push_back(std::move(condition));
  } else if (rng_.chance(32)) {
    select.where.push_back(expr(Type::kBool, scope, depth));
  }
}

void QueryGenerator::add_groups(Select& select, Scope& scope, Frame& rows, bool allow_groups) {
  Frame& frame = scope.frames.back();
  if (frame.empty()) return;
  select.aggregated = true;
  rows = frame;
  Frame visible;
  if (allow_groups && rng_.chance(75)) {
    Scope plain = scope;
    plain.bare = false;
    const int count = rng_.between(1, 2);
    for (int i = 0; i < count; ++i) {
      Expr group;
      const Type type = dynamics_ && rng_.chance(6) ? Type::kJson : any_type();
      if (!find_atom(type, frame, group) || !rng_.chance(75)) {
        Scope own;
        own.frames.push_back(frame);
        own.bare = false;
        group = expr(type == Type::kJson ? Type::kInt : type, own, 1);
      }
      if (!names_column(group)) continue;  // a literal can't be grouped by
      const bool bare = group.bare;
      group.bare = false;
      select.group.push_back(group);
      group.bare = bare;
      visible.push_back(group);
    }
    for (const Source& source : select.from) {
      if (!source.derived.empty()) continue;
      const Table& table = schema_.table(source.table);
      if (rng_.chance(25)) {
        for (int key : table.keys()) {
          const Column& column = table.columns[static_cast<std::size_t>(key)];
          select.group.push_back(column_ref(source.alias, {column.name, column.type}));
        }
      }
      if (!key_is_grouped(table, source.alias, select.group)) continue;
      std::copy_if(frame.begin(), frame.end(), std::back_inserter(visible),
                   [&](const Expr& expr) { return expr.alias == source.alias; });
    }
  }
  frame = std::move(visible);
  scope.rows = &rows;
  if (!select.group.empty() && rng_.chance(20)) {
    select.having.push_back(expr(Type::kBool, scope, 2));
  }
}

void QueryGenerator::add_order(Select& select, const Scope& scope, int depth) {
  const int terms = rng_.chance(45) ? 0 : rng_.between(1, 3);
  for (int i = 0; i < terms; ++i) {
    OrderTerm term;
    term.descending = rng_.chance(40);
    term.nulls = rng_.chance(70) ? 0 : rng_.between(1, 2);
    if (!select.bare_value && (select.distinct || rng_.chance(25))) {
      std::vector<std::string> names;
      for (const Property& property : flatten(schema_, select, select.shape)) {
        if (property.kind != PropertyKind::kExpr) continue;
        if (property.expr[0].type != Type::kJson) names.push_back(property.name);
      }
      if (names.empty()) continue;
      term.output = rng_.pick(names);
    } else if (!select.distinct) {
      const bool dynamic = dynamics_ && rng_.chance(6);
      term.expr.push_back(expr(dynamic ? Type::kJson : any_type(), scope, std::min(depth, 2)));
      Expr& made = term.expr[0];
      if (made.is_column()) made.bare = false;
      if (!names_column(made) && made.selects.empty() && !made.aggregate) {
        continue;  // literals can't be ordered by
      }
    } else {
      continue;
    }
    select.order.push_back(std::move(term));
  }
}

void QueryGenerator::add_limit(Select& select, int percent) {
  if (!rng_.chance(percent)) return;
  select.limit = rng_.chance(5) ? 0 : rng_.between(1, 5);
  if (rng_.chance(35)) select.offset = rng_.between(0, 3);
}

std::vector<Property> QueryGenerator::shape(const Select& select, const Scope& scope, Place place,
                                            int depth) {
  static const std::vector<std::string> names = {"a", "b", "n", "s", "out", "x", "y", "z"};
  std::vector<std::string> left = names;
  std::vector<Property> result;
  const int count = rng_.between(1, place == Place::kTop ? 4 : 3);
  for (int i = 0; i < count; ++i) {
    const std::size_t at = rng_.next() % left.size();
    const std::string name = left[at];
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
    if (select.row_form) {
      Property one;
      one.name = name;
      Type type = any_type();
      if (place != Place::kDerived && rng_.chance(6)) type = Type::kJson;
      one.expr.push_back(expr(type, scope, depth));
      result.push_back(std::move(one));
    } else {
      result.push_back(property(select, scope, depth, name));
    }
  }
  if (!select.aggregated && !select.from.empty() && rng_.chance(12)) add_star(result, select);
  return result;
}

// A star beside derived columns that hold JSON is left out: a derived table has only scalars here.
void QueryGenerator::add_star(std::vector<Property>& shape, const Select& select) {
  for (const Source& source : select.from) {
    for (const OutputColumn& column : columns_of(schema_, source)) {
      if (column.type == Type::kJson) return;
    }
  }
  Property star;
  star.kind = PropertyKind::kStar;
  if (rng_.chance(50)) star.alias = rng_.pick(select.from).alias;
  const auto at = static_cast<std::ptrdiff_t>(rng_.next() % (shape.size() + 1));
  shape.insert(shape.begin() + at, std::move(star));
}

Property QueryGenerator::property(const Select& select, const Scope& scope, int depth,
                                  const std::string& name) {
  Property result;
  result.name = name;
  const int form = rng_.below(100);
  if (form < 22 && depth > 0 && spend()) {
    result.kind = PropertyKind::kArray;
    result.select.push_back(this->select(scope, Place::kArray, depth - 1));
  } else if (form < 34 && depth > 0 && spend()) {
    result.kind = PropertyKind::kSingle;
    result.select.push_back(this->select(scope, Place::kSingle, depth - 1));
  } else if (form < 40 && depth > 0) {
    result.kind = PropertyKind::kObject;
    const int count = rng_.between(1, 2);
    for (int i = 0; i < count; ++i) {
      result.object.push_back(property(select, scope, depth - 1, i == 0 ? "p" : "q"));
    }
  } else if (form < 45) {
    result.expr.push_back(expr(Type::kJson, scope, 1));
  } else {
    result.expr.push_back(expr(any_type(), scope, depth));
  }
  return result;
}

}  // namespace tremula::property
