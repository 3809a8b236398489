#include "cli/json_text.h"

#include <cstddef>

namespace tremula::cli {

std::vector<std::string_view> elements_of(std::string_view array) {
  std::vector<std::string_view> elements;
  std::size_t begin = 1;
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < array.size(); ++at) {
    const char c = array[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    const bool ends = (c == ',' && depth == 1) || (c == ']' && depth == 0);
    if (!ends) continue;
    if (at > begin) elements.push_back(array.substr(begin, at - begin));
    begin = at + 1;
  }
  return elements;
}

}  // namespace tremula::cli
