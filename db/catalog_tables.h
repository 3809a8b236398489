// What the catalog's own tables hold for a definition, and how a column's definition reads.
//
//   TableDef -> tremula_table (number, name, strict)
//            -> tremula_column (table_number, number, name, type, key, index, merge, declared), a
//                row per visible column
//
// Thread: pure functions, but for sync_catalog_rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/triples/catalog.h"
#include "db/row_writer.h"

namespace tremula::db {

// A row as (column name, value), the key columns first.
using CatalogRow = std::vector<std::pair<std::string, triples::OwnedValue>>;

// Of no definition, or of a dropped one: none.
std::vector<CatalogRow> table_rows(const triples::TableDef* definition);
std::vector<CatalogRow> column_rows(const triples::TableDef* definition);

// Makes the rows of one definition in a catalog table what they are now.
void sync_catalog_rows(RowWriter& writer, const std::vector<CatalogRow>& before,
                       const std::vector<CatalogRow>& after);

// The definition as the table reads by it: a COUNTER without DEFAULT reads 0.
triples::ColumnDef reading_of(triples::ColumnDef column);
// Whether both definitions read every stored value alike.
bool reads_same(const triples::ColumnDef& a, const triples::ColumnDef& b);

}  // namespace tremula::db
