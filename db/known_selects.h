// KnownSelects: what the texts of subscriptions were bound to. One more subscription of a text that
// was asked for of late is neither parsed nor taken apart again.
//
//   text -> statement, bound to the catalog that stands; plan, as long as one is subscribed
//
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/dataflow/graph.h"
#include "lang/treeql/statement.h"

namespace tremula::db {

struct Engine;

class KnownSelects {
 public:
  struct Known {
    std::string text;
    treeql::Statement statement;
    dataflow::SelectPlan plan;
    std::uint64_t catalog_version = 0;
    std::uint64_t asked = 0;  // when it last was
  };
  // Errors: the text's, as parse_one() tells them.
  // Borrowed: until the next call.
  base::Result<Known*> find(const Engine& engine, std::string_view text);

 private:
  static constexpr std::size_t kMax = 32;
  std::vector<Known> known_;
  std::uint64_t asked_ = 0;
};

}  // namespace tremula::db
