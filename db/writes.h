// The writing statements: INSERT, UPSERT, UPDATE, DELETE, bound and with their parameters.
//
//   rows chosen and values computed -> kept in hand -> written by the table's RowWriter
//
// Choosing ends before writing begins, so no statement sees itself.
// A statement that fails is undone by its caller.
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstddef>

#include "core/base/result.h"
#include "db/engine.h"
#include "db/query_pipeline.h"
#include "lang/treeql/statement.h"

namespace tremula::db {

// Returns: rows given.  Errors: duplicate_key, not_null, type_mismatch, read_only.
base::Result<std::size_t> run_insert(Engine& engine, const treeql::Insert& insert,
                                     const treeql::Statement& statement,
                                     const Arguments& arguments);
// Returns: rows matched.  Errors: not_null, type_mismatch, key_update, read_only.
base::Result<std::size_t> run_update(Engine& engine, const treeql::Update& update,
                                     const treeql::Statement& statement,
                                     const Arguments& arguments);
// Returns: rows deleted.  Errors: read_only.
base::Result<std::size_t> run_delete(Engine& engine, const treeql::Delete& erase,
                                     const treeql::Statement& statement,
                                     const Arguments& arguments);

}  // namespace tremula::db
