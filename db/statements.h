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

// Writes in a transaction of its own and commits it; the caller delivers.
// Requires: is_write(statement), no open transaction.  Throws: what `progress` throws, rolled back.
base::Result<Written> run_write_committed(Engine& engine, const treeql::Statement& statement,
                                          const Arguments& arguments, const Progress& progress);

// Writes as one statement of the transaction in hand, undone alone if it fails.
// Requires: is_write(statement).  Throws: what `progress` throws, undone.
base::Result<Written> run_write_inside(Engine& engine, const treeql::Statement& statement,
                                       const Arguments& arguments, const Progress& progress);

// Calls `line` with what SHOW TABLES and SHOW STATS print.
using LineVisitor = std::function<void(std::string_view)>;
void show_tables(Engine& engine, const LineVisitor& line);
void show_stats(Engine& engine, const LineVisitor& line);

// Calls `line` with each line of a text, without its end.
void for_each_line(std::string_view text, const LineVisitor& line);

}  // namespace tremula::db
