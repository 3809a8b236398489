// The bound plan: what the language hands to the engine. Names are gone, types are checked, nothing
// refers to text.
//
//   Select = sources -> where -> [group -> having] -> [distinct] -> order, limit -> shape
//
// Scopes. An expression names a column as (level, source, column). Level 0 is the select in which
// the expression stands, level 1 the select around that one, and so on: every Select counts as one
// level, also a derived table (which never names level 1 itself, since it doesn't see its
// siblings). What (source, column) means depends on where the expression — or, for levels above 0,
// the sub-select that holds it — stands in that select:
//   before grouping   ON, WHERE, group keys, arguments, filters and orders of aggregates; in a
//   select without grouping
//                     also ORDER BY and the shape: `sources[source].columns[column]`
//   after grouping    HAVING, ORDER BY and the shape of a grouped select: source is 0, and `column`
//   counts through
//                     group_keys, then aggregates, then dependents
//   after DISTINCT    ORDER BY of a select with `distinct`: source is 0, `column` counts the
//   shape's top-level properties
// Thread: immutable once built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/triples/ids.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value.h"
#include "core/triples/value_ops.h"

namespace tremula::dataflow {

struct Select;

enum class ExprOp : std::uint8_t {
  kLiteral,    // literal
  kParameter,  // parameter: position in the statement's list of parameters
  kColumn,     // level, source, column
  kNegate,
  kNot,
  kIsNull,
  kIsNotNull,  // 1 argument
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kConcat,  // 2 arguments
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIs,
  kIsNot,  // 2
  kJsonGet,
  kJsonGetText,  // 2: -> and ->>
  kLike,         // 2 or 3: text, pattern, escape
  kGlob,         // 2: text, pattern
  kAnd,
  kOr,          // 2 or more, three-valued
  kInList,      // value, items...; FALSE without items
  kCase,        // when1, then1, when2, then2, ..., else (always there)
  kCast,        // 1; `type`
  kCall,        // `function`
  kExists,      // select
  kIn,          // 1 argument, select
  kScalar,      // select: its first row's value, or NULL
  kJsonArray,   // items: [a, b] in a write
  kJsonObject,  // values, keyed by `names`: {a: 1} in a write
};

struct Expr {
  ExprOp op = ExprOp::kLiteral;
  triples::Type type =
      triples::Type::kAny;  // of kCast: the target; of others what is known of the result
  triples::Function function{};
  triples::OwnedValue literal;
  std::uint32_t parameter = 0;
  std::uint32_t level = 0;
  std::uint32_t source = 0;
  std::uint32_t column = 0;
  std::vector<std::unique_ptr<Expr>> arguments;
  std::vector<std::string> names;  // of kJsonObject
  std::unique_ptr<Select> select;  // of kExists, kIn, kScalar

  Expr();
  ~Expr();
};
using ExprPtr = std::unique_ptr<Expr>;
ExprPtr clone(const Expr& expr);

struct OrderTerm {
  ExprPtr expr;
  triples::Direction direction = triples::Direction::kAscending;
  triples::Nulls nulls =
      triples::Nulls::kFirst;  // already resolved: NULLS FIRST in ASC, LAST in DESC unless said
};

enum class AggregateKind : std::uint8_t {
  kCountAll,
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kTotal,
  kGroupConcat
};

struct Aggregate {
  AggregateKind kind = AggregateKind::kCountAll;
  ExprPtr argument;  // null for kCountAll
  bool distinct = false;
  ExprPtr filter;                // null: all rows
  ExprPtr separator;             // of kGroupConcat; null: ','
  std::vector<OrderTerm> order;  // of kGroupConcat; empty: key order
};

// A column of a source whose whole key is grouped by.
struct Dependent {
  std::uint32_t source = 0;
  std::uint32_t column = 0;
};

enum class JoinKind : std::uint8_t { kInner, kLeft };

// A table's column as the select uses it. `attr` is kRowAttr for none.
struct SourceColumn {
  triples::AttrId attr{};
  std::string name;  // for EXPLAIN
};

struct Source {
  JoinKind join = JoinKind::kInner;  // how it joins those before it; kInner for the first
  ExprPtr on;                        // null for the first. Sees this source and those before it
  triples::TypeId table{};           // without `derived`
  std::unique_ptr<Select>
      derived;  // a derived table: its columns are the shape's properties, in order, all kValue
  std::string name;  // table name and alias, for EXPLAIN
  std::string alias;
  std::vector<SourceColumn>
      columns;  // of a table: those in use, each once; of a derived table: all
};

enum class PropertyKind : std::uint8_t { kValue, kArray, kSingle, kObject };

struct Property {
  std::string name;  // empty for a bare value
  PropertyKind kind = PropertyKind::kValue;
  ExprPtr expr;                      // of kValue
  std::unique_ptr<Select> select;    // of kArray, kSingle
  std::vector<Property> properties;  // of kObject
};

struct Shape {
  bool bare = false;  // rows print as the one property's value (arrays of values), not as objects
  std::vector<Property> properties;
};

// The most sources of one select: sets of them are kept in 64 bits, with some to spare.
inline constexpr std::size_t kSourcesMax = 60;

struct Select {
  std::vector<Source> sources;  // none: one empty row
  ExprPtr where;                // null: TRUE
  bool grouped = false;  // GROUP BY, or an aggregate in it (then without keys: always one row)
  std::vector<ExprPtr> group_keys;
  std::vector<Aggregate> aggregates;
  std::vector<Dependent> dependents;
  ExprPtr having;  // null: TRUE
  bool distinct = false;
  std::vector<OrderTerm> order;  // without the tie-break, which the engine adds
  ExprPtr limit;                 // null: none. A literal or a parameter
  ExprPtr offset;
  Shape shape;
};

}  // namespace tremula::dataflow
