// Types: what can be told of an expression before it runs, and which operators refuse what.
//
// kAny and kJson are dynamic: a JSON scalar behaves as its own type, so only running tells. Dynamic
// values fit everywhere. INT and REAL are numbers and mix. `||`, LIKE, GLOB and the text functions
// take numbers as text; BOOL and BYTES they refuse (CAST them), but length, substr and instr also
// count in BYTES.
// Thread: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/dataflow/plan.h"
#include "core/triples/value.h"
#include "core/triples/value_ops.h"

namespace tremula::treeql {

bool is_dynamic(triples::Type type);
bool fits_number(triples::Type type);     // a number, or dynamic
bool fits_text(triples::Type type);       // text, a number as text, or dynamic
bool fits_condition(triples::Type type);  // BOOL, or dynamic
bool comparable(triples::Type a, triples::Type b);

// Whether a value of the known type `type` may be written to a column of type `column`.
bool assignable(triples::Type column, triples::Type type);

triples::Type type_of(triples::Value value);  // of NULL: kAny
bool is_null_literal(const dataflow::Expr& expr);

// The type of + - * / % over operands of these types.
triples::Type arithmetic_type(triples::Type a, triples::Type b);

// The type that `type` and `other` have in common, kAny if none: of CASE, coalesce, iif.
triples::Type common_type(triples::Type type, triples::Type other);

struct ArgumentProblem {
  unsigned argument = 0;
  std::string message;
};
// What a function refuses of its arguments' types, if anything.
std::optional<ArgumentProblem> check_call(triples::Function function, std::string_view name,
                                          std::span<const dataflow::ExprPtr> arguments);
triples::Type call_type(triples::Function function, std::span<const dataflow::ExprPtr> arguments);
triples::Type aggregate_type(dataflow::AggregateKind kind, triples::Type argument);

}  // namespace tremula::treeql
