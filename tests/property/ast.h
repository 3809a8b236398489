// A random query as a tree that prints as TreeQL and as SQLite's SQL, and can be cut smaller.
//
//   Select { shape: [Property], from: [Source], where, group, having, order, limit, offset }
//   Expr   { tql: "({0} + {1})", sql: "({0} + {1})", args: [Expr, Expr] }      {s} is selects[0]
//
// Everything is a value: a copy is a deep copy, so the shrinker edits copies.
// Thread: values; no shared state.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tremula::property {

enum class Type { kInt, kReal, kText, kBool, kBytes, kJson };

struct Select;

// How a select stands in an expression.
enum class SelectUse { kScalar, kExists, kIn };

struct Expr {
  Type type = Type::kInt;
  std::string tql;  // form with {0} {1} … for args, {s} for the select
  std::string sql;  // the same for SQLite
  std::vector<Expr> args;
  std::vector<Select> selects;  // at most one
  SelectUse use = SelectUse::kScalar;
  std::string alias, column;  // a column reference: then the forms are unused
  bool bare = false;          // a column written without its alias
  bool aggregate = false;
  bool literal = false;  // a constant that another of its type may replace
  bool dynamic = false;  // its type is known at run time alone: SQLite can't say
  bool is_column() const { return !column.empty(); }
};

enum class PropertyKind { kExpr, kArray, kSingle, kObject, kStar };

struct Property {
  PropertyKind kind = PropertyKind::kExpr;
  std::string name;
  bool shorthand = false;        // a column whose name is the key
  std::vector<Expr> expr;        // kExpr: one
  std::vector<Select> select;    // kArray, kSingle: one
  std::vector<Property> object;  // kObject
  std::string alias;             // kStar: of `alias.*`; empty: `*`
};

// A term of FROM: a table or a derived table, and how it is joined to those before it.
struct Source {
  std::string table;            // empty: derived
  std::vector<Select> derived;  // at most one
  std::string alias;
  bool left = false;
  std::vector<Expr> on;  // one, but for the first source
};

struct OrderTerm {
  std::string output;      // the name of an output, or
  std::vector<Expr> expr;  // one expression
  bool descending = false;
  int nulls = 0;  // 0 unsaid, 1 first, 2 last
};

struct Select {
  bool distinct = false;
  bool row_form = false;
  bool bare_value = false;  // the shape is one unnamed expression
  std::vector<Property> shape;
  std::vector<Source> from;
  std::vector<Expr> where;  // at most one
  std::vector<Expr> group;
  std::vector<Expr> having;  // at most one
  std::vector<OrderTerm> order;
  int limit = -1;  // -1: none
  int offset = 0;
  bool aggregated = false;  // has GROUP BY or an aggregate
};

// An expression printed by one form in both languages.
inline Expr form(Type type, const std::string& text, std::vector<Expr> args) {
  Expr expr;
  expr.type = type;
  expr.tql = expr.sql = text;
  expr.args = std::move(args);
  return expr;
}

// An expression printed by a form of its own in each language.
inline Expr forms(Type type, const std::string& tql, const std::string& sql,
                  std::vector<Expr> args) {
  Expr expr = form(type, tql, std::move(args));
  expr.sql = sql;
  return expr;
}

// Whether a column stands anywhere in it, sub-selects aside.
inline bool names_column(const Expr& expr) {
  if (expr.is_column()) return true;
  for (const Expr& arg : expr.args) {
    if (names_column(arg)) return true;
  }
  return false;
}

}  // namespace tremula::property
