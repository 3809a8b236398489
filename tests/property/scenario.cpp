// Scenarios out of seeds: which steps there are, and how they print.
#include "tests/property/scenario.h"

#include <algorithm>

#include "tests/property/generator.h"
#include "tests/property/printer.h"
#include "tests/property/rng.h"

namespace tremula::property {
namespace {

class ScenarioMaker {
 public:
  explicit ScenarioMaker(std::uint64_t seed) : rng_(seed) {}
  Scenario make();

 private:
  struct Cell {
    const Column* column;
    Literal value;
  };
  using Row = std::vector<Cell>;

  Write write();
  Write insert(const Table& table, bool upsert, int rows, bool fill = false);
  std::string chosen(const Table& table, const std::string& where);
  Write update(const Table& table);
  Write erase(const Table& table);
  Row random_row(const Table& table, bool upsert, bool valid);
  std::string undeclared(const Table& table, int percent);
  std::vector<std::string> upsert_sql(const Table& table, const Row& row);
  Expr new_value(const Table& table, const Column& column);
  Expr condition(const Table& table);
  Step subscribe();
  Step transaction();
  Step declare();
  Select select();

  Rng rng_;
  Scenario scenario_;
  std::vector<std::string> live_;
  std::vector<Select> made_;  // for queries that are equal, or differ in constants
  int names_ = 0;
};

std::string sql_row(const std::vector<std::string>& columns,
                    const std::vector<std::string>& values) {
  std::string left, right;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    left += (i == 0 ? "" : ", ") + columns[i];
    right += (i == 0 ? "" : ", ") + values[i];
  }
  return "(" + left + ") VALUES (" + right + ")";
}

ScenarioMaker::Row ScenarioMaker::random_row(const Table& table, bool upsert, bool valid) {
  Row row;
  for (const Column& column : table.columns) {
    if (column.key) {
      row.push_back({&column, random_key_literal(rng_, table, column)});
      continue;
    }
    const bool may_leave_out = !column.not_null || !column.initial.empty() || (upsert && !valid);
    if (may_leave_out && rng_.chance(upsert ? 40 : 15)) continue;
    Literal value = random_literal(rng_, column.type);
    const int nulls = !column.not_null ? 15 : valid ? 0 : 2;
    if (rng_.chance(nulls)) value = {"NULL", "NULL"};
    if (column.reference >= 0 && value.sql != "NULL" && rng_.chance(75)) {
      const auto& other = scenario_.schema.tables[static_cast<std::size_t>(column.reference)];
      if (other.columns[0].type == Type::kInt) {
        value = random_key_literal(rng_, other, other.columns[0]);
      }
    }
    row.push_back({&column, value});
  }
  return row;
}

// A value for the undeclared column: ", mood: 5", now and then.
std::string ScenarioMaker::undeclared(const Table& table, int percent) {
  static const std::vector<std::string> values = {"5", "'x'", "TRUE", "NULL", "1.5", "[1]", "'b'"};
  if (table.strict || !rng_.chance(percent)) return "";
  return std::string(", ") + kUndeclared + ": " + rng_.pick(values);
}

std::vector<std::string> ScenarioMaker::upsert_sql(const Table& table, const Row& row) {
  std::string set, where;
  std::string columns, values;
  for (const Cell& cell : row) {
    const std::string equation = cell.column->name + " = " + cell.value.sql;
    if (cell.column->key) where += (where.empty() ? "" : " AND ") + equation;
    set += (set.empty() ? "" : ", ") + equation;
    columns += (columns.empty() ? "" : ", ") + cell.column->name;
    values += (values.empty() ? "" : ", ") + cell.value.sql;
  }
  return {
      "UPDATE " + table.name + " SET " + set + " WHERE " + where,
      "INSERT INTO " + table.name + " (" + columns + ") SELECT " + values + " WHERE changes() = 0"};
}

Write ScenarioMaker::insert(const Table& table, bool upsert, int rows, bool fill) {
  Write write;
  write.verb = upsert ? "upserted" : "inserted";
  write.rows = rows;
  const bool objects = rows > 1 || rng_.chance(70);
  write.tql = (upsert ? "UPSERT INTO " : "INSERT INTO ") + table.name + " ";
  for (int i = 0; i < rows; ++i) {
    const Row row = random_row(table, upsert, fill);
    std::vector<std::string> names, tql, sql;
    std::string object;
    for (const Cell& cell : row) {
      names.push_back(cell.column->name);
      tql.push_back(cell.value.tql);
      sql.push_back(cell.value.sql);
      object += (object.empty() ? "" : ", ") + cell.column->name + ": " + cell.value.tql;
    }
    if (objects) object += undeclared(table, fill && i == 0 ? 100 : 20);
    write.tql += objects ? (i > 0 ? ", {" : "{") + object + "}" : sql_row(names, tql);
    if (upsert) {
      for (std::string& one : upsert_sql(table, row)) write.sql.push_back(std::move(one));
    } else {
      write.sql.push_back("INSERT INTO " + table.name + " " + sql_row(names, sql));
    }
  }
  return write;
}

Expr ScenarioMaker::new_value(const Table& table, const Column& column) {
  const Literal value = random_literal(rng_, column.type);
  const Expr literal = !column.not_null && rng_.chance(10)
                           ? form(column.type, "NULL", {})
                           : forms(column.type, value.tql, value.sql, {});
  Expr self;
  self.alias = table.name;
  self.column = column.name;
  self.bare = rng_.chance(50);
  self.type = column.type;
  if (rng_.chance(50)) return literal;
  switch (column.type) {
    case Type::kInt: return form(Type::kInt, "(({0} % 50) + 1)", {self});
    case Type::kReal:
      return form(Type::kReal, rng_.chance(50) ? "({0} + 0.25)" : "({0} * 0.5)", {self});
    case Type::kText:
      return form(Type::kText, rng_.chance(50) ? "substr({0} || 'q', -4)" : "upper({0})", {self});
    case Type::kBool: return form(Type::kBool, "(NOT {0})", {self});
    case Type::kJson: return literal;  // `{…}` and `[…]` stand as whole values only
    default: return form(column.type, "coalesce({0}, {1})", {self, literal});
  }
}

Expr ScenarioMaker::condition(const Table& table) {
  if (rng_.chance(35)) {
    return QueryGenerator(rng_, scenario_.schema).for_row_of(table, Type::kBool, true);
  }
  const std::vector<int> keys = table.keys();
  Expr result;
  const std::size_t named = rng_.chance(80) ? keys.size() : 1;
  for (std::size_t i = 0; i < named; ++i) {
    const Column& column = table.columns[static_cast<std::size_t>(keys[i])];
    const Literal value = random_key_literal(rng_, table, column);
    const std::string name = rng_.chance(50) ? column.name : table.name + "." + column.name;
    const Expr one = forms(Type::kBool, name + " = " + value.tql, name + " = " + value.sql, {});
    result = i == 0 ? one : form(Type::kBool, "{0} AND {1}", {result, one});
  }
  return result;
}

// A WHERE that chooses its rows before the statement writes, as TreeQL does and SQLite may not.
std::string ScenarioMaker::chosen(const Table& table, const std::string& where) {
  std::string keys;
  for (int key : table.keys()) {
    keys += (keys.empty() ? "" : ", ") + table.columns[static_cast<std::size_t>(key)].name;
  }
  return " WHERE (" + keys + ") IN (SELECT " + keys + " FROM " + table.name + " WHERE " + where +
         ")";
}

Write ScenarioMaker::update(const Table& table) {
  std::vector<const Column*> free;
  for (const Column& column : table.columns) {
    if (!column.key) free.push_back(&column);
  }
  Write write;
  write.verb = "updated";
  write.tql = "UPDATE " + table.name + " SET ";
  std::string sql = write.tql;
  const int count = free.size() > 1 && rng_.chance(30) ? 2 : 1;
  const auto first = static_cast<std::size_t>(rng_.below(static_cast<int>(free.size())));
  for (int i = 0; i < count; ++i) {
    const Column& column = *free[(first + static_cast<std::size_t>(i)) % free.size()];
    const Expr value = new_value(table, column);
    write.tql += (i > 0 ? ", " : "") + column.name + " = " + tql_expr(value);
    sql += (i > 0 ? ", " : "") + column.name + " = " + sql_expr(scenario_.schema, value);
  }
  if (!table.strict && rng_.chance(8)) {
    write.tql += std::string(", ") + kUndeclared + (rng_.chance(50) ? " = 7" : " = 'q'");
  }
  if (!rng_.chance(4)) {
    const Expr where = condition(table);
    write.tql += " WHERE " + tql_expr(where);
    sql += chosen(table, sql_expr(scenario_.schema, where));
  }
  write.sql.push_back(std::move(sql));
  return write;
}

Write ScenarioMaker::erase(const Table& table) {
  Write write;
  write.verb = "deleted";
  write.tql = "DELETE FROM " + table.name;
  std::string sql = write.tql;
  if (!rng_.chance(2)) {
    const Expr where = condition(table);
    write.tql += " WHERE " + tql_expr(where);
    sql += chosen(table, sql_expr(scenario_.schema, where));
  }
  write.sql.push_back(std::move(sql));
  return write;
}

Write ScenarioMaker::write() {
  const Table& table = rng_.pick(scenario_.schema.tables);
  const int what = rng_.below(100);
  if (what < 25) return insert(table, false, rng_.chance(80) ? 1 : rng_.between(2, 3));
  if (what < 50) return insert(table, true, rng_.chance(80) ? 1 : rng_.between(2, 3));
  if (what < 80) return update(table);
  return erase(table);
}

// Often an earlier one again, as it was or with other constants, since equal work is shared.
Select ScenarioMaker::select() {
  if (!made_.empty() && rng_.chance(20)) {
    Select again = rng_.pick(made_);
    if (rng_.chance(70)) change_constants(rng_, again);
    return again;
  }
  made_.push_back(QueryGenerator(rng_, scenario_.schema).top());
  return made_.back();
}

Step ScenarioMaker::subscribe() {
  Step step;
  step.kind = StepKind::kSubscribe;
  step.subscription = "q" + std::to_string(names_++);
  live_.push_back(step.subscription);
  step.select.push_back(select());
  return step;
}

// A table declared anew with an index more or less, or without a column for a while: what the live
// queries show afterwards is what they showed before.
Step ScenarioMaker::declare() {
  Schema changed = scenario_.schema;
  const int index = rng_.below(static_cast<int>(changed.tables.size()));
  for (Column& column : changed.tables[static_cast<std::size_t>(index)].columns) {
    if (!column.key && column.type != Type::kJson) column.index = rng_.chance(40);
  }
  Step step;
  step.kind = StepKind::kDeclare;
  step.writes.push_back({tql_declaration(changed, index), {}, "", 0});
  Table& table = changed.tables[static_cast<std::size_t>(index)];
  if (!table.strict && table.columns.size() > 2 && !table.columns.back().key && rng_.chance(50)) {
    // The last column hides and comes back: a lax table keeps its values meanwhile.
    const std::string whole = tql_declaration(changed, index);
    table.columns.pop_back();
    step.writes = {{tql_declaration(changed, index), {}, "", 0}, {whole, {}, "", 0}};
  }
  return step;
}

Step ScenarioMaker::transaction() {
  Step step;
  step.kind = StepKind::kTransaction;
  step.commits = rng_.chance(85);
  const int count = rng_.between(1, 5);
  for (int i = 0; i < count; ++i) {
    step.writes.push_back(write());
    if (!rng_.chance(20)) continue;
    // A row that goes and comes back in one transaction, under its old key.
    const Table& table = rng_.pick(scenario_.schema.tables);
    step.writes.push_back(erase(table));
    step.writes.push_back(insert(table, rng_.chance(50), 1));
  }
  if (rng_.chance(15)) step.select.push_back(select());
  return step;
}

Scenario ScenarioMaker::make() {
  scenario_.schema = random_schema(rng_);
  for (const Table& table : scenario_.schema.tables) {
    Step fill;
    const int rows = rng_.chance(5) ? rng_.between(30, 60) : rng_.between(2, 14);
    fill.writes.push_back(insert(table, true, rows, true));
    scenario_.steps.push_back(std::move(fill));
  }
  const int first = rng_.between(2, 6);
  for (int i = 0; i < first; ++i) scenario_.steps.push_back(subscribe());
  for (int i = 0; i < 50; ++i) {
    const int what = rng_.below(100);
    Step step;
    if (what < 8 && live_.size() < 8) {
      step = subscribe();
    } else if (what < 11 && !live_.empty()) {
      step.kind = StepKind::kUnsubscribe;
      const auto at = static_cast<std::size_t>(rng_.below(static_cast<int>(live_.size())));
      step.subscription = live_[at];
      live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (what < 16) {
      step.kind = StepKind::kSelect;
      step.select.push_back(select());
    } else if (what < 18) {
      step = declare();
    } else if (what < 42) {
      step = transaction();
    } else {
      step.writes.push_back(write());
    }
    scenario_.steps.push_back(std::move(step));
  }
  return std::move(scenario_);
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) { return ScenarioMaker(seed).make(); }

std::string Scenario::script() const {
  std::string text;
  for (std::size_t i = 0; i < schema.tables.size(); ++i) {
    text += tql_declaration(schema, static_cast<int>(i)) + ";\n";
  }
  for (const Step& step : steps) {
    if (step.kind == StepKind::kSubscribe) {
      text += "SUBSCRIBE " + step.subscription + " AS " + tql_select(step.select[0]) + ";\n";
      continue;
    }
    if (step.kind == StepKind::kUnsubscribe) {
      text += "UNSUBSCRIBE " + step.subscription + ";\n";
      continue;
    }
    const bool transaction = step.kind == StepKind::kTransaction;
    if (transaction) text += "BEGIN;\n";
    for (const Write& write : step.writes) text += write.tql + ";\n";
    if (!step.select.empty()) text += tql_select(step.select[0]) + ";\n";
    if (transaction) text += step.commits ? "COMMIT;\n" : "ROLLBACK;\n";
  }
  return text;
}

}  // namespace tremula::property
