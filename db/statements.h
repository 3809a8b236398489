// Statements: one bound statement, carried out. Which transaction it belongs to is its caller's
// matter.
//
// Thread: the holder of the engine's mutex.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "db/engine.h"
#include "db/query_pipeline.h"
#include "lang/treeql/statement.h"
#include "tremula/database.h"

namespace tremula::db {

// INSERT, UPSERT, UPDATE, DELETE, TABLE, DROP TABLE, IMPORT: what may stand inside a transaction
// and change something.
bool is_write(const treeql::Statement& statement);

// Writes; on error the caller undoes.  Requires: is_write(statement).
base::Result<Written> run_write(Engine& engine, const treeql::Statement& statement,
                                const Arguments& arguments, const Progress& progress);

// The same as a statement inside the transaction in hand: begun, and undone alone if it fails.
base::Result<Written> run_write_alone(Engine& engine, const treeql::Statement& statement,
                                      const Arguments& arguments, const Progress& progress);

// Calls `line` with what SHOW TABLES and SHOW STATS print.
using LineVisitor = std::function<void(std::string_view)>;
void show_tables(Engine& engine, const LineVisitor& line);
void show_stats(Engine& engine, const LineVisitor& line);

// Calls `line` with each line of a text, without its end.
void for_each_line(std::string_view text, const LineVisitor& line);

}  // namespace tremula::db
