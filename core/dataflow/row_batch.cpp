#include "core/dataflow/row_batch.h"

#include <algorithm>
#include <new>

#include "core/base/check.h"

namespace tremula::dataflow {

using triples::kBatchSlots;
using triples::Kind;
using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

bool both(const Value& a, const Value& b, Kind kind) { return a.kind == kind && b.kind == kind; }

Value less_of(const Value& a, const Value& b) {
  if (both(a, b, Kind::kInt)) return Value::boolean_of(a.integer < b.integer);
  if (both(a, b, Kind::kReal)) return Value::boolean_of(a.number < b.number);
  return triples::less(a, b);
}

Value less_equal_of(const Value& a, const Value& b) {
  if (both(a, b, Kind::kInt)) return Value::boolean_of(a.integer <= b.integer);
  if (both(a, b, Kind::kReal)) return Value::boolean_of(a.number <= b.number);
  return triples::less_equal(a, b);
}

Value sum_of(const Value& a, const Value& b) {
  std::int64_t sum = 0;
  if (both(a, b, Kind::kInt) && !__builtin_add_overflow(a.integer, b.integer, &sum))
    return Value::int_of(sum);
  return triples::add(a, b);
}

// Calls `use` with the function of an operator that has a loop of its own.
// Returns: false if it has none.
template <typename Use>
bool with_function(ExprOp op, Use use) {
  using V = const Value&;
  switch (op) {
    case ExprOp::kEqual: use([](V a, V b) { return triples::equal(a, b); }); return true;
    case ExprOp::kLess: use([](V a, V b) { return less_of(a, b); }); return true;
    case ExprOp::kLessEqual: use([](V a, V b) { return less_equal_of(a, b); }); return true;
    case ExprOp::kGreater: use([](V a, V b) { return less_of(b, a); }); return true;
    case ExprOp::kGreaterEqual: use([](V a, V b) { return less_equal_of(b, a); }); return true;
    case ExprOp::kAdd: use([](V a, V b) { return sum_of(a, b); }); return true;
    default: return false;
  }
}

bool is_length(const Node& node) {
  return node.op == ExprOp::kCall && node.function == triples::Function::kLength;
}

}  // namespace

RowBatch::RowBatch(const triples::Relation& relation, const Value* parameters, base::Arena& arena)
    : relation_(relation), relations_{&relation}, parameters_(parameters), arena_(arena) {}

bool RowBatch::is_read_at_once(const Node& node) {
  return node.op != ExprOp::kCase &&
         std::all_of(node.arguments.begin(), node.arguments.end(), is_read_at_once);
}

void RowBatch::begin(Slot first) { first_ = first; }

void RowBatch::rest() { columns_.clear(); }

Value* RowBatch::take_values() {
  return new (arena_.allocate(kBatchSlots * sizeof(Value))) Value[kBatchSlots];
}

std::uint8_t* RowBatch::take_rows() {
  return new (arena_.allocate(kBatchSlots)) std::uint8_t[kBatchSlots];
}

BatchRows RowBatch::rows() {
  std::uint8_t* const rows = take_rows();
  return {rows, relation_.list_batch(first_, rows)};
}

RowContext RowBatch::context() const {
  RowContext row;
  row.relations = relations_;
  row.parameters = parameters_;
  row.arena = &arena_;
  row.side = Side::kNew;
  return row;
}

BatchValues RowBatch::read(triples::ColumnIndex index) {
  if (columns_.size() <= index) columns_.resize(index + 1);
  Column& column = columns_[index];
  if (column.reader == nullptr) {
    column.reader = relation_.read_column(index);
    column.first = triples::kNoSlot;
  }
  if (column.first != first_) {
    column.values = column.reader->read(first_);
    column.first = first_;
  }
  return {column.values, 1};
}

BatchRows RowBatch::filter(const Node& node, BatchRows rows) {
  if (node.op == ExprOp::kAnd) {
    for (const Node& argument : node.arguments) rows = filter(argument, rows);
    return rows;
  }
  if (rows.empty()) return rows;
  std::uint8_t* const kept = take_rows();
  std::size_t count = 0;
  const auto keep = [&](std::uint8_t row, bool is_kept) {
    kept[count] = row;
    count += is_kept ? 1 : 0;
  };
  const bool has_function = with_function(node.op, [&](auto function) {
    const BatchValues a = evaluate(node.arguments[0], rows);
    const BatchValues b = evaluate(node.arguments[1], rows);
    for (const std::uint8_t row : rows) keep(row, function(a[row], b[row]).is_true());
  });
  if (!has_function) {
    const BatchValues values = evaluate(node, rows);
    for (const std::uint8_t row : rows) keep(row, values[row].is_true());
  }
  return {kept, count};
}

