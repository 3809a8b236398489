// SourceText: as much of C++ as the tidy test must understand: lines, includes, functions.
//
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::tidy {

std::vector<std::string> lines_of(std::string_view text);

// Columns on the screen: code points.
std::size_t columns_of(std::string_view line);

struct Include {
  std::string header;
  std::size_t line = 0;  // from 1
  bool angled = false;   // <...>
};
std::vector<Include> includes_of(const std::vector<std::string>& lines);

// `text` with comments, strings and characters turned into blanks; lines stay where they are.
std::string without_comments_and_texts(std::string_view text);

struct Function {
  std::size_t first_line = 0;  // where its head begins, from 1
  std::size_t last_line = 0;   // of its closing brace
};
// The bodies of functions, lambdas in them not counted on their own.
std::vector<Function> functions_of(std::string_view text);

}  // namespace tremula::tidy
