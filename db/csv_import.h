// IMPORT: a CSV file becomes rows of a table, in the statement's transaction.
//
//   file -CsvReader-> fields -by the columns' types-> cells -RowWriter-> rows
//
// A statement that fails is undone by its caller.
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstddef>

#include "core/base/result.h"
#include "db/engine.h"
#include "lang/treeql/statement.h"
#include "tremula/database.h"

namespace tremula::db {

struct ImportCounts {
  std::size_t inserted = 0;
  std::size_t updated = 0;  // these three: REPLACE alone
  std::size_t deleted = 0;
  std::size_t unchanged = 0;
};

// `progress` may be empty.
// Errors: io, unknown_column (a header), type_mismatch, not_null, duplicate_key, invalid_utf8 and
//         syntax with file, line
//         and column in the message; unsupported: REPLACE without a KEY.
base::Result<ImportCounts> import_csv(Engine& engine, const treeql::Import& import,
                                      const Progress& progress);

}  // namespace tremula::db
