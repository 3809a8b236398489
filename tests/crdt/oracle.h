// The contract of merging read naively: of all records ever made, which are left?
#pragma once

#include <string>
#include <vector>

namespace tremula::crdt {

// Lines of records, in any order and as often as one likes; the columns named "mood" are column 8.
// Returns: what a replica that has them all must dump.
std::string surviving_records(const std::vector<std::string>& lines);

// A line as Replica::dump() prints it: db_version and seq 0.
std::string without_position(const std::string& line);

}  // namespace tremula::crdt
