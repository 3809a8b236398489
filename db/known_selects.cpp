#include "db/known_selects.h"

#include <algorithm>
#include <utility>

#include "db/engine.h"
#include "db/query_pipeline.h"

namespace tremula::db {

base::Result<KnownSelects::Known*> KnownSelects::find(const Engine& engine, std::string_view text) {
  const std::uint64_t standing = engine.store.catalog_version();
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [text](const Known& known) { return known.text == text; });
  if (found != known_.end() && found->catalog_version == standing) {
    found->asked = ++asked_;
    return &*found;
  }
  Known made;
  made.text = text;
  made.catalog_version = standing;
  made.asked = ++asked_;
  TREMULA_TRY_ASSIGN(made.statement, parse_one(engine, made.text));
  if (found != known_.end()) {
    *found = std::move(made);
    return &*found;
  }
  if (known_.size() < kMax) {
    known_.push_back(std::move(made));
    return &known_.back();
  }
  const auto oldest =
      std::min_element(known_.begin(), known_.end(),
                       [](const Known& a, const Known& b) { return a.asked < b.asked; });
  *oldest = std::move(made);
  return &*oldest;
}

}  // namespace tremula::db
