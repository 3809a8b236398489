// Bound plans as short text, so that tests compare them at a glance.
//
//   @level.source.column   a column          ?0          a parameter
//   (= @0.0.1 "x")         an operator       {n: ...}    an object for each row, <...> bare values
//   Album a[3 1]           a source, its alias and the numbers of the columns in use
//
// Thread: pure functions.
#pragma once

#include <string>

#include "core/dataflow/plan.h"
#include "lang/treeql/statement.h"

namespace tremula::treeql {

std::string plan_text(const dataflow::Expr& expr);
std::string plan_text(const dataflow::Select& select);
std::string plan_text(const Statement& statement);

}  // namespace tremula::treeql
