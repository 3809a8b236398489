// How a column reads by its definition: what the store has to tell its table.
//
// Thread: pure functions.
#pragma once

#include "core/triples/catalog.h"

namespace tremula::db {

// The definition as the table reads by it: a COUNTER without DEFAULT reads 0.
triples::ColumnDef reading_of(triples::ColumnDef column);

// Whether both definitions read every stored value alike.
bool reads_same(const triples::ColumnDef& a, const triples::ColumnDef& b);

}  // namespace tremula::db
