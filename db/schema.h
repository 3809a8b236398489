// TABLE and DROP TABLE: the plan of a migration, carried out and checked against the rows that
// there are.
//
// A statement that fails is undone by its caller.
// Thread: the holder of the engine's mutex.
#pragma once

#include <string>

#include "core/base/result.h"
#include "db/engine.h"
#include "lang/treeql/statement.h"

namespace tremula::db {

// Returns: the line that it prints.  Errors: see plan_migration(); schema_conflict for what rows
//          hold.
// Cost: O(1) for renames; O(rows) for what changes how a column reads.
base::Result<std::string> declare_table(Engine& engine, const treeql::DeclareTable& declare);
base::Result<std::string> drop_table(Engine& engine, const treeql::DropTable& drop,
                                     base::Span span);

}  // namespace tremula::db
