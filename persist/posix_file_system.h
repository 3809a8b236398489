// PosixFileSystem: the machine's own files.
//
// Interrupted calls go on, short writes are finished, no descriptor outlives an exec. A lock
// belongs to its process alone: a child that is forked off gives its share up as the first thing it
// does, so that the lock ends with the process that took it.
// Thread: as FileSystem says.
#pragma once

#include <memory>
#include <string>

#include "core/base/file_system.h"

namespace tremula::persist {

std::unique_ptr<base::FileSystem> make_posix_file_system();

// The same place, wherever the program goes later. Unchanged if it names none, or if the program
// stands nowhere.
std::string absolute_path(const std::string& path);

}  // namespace tremula::persist
