// EXPORT: the rows of a select become a CSV file (RFC 4180, lines ended by LF, a header row).
//
//   NULL: empty    '' : ""    numbers, BOOL, objects, arrays: as JSON prints them    BYTES: base64
//
// What IMPORT reads from it are the same values.
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "db/engine.h"
#include "db/query_pipeline.h"
#include "lang/treeql/statement.h"
#include "tremula/database.h"

namespace tremula::db {

// `progress`, which may be empty, hears of rows.
// Returns: rows written.  Errors: io; interrupted: the file may hold some of the rows.
base::Result<std::size_t> export_csv(Engine& engine, const treeql::Export& to,
                                     const treeql::Statement& statement, const Arguments& arguments,
                                     const Progress& progress);

}  // namespace tremula::db
