// Completion: what a person at the shell may be about to type: keywords, tables, columns, commands.
//
// Thread: the main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tremula/tremula.h"

namespace tremula::cli {

// The words that begin with `prefix`, sorted; keywords in the case in which it is typed. A prefix
// `a.Na` is completed behind its last point, with columns alone; one that begins with a point is a
// command of the shell.
std::vector<std::string> complete(Database& database, std::string_view prefix);

}  // namespace tremula::cli
