// What the tests of the tree share: a tree beside the history that it takes in.
#pragma once

#include <memory>
#include <string>

#include "core/base/file_system.h"
#include "core/lsm/lsm_tree.h"
#include "tests/lsm/history.h"

namespace tremula::lsm::testing {

inline constexpr const char* kDirectory = "db";

// So small that every path is taken after a few transactions.
LsmOptions tiny_options();
// All that a snapshot has, as History shows it.
std::string show(const LsmSnapshot& snapshot);
// Finds every key that the history knows as the history does.  Returns: what is wrong, or "".
std::string check_keys(const LsmSnapshot& snapshot, const History& history, triples::TypeId type);
// "L0:2 L1:5"
std::string show_levels(const LsmStats& stats);
// Works until nothing is left to do.
base::Result<void> work_all(LsmTree& tree, std::size_t budget = 1 << 20);
// All files of a directory, names and bytes.
std::string all_bytes(base::FileSystem& files);
std::string file_bytes(base::FileSystem& files, const std::string& path);
void put_file(base::FileSystem& files, const std::string& path, const std::string& bytes);

}  // namespace tremula::lsm::testing
