// Quoted: what a person or a command line names, as TreeQL writes it.
//
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "tremula/tremula.h"

namespace tremula::cli {

// `text` between quotes, those in it doubled: ' for TEXT, " for names.
std::string quoted(std::string_view text, char quote);

// A select without the `;` that may end it, so that it can stand inside another statement.
// Errors: of what isn't one SELECT, placed in the text as it was given.
Result<std::string> inner_select(Database& database, std::string_view select);

// The statement that imports a file.
std::string import_statement(std::string_view table, std::string_view file, bool replace);

// The statement that exports a select.  Requires: inner_select() gave it.
std::string export_statement(std::string_view select, std::string_view file);

}  // namespace tremula::cli
