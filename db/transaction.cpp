#include "tremula/transaction.h"

#include <utility>

#include "core/triples/value_ops.h"
#include "db/commit_pipeline.h"
#include "db/face_convert.h"
#include "db/handles.h"
#include "db/query_pipeline.h"
#include "db/statements.h"

namespace tremula {

using Code = base::ErrorCode;
using db::Cell;
using db::RowWriter;
using db::TargetIndex;

namespace {

[[noreturn]] void fail(Code code, std::string message) {
  throw_error(db::face_error(code, std::move(message)));
}

RowWriter& writer_of(db::Engine& engine, std::string_view table) {
  RowWriter* writer = engine.store.find_writer(table);
  if (writer == nullptr) fail(Code::kUnknownTable, "no table '" + std::string(table) + "'");
  return *writer;
}

triples::Value value_of(const NamedValue& named, base::Arena& arena) {
  auto value = db::to_engine(named.value, arena);
  if (!value.ok()) {
    fail(value.error().code, "'" + std::string(named.name) + "': " + value.error().message);
  }
  return value.value();
}

[[noreturn]] void unknown_column(const RowWriter& writer, std::string_view name) {
  fail(Code::kUnknownColumn,
       "no column '" + std::string(name) + "' in " + writer.definition().name);
}

// Undeclared columns that are new to a lax table get their numbers, which makes the writer anew.
RowWriter& with_columns(db::Engine& engine, RowWriter& writer, NamedValues columns) {
  const triples::TypeId type = writer.definition().type;
  for (const NamedValue& column : columns) {
    if (writer.find_target(column.name) != db::kNoTarget) continue;
    if (writer.definition().strict) unknown_column(writer, column.name);
    if (column.name.empty() ||
        triples::find_invalid_utf8(column.name) != std::string_view::npos) {
      fail(Code::kInvalidUtf8, "the name of a column is not UTF-8");
    }
    engine.store.undeclared_column(type, column.name);
    return with_columns(engine, engine.store.writer(type), columns);
  }
  return writer;
}

// A call on a table: checks, cells, the write itself; undone if any of them fails.
template <typename Write>
auto write_row(Transaction::Core& core, std::string_view table, NamedValues columns,
               Write&& write) {
  db::begin_statement(core.engine);
  try {
    RowWriter* writer = &writer_of(core.engine, table);
    if (writer->definition().read_only) {
      fail(Code::kReadOnly, writer->definition().name + " is read-only");
    }
    core.cells.clear();
    core.cells.reserve(columns.size());
    TargetIndex hint = 0;
    for (const NamedValue& column : columns) {
      TargetIndex target = writer->find_target(column.name, hint);
      if (target == db::kNoTarget) {
        writer = &with_columns(core.engine, *writer, columns);
        target = writer->find_target(column.name, hint);
      }
      hint = target + 1;
      const triples::Value value = value_of(column, core.arena);
      db::Cell& cell = core.cells.emplace_back();
      cell.target = target;
      cell.value = value;
    }
    auto written = write(*writer);
    writer->clear_scratch();
    core.arena.clear();
    return written;
  } catch (...) {
    db::undo_statement(core.engine);
    throw;
  }
}

triples::Slot find_row(Transaction::Core& core, RowWriter& writer, const Key& key) {
  constexpr std::size_t kInline = 4;
  const std::span<const ValueView> given = key.values();
  triples::Value few[kInline];
  std::vector<triples::Value> many;
  if (given.size() > kInline) many.resize(given.size());
  const std::span<triples::Value> values =
      given.size() > kInline ? std::span(many) : std::span(few).first(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    values[i] = db::take(db::to_engine(given[i], core.arena));
  }
  return db::take(writer.find(values));
}

}  // namespace

std::int64_t Transaction::insert(std::string_view table, NamedValues columns) {
  return write_row(core_, table, columns, [&](RowWriter& writer) {
    db::take(writer.insert(core_.cells, {}));
    return writer.last_generated_key();
  });
}

std::int64_t Transaction::upsert(std::string_view table, NamedValues columns) {
  return write_row(core_, table, columns, [&](RowWriter& writer) {
    db::take(writer.upsert(core_.cells, {}));
    return writer.last_generated_key();
  });
}

bool Transaction::update(std::string_view table, Key key, NamedValues columns) {
  return write_row(core_, table, columns, [&](RowWriter& writer) {
    const triples::Slot slot = find_row(core_, writer, key);
    if (slot == triples::kNoSlot) return false;
    db::take(writer.update(slot, core_.cells));
    return true;
  });
}

bool Transaction::erase(std::string_view table, Key key) {
  return write_row(core_, table, {}, [&](RowWriter& writer) {
    const triples::Slot slot = find_row(core_, writer, key);
    if (slot == triples::kNoSlot) return false;
    writer.erase(slot);
    return true;
  });
}

bool Transaction::exists(std::string_view table, Key key) const {
  RowWriter& writer = writer_of(core_.engine, table);
  return find_row(core_, writer, key) != triples::kNoSlot;
}

Value Transaction::get(std::string_view table, Key key, std::string_view column) const {
  RowWriter& writer = writer_of(core_.engine, table);
  const TargetIndex target = writer.find_target(column);
  if (target == db::kNoTarget) unknown_column(writer, column);
  const triples::Slot slot = find_row(core_, writer, key);
  if (slot == triples::kNoSlot) return {};
  const triples::ColumnIndex index = writer.targets()[target].column;
  return db::to_face(writer.table().read(slot, index, triples::Side::kNew));
}

namespace {

Written execute_bound(db::Engine& engine, const treeql::Statement& statement,
                      std::string_view source, NamedValues parameters) {
  if (!db::is_write(statement)) {
    throw_error(db::to_face({Code::kUnsupported,
                             "a transaction executes INSERT, UPSERT, UPDATE, DELETE, TABLE, DROP "
                             "TABLE and IMPORT; ask query() for rows",
                             statement.span},
                            source));
  }
  base::Arena arena;
  const db::Arguments arguments = db::take(db::bind(statement, parameters, arena), source);
  return db::take(db::run_write_inside(engine, statement, arguments, {}), source);
}

}  // namespace

Written Transaction::execute(std::string_view statement, NamedValues parameters) {
  const treeql::Statement bound = db::take(db::parse_one(core_.engine, statement), statement);
  return execute_bound(core_.engine, bound, statement, parameters);
}

Written Transaction::execute(Statement& statement, NamedValues parameters) {
  Statement::State& state = *statement.state_;
  db::take(state.rebind(), state.text);
  if (state.engine != &core_.engine) {
    fail(Code::kUnsupported, "the statement was prepared on another database");
  }
  return execute_bound(core_.engine, state.bound, state.text, parameters);
}

Rows Transaction::query(std::string_view select, NamedValues parameters) {
  const treeql::Statement bound = db::take(db::parse_one(core_.engine, select), select);
  return db::take(db::collect_rows(core_.engine, bound, parameters), select);
}

Rows Transaction::query(Statement& statement, NamedValues parameters) {
  Statement::State& state = *statement.state_;
  db::take(state.rebind(), state.text);
  if (state.engine != &core_.engine) {
    fail(Code::kUnsupported, "the statement was prepared on another database");
  }
  return db::take(db::collect_rows(state, parameters), state.text);
}

}  // namespace tremula
