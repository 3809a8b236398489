// Binding of writes: INSERT, UPSERT, UPDATE, DELETE.
#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"
#include "lang/treeql/types.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using dataflow::ExprOp;
using dataflow::ExprPtr;
using triples::ColumnDef;
using triples::TableDef;
using triples::Type;

namespace {

bool is_key(const TableDef& table, triples::AttrId attr) {
  if (attr == triples::kGeneratedIdAttr) return true;
  const ColumnDef* column = table.find_attr(attr);
  return column && column->key_position >= 0;
}

Result<void> check_named_once(const std::vector<WriteColumn>& columns, const ast::Name& name) {
  for (const WriteColumn& column : columns) {
    if (column.name != name.text) continue;
    return error(ErrorCode::kSyntax, name.span, "column " + quoted(name.text) + " is named twice");
  }
  return {};
}

dataflow::Property make_value(std::string name, ExprPtr expr) {
  dataflow::Property property;
  property.name = std::move(name);
  property.expr = std::move(expr);
  return property;
}

}  // namespace

Result<WriteColumn> Binder::bind_write_column(const TableDef& table, const ast::Name& name) const {
  WriteColumn column;
  column.name = name.text;
  SourceScope source;
  source.table = &table;
  FoundColumn found;
  if (find_column(source, name.text, !table.strict, found)) {
    column.attr = found.attr;
    return column;
  }
  column.attr = triples::kRowAttr;
  if (!table.strict) return column;
  return error(ErrorCode::kUnknownColumn, name.span,
               "no column " + quoted(name.text) + " in " + table.name + ", which is STRICT" +
                   suggestion(name.text, visible_columns(source)));
}

Result<ExprPtr> Binder::bind_write_value(const TableDef& table, const WriteColumn& column,
                                         const ast::Expr& value) {
  TREMULA_TRY_ASSIGN(ExprPtr expr, bind_expr(value));
  if (column.attr == triples::kRowAttr) return expr;
  const ColumnDef* definition = table.find_attr(column.attr);
  const bool generated = column.attr == triples::kGeneratedIdAttr;
  const bool never_null =
      is_key(table, column.attr) || (definition != nullptr && definition->not_null);
  if (never_null && is_null_literal(*expr)) {
    return error(ErrorCode::kNotNull, value.span,
                 "column " + quoted(column.name) + " of " + table.name + " can't be NULL");
  }
  Type declared = Type::kAny;
  if (generated) declared = Type::kInt;
  if (definition && definition->declared) declared = definition->type;
  const bool is_tree = expr->op == ExprOp::kJsonArray || expr->op == ExprOp::kJsonObject;
  const bool fits = is_tree ? is_dynamic(declared) : assignable(declared, expr->type);
  if (fits) return expr;
  return error(ErrorCode::kTypeMismatch, value.span,
               "column " + quoted(column.name) + " of " + table.name + " is " +
                   std::string(triples::type_name(declared)) + ", found " +
                   std::string(triples::type_name(expr->type)));
}

Result<StatementVariant> Binder::bind_insert(const ast::Insert& insert) {
  TREMULA_TRY_ASSIGN(const TableDef* table, find_writable(insert.table));
  Insert bound;
  bound.table = table->type;
  bound.upsert = insert.upsert;
  bound.rows.reserve(insert.rows.size());
  for (const ast::InsertRow& row : insert.rows) {
    TREMULA_TRY_ASSIGN(InsertRow bound_row, bind_insert_row(*table, row, insert.upsert));
    bound.rows.push_back(std::move(bound_row));
  }
  return StatementVariant(std::move(bound));
}

Result<InsertRow> Binder::bind_insert_row(const TableDef& table, const ast::InsertRow& row,
                                          bool upsert) {
  InsertRow bound;
  bound.span = row.span;
  Scope scope;
  scope.select = &bound.values;
  scope.aggregate_ban = "the values of a row";
  const Inside inside(*this, scope);
  for (std::size_t i = 0; i < row.columns.size(); ++i) {
    TREMULA_TRY(check_named_once(bound.columns, row.columns[i]));
    TREMULA_TRY_ASSIGN(WriteColumn column, bind_write_column(table, row.columns[i]));
    column.value_span = row.values[i]->span;
    TREMULA_TRY_ASSIGN(ExprPtr value, bind_write_value(table, column, *row.values[i]));
    bound.values.shape.properties.push_back(make_value(column.name, std::move(value)));
    bound.columns.push_back(std::move(column));
  }
  TREMULA_TRY(check_missing(table, bound, upsert));
  return bound;
}

// Columns that must be given and are not. UPSERT of a row that exists needs its key alone.
Result<void> Binder::check_missing(const TableDef& table, const InsertRow& row,
                                   bool upsert) const {
  for (const ColumnDef& column : table.columns) {
    const bool in_key = column.key_position >= 0;
    const bool needed = in_key || (column.not_null && !column.default_value && !upsert);
    if (!needed || !column.declared || !column.visible) continue;
    if (column.attr == triples::kGeneratedIdAttr) continue;
    bool given = false;
    for (const WriteColumn& written : row.columns) given |= written.attr == column.attr;
    if (given) continue;
    return error(ErrorCode::kNotNull, row.span,
                 (in_key ? "key column " : "column ") + quoted(column.name) + " of " +
                     table.name + " is missing");
  }
  return {};
}

// The one source of UPDATE and DELETE, and their WHERE.
Result<void> Binder::bind_target(const TableDef& table, const ast::ExprPtr& where, Scope& scope) {
  dataflow::Source source;
  source.table = table.type;
  source.name = source.alias = table.name;
  scope.select->sources.push_back(std::move(source));
  scope.sources.push_back({table.name, &table, {}});
  scope.aggregate_ban = "WHERE";
  if (where) {
    TREMULA_TRY_ASSIGN(scope.select->where, bind_condition(*where, "WHERE"));
  }
  return {};
}

Result<StatementVariant> Binder::bind_update(const ast::Update& update) {
  TREMULA_TRY_ASSIGN(const TableDef* table, find_writable(update.table));
  Update bound;
  bound.table = table->type;
  Scope scope;
  scope.select = &bound.rows;
  const Inside inside(*this, scope);
  TREMULA_TRY(bind_target(*table, update.where, scope));
  scope.aggregate_ban = "SET";
  for (std::size_t i = 0; i < update.columns.size(); ++i) {
    const ast::Name& name = update.columns[i];
    TREMULA_TRY(check_named_once(bound.columns, name));
    TREMULA_TRY_ASSIGN(WriteColumn column, bind_write_column(*table, name));
    if (is_key(*table, column.attr)) {
      return error(ErrorCode::kKeyUpdate, name.span,
                   "column " + quoted(name.text) + " belongs to the key of " + table->name +
                       ": delete the row and insert another instead");
    }
    column.value_span = update.values[i]->span;
    TREMULA_TRY_ASSIGN(ExprPtr value, bind_write_value(*table, column, *update.values[i]));
    bound.rows.shape.properties.push_back(make_value(column.name, std::move(value)));
    bound.columns.push_back(std::move(column));
  }
  return StatementVariant(std::move(bound));
}

Result<StatementVariant> Binder::bind_delete(const ast::Delete& statement) {
  TREMULA_TRY_ASSIGN(const TableDef* table, find_writable(statement.table));
  Delete bound;
  bound.table = table->type;
  Scope scope;
  scope.select = &bound.rows;
  const Inside inside(*this, scope);
  TREMULA_TRY(bind_target(*table, statement.where, scope));
  return StatementVariant(std::move(bound));
}

}  // namespace tremula::treeql
