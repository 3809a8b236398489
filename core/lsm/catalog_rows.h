// The catalog as rows: every table and column definition, whole, in triples.
//
//   TableDef --write_catalog--> tables, columns                 what exists: what queries see
//                               hidden_tables, hidden_columns   dropped tables, hidden columns, ids
//            <--read_catalog--
//
// A row stands in the visible table or in the hidden one of the same layout, never in both.
// Queries read the attributes of catalog_table_definition() and catalog_column_definition(); those
// that only rebuild a definition have numbers from 101 on, which no query can name:
//
//   tables    101 generated_key BOOL   102 reserved TEXT "7-7,9-12"          keyed by number
//   columns   101 attr INT             102 position INT  103 key_position INT   keyed by
//             104 not_null BOOL        105 default, any value                   (table_number,
//             106 references TEXT      107 merge_given BOOL  108 hidden BOOL    number, name)
//
// `number` is 0 for undeclared columns, which are told apart by name.
// Of these a triple is missing where it would say false, -1 or nothing.
// Thread: the writer thread alone.
#pragma once

#include "core/lsm/row_table.h"
#include "core/triples/catalog.h"

namespace tremula::lsm {

using triples::kHiddenColumnType;
using triples::kHiddenTableType;

struct CatalogTables {
  RowTable& tables;
  RowTable& columns;
  RowTable& hidden_tables;
  RowTable& hidden_columns;
};

// Makes the rows of one table what `after` says; writes only what differs. `before` is the
// definition that was written last, or null.
// Cost: O(columns of the table).
void write_catalog(const triples::TableDef* before, const triples::TableDef& after,
                   const CatalogTables& rows);

// The catalog that the rows tell, as of the new side.  Cost: O(rows).
triples::Catalog read_catalog(const CatalogTables& rows);

}  // namespace tremula::lsm
