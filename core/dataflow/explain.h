// EXPLAIN: templates as text, an operator a line; with an instance, what it holds.
// Thread: the writer thread alone.
#pragma once

#include <string>

#include "core/dataflow/instance.h"

namespace tremula::dataflow {

// `instance`: of a live query, or null for the plan alone.
void explain_block(const Block& block, const BlockInstance* instance, std::string& out);

}  // namespace tremula::dataflow
