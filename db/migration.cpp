#include "db/migration.h"

#include <algorithm>
#include <optional>

#include "core/triples/value_ops.h"
#include "db/json_text.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Span;
using triples::AttrId;
using triples::ColumnDef;
using triples::OwnedValue;
using triples::TableDef;
using triples::Type;
using triples::Value;

namespace {

Error conflict(std::string message, Span span) {
  return {ErrorCode::kSchemaConflict, std::move(message), span};
}

std::string number_text(AttrId attr) { return std::to_string(static_cast<std::uint32_t>(attr)); }

// Whether the declaration wrote this column: no undeclared, hidden or generated one.
bool is_written(const ColumnDef& column) {
  return column.declared && column.visible && column.attr != triples::kGeneratedIdAttr;
}

std::vector<const ColumnDef*> written_columns(const TableDef& table) {
  std::vector<const ColumnDef*> columns;
  for (const ColumnDef& column : table.columns) {
    if (is_written(column)) columns.push_back(&column);
  }
  return columns;
}

bool is_reserved(const TableDef& table, AttrId attr) {
  const auto number = static_cast<std::uint32_t>(attr);
  return std::any_of(table.reserved.begin(), table.reserved.end(), [number](const auto& range) {
    return range.first <= number && number <= range.second;
  });
}

Value default_of(const ColumnDef& column) {
  return column.default_value ? column.default_value->value() : Value::null();
}

// What a COUNTER reads without any sum.
std::int64_t start_of(const ColumnDef& counter) {
  const Value value = default_of(counter);
  return value.kind == triples::Kind::kInt ? value.integer : 0;
}

bool same_clauses(const ColumnDef& a, const ColumnDef& b) {
  return a.not_null == b.not_null && a.indexed == b.indexed && a.references == b.references &&
         identical(default_of(a), default_of(b));
}

bool same_column(const ColumnDef& a, const ColumnDef& b) {
  return a.name == b.name && a.attr == b.attr && a.type == b.type && a.merge == b.merge &&
         a.key_position == b.key_position && same_clauses(a, b);
}

bool same_declaration(const TableDef& standing, const TableDef& wanted) {
  const auto old_columns = written_columns(standing);
  const auto new_columns = written_columns(wanted);
  const auto equal = [](const ColumnDef* a, const ColumnDef* b) { return same_column(*a, *b); };
  return standing.name == wanted.name && standing.strict == wanted.strict &&
         standing.reserved == wanted.reserved &&
         std::equal(old_columns.begin(), old_columns.end(), new_columns.begin(),
                    new_columns.end(), equal);
}

bool fits_default(Value value, Type type) {
  if (value.is_null() || type == Type::kAny) return true;
  if (type == Type::kJson) return value.kind != triples::Kind::kBytes;
  return triples::fits(value, type);
}

// What is wrong with a declaration by itself. The REAL columns' INT defaults become REAL.
Result<void> check_declaration(TableDef& table, const treeql::DeclareTable& wanted) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    ColumnDef& column = table.columns[i];
    if (!is_written(column)) continue;
    const Span span = i < wanted.column_spans.size() ? wanted.column_spans[i] : wanted.name_span;
    for (std::size_t j = 0; j < i; ++j) {
      if (!is_written(table.columns[j])) continue;
      if (table.columns[j].attr == column.attr) {
        return conflict("'" + table.columns[j].name + "' and '" + column.name +
                            "' have the same number " + number_text(column.attr),
                        span);
      }
      if (table.columns[j].name == column.name) {
        return conflict("two columns are named '" + column.name + "'", span);
      }
    }
    if (is_reserved(table, column.attr)) {
      return conflict("the number " + number_text(column.attr) + " of '" + column.name +
                          "' is RESERVED; take a new number",
                      span);
    }
    if (table.generated_key && column.name == "id") {
      return conflict("'id' is the generated key of a table without KEY; declare it KEY or name it "
                      "otherwise",
                      span);
    }
    if (!fits_default(default_of(column), column.type)) {
      return Error{ErrorCode::kTypeMismatch,
                   "the DEFAULT of '" + column.name + "' is not " +
                       std::string(triples::type_name(column.type)),
                   span};
    }
    if (column.type == Type::kReal && column.default_value) {
      column.default_value =
          OwnedValue(triples::convert_stored(column.default_value->value(), Type::kReal));
    }
  }
  return {};
}

Result<void> check_names(const triples::Catalog& catalog, const treeql::DeclareTable& wanted) {
  const TableDef& table = wanted.table;
  if (table.name.starts_with("tremula_")) {
    return Error{ErrorCode::kReadOnly, "names that begin with tremula_ are the catalog's own",
                 wanted.name_span};
  }
  const TableDef* namesake = catalog.find(table.name);
  if (namesake != nullptr && namesake->type != table.type) {
    return conflict("the table " + table.name + " has the number " +
                        std::to_string(static_cast<std::uint32_t>(namesake->type)),
                    wanted.name_span);
  }
  const TableDef* standing = catalog.find(table.type);
  if (standing != nullptr && standing->dropped && standing->name != table.name) {
    return conflict("the number " + std::to_string(static_cast<std::uint32_t>(table.type)) +
                        " belongs to the dropped table " + standing->name + "; take a new number",
                    wanted.name_span);
  }
  return {};
}