BatchValues RowBatch::evaluate(const Node& node, BatchRows rows) {
  switch (node.op) {
    case ExprOp::kLiteral: {
      auto* const value = new (arena_.allocate(sizeof(Value))) Value(node.literal.value());
      return {value, 0};
    }
    case ExprOp::kParameter: return {parameters_ + node.index, 0};
    case ExprOp::kColumn: return read(node.index);
    case ExprOp::kAnd:
    case ExprOp::kOr: return evaluate_logic(node, rows);
    case ExprOp::kCase: return evaluate_rows(node, rows);
    default: break;
  }
  if (is_length(node)) return lengths(evaluate(node.arguments[0], rows), rows);
  Value* const values = take_values();
  const bool has_function = with_function(node.op, [&](auto function) {
    const BatchValues a = evaluate(node.arguments[0], rows);
    const BatchValues b = evaluate(node.arguments[1], rows);
    for (const std::uint8_t row : rows) values[row] = function(a[row], b[row]);
  });
  return has_function ? BatchValues{values, 1} : evaluate_each(node, rows);
}

// As evaluate() does, what stands behind is computed only for rows that aren't decided before.
BatchValues RowBatch::evaluate_logic(const Node& node, BatchRows rows) {
  const bool absorbing = node.op == ExprOp::kOr;
  Value* const values = take_values();
  for (const std::uint8_t row : rows) values[row] = Value::boolean_of(!absorbing);
  BatchRows undecided = rows;
  for (const Node& argument : node.arguments) {
    if (undecided.empty()) break;
    const BatchValues of_argument = evaluate(argument, undecided);
    std::uint8_t* const left = take_rows();
    std::size_t count = 0;
    for (const std::uint8_t row : undecided) {
      const Value& value = of_argument[row];
      const bool is_bool = value.kind == Kind::kBool;
      const bool decides = is_bool && value.boolean == absorbing;
      if (decides) values[row] = value;
      if (!is_bool) values[row] = Value::null();
      left[count] = row;
      count += decides ? 0 : 1;
    }
    undecided = {left, count};
  }
  return {values, 1};
}

const Node& RowBatch::over_parameters(const Node& node) {
  for (const auto& [of, made] : over_parameters_)
    if (of == &node) return *made;
  auto made = std::make_unique<Node>();
  made->op = node.op;
  made->type = node.type;
  made->function = node.function;
  made->names = node.names;
  for (std::uint32_t i = 0; i < node.arguments.size(); ++i) {
    Node& argument = made->arguments.emplace_back();
    argument.op = ExprOp::kParameter;
    argument.index = i;
  }
  return *over_parameters_.emplace_back(&node, std::move(made)).second;
}

BatchValues RowBatch::evaluate_each(const Node& node, BatchRows rows) {
  const Node& operation = over_parameters(node);
  std::vector<BatchValues> arguments;
  arguments.reserve(node.arguments.size());
  for (const Node& argument : node.arguments) arguments.push_back(evaluate(argument, rows));
  std::vector<Value> of_row(arguments.size());
  RowContext row_context = context();
  row_context.parameters = of_row.data();
  Value* const values = take_values();
  for (const std::uint8_t row : rows) {
    for (std::size_t i = 0; i < arguments.size(); ++i) of_row[i] = arguments[i][row];
    values[row] = dataflow::evaluate(operation, row_context);
  }
  return {values, 1};
}

BatchValues RowBatch::evaluate_rows(const Node& node, BatchRows rows) {
  RowContext row_context = context();
  Value* const values = take_values();
  for (const std::uint8_t row : rows) {
    const Slot slot = first_ + row;
    row_context.tuple = &slot;
    values[row] = dataflow::evaluate(node, row_context);
  }
  return {values, 1};
}

BatchValues RowBatch::lengths(BatchValues texts, BatchRows rows) {
  Value* const values = take_values();
  for (const std::uint8_t row : rows) {
    const Value& text = texts[row];
    if (text.kind == Kind::kText && text.is_ascii) {
      values[row] = Value::int_of(text.size);
    } else {
      values[row] = triples::call(triples::Function::kLength, {&text, 1}, arena_);
    }
  }
  return {values, 1};
}

}  // namespace tremula::dataflow
