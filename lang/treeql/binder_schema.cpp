// Binding of TABLE: a declaration checked in itself. What it changes is the database's to find out.
#include <algorithm>

#include "lang/treeql/binder.h"
#include "lang/treeql/diagnostic.h"
#include "lang/treeql/types.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using base::Span;
using triples::AttrId;
using triples::ColumnDef;
using triples::MergeRule;
using triples::OwnedValue;
using triples::TableDef;
using triples::Type;
using triples::Value;

namespace {

base::Error conflict(Span span, std::string message) {
  return error(ErrorCode::kSchemaConflict, span, std::move(message));
}

std::string named(Type type) { return std::string(triples::type_name(type)); }

bool can_be_key(Type type) {
  return type == Type::kInt || type == Type::kText || type == Type::kBytes || type == Type::kBool;
}

// Returns: nothing for DEFAULT NULL, which is what a column without DEFAULT reads.
Result<std::optional<OwnedValue>> bind_default(const ast::ColumnDeclaration& column) {
  if (!column.default_literal) return std::optional<OwnedValue>();
  const ast::Expr& ast = *column.default_literal;
  OwnedValue literal = ast.literal;
  if (ast.kind == ast::ExprKind::kUnary) fold_negation(ast.arguments[0]->literal, literal);
  // 9223372036854775808 alone is a REAL, with its sign an INT.
  const double least = -9223372036854775808.0;
  if (ast.kind == ast::ExprKind::kUnary && literal.value().kind == triples::Kind::kReal &&
      literal.value().number == least && column.type == Type::kInt) {
    literal = OwnedValue(Value::int_of(INT64_MIN));
  }
  const Value value = literal.value();
  if (value.is_null()) return std::optional<OwnedValue>();
  if (!assignable(column.type, type_of(value))) {
    return error(ErrorCode::kTypeMismatch, ast.span,
                 "column " + quoted(column.name.text) + " is " + named(column.type) +
                     ", its DEFAULT is " + named(type_of(value)));
  }
  if (column.type == Type::kReal && value.kind == triples::Kind::kInt) {
    literal = OwnedValue(Value::real(static_cast<double>(value.integer)));
  }
  return std::optional<OwnedValue>(std::move(literal));
}

Result<void> check_merge_rule(const ast::ColumnDeclaration& column) {
  const MergeRule rule = column.merge.value_or(MergeRule::kLww);
  const bool counts = rule == MergeRule::kCounter && column.type != Type::kInt;
  const bool collects = rule == MergeRule::kSet && column.type != Type::kJson;
  if (!counts && !collects) return {};
  return error(ErrorCode::kTypeMismatch, column.merge_span,
               std::string(counts ? "COUNTER is for INT columns" : "SET is for JSON columns") +
                   ", and " + quoted(column.name.text) + " is " + named(column.type));
}

Result<ColumnDef> bind_column(const ast::ColumnDeclaration& column) {
  ColumnDef bound;
  bound.name = column.name.text;
  bound.attr = AttrId{static_cast<std::uint32_t>(column.number.value)};
  bound.type = column.type;
  bound.not_null = column.not_null;
  bound.indexed = column.indexed;
  bound.references = column.references;
  bound.merge = column.merge.value_or(MergeRule::kLww);
  bound.merge_given = column.merge.has_value();
  TREMULA_TRY(check_merge_rule(column));
  TREMULA_TRY_ASSIGN(bound.default_value, bind_default(column));
  return bound;
}

Result<void> check_columns(const ast::DeclareTable& declaration) {
  const auto& columns = declaration.columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (columns[i].name.text == columns[j].name.text) {
        return conflict(columns[i].name.span,
                        "two columns have the name " + quoted(columns[i].name.text));
      }
      if (columns[i].number.value == columns[j].number.value) {
        return conflict(columns[i].number.span,
                        quoted(columns[j].name.text) + " and " + quoted(columns[i].name.text) +
                            " have the same number " + std::to_string(columns[i].number.value));
      }
    }
    for (const auto& [first, last] : declaration.reserved) {
      if (columns[i].number.value < first.value || columns[i].number.value > last.value) continue;
      return conflict(columns[i].number.span,
                      "number " + std::to_string(columns[i].number.value) + " is RESERVED");
    }
  }
  return {};
}

Result<void> add_to_key(TableDef& table, const ast::DeclareTable& declaration, std::size_t column,
                        int position, Span span) {
  ColumnDef& bound = table.columns[column];
  if (bound.key_position >= 0) {
    return error(ErrorCode::kSyntax, span, quoted(bound.name) + " is in the key twice");
  }
  bound.key_position = position;
  if (can_be_key(bound.type)) return {};
  return error(ErrorCode::kTypeMismatch, span,
               "a key column is INT, TEXT, BYTES or BOOL, and " +
                   quoted(declaration.columns[column].name.text) + " is " + named(bound.type));
}

Result<void> bind_key(TableDef& table, const ast::DeclareTable& declaration) {
  int position = 0;
  for (std::size_t i = 0; i < declaration.columns.size(); ++i) {
    const ast::ColumnDeclaration& column = declaration.columns[i];
    if (!column.key) continue;
    if (!declaration.key.empty()) {
      return error(ErrorCode::kSyntax, column.key_span,
                   "the key is given twice: by a column's KEY and by KEY (...)");
    }
    TREMULA_TRY(add_to_key(table, declaration, i, position++, column.key_span));
  }
  for (const ast::Name& name : declaration.key) {
    const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                    [&](const ColumnDef& c) { return c.name == name.text; });
    if (found == table.columns.end()) {
      std::vector<std::string_view> candidates;
      for (const ColumnDef& column : table.columns) candidates.push_back(column.name);
      return error(ErrorCode::kUnknownColumn, name.span,
                   "no column " + quoted(name.text) + " in " + table.name +
                       suggestion(name.text, candidates));
    }
    const std::size_t column = found - table.columns.begin();
    TREMULA_TRY(add_to_key(table, declaration, column, position++, name.span));
  }
  table.generated_key = position == 0;
  return {};
}

}  // namespace

Result<DeclareTable> bind_declaration(const ast::DeclareTable& declaration) {
  if (declaration.name.text.starts_with("tremula_")) {
    return error(ErrorCode::kReadOnly, declaration.name.span,
                 "names that begin with 'tremula_' are the database's own");
  }
  DeclareTable bound;
  TableDef& table = bound.table;
  bound.name_span = declaration.name.span;
  table.name = declaration.name.text;
  table.type = triples::TypeId{static_cast<std::uint32_t>(declaration.number.value)};
  table.strict = declaration.strict;
  TREMULA_TRY(check_columns(declaration));
  for (const ast::ColumnDeclaration& column : declaration.columns) {
    TREMULA_TRY_ASSIGN(ColumnDef definition, bind_column(column));
    table.columns.push_back(std::move(definition));
    bound.column_spans.push_back(column.name.span);
  }
  TREMULA_TRY(bind_key(table, declaration));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (!table.generated_key || table.columns[i].name != "id") continue;
    return conflict(bound.column_spans[i],
                    "in a table without KEY 'id' is the generated key: give it KEY or "
                    "another name");
  }
  for (const auto& [first, last] : declaration.reserved) {
    table.reserved.emplace_back(static_cast<std::uint32_t>(first.value),
                                static_cast<std::uint32_t>(last.value));
  }
  std::sort(table.reserved.begin(), table.reserved.end());
  return bound;
}

}  // namespace tremula::treeql
