// OpenOn: a database on any file system: the machine's, or one that a test made.
//
// Thread: any.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/base/file_system.h"
#include "persist/wire.h"
#include "tremula/database.h"

namespace tremula::db {

class Membership;

struct OpenOn {
  // As Database::open().
  static Result<Database> open(std::shared_ptr<base::FileSystem> files, const std::string& path,
                               const Options& options) {
    return open(std::move(files), nullptr, path, options);
  }
  // Together with other processes, that meet by the wire.
  static Result<Database> open(std::shared_ptr<base::FileSystem> files,
                               std::shared_ptr<persist::Wire> wire, const std::string& path,
                               const Options& options);
  // A database in memory whose transactions are ordered with those of others (tests).
  // Requires: the membership outlives it, and has ordered nothing yet.
  static Database share(Membership& membership);
};

}  // namespace tremula::db
