// Migration: what TABLE has to do so that the schema that stands becomes the one that is wanted.
//
//   standing definition + wanted declaration -plan_migration-> the definition after, and what is
//       to be said and done about it
//
// Numbers are identity: a column is matched by number, and what its name was is only told as
// `renamed`.
// Thread: pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/triples/catalog.h"
#include "lang/treeql/statement.h"

namespace tremula::db {

struct Migration {
  triples::TableDef after;
  bool created = false;
  bool unchanged = false;
  std::vector<std::string> added;
  std::vector<std::pair<std::string, std::string>> renamed;  // old, new; the table first
  std::vector<std::string> hidden;
  std::vector<std::string> converted;
  std::vector<std::string> changed;
  std::vector<triples::AttrId> purged;  // hidden in a STRICT table: their triples go
  // Undeclared columns whose name is declared now: from, to.
  std::vector<std::pair<triples::AttrId, triples::AttrId>> adopted;
};

// Requires: `standing` is the definition of wanted.table.type, or null.
// Errors: schema_conflict, type_mismatch (a DEFAULT), read_only: all that can be told without
//         looking at rows.
base::Result<Migration> plan_migration(const triples::Catalog& catalog,
                                       const treeql::DeclareTable& wanted);

// The line that TABLE prints.
std::string describe(const Migration& migration);

}  // namespace tremula::db
