#include "db/writes.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/triples/value_ops.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::Slot;
using triples::TypeId;
using triples::Value;

namespace {

Result<void> check_writable(const Engine& engine, TypeId type, const treeql::Statement& statement) {
  const triples::TableDef* table = engine.store.catalog().find(type);
  TREMULA_ASSERT(table != nullptr);
  if (!table->read_only) return {};
  return Error{ErrorCode::kReadOnly, table->name + " is read-only: it follows TABLE and DROP",
               statement.span};
}

Value keep(Value value, base::Arena& arena) {
  if (value.has_bytes()) value.data = arena.copy(value.view()).data();
  return value;
}

// The value of an expression that needs no row and no engine; most of what INSERT is given.
std::optional<Value> constant(const dataflow::Expr& expr, const Arguments& arguments) {
  switch (expr.op) {
    case dataflow::ExprOp::kLiteral: return expr.literal.value();
    case dataflow::ExprOp::kParameter: return arguments[expr.parameter];
    case dataflow::ExprOp::kNegate:
      if (const auto operand = constant(*expr.arguments[0], arguments)) {
        return triples::negate(*operand);
      }
      return std::nullopt;
    default: return std::nullopt;
  }
}

// Columns that a write names, as targets; undeclared ones that are new get their numbers here.
std::vector<TargetIndex> targets_of(Engine& engine, TypeId type,
                                    const std::vector<treeql::WriteColumn>& columns) {
  std::vector<triples::AttrId> attrs;
  attrs.reserve(columns.size());
  for (const treeql::WriteColumn& column : columns) {
    attrs.push_back(column.attr != triples::kRowAttr
                        ? column.attr
                        : engine.store.undeclared_column(type, column.name));
  }
  const RowWriter& writer = engine.store.writer(type);
  std::vector<TargetIndex> targets;
  targets.reserve(columns.size());
  for (const triples::AttrId attr : attrs) {
    targets.push_back(writer.find_target(attr));
    TREMULA_ASSERT(targets.back() != kNoTarget);
  }
  return targets;
}

// Appends the values of one row given, parallel to its columns.
Result<void> evaluate(Engine& engine, const treeql::InsertRow& row,
                      const treeql::Statement& statement, const Arguments& arguments,
                      base::Arena& arena, std::vector<Value>& out) {
  const std::size_t first = out.size();
  bool all_constant = true;
  for (const dataflow::Property& property : row.values.shape.properties) {
    const std::optional<Value> value = constant(*property.expr, arguments);
    all_constant = value.has_value();
    if (!all_constant) break;
    out.push_back(*value);
  }
  if (all_constant) return {};
  out.resize(first);
  return for_each_value(engine, row.values, statement, arguments,
                        [&](Slot, std::span<const Value> values) {
                          for (const Value& value : values) out.push_back(keep(value, arena));
                          return true;
                        });
}

std::vector<Cell> cells_of(const std::vector<TargetIndex>& targets,
                           const std::vector<treeql::WriteColumn>& columns,
                           std::span<const Value> values) {
  std::vector<Cell> cells;
  cells.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    cells.push_back({.target = targets[i], .value = values[i], .span = columns[i].value_span});
  }
  return cells;
}

}  // namespace

Result<std::size_t> run_insert(Engine& engine, const treeql::Insert& insert,
                               const treeql::Statement& statement, const Arguments& arguments) {
  TREMULA_TRY(check_writable(engine, insert.table, statement));
  base::Arena arena;
  std::vector<Value> values;
  for (const treeql::InsertRow& row : insert.rows) {
    TREMULA_TRY(evaluate(engine, row, statement, arguments, arena, values));
  }
  std::size_t at = 0;
  for (const treeql::InsertRow& row : insert.rows) {
    TREMULA_TRY(check_interrupt(engine));
    const std::vector<TargetIndex> targets = targets_of(engine, insert.table, row.columns);
    const std::span<const Value> given = std::span(values).subspan(at, row.columns.size());
    const std::vector<Cell> cells = cells_of(targets, row.columns, given);
    RowWriter& writer = engine.store.writer(insert.table);
    TREMULA_TRY(insert.upsert ? writer.upsert(cells, row.span) : writer.insert(cells, row.span));
    writer.clear_scratch();
    at += row.columns.size();
  }
  return insert.rows.size();
}

Result<std::size_t> run_update(Engine& engine, const treeql::Update& update,
                               const treeql::Statement& statement, const Arguments& arguments) {
  TREMULA_TRY(check_writable(engine, update.table, statement));
  base::Arena arena;
  std::vector<Slot> slots;
  std::vector<Value> values;
  TREMULA_TRY(for_each_value(engine, update.rows, statement, arguments,
                             [&](Slot slot, std::span<const Value> row) {
                               slots.push_back(slot);
                               for (const Value& value : row) values.push_back(keep(value, arena));
                               return true;
                             }));
  const std::vector<TargetIndex> targets = targets_of(engine, update.table, update.columns);
  RowWriter& writer = engine.store.writer(update.table);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    TREMULA_TRY(check_interrupt(engine));
    const std::size_t width = update.columns.size();
    const std::span<const Value> row = std::span(values).subspan(i * width, width);
    TREMULA_TRY(writer.update(slots[i], cells_of(targets, update.columns, row)));
    writer.clear_scratch();
  }
  return slots.size();
}

Result<std::size_t> run_delete(Engine& engine, const treeql::Delete& erase,
                               const treeql::Statement& statement, const Arguments& arguments) {
  TREMULA_TRY(check_writable(engine, erase.table, statement));
  std::vector<Slot> slots;
  TREMULA_TRY(for_each_value(engine, erase.rows, statement, arguments,
                             [&](Slot slot, std::span<const Value>) {
                               slots.push_back(slot);
                               return true;
                             }));
  RowWriter& writer = engine.store.writer(erase.table);
  for (const Slot slot : slots) {
    TREMULA_TRY(check_interrupt(engine));
    writer.erase(slot);
  }
  return slots.size();
}

}  // namespace tremula::db
