#include "db/schema.h"

#include <utility>
#include <vector>

#include "core/triples/value_ops.h"
#include "db/json_text.h"
#include "db/migration.h"
#include "persist/merging.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Span;
using triples::AttrId;
using triples::ColumnDef;
using triples::ColumnIndex;
using triples::Side;
using triples::Slot;
using triples::TableDef;
using triples::Value;

namespace {

Error conflict(std::string message, Span span) {
  return {ErrorCode::kSchemaConflict, std::move(message), span};
}

template <typename Visitor>
void for_each_slot(const lsm::RowTable& rows, Visitor&& visit) {
  for (Slot slot = 0; slot < rows.slot_end(); ++slot) {
    if (rows.exists(slot, Side::kNew)) visit(slot);
  }
}

std::size_t count_if_stored(const lsm::RowTable& rows, ColumnIndex column,
                            const std::function<bool(Value)>& holds) {
  std::size_t count = 0;
  for_each_slot(rows, [&](Slot slot) { count += holds(rows.stored(slot, column)) ? 1 : 0; });
  return count;
}

std::string rows_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " row" : " rows");
}

// STRICT promises that every stored value fits its column.
Result<void> check_strict_types(lsm::RowTable& rows, const TableDef* standing,
                                const treeql::DeclareTable& declare, const TableDef& after) {
  if (!after.strict || standing == nullptr) return {};
  for (std::size_t i = 0; i < declare.table.columns.size(); ++i) {
    const ColumnDef& column = after.columns[i];
    const ColumnDef* old = standing->find_attr(column.attr);
    if (old == nullptr || (standing->strict && old->type == column.type)) continue;
    const std::size_t misfits =
        count_if_stored(rows, rows.column(column.attr), [&column](Value value) {
          return !value.is_missing() && !triples::fits(value, column.type);
        });
    if (misfits == 0) continue;
    const Span span = i < declare.column_spans.size() ? declare.column_spans[i] : declare.name_span;
    return conflict("in " + rows_text(misfits) + " of " + after.name + " '" + column.name +
                        "' holds a value that is not " +
                        std::string(triples::type_name(column.type)),
                    span);
  }
  return {};
}

// Undeclared triples move to the column that has their name now, where they fit.
void adopt(lsm::RowTable& rows, const Migration& migration) {
  for (const auto& [from, to] : migration.adopted) {
    const ColumnIndex source = rows.column(from);
    const ColumnIndex target = rows.column(to);
    const triples::Type type = migration.after.find_attr(to)->type;
    for_each_slot(rows, [&](Slot slot) {
      const Value value = rows.stored(slot, source);
      if (value.is_missing() || !triples::fits(value, type)) return;
      if (rows.stored(slot, target).is_missing()) {
        rows.write(slot, target, triples::convert_stored(value, type));
      }
      rows.write(slot, source, Value::missing());
    });
  }
}

void purge(lsm::RowTable& rows, const std::vector<AttrId>& attrs) {
  for (const AttrId attr : attrs) {
    const ColumnIndex column = rows.column(attr);
    for_each_slot(rows, [&](Slot slot) { rows.write(slot, column, Value::missing()); });
  }
}

// Rows that a merge brought before the table was declared have nothing but their keys; the rest
// follows the declaration (adopt_merged), so that NOT NULL can't be asked of them yet.
Result<void> take_merged_keys(lsm::RowTable& rows, const TableDef& after, Span span) {
  if (rows.row_count(Side::kNew) == 0) return {};
  const auto columns = after.key_columns();
  base::Arena arena;
  std::size_t misfits = 0;
  for_each_slot(rows, [&](Slot slot) {
    std::vector<Value> key;
    if (!persist::read_key(after, rows.key(slot), arena, key)) {
      ++misfits;
      return;
    }
    for (std::size_t i = 0; i < key.size(); ++i) {
      const AttrId attr = after.generated_key ? triples::kGeneratedIdAttr : columns[i]->attr;
      rows.write(slot, rows.column(attr), key[i]);
    }
  });
  if (misfits == 0) return {};
  return conflict("merging has brought " + rows_text(misfits) + " of " + after.name +
                      " whose keys don't fit this KEY; declare it as the other replicas do",
                  span);
}

Result<void> check_undeclared(lsm::RowTable& rows, const TableDef& after, Span span) {
  if (!after.strict) return {};
  for (const ColumnDef& column : after.columns) {
    if (column.declared) continue;
    const std::size_t count = count_if_stored(rows, rows.column(column.attr),
                                              [](Value value) { return !value.is_missing(); });
    if (count == 0) continue;
    return conflict("STRICT refuses undeclared columns, but " + rows_text(count) + " of " +
                        after.name + " hold '" + column.name + "'; declare it or set it to NULL",
                    span);
  }
  return {};
}

Result<void> check_not_null(lsm::RowTable& rows, const treeql::DeclareTable& declare,
                            const TableDef& after) {
  for (std::size_t i = 0; i < declare.table.columns.size(); ++i) {
    const ColumnDef& column = after.columns[i];
    if (!column.not_null || column.key_position >= 0) continue;
    const ColumnIndex index = rows.column(column.attr);
    std::size_t nulls = 0;
    for_each_slot(
        rows, [&](Slot slot) { nulls += rows.read(slot, index, Side::kNew).is_null() ? 1 : 0; });
    if (nulls == 0) continue;
    const Span span = i < declare.column_spans.size() ? declare.column_spans[i] : declare.name_span;
    return conflict("'" + column.name + "' is NULL in " + rows_text(nulls) + " of " + after.name +
                        "; give it a DEFAULT or fill it before it is NOT NULL",
                    span);
  }
  return {};
}

}  // namespace

Result<std::string> declare_table(Engine& engine, const treeql::DeclareTable& declare) {
  TREMULA_TRY_ASSIGN(const Migration migration, plan_migration(engine.store.catalog(), declare));
  if (migration.unchanged) return describe(migration);

  lsm::RowTable& rows = engine.store.row_table(declare.table.type);
  if (!migration.created) {
    const TableDef* standing = engine.store.catalog().find(declare.table.type);
    TREMULA_TRY(check_strict_types(rows, standing, declare, migration.after));
  }
  engine.store.put(migration.after);
  engine.store.writer(declare.table.type);  // notes that the statement writes here
  adopt(rows, migration);
  TREMULA_TRY(check_undeclared(rows, migration.after, declare.name_span));
  purge(rows, migration.purged);
  if (migration.created) {
    TREMULA_TRY(take_merged_keys(rows, migration.after, declare.name_span));
  } else {
    TREMULA_TRY(check_not_null(rows, declare, migration.after));
  }
  return describe(migration);
}

Result<std::string> drop_table(Engine& engine, const treeql::DropTable& drop, Span span) {
  const TableDef* standing = engine.store.catalog().find(drop.table);
  TREMULA_ASSERT(standing != nullptr);
  if (standing->read_only) {
    return Error{ErrorCode::kReadOnly, standing->name + " can't be dropped", span};
  }
  TableDef dropped = *standing;
  dropped.dropped = true;
  RowWriter& writer = engine.store.writer(drop.table);
  for_each_slot(writer.table(), [&writer](Slot slot) { writer.erase(slot); });
  engine.store.put(std::move(dropped));

  std::string line = "{";
  begin_member(line, "table");
  triples::print_json_string(drop.name, line);
  line += R"(,"dropped":true})";
  return line;
}

}  // namespace tremula::db
