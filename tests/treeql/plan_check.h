// Whether a bound plan keeps what core/dataflow/plan.h promises: every column names something that
// is there.
//
// Thread: pure functions.
#pragma once

#include <string>

#include "lang/treeql/statement.h"

namespace tremula::treeql {

// What is wrong with the plans of a statement, or "".
std::string plan_problem(const Statement& statement);

}  // namespace tremula::treeql
