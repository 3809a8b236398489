#include "lang/treeql/types.h"

#include <algorithm>

namespace tremula::treeql {

using dataflow::AggregateKind;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using triples::Function;
using triples::Kind;
using triples::Type;

namespace {

bool is_number(Type type) { return type == Type::kInt || type == Type::kReal; }

std::string found(Type type) { return ", found " + std::string(triples::type_name(type)); }

Type common_type_of(std::span<const ExprPtr> expressions) {
  Type type = Type::kAny;
  bool first = true;
  for (const ExprPtr& expr : expressions) {
    if (is_null_literal(*expr)) continue;
    type = first ? expr->type : common_type(type, expr->type);
    first = false;
  }
  return type;
}

std::optional<ArgumentProblem> check_comparable(std::span<const ExprPtr> arguments) {
  for (unsigned i = 0; i < arguments.size(); ++i) {
    for (unsigned j = 0; j < i; ++j) {
      if (comparable(arguments[j]->type, arguments[i]->type)) continue;
      return ArgumentProblem{i, "can't compare " +
                                    std::string(triples::type_name(arguments[j]->type)) +
                                    " with " +
                                    std::string(triples::type_name(arguments[i]->type))};
    }
  }
  return std::nullopt;
}

// What each argument of a function must be: 'n' a number, 't' text, 'b' text or bytes, 'c' a
// condition, '.' anything.
// The last letter counts for all arguments behind it.
std::string_view argument_letters(Function function) {
  switch (function) {
    case Function::kAbs: case Function::kSign: case Function::kRound: return "n";
    case Function::kLower: case Function::kUpper: case Function::kTrim: case Function::kLtrim:
    case Function::kRtrim: case Function::kReplace: return "t";
    case Function::kLength: case Function::kInstr: return "b";
    case Function::kSubstr: return "bn";
    case Function::kIif: return "c.";
    default: return ".";
  }
}

}  // namespace

bool is_dynamic(Type type) { return type == Type::kAny || type == Type::kJson; }
bool fits_number(Type type) { return is_dynamic(type) || is_number(type); }
bool fits_text(Type type) { return fits_number(type) || type == Type::kText; }
bool fits_condition(Type type) { return is_dynamic(type) || type == Type::kBool; }

bool comparable(Type a, Type b) {
  return is_dynamic(a) || is_dynamic(b) || a == b || (is_number(a) && is_number(b));
}

bool assignable(Type column, Type type) {
  return is_dynamic(column) || is_dynamic(type) || column == type ||
         (column == Type::kReal && type == Type::kInt);
}

Type type_of(triples::Value value) {
  switch (value.kind) {
    case Kind::kBool: return Type::kBool;
    case Kind::kInt: return Type::kInt;
    case Kind::kReal: return Type::kReal;
    case Kind::kText: return Type::kText;
    case Kind::kBytes: return Type::kBytes;
    case Kind::kJson: return Type::kJson;
    default: return Type::kAny;
  }
}

bool is_null_literal(const dataflow::Expr& expr) {
  return expr.op == ExprOp::kLiteral && expr.literal.value().is_null();
}

Type arithmetic_type(Type a, Type b) {
  if (a == Type::kReal || b == Type::kReal) return Type::kReal;
  return a == Type::kInt && b == Type::kInt ? Type::kInt : Type::kAny;
}

Type common_type(Type type, Type other) { return type == other ? type : Type::kAny; }

std::optional<ArgumentProblem> check_call(Function function, std::string_view name,
                                          std::span<const ExprPtr> arguments) {
  if (function == Function::kNullif || function == Function::kMin || function == Function::kMax) {
    return check_comparable(arguments);
  }
  const std::string_view letters = argument_letters(function);
  for (unsigned i = 0; i < arguments.size(); ++i) {
    const char letter = letters[std::min<std::size_t>(i, letters.size() - 1)];
    const Type type = arguments[i]->type;
    const std::string subject = std::string(name) + " needs ";
    if (letter == 'n' && !fits_number(type)) {
      return ArgumentProblem{i, subject + "a number" + found(type)};
    }
    const bool text_fits = fits_text(type) || (letter == 'b' && type == Type::kBytes);
    if ((letter == 't' || letter == 'b') && !text_fits) {
      return ArgumentProblem{i, subject + "text" + found(type)};
    }
    if (letter == 'c' && !fits_condition(type)) {
      return ArgumentProblem{i, subject + "a BOOL" + found(type)};
    }
  }
  return std::nullopt;
}

Type call_type(Function function, std::span<const ExprPtr> arguments) {
  const Type first = arguments.empty() ? Type::kAny : arguments[0]->type;
  switch (function) {
    case Function::kAbs: return is_number(first) ? first : Type::kAny;
    case Function::kNullif: return first;
    case Function::kCoalesce: case Function::kIfnull: case Function::kMin: case Function::kMax:
      return common_type_of(arguments);
    case Function::kIif: return common_type_of(arguments.subspan(1));
    case Function::kLength: case Function::kInstr: case Function::kSign: return Type::kInt;
    case Function::kRound: return Type::kReal;
    case Function::kSubstr:
      if (first == Type::kBytes) return Type::kBytes;
      return is_dynamic(first) ? Type::kAny : Type::kText;
    case Function::kLower: case Function::kUpper: case Function::kTrim: case Function::kLtrim:
    case Function::kRtrim: case Function::kReplace: case Function::kTypeof:
      return Type::kText;
  }
  return Type::kAny;
}

Type aggregate_type(AggregateKind kind, Type argument) {
  switch (kind) {
    case AggregateKind::kCountAll: case AggregateKind::kCount: return Type::kInt;
    case AggregateKind::kAvg: case AggregateKind::kTotal: return Type::kReal;
    case AggregateKind::kGroupConcat: return Type::kText;
    case AggregateKind::kSum: return is_number(argument) ? argument : Type::kAny;
    case AggregateKind::kMin: case AggregateKind::kMax: return argument;
  }
  return Type::kAny;
}

}  // namespace tremula::treeql
