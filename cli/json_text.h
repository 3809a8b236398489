// JSON text taken apart where it stands: what the command needs to know of it without a parser.
//
//   [{"a":1},{"a":2}] --elements_of--> {"a":1} | {"a":2}
//
// Thread: pure functions.
#pragma once

#include <string_view>
#include <vector>

namespace tremula::cli {

// The elements of a JSON array.  Requires: JSON text as the database prints it.
// Borrowed: from `array`.
std::vector<std::string_view> elements_of(std::string_view array);

}  // namespace tremula::cli
