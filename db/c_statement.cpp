// The C face: prepared statements.
#include <string>
#include <utility>

#include "db/c_face.h"
#include "db/statements.h"

using namespace tremula;
using namespace tremula::c_face;

struct tremula_statement {
  struct Binding {
    std::string name;
    Value value;
  };

  std::vector<NamedValue> parameters() const {
    std::vector<NamedValue> views;
    for (const Binding& binding : bindings) views.push_back({binding.name, binding.value});
    return views;
  }
  void reset() {
    has_run = false;
    rows = Rows();
    next_row = 0;
    cells.clear();
    written = 0;
  }
  bool has_row() const { return next_row > 0 && next_row <= rows.size(); }

  std::shared_ptr<Shared> shared;
  Statement statement;
  std::vector<Binding> bindings;
  bool has_run = false;
  Rows rows;
  std::size_t next_row = 0;  // the row in hand is the one before
  Cells cells;               // of the row in hand, once one of them was asked for
  std::uint64_t written = 0;
};

namespace {

// With the engine's mutex: an open transaction is this thread's.
Result<Written> write(tremula_statement& handle, NamedValues parameters) {
  if (handle.shared->open != nullptr)
    return handle.shared->open->writes.execute(handle.statement, parameters);
  return handle.statement.execute(parameters);
}

tremula_status run(tremula_statement& handle) {
  Shared& shared = *handle.shared;
  if (!shared.database) return fail(TREMULA_UNSUPPORTED, "the statement's database has ended");
  const Lock lock(shared.engine().mutex);
  const std::vector<NamedValue> parameters = handle.parameters();
  const treeql::Statement& bound = db::Inside::state(handle.statement).bound;
  if (std::holds_alternative<treeql::Query>(bound.body)) {
    auto rows = handle.statement.query(parameters);
    if (!rows.ok()) return fail(rows.error());
    handle.rows = std::move(rows).value();
  } else {
    handle.has_run = true;  // also if a listener fails: the commit stands
    const auto written = write(handle, parameters);
    if (!written.ok()) {
      handle.has_run = false;
      return fail(written.error());
    }
    handle.written = written.value().rows;
  }
  handle.has_run = true;
  return TREMULA_OK;
}

}  // namespace

tremula_status tremula_prepare(tremula_db* db, const char* text, tremula_statement** statement) {
  return guarded([&] {
    if (db == nullptr || text == nullptr || statement == nullptr)
      return misuse("tremula_prepare() needs db, text and statement");
    const Lock lock(db->shared->engine().mutex);
    auto prepared = db->shared->database->prepare(text);
    if (!prepared.ok()) return fail(prepared.error());
    Statement made = std::move(prepared).value();
    const treeql::Statement& bound = db::Inside::state(made).bound;
    if (!std::holds_alternative<treeql::Query>(bound.body) && !db::is_write(bound)) {
      return fail(TREMULA_UNSUPPORTED,
                  "a SELECT or a writing statement can be prepared; give others to tremula_run()");
    }
    *statement = new tremula_statement{.shared = db->shared,
                                       .statement = std::move(made),
                                       .bindings = {},
                                       .rows = Rows(),
                                       .cells = {}};
    return succeed();
  });
}

tremula_status tremula_bind(tremula_statement* statement, const char* name, tremula_value value) {
  return guarded([&] {
    if (statement == nullptr || name == nullptr)
      return misuse("tremula_bind() needs statement and name");
    Value copy(view_of(value));
    for (auto& binding : statement->bindings) {
      if (binding.name == name) {
        binding.value = std::move(copy);
        return succeed();
      }
    }
    statement->bindings.push_back({name, std::move(copy)});
    return succeed();
  });
}

tremula_status tremula_clear_bindings(tremula_statement* statement) {
  return guarded([&] {
    if (statement == nullptr) return misuse("tremula_clear_bindings() needs a statement");
    statement->bindings.clear();
    return succeed();
  });
}

tremula_status tremula_step(tremula_statement* statement) {
  return guarded([&] {
    if (statement == nullptr) return misuse("tremula_step() needs a statement");
    if (!statement->has_run) {
      statement->reset();
      if (const tremula_status status = run(*statement)) return status;
    }
    statement->cells.clear();
    if (statement->next_row >= statement->rows.size()) {
      statement->next_row = statement->rows.size() + 1;
      return succeed(TREMULA_DONE);
    }
    ++statement->next_row;
    return succeed(TREMULA_ROW);
  });
}

tremula_status tremula_reset(tremula_statement* statement) {
  return guarded([&] {
    if (statement == nullptr) return misuse("tremula_reset() needs a statement");
    statement->reset();
    return succeed();
  });
}

size_t tremula_column_count(const tremula_statement* statement) {
  return statement == nullptr ? 0 : statement->rows.columns().size();
}

const char* tremula_column_name(const tremula_statement* statement, size_t column) {
  if (column >= tremula_column_count(statement)) return "";
  return statement->rows.columns()[column].c_str();
}

tremula_status tremula_column(tremula_statement* statement, size_t column, tremula_value* value) {
  return guarded([&] {
    if (statement == nullptr || value == nullptr)
      return misuse("tremula_column() needs statement and value");
    if (!statement->has_row()) return misuse("tremula_column() without a row");
    if (column >= tremula_column_count(statement)) return misuse("a column past the last one");
    if (statement->cells.empty()) statement->cells = statement->rows.cells(statement->next_row - 1);
    // A row may lack a property, or have them in another order.
    *value = tremula_null_value();
    for (const auto& [name, cell] : statement->cells) {
      if (name == statement->rows.columns()[column]) *value = value_for(cell);
    }
    return succeed();
  });
}

tremula_status tremula_row_json(tremula_statement* statement, tremula_text* json) {
  return guarded([&] {
    if (statement == nullptr || json == nullptr)
      return misuse("tremula_row_json() needs statement and json");
    if (!statement->has_row()) return misuse("tremula_row_json() without a row");
    *json = text_for(statement->rows.json(statement->next_row - 1));
    return succeed();
  });
}

uint64_t tremula_rows_written(const tremula_statement* statement) {
  return statement == nullptr ? 0 : statement->written;
}

void tremula_finalize(tremula_statement* statement) { delete statement; }
