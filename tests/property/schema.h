// A random schema, its values and its writes.
//
//   Schema { tables: [Table { columns: [Column], key }] } --declarations--> TreeQL and SQLite
//
// Thread: values; no shared state.
#pragma once

#include <string>
#include <vector>

#include "tests/property/ast.h"
#include "tests/property/rng.h"

namespace tremula::property {

// A literal in both languages.
struct Literal {
  std::string tql, sql;
};

struct Column {
  std::string name;
  Type type = Type::kInt;
  bool key = false;
  bool not_null = false;
  bool index = false;
  std::vector<Literal> initial;  // DEFAULT: at most one
  int reference = -1;            // REF: a table's place, for likely joins
};

struct Table {
  std::string name;
  bool strict = false;
  bool generated = false;       // no KEY: the key is the column `id`
  std::vector<Column> columns;  // a generated key stands first
  std::vector<int> keys() const;
};

struct Schema {
  std::vector<Table> tables;
  const Table& table(const std::string& name) const;
};

Schema random_schema(Rng& rng);
std::string tql_declaration(const Schema& schema, int table);
std::string sql_declaration(const Schema& schema, int table);

const char* type_name(Type type);
Literal random_literal(Rng& rng, Type type);
Literal random_key_literal(Rng& rng, const Table& table, const Column& column);

}  // namespace tremula::property
