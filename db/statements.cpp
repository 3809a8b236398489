#include "db/statements.h"

#include <utility>

#include "db/commit_pipeline.h"
#include "db/csv_import.h"
#include "db/schema.h"
#include "db/writes.h"

namespace tremula::db {

using base::Result;

namespace {

Written counted(std::string_view what, std::size_t rows) {
  return {.rows = rows, .line = "{\"" + std::string(what) + "\":" + std::to_string(rows) + "}"};
}

Written imported(const ImportCounts& counts, bool replace) {
  if (!replace) return counted("imported", counts.inserted);
  return {.rows = counts.inserted + counts.updated + counts.deleted,
          .line = "{\"inserted\":" + std::to_string(counts.inserted) +
                  ",\"updated\":" + std::to_string(counts.updated) +
                  ",\"deleted\":" + std::to_string(counts.deleted) +
                  ",\"unchanged\":" + std::to_string(counts.unchanged) + "}"};
}

struct Writer {
  Engine& engine;
  const treeql::Statement& statement;
  const Arguments& arguments;
  const Progress& progress;

  Result<Written> operator()(const treeql::DeclareTable& declare) {
    TREMULA_TRY_ASSIGN(std::string line, declare_table(engine, declare));
    return Written{.rows = 0, .line = std::move(line)};
  }
  Result<Written> operator()(const treeql::DropTable& drop) {
    TREMULA_TRY_ASSIGN(std::string line, drop_table(engine, drop, statement.span));
    return Written{.rows = 0, .line = std::move(line)};
  }
  Result<Written> operator()(const treeql::Insert& insert) {
    TREMULA_TRY_ASSIGN(const std::size_t rows, run_insert(engine, insert, statement, arguments));
    return counted(insert.upsert ? "upserted" : "inserted", rows);
  }
  Result<Written> operator()(const treeql::Update& update) {
    TREMULA_TRY_ASSIGN(const std::size_t rows, run_update(engine, update, statement, arguments));
    return counted("updated", rows);
  }
  Result<Written> operator()(const treeql::Delete& erase) {
    TREMULA_TRY_ASSIGN(const std::size_t rows, run_delete(engine, erase, statement, arguments));
    return counted("deleted", rows);
  }
  Result<Written> operator()(const treeql::Import& import) {
    TREMULA_TRY_ASSIGN(const ImportCounts counts, import_csv(engine, import, progress));
    return imported(counts, import.replace);
  }
  template <typename Other>
  Result<Written> operator()(const Other&) {
    return base::Error{base::ErrorCode::kUnsupported, "this statement doesn't write",
                       statement.span};
  }
};

}  // namespace

bool is_write(const treeql::Statement& statement) {
  return std::visit(
      []<typename Body>(const Body&) {
        return std::is_same_v<Body, treeql::DeclareTable> ||
               std::is_same_v<Body, treeql::DropTable> || std::is_same_v<Body, treeql::Insert> ||
               std::is_same_v<Body, treeql::Update> || std::is_same_v<Body, treeql::Delete> ||
               std::is_same_v<Body, treeql::Import>;
      },
      statement.body);
}

namespace {

// Writes; whatever goes wrong, `undo` leaves no trace of it.
template <typename Undo>
Result<Written> write_or(Undo&& undo, Writer writer) {
  begin_statement(writer.engine);
  try {
    Result<Written> written = std::visit(writer, writer.statement.body);
    if (!written.ok()) undo(writer.engine);
    return written;
  } catch (...) {
    undo(writer.engine);
    throw;
  }
}

}  // namespace

Result<Written> run_write_committed(Engine& engine, const treeql::Statement& statement,
                                    const Arguments& arguments, const Progress& progress) {
  Result<Written> written = write_or(roll_back, {engine, statement, arguments, progress});
  if (!written.ok()) return written;
  TREMULA_TRY(commit(engine));
  return written;
}

Result<Written> run_write_inside(Engine& engine, const treeql::Statement& statement,
                                 const Arguments& arguments, const Progress& progress) {
  return write_or(undo_statement, {engine, statement, arguments, progress});
}

void for_each_line(std::string_view text, const LineVisitor& line) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    line(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace tremula::db
