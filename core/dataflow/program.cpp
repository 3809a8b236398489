#include "core/dataflow/program.h"

#include "core/base/check.h"

#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Kind;
using triples::Value;

SourceMask Node::sources() const {
  SourceMask mask = op == ExprOp::kColumn ? SourceMask{1} << source : 0;
  for (const Node& argument : arguments) mask |= argument.sources();
  return mask;
}

bool Node::has_site() const {
  if (op == ExprOp::kExists || op == ExprOp::kIn || op == ExprOp::kScalar) return true;
  for (const Node& argument : arguments)
    if (argument.has_site()) return true;
  return false;
}

void append_canonical(const Node& node, std::string& out) {
  out += '(';
  out += std::to_string(static_cast<int>(node.op));
  switch (node.op) {
    case ExprOp::kLiteral:
      out += static_cast<char>('a' + static_cast<int>(node.literal.value().kind));
      triples::encode_ordered(node.literal.value(), out);
      break;
    case ExprOp::kColumn: out += '.' + std::to_string(node.source); [[fallthrough]];
    case ExprOp::kParameter:
    case ExprOp::kExists:
    case ExprOp::kIn:
    case ExprOp::kScalar: out += ':' + std::to_string(node.index); break;
    case ExprOp::kCast: out += ':' + std::to_string(static_cast<int>(node.type)); break;
    case ExprOp::kCall: out += ':' + std::to_string(static_cast<int>(node.function)); break;
    case ExprOp::kJsonObject:
      for (const std::string& name : node.names) triples::print_json_string(name, out);
      break;
    default: break;
  }
  for (const Node& argument : node.arguments) append_canonical(argument, out);
  out += ')';
}

namespace {

Value negated(Value v) {
  return v.kind == Kind::kBool ? Value::boolean_of(!v.boolean) : Value::null();
}

// AND and OR: `absorbing` decides (FALSE, TRUE); else NULL if any operand is not BOOL.
Value evaluate_logic(const Node& node, const RowContext& row, bool absorbing) {
  bool unknown = false;
  for (const Node& argument : node.arguments) {
    const Value v = evaluate(argument, row);
    if (v.kind != Kind::kBool)
      unknown = true;
    else if (v.boolean == absorbing)
      return v;
  }
  return unknown ? Value::null() : Value::boolean_of(!absorbing);
}

Value evaluate_in_list(const Node& node, const RowContext& row) {
  if (node.arguments.size() == 1) return Value::boolean_of(false);
  const Value x = evaluate(node.arguments[0], row);
  if (x.is_null()) return x;
  bool unknown = false;
  for (std::size_t i = 1; i < node.arguments.size(); ++i) {
    const Value found = triples::equal(x, evaluate(node.arguments[i], row));
    if (found.is_null()) unknown = true;
    if (found.is_true()) return found;
  }
  return unknown ? Value::null() : Value::boolean_of(false);
}

Value evaluate_case(const Node& node, const RowContext& row) {
  const std::size_t branches = node.arguments.size() / 2;
  for (std::size_t i = 0; i < branches; ++i)
    if (is_true(node.arguments[2 * i], row)) return evaluate(node.arguments[2 * i + 1], row);
  return evaluate(node.arguments.back(), row);
}

Value evaluate_call(const Node& node, const RowContext& row) {
  constexpr std::size_t kInline = 8;
  const std::size_t count = node.arguments.size();
  if (count <= kInline) {
    Value values[kInline];
    for (std::size_t i = 0; i < count; ++i) values[i] = evaluate(node.arguments[i], row);
    return triples::call(node.function, {values, count}, *row.arena);
  }
  std::vector<Value> values;
  for (const Node& argument : node.arguments) values.push_back(evaluate(argument, row));
  return triples::call(node.function, values, *row.arena);
}

Value evaluate_json(const Node& node, const RowContext& row) {
  const bool object = node.op == ExprOp::kJsonObject;
  std::string text(1, object ? '{' : '[');
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    if (i > 0) text += ',';
    if (object) {
      triples::print_json_string(node.names[i], text);
      text += ':';
    }
    triples::print_json(evaluate(node.arguments[i], row), text);
  }
  text += object ? '}' : ']';
  // Parsed again so that a name given twice keeps its last value, as in any other JSON.
  Value parsed;
  return triples::parse_json(text, *row.arena, parsed) ? parsed : Value::null();
}

