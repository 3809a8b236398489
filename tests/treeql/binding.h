// A small catalog and one-line helpers that the tests of the language share.
//
// Thread: pure functions.
#pragma once

#include <string>

#include "lang/treeql/statement.h"

namespace tremula::treeql {

// Artist, Album (STRICT), PlaylistTrack (a key of two), Note (no KEY, with an undeclared column
// `mood`), Thing (a column of each type).
const triples::Catalog& test_catalog();

// The plans of a script's statements, one a line; an error is "CODE at LINE:COLUMN: MESSAGE".
std::string bound(const std::string& script);

// The first error of a script as format_error() shows it, or "" if there is none.
std::string failure(const std::string& script);

// The declaration of one TABLE statement, or its error, as short text.
std::string declared(const std::string& statement);

}  // namespace tremula::treeql