Result<void> check_key(const TableDef& standing, const TableDef& table, Span span) {
  bool same = standing.generated_key == table.generated_key;
  if (same && !table.generated_key) {
    const auto before = standing.key_columns();
    const auto after = table.key_columns();
    const auto equal = [](const ColumnDef* a, const ColumnDef* b) {
      return a->attr == b->attr && a->type == b->type;
    };
    same = std::equal(before.begin(), before.end(), after.begin(), after.end(), equal);
  }
  if (same) return {};
  return conflict("the KEY of " + standing.name + " can't be changed", span);
}

// One column of the wanted declaration against the one of its number that stands.
Result<void> plan_column(const TableDef& standing, const ColumnDef& column, Span span,
                         Migration& migration) {
  const ColumnDef* old = standing.find_attr(column.attr);
  if (old == nullptr) {
    if (is_reserved(standing, column.attr)) {
      return conflict("the number " + number_text(column.attr) + " of '" + column.name +
                          "' is RESERVED; take a new number",
                      span);
    }
    migration.added.push_back(column.name);
    return {};
  }
  if (old->merge != column.merge) {
    return conflict("'" + old->name + "' keeps its merge rule " +
                        std::string(triples::merge_rule_name(old->merge)) +
                        "; take a new number for another",
                    span);
  }
  // Sums are told as what it reads less its DEFAULT, and kept by that.
  if (column.merge == triples::MergeRule::kCounter && start_of(*old) != start_of(column)) {
    return conflict("'" + old->name + "' is a COUNTER and keeps its DEFAULT " +
                        std::to_string(start_of(*old)) +
                        ": its sums count from there; take a new number for another",
                    span);
  }
  if (!old->visible) {
    migration.added.push_back(column.name);
    return {};
  }
  if (old->name != column.name) migration.renamed.emplace_back(old->name, column.name);
  if (old->type != column.type) migration.converted.push_back(column.name);
  if (!same_clauses(*old, column)) migration.changed.push_back(column.name);
  return {};
}

// What stands and isn't declared any more: hidden columns and undeclared ones live on behind the
// declared.
void carry_over(const TableDef& standing, Migration& migration) {
  TableDef& after = migration.after;
  for (const ColumnDef& old : standing.columns) {
    if (after.find_attr(old.attr) != nullptr) continue;
    ColumnDef kept = old;
    if (old.declared) {
      if (old.visible) migration.hidden.push_back(old.name);
      kept.visible = false;
      kept.indexed = false;
      if (after.strict) migration.purged.push_back(old.attr);
    } else if (const ColumnDef* namesake = after.find_column(old.name)) {
      migration.adopted.emplace_back(old.attr, namesake->attr);
    }
    after.columns.push_back(std::move(kept));
  }
}

void print_names(std::string_view part, const std::vector<std::string>& names, std::string& out) {
  if (names.empty()) return;
  begin_member(out, part);
  out += '[';
  for (const std::string& name : names) {
    if (out.back() != '[') out += ',';
    triples::print_json_string(name, out);
  }
  out += ']';
}

}  // namespace

Result<Migration> plan_migration(const triples::Catalog& catalog,
                                 const treeql::DeclareTable& wanted) {
  Migration migration;
  migration.after = wanted.table;
  TREMULA_TRY(check_names(catalog, wanted));
  TREMULA_TRY(check_declaration(migration.after, wanted));
  const TableDef* standing = catalog.find(wanted.table.type);
  if (standing == nullptr || standing->dropped) {
    migration.created = true;
    return migration;
  }
  if (same_declaration(*standing, migration.after)) {
    migration.unchanged = true;
    return migration;
  }
  TREMULA_TRY(check_key(*standing, migration.after, wanted.name_span));
  if (standing->name != migration.after.name) {
    migration.renamed.emplace_back(standing->name, migration.after.name);
  }
  for (std::size_t i = 0; i < wanted.table.columns.size(); ++i) {
    const ColumnDef column = migration.after.columns[i];
    if (!is_written(column)) continue;
    const Span span = i < wanted.column_spans.size() ? wanted.column_spans[i] : wanted.name_span;
    TREMULA_TRY(plan_column(*standing, column, span, migration));
  }
  carry_over(*standing, migration);
  return migration;
}

std::string describe(const Migration& migration) {
  std::string line = "{";
  begin_member(line, "table");
  triples::print_json_string(migration.after.name, line);
  if (migration.created) line += R"(,"created":true)";
  if (migration.unchanged) line += R"(,"unchanged":true)";
  print_names("added", migration.added, line);
  if (!migration.renamed.empty()) {
    begin_member(line, "renamed");
    line += '{';
    for (const auto& [old_name, new_name] : migration.renamed) {
      begin_member(line, old_name);
      triples::print_json_string(new_name, line);
    }
    line += '}';
  }
  print_names("hidden", migration.hidden, line);
  print_names("converted", migration.converted, line);
  print_names("changed", migration.changed, line);
  line += '}';
  return line;
}

}  // namespace tremula::db
