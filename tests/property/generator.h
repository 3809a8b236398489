// QueryGenerator: random selects over all of the grammar, valid by construction.
//
//   Scope { frames: [outermost … innermost] }, a frame being the expressions that may be named
//   there: the columns of the FROM tables, or of a grouped select what its groups determine.
//
// Thread: one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/property/ast.h"
#include "tests/property/rng.h"
#include "tests/property/schema.h"

namespace tremula::property {

// Name and type of what a derived table or a star brings.
struct OutputColumn {
  std::string name;
  Type type = Type::kInt;
};

// The columns of a FROM term; of a derived table its outputs.
std::vector<OutputColumn> columns_of(const Schema& schema, const Source& source);
// The shape of a select with its stars written out; property names are then final.
std::vector<Property> flatten(const Schema& schema, const Select& select,
                              const std::vector<Property>& shape);

// Gives some of the literals of a select other values of their type.
void change_constants(Rng& rng, Select& select);
// Whether SQLite computes the same: not with dynamic values.
bool sqlite_knows(const Select& select);

// The column that no declaration names, in lax tables; dynamic.
inline const char* const kUndeclared = "mood";

class QueryGenerator {
 public:
  QueryGenerator(Rng& rng, const Schema& schema) : rng_(rng), schema_(schema) {}
  // A select that can stand alone.
  Select top();
  // A condition or value over the columns of one table, written with its name or bare.
  Expr for_row_of(const Table& table, Type type, bool allow_selects);

 private:
  using Frame = std::vector<Expr>;
  struct Scope {
    std::vector<Frame> frames;
    const Frame* rows = nullptr;  // of an aggregated select: what its aggregates see
    bool bare = true;             // the innermost frame is complete: bare names may be used
  };
  enum class Place { kTop, kArray, kSingle, kDerived };

  Select select(const Scope& outer, Place place, int depth);
  Select value_select(const Scope& outer, Type type, int depth, SelectUse use);
  void add_sources(Select& select, Scope& scope, const Scope& outer, int depth);
  void add_condition(Select& select, const Scope& scope, int depth);
  void add_groups(Select& select, Scope& scope, Frame& rows, bool allow_groups);
  void add_order(Select& select, const Scope& scope, int depth);
  void add_limit(Select& select, int percent);
  std::vector<Property> shape(const Select& select, const Scope& scope, Place place, int depth);
  Property property(const Select& select, const Scope& scope, int depth, const std::string& name);
  void add_star(std::vector<Property>& shape, const Select& select);

  Expr expr(Type type, const Scope& scope, int depth);
  Expr int_expr(const Scope& scope, int depth);
  Expr real_expr(const Scope& scope, int depth);
  Expr text_expr(const Scope& scope, int depth);
  Expr bool_expr(const Scope& scope, int depth);
  Expr json_expr(const Scope& scope, int depth);
  Expr any_expr(Type type, const Scope& scope, int depth);  // forms that every type has
  Expr comparison(const Scope& scope, int depth);
  Expr membership(const Scope& scope, int depth);
  Expr pattern(const Scope& scope, int depth);
  Expr aggregate(Type type, const Scope& scope, int depth);
  Expr concat(const Scope& rows, int depth);
  Expr argument(Type type, const Scope& rows, int depth);
  Expr atom(Type type, const Scope& scope);
  Expr literal(Type type);
  bool find_atom(Type type, const Frame& frame, Expr& result);
  Expr equality_with(const Frame& inner, const Scope& outer, int depth);
  Type any_type();
  std::string fresh_alias() { return "t" + std::to_string(++aliases_); }
  bool spend() { return selects_left_-- > 0; }

  Rng& rng_;
  const Schema& schema_;
  int aliases_ = 0;
  int selects_left_ = 6;
  bool dynamics_ = true;  // values whose type shows at run time may be used
};

}  // namespace tremula::property
