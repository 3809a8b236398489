// Words: what a person at the shell may be about to type: keywords, tables, columns, commands.
//
// Thread: the main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tremula/tremula.h"

namespace tremula::cli {

class Words {
 public:
  // `database` outlives the object.
  explicit Words(Database& database) : database_(database) {}

  // The words that begin with `prefix`, sorted; keywords in the case in which it is typed. A prefix
  // `a.Na` is completed behind its last point, with columns alone.
  std::vector<std::string> match(std::string_view prefix);

 private:
  void add_names(std::string_view select, std::string_view before, std::string_view prefix,
                 std::vector<std::string>& words);

  Database& database_;
};

}  // namespace tremula::cli
