// Just enough JSON to read ids out of results.
//
//   [{"id":7,"title":"a"},{"id":9,"title":"b"}] --elements--> two texts --first_integer--> 7, 9
//
// Requires everywhere: compact JSON as Tremula prints it.
// Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::bench {

// The elements of an array.  Borrowed: from `array`.
std::vector<std::string_view> elements(std::string_view array);
// The value of an object's first property, or a bare integer.
std::int64_t first_integer(std::string_view value);
// first_integer() of each element.
std::vector<std::int64_t> ids_of(std::string_view array);
// The number after the first '/' of a path like "/12".
std::int64_t place_of(std::string_view path);

// Checksums of results as tracker.h wants them: of the ids, and of q5's trees.
std::string row_checksum(std::string_view array);
std::string tree_checksum(std::string_view array);

}  // namespace tremula::bench
