// A database's directory as a whole: checked, shown as text, copied and put back.
//
//   DIR   LOCK | MANIFEST -> SST-NNNNNN ... | LOG-NNNNNN ...
//
// Errors: io (also: no database is there), locked, corrupt.
// Thread: any.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_system.h"
#include "core/base/result.h"

namespace tremula::persist {

struct DirectoryReport {
  std::uint64_t version = 0;  // of the last commit
  std::uint64_t tables = 0;   // that have rows, those that the log alone has too; the catalog's
  std::uint64_t rows = 0;     //   own are left out
  std::uint64_t triples = 0;
  std::uint64_t commits = 0;  // that the log alone has
  std::uint64_t files = 0;    // that count
  std::uint64_t bytes = 0;    // of them
  std::vector<base::Error> problems;
};

// Reads every byte that counts, and writes none:
//   the chain of checksums from the manifest down, the order of all keys, the log's records;
//   for each type, rows and directory of keys name the same slots; no value stands in a slot
//   without a row; the log's commits change rows that are there.
// Somebody may have it open: then what looks wrong is looked at again, for it may be a change.
// Returns: what was found, damage in `problems`.  Errors: io.
base::Result<DirectoryReport> check_directory(base::FileSystem& files,
                                              const std::string& directory);

// Gives MANIFEST, an SST or a LOG of the directory as lines for people.
base::Result<void> dump_file(base::FileSystem& files, const std::string& directory,
                             const std::string& name,
                             const std::function<void(std::string_view line)>& line);

// Copies a directory into another, which must be empty or not there, while others write: the copy
// has every commit that was ordered when it began, and a prefix of those that came meanwhile. It is
// synced and checked. Not locked: files of triples never change, the manifest must be the same
// before and after, and the log's reader tells a log that was copied in the middle of a change; the
// copying is repeated until all is well.
// Returns: the version of the copy's last commit.
base::Result<std::uint64_t> backup_directory(base::FileSystem& files, const std::string& source,
                                             const std::string& destination);

// The same, and the copy takes a site id of its own with its first write.
base::Result<std::uint64_t> restore_directory(base::FileSystem& files, const std::string& source,
                                              const std::string& destination);

}  // namespace tremula::persist
