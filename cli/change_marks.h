// ChangeMarks: which cells of a result tree the last commits changed.
//
//   [{"op":"replace","path":"/3/Title",...}]
//     -mark_patch->  root . elements[3] . members["Title"] : whole
//
// The marks move with the rows: one that enters or leaves before a marked row takes its mark along.
// Thread: values.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace tremula::cli {

struct ChangeMark {
  bool whole = false;  // all below this place is new
  std::map<std::size_t, ChangeMark> elements;
  std::map<std::string, ChangeMark, std::less<>> members;

  // Returns: what is marked below a place; null: nothing.
  const ChangeMark* at(std::size_t element) const;
  const ChangeMark* at(std::string_view member) const;
};

// Marks what a JSON Patch, as the database prints it, changes in the result that `root` stands for.
void mark_patch(ChangeMark& root, std::string_view patch);

}  // namespace tremula::cli
