// OpenOn: a database on any file system: the machine's, or one that a test made.
//
// Thread: any.
#pragma once

#include <memory>
#include <string>

#include "core/base/file_system.h"
#include "tremula/database.h"

namespace tremula::db {

struct OpenOn {
  // As Database::open().
  static Result<Database> open(std::shared_ptr<base::FileSystem> files, const std::string& path,
                               const Options& options);
};

}  // namespace tremula::db
