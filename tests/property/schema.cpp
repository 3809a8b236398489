#include "tests/property/schema.h"

namespace tremula::property {
namespace {

Literal same(std::string text) { return {text, text}; }

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = {
      "", "a", "b", "B", "ab", "Abc", "é", "10", "x%y", "_z", "it''s", "a,b", "aé ", " a", "zz\\"};
  return all;
}

Literal random_int(Rng& rng) {
  if (rng.chance(2)) return same("9223372036854775807");
  if (rng.chance(2)) return same("(-9007199254740993)");
  const int n = rng.between(-3, 9);
  return same(n < 0 ? "(" + std::to_string(n) + ")" : std::to_string(n));
}

Literal random_real(Rng& rng) {
  static const std::vector<std::string> all = {"0.0", "0.25", "1.5",  "2.0",    "2.5",   "(-0.75)",
                                               "0.1", "0.2",  "0.3",  "1000.5", "1e300", "(-1e300)",
                                               "3.0", "1e-7", "2e20", "7.125",  "(-3.5)"};
  return same(rng.pick(all));
}

Literal random_json(Rng& rng) {
  static const std::vector<Literal> all = {
      {"{a: 1}", "'{\"a\":1}'"},
      {"{a: 1, b: 'x'}", "'{\"a\":1,\"b\":\"x\"}'"},
      {"[1, 'x', NULL]", "'[1,\"x\",null]'"},
      {"{b: {c: [TRUE, 1.5]}}", "'{\"b\":{\"c\":[true,1.5]}}'"},
      {"[]", "'[]'"},
      {"5", "'5'"},
      {"'txt'", "'\"txt\"'"},
      {"TRUE", "'true'"},
      {"2.5", "'2.5'"},
  };
  return rng.pick(all);
}

Column random_column(Rng& rng, int index, int tables) {
  static const std::vector<Type> types = {Type::kInt,  Type::kInt,  Type::kInt,  Type::kReal,
                                          Type::kText, Type::kText, Type::kBool, Type::kBytes,
                                          Type::kJson, Type::kInt,  Type::kText};
  static const std::vector<std::string> names = {"n", "m", "s", "t", "x", "u", "v"};
  Column column;
  column.name = names[static_cast<std::size_t>(index)];
  column.type = rng.pick(types);
  const bool simple = column.type != Type::kJson;
  if (rng.chance(15)) column.not_null = true;
  if (simple && rng.chance(30)) {
    Literal literal = random_literal(rng, column.type);
    while (literal.tql.front() == '(') literal = random_literal(rng, column.type);
    column.initial.push_back(literal);
  }
  if (simple && rng.chance(30)) column.index = true;
  if (column.type == Type::kInt && rng.chance(50)) column.reference = rng.below(tables);
  return column;
}

}  // namespace

std::vector<int> Table::keys() const {
  std::vector<int> result;
  for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
    if (columns[static_cast<std::size_t>(i)].key) result.push_back(i);
  }
  return result;
}

const Table& Schema::table(const std::string& name) const {
  for (const Table& table : tables) {
    if (table.name == name) return table;
  }
  return tables.front();
}

const char* type_name(Type type) {
  switch (type) {
    case Type::kInt: return "INT";
    case Type::kReal: return "REAL";
    case Type::kText: return "TEXT";
    case Type::kBool: return "BOOL";
    case Type::kBytes: return "BYTES";
    case Type::kJson: return "JSON";
  }
  return "";
}

Literal random_literal(Rng& rng, Type type) {
  switch (type) {
    case Type::kInt: return random_int(rng);
    case Type::kReal: return random_real(rng);
    case Type::kText: return same("'" + rng.pick(texts()) + "'");
    case Type::kBool: return same(rng.chance(50) ? "TRUE" : "FALSE");
    case Type::kBytes: {
      static const std::vector<std::string> all = {"x''", "x'00'", "x'CAFE'", "x'ff01'"};
      return same(rng.pick(all));
    }
    case Type::kJson: return random_json(rng);
  }
  return same("NULL");
}

Literal random_key_literal(Rng& rng, const Table& table, const Column& column) {
  const bool composite = table.keys().size() > 1;
  if (column.type == Type::kInt) {
    if (table.generated) return same(std::to_string(rng.between(101, 112)));
    if (rng.chance(4)) return same("(-1)");
    return same(std::to_string(rng.between(0, composite ? 3 : 10)));
  }
  if (column.type == Type::kBool) return random_literal(rng, Type::kBool);
  if (column.type == Type::kBytes) return random_literal(rng, Type::kBytes);
  return same("'k" + std::to_string(rng.between(1, composite ? 3 : 9)) + "'");
}

Schema random_schema(Rng& rng) {
  Schema schema;
  const int tables = rng.between(2, 4);
  for (int t = 0; t < tables; ++t) {
    Table table;
    table.name = std::string("T") + static_cast<char>('a' + t);
    table.strict = rng.chance(30);
    const int form = rng.below(10);
    if (form == 0) {
      table.generated = true;
      table.columns.push_back({"id", Type::kInt, true, true, false, {}, -1});
    } else {
      const Type first = form == 1 ? Type::kText : Type::kInt;
      table.columns.push_back({"k", first, true, true, false, {}, -1});
      if (form <= 3) {
        static const std::vector<Type> second = {Type::kInt, Type::kText, Type::kBool,
                                                 Type::kBytes};
        table.columns.push_back({"k2", rng.pick(second), true, true, false, {}, -1});
      }
    }
    const int columns = rng.between(1, 5);
    for (int c = 0; c < columns; ++c) table.columns.push_back(random_column(rng, c, tables));
    schema.tables.push_back(std::move(table));
  }
  return schema;
}

std::string tql_declaration(const Schema& schema, int index) {
  const Table& table = schema.tables[static_cast<std::size_t>(index)];
  const std::vector<int> keys = table.keys();
  std::string text = "TABLE " + table.name + " = " + std::to_string(index + 1) + " (";
  int number = 0;
  for (const Column& column : table.columns) {
    if (column.key && table.generated) continue;
    text += number == 0 ? "" : ", ";
    text += column.name + " " + type_name(column.type) + " = " + std::to_string(++number);
    if (column.key && keys.size() == 1) text += " KEY";
    if (column.not_null && !column.key) text += " NOT NULL";
    if (!column.initial.empty()) text += " DEFAULT " + column.initial[0].tql;
    if (column.index) text += " INDEX";
    if (column.reference >= 0) {
      text += " REF " + schema.tables[static_cast<std::size_t>(column.reference)].name;
    }
  }
  if (keys.size() > 1) text += ", KEY (k, k2)";
  return text + (table.strict ? ") STRICT" : ")");
}

std::string sql_declaration(const Schema& schema, int index) {
  const Table& table = schema.tables[static_cast<std::size_t>(index)];
  static const char* const types[] = {"INTEGER", "REAL", "TEXT", "INTEGER", "BLOB", "BLOB"};
  std::string text = "CREATE TABLE " + table.name + " (";
  std::string key;
  for (const Column& column : table.columns) {
    text += column.name + " " + types[static_cast<int>(column.type)];
    if (column.not_null) text += " NOT NULL";
    if (!column.initial.empty()) text += " DEFAULT (" + column.initial[0].sql + ")";
    text += ", ";
    if (column.key) key += (key.empty() ? "" : ", ") + column.name;
  }
  return text + "PRIMARY KEY (" + key + ")) WITHOUT ROWID";
}

}  // namespace tremula::property
