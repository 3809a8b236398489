// Outline: a result tree as indented lines, and what changed between two of them.
//
//   [{"Name":"a","Lines":[{"n":1}]}]   ->   Name: a
//                                             Lines
//                                               n: 1
//
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::cli {

// The lines of a result.  Requires: a JSON array as the database prints it.
std::vector<std::string> outline(std::string_view result);

enum class LineChange : std::uint8_t { kSame, kAdded, kRemoved };
struct ChangedLine {
  LineChange change = LineChange::kSame;
  std::string text;
};

// The lines of both, in order, each told as what it is; as few as can be are not kSame.
// Cost: O(before * after): for results that fit a terminal.
std::vector<ChangedLine> compare_lines(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after);

}  // namespace tremula::cli
