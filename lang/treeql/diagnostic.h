// Diagnostic: how errors of the user are made and worded.
//
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace tremula::treeql {

inline base::Error error(base::ErrorCode code, base::Span span, std::string message) {
  return base::Error{code, std::move(message), span};
}

// "'name'", as messages show names.
std::string quoted(std::string_view name);

// "; did you mean 'Name'?" with the candidate nearest to `name`, or nothing if none is near.
std::string suggestion(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace tremula::treeql