Value is_same(Value a, Value b) { return Value::boolean_of(triples::compare(a, b) == 0); }

Value evaluate_binary(ExprOp op, Value a, Value b, const RowContext& row) {
  switch (op) {
    case ExprOp::kAdd: return triples::add(a, b);
    case ExprOp::kSubtract: return triples::subtract(a, b);
    case ExprOp::kMultiply: return triples::multiply(a, b);
    case ExprOp::kDivide: return triples::divide(a, b);
    case ExprOp::kModulo: return triples::modulo(a, b);
    case ExprOp::kConcat: return triples::concat(a, b, *row.arena);
    case ExprOp::kEqual: return triples::equal(a, b);
    case ExprOp::kNotEqual: return negated(triples::equal(a, b));
    case ExprOp::kLess: return triples::less(a, b);
    case ExprOp::kLessEqual: return triples::less_equal(a, b);
    case ExprOp::kGreater: return triples::less(b, a);
    case ExprOp::kGreaterEqual: return triples::less_equal(b, a);
    case ExprOp::kIs: return is_same(a, b);
    case ExprOp::kIsNot: return negated(is_same(a, b));
    case ExprOp::kJsonGet: return triples::json_get(a, b, *row.arena);
    case ExprOp::kJsonGetText: return triples::json_get_text(a, b, *row.arena);
    case ExprOp::kGlob: return triples::glob(a, b);
    default: break;
  }
  TREMULA_ASSERT(!"an operator of two operands");
  return Value::null();
}

}  // namespace

Value evaluate(const Node& node, const RowContext& row) {
  switch (node.op) {
    case ExprOp::kLiteral: return node.literal.value();
    case ExprOp::kParameter: return row.parameters[node.index];
    case ExprOp::kColumn: {
      const triples::Slot slot = row.tuple[node.source];
      if (slot == triples::kNoSlot) return Value::null();
      return row.relations[node.source]->read(slot, node.index, row.side);
    }
    case ExprOp::kNegate: return triples::negate(evaluate(node.arguments[0], row));
    case ExprOp::kNot: return negated(evaluate(node.arguments[0], row));
    case ExprOp::kIsNull: return Value::boolean_of(evaluate(node.arguments[0], row).is_null());
    case ExprOp::kIsNotNull: return Value::boolean_of(!evaluate(node.arguments[0], row).is_null());
    case ExprOp::kAnd: return evaluate_logic(node, row, false);
    case ExprOp::kOr: return evaluate_logic(node, row, true);
    case ExprOp::kInList: return evaluate_in_list(node, row);
    case ExprOp::kCase: return evaluate_case(node, row);
    case ExprOp::kCast:
      return triples::cast(evaluate(node.arguments[0], row), node.type, *row.arena);
    case ExprOp::kCall: return evaluate_call(node, row);
    case ExprOp::kLike: {
      const Value escape =
          node.arguments.size() > 2 ? evaluate(node.arguments[2], row) : Value::text_of("");
      if (node.arguments.size() > 2 && escape.is_null()) return escape;
      return triples::like(evaluate(node.arguments[0], row), evaluate(node.arguments[1], row),
                           node.arguments.size() > 2 ? escape : Value::null());
    }
    case ExprOp::kExists:
    case ExprOp::kScalar: return row.sites->read_site(node.index, node.op, Value::null(), row);
    case ExprOp::kIn:
      return row.sites->read_site(node.index, node.op, evaluate(node.arguments[0], row), row);
    case ExprOp::kJsonArray:
    case ExprOp::kJsonObject: return evaluate_json(node, row);
    default:
      return evaluate_binary(node.op, evaluate(node.arguments[0], row),
                             evaluate(node.arguments[1], row), row);
  }
}

}  // namespace tremula::dataflow
