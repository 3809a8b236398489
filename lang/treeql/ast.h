// AST: a statement as it is written. Names are still text, nothing is looked up, no type is known.
//
//   tokens --Parser--> ast::Statement --Binder--> treeql::Statement
//
// Invariants:
//   1  chains of AND and of OR are flat: one node with two or more arguments.
//   2  `height` bounds every recursion over an expression, selects inside it counted in (parser.h
//      has its limit).
// Thread: values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/dataflow/plan.h"
#include "core/triples/catalog.h"
#include "lang/treeql/statement.h"

namespace tremula::treeql::ast {

struct Select;
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Name {
  std::string text;
  base::Span span;
};

enum class ExprKind : std::uint8_t {
  kLiteral,     // literal
  kParameter,   // name
  kColumn,      // name, and the qualifier unless its text is empty
  kUnary,       // op: kNegate, kNot
  kBinary,      // op; 2 arguments. kIs with `negated` is IS NOT
  kJunction,    // op: kAnd, kOr; 2 or more arguments
  kBetween,     // value, low, high
  kInList,      // value, items...
  kInSelect,    // value; select
  kLike,        // text, pattern, [escape]
  kCase,        // [base], when, then, ..., [else]
  kCast,        // 1 argument; type
  kCall,        // name, arguments, and what only aggregates have
  kExists,      // select
  kSubselect,   // select
  kJsonArray,   // items
  kJsonObject,  // values, with `names`
};

struct OrderTerm {
  ExprPtr expr;
  triples::Direction direction = triples::Direction::kAscending;
  triples::Nulls nulls = triples::Nulls::kFirst;
};

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  base::Span span;
  unsigned height = 1;
  dataflow::ExprOp op{};
  bool negated = false;    // NOT IN, NOT LIKE, NOT BETWEEN, NOT GLOB, IS NOT
  bool has_base = false;   // of kCase
  bool has_else = false;
  bool distinct = false;   // of kCall
  bool star = false;       // of kCall: count(*)
  triples::Type type = triples::Type::kAny;  // of kCast
  triples::OwnedValue literal;
  Name qualifier;
  Name name;
  std::vector<ExprPtr> arguments;
  std::vector<Name> names;
  std::unique_ptr<Select> select;
  ExprPtr filter;
  std::vector<OrderTerm> order;  // of group_concat

  Expr();
  ~Expr();
};

enum class PropertyKind : std::uint8_t {
  kValue,      // name: expr; in row form expr [AS name]
  kColumn,     // alias.column or column: the column's name is the key
  kStar,       // *, or alias.* with the qualifier
  kArray,      // name: [select]
  kObject,     // name: { ... }
};

struct Property {
  PropertyKind kind = PropertyKind::kValue;
  base::Span span;
  std::optional<Name> name;  // as written; none for unnamed expressions of row form
  Name qualifier;            // of kStar
  ExprPtr expr;              // of kValue, kColumn
  base::Span text_span;      // of the expression with its parentheses: the key of an unnamed one
  std::unique_ptr<Select> select;
  std::vector<Property> properties;
};

struct FromItem {
  dataflow::JoinKind join = dataflow::JoinKind::kInner;
  Name table;                       // without `derived`
  std::unique_ptr<Select> derived;
  Name alias;                       // the table's name if none was written
  ExprPtr on;                       // null for the first
};

struct Select {
  base::Span span;
  unsigned height = 1;
  bool distinct = false;
  bool row_form = false;
  base::Span shape_span;
  std::vector<Property> shape;
  std::vector<FromItem> from;
  ExprPtr where;
  std::vector<ExprPtr> group_keys;
  ExprPtr having;
  std::vector<OrderTerm> order;
  ExprPtr limit;
  ExprPtr offset;
};

struct Number {
  std::uint64_t value = 0;
  base::Span span;
};

struct ColumnDeclaration {
  Name name;
  triples::Type type = triples::Type::kAny;
  Number number;
  bool key = false;
  bool not_null = false;
  bool indexed = false;
  base::Span key_span;
  ExprPtr default_literal;  // kLiteral
  std::string references;
  std::optional<triples::MergeRule> merge;
  base::Span merge_span;
};

struct DeclareTable {
  Name name;
  Number number;
  std::vector<ColumnDeclaration> columns;
  std::vector<Name> key;  // of the KEY (...) clause
  std::vector<std::pair<Number, Number>> reserved;
  bool strict = false;
};

struct InsertRow {
  base::Span span;
  std::vector<Name> columns;
  std::vector<ExprPtr> values;
};

struct DropTable { Name name; };
struct Insert { Name table; bool upsert = false; std::vector<InsertRow> rows; };
struct Update {
  Name table;
  std::vector<Name> columns;
  std::vector<ExprPtr> values;  // parallel to columns
  ExprPtr where;
};
struct Delete { Name table; ExprPtr where; };
struct Query { std::unique_ptr<Select> select; };
struct Subscribe { Name name; std::unique_ptr<Select> select; };
struct Unsubscribe { Name name; };
struct Explain { std::unique_ptr<Select> select; };
struct ExplainLive { Name name; };
struct Import { Name table; std::string file; base::Span file_span; bool replace = false; };
struct Export { std::unique_ptr<Select> select; std::string file; base::Span file_span; };

using StatementVariant =
    std::variant<DeclareTable, DropTable, Insert, Update, Delete, Query, Subscribe, Unsubscribe,
                 Transaction, Explain, ExplainLive, Show, Import, Export, Maintenance>;

struct Statement {
  StatementVariant body;
  base::Span span;  // of the first token
};

}  // namespace tremula::treeql::ast
