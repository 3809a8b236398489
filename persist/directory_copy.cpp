// Copies of a directory: backup and restore.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "core/lsm/lsm_tree.h"
#include "core/lsm/manifest.h"
#include "core/lsm/manifest_edit.h"
#include "persist/directory.h"
#include "persist/log.h"
#include "persist/log_format.h"
#include "persist/log_reader.h"

namespace tremula::persist {
namespace {

using base::Error;
using base::ErrorCode;
using base::OpenMode;
using base::Result;

// How often the copying begins again because the directory has changed. Files of triples that were
// copied stay, so that a round soon takes less time than the writer needs for its next change.
constexpr int kRoundsMax = 200;
constexpr std::size_t kPieceBytes = 1U << 20;

std::string parent_of(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  const std::size_t slash = path.rfind('/', end);
  if (end == std::string::npos || slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class DirectoryCopy {
 public:
  DirectoryCopy(base::FileSystem& files, const std::string& source, const std::string& destination)
      : files_(files), source_(source), destination_(destination) {}

  // Returns: the version of the last commit in the copy. After an error nothing is left of it.
  Result<std::uint64_t> run() {
    auto version = copy();
    if (!version.ok()) clear();
    return version;
  }

 private:
  Result<std::uint64_t> copy() {
    const std::string manifest = source_ + "/" + std::string(lsm::kManifestName);
    Error last_error;
    for (int round = 0; round < kRoundsMax; ++round) {
      TREMULA_TRY_ASSIGN(const std::string before, read_file(manifest));
      const auto copied = copy_round();
      if (!copied.ok()) last_error = copied.error();
      TREMULA_TRY_ASSIGN(const std::string after, read_file(manifest));
      const bool has_changed = before != after;
      if (copied.ok() && !has_changed) return seal(before, copied.value());
      // What is wrong while nothing changes stays wrong, but for a log that was just growing.
      if (!copied.ok() && !has_changed && !is_worth_another(copied.error())) return copied.error();
    }
    if (last_error.code == ErrorCode::kOk)
      last_error = {ErrorCode::kIo, source_ + ": changes too fast to be copied"};
    return last_error;
  }

  void clear() {
    const auto names = files_.list(destination_);
    if (!names.ok()) return;  // the copy's own error tells more
    for (const std::string& name : names.value()) {
      const bool is_ours =
          name == lsm::kManifestName || lsm::sst_number(name) != 0 || log_number(name).has_value();
      if (is_ours) static_cast<void>(files_.remove(destination_ + "/" + name));
    }
  }

  // The same damage twice in a row, of a log of the same bytes, is no change in between.
  bool is_worth_another(const Error& error) {
    const std::string seen = error.message + "\n" + std::to_string(log_bytes_read_);
    const bool is_new = seen != last_seen_;
    last_seen_ = seen;
    return is_new;
  }

  Result<std::string> read_file(const std::string& path) {
    TREMULA_TRY_ASSIGN(const auto file, files_.open(path, OpenMode::kRead));
    TREMULA_TRY_ASSIGN(const std::uint64_t size, file->size());
    std::string bytes(static_cast<std::size_t>(size), '\0');
    TREMULA_TRY_ASSIGN(const std::size_t got, file->read(0, bytes));
    bytes.resize(got);
    return bytes;
  }

  Result<std::uint64_t> copy_file(const std::string& name) {
    const std::string to = destination_ + "/" + name;
    TREMULA_TRY_ASSIGN(const auto from, files_.open(source_ + "/" + name, OpenMode::kRead));
    TREMULA_TRY_ASSIGN(const bool is_there, files_.exists(to));
    if (is_there) TREMULA_TRY(files_.remove(to));
    TREMULA_TRY_ASSIGN(const auto file, files_.open(to, OpenMode::kCreate));
    std::string piece(kPieceBytes, '\0');
    for (std::uint64_t at = 0;;) {
      TREMULA_TRY_ASSIGN(const std::size_t got, from->read(at, piece));
      TREMULA_TRY(file->write(at, std::string_view(piece).substr(0, got)));
      at += got;
      if (got == piece.size()) continue;
      TREMULA_TRY(file->sync());
      return at;
    }
  }

  // Copies what the manifest of now names, and the log.  Returns: the copy's last version.
  Result<std::uint64_t> copy_round() {
    TREMULA_TRY_ASSIGN(const lsm::Manifest::Dump dump,
                       lsm::Manifest::dump(files_, source_, [](std::string_view) {}));
    for (const auto& [number, file] : dump.contents.files) {
      if (ssts_.contains(number)) continue;
      TREMULA_TRY(copy_file(lsm::sst_name(number)));
      ssts_.insert(number);
    }
    std::erase_if(ssts_, [&](std::uint64_t number) {
      return !dump.contents.files.contains(number) &&
             files_.remove(destination_ + "/" + lsm::sst_name(number)).ok();
    });
    const lsm::TreeState& state = dump.contents.state;
    const LogRecovery recovery{.first_log = state.first_log,
                               .closed_end = {state.log_end_number, state.log_end_offset},
                               .manifest_edits = dump.edits,
                               .next_version = state.applied_version + 1};
    TREMULA_TRY(copy_logs(std::max<std::uint64_t>(state.first_log, 1)));
    TREMULA_TRY_ASSIGN(const LogEnd end, read_log(files_, destination_, recovery,
                                                  [](const LogRecord&) { return Result<void>(); }));
    return end.last_version;
  }

  Result<void> copy_logs(std::uint64_t first) {
    for (const std::string& name : logs_) TREMULA_TRY(files_.remove(destination_ + "/" + name));
    logs_.clear();
    log_bytes_read_ = 0;
    TREMULA_TRY_ASSIGN(const std::vector<std::string> names, files_.list(source_));
    std::map<std::uint64_t, std::string> needed;  // in the order in which they are written
    for (const std::string& name : names)
      if (const auto number = log_number(name); number.has_value() && *number >= first)
        needed[*number] = name;
    for (const auto& [number, name] : needed) {
      logs_.push_back(name);
      const auto copied = copy_file(name);
      if (!copied.ok()) {
        // It may not have come into being.
        TREMULA_TRY_ASSIGN(const bool is_there, files_.exists(destination_ + "/" + name));
        if (!is_there) logs_.pop_back();
        return copied.error();
      }
      log_bytes_read_ += copied.value();
    }
    return {};
  }

  // The manifest comes last: until then it is no database.
  Result<std::uint64_t> seal(const std::string& manifest, std::uint64_t version) {
    TREMULA_TRY(files_.sync_directory(destination_));
    const std::string path = destination_ + "/" + std::string(lsm::kManifestName);
    {
      TREMULA_TRY_ASSIGN(const auto file, files_.open(path, OpenMode::kCreate));
      TREMULA_TRY(file->write(0, manifest));
      TREMULA_TRY(file->sync());
    }
    TREMULA_TRY(files_.sync_directory(destination_));
    TREMULA_TRY(files_.sync_directory(parent_of(destination_)));
    TREMULA_TRY(lsm::LsmTree::check(files_, destination_, [](std::string_view) {}));
    return version;
  }

  base::FileSystem& files_;
  const std::string& source_;
  const std::string& destination_;
  std::set<std::uint64_t> ssts_;   // copied
  std::vector<std::string> logs_;  // copied in this round
  std::uint64_t log_bytes_read_ = 0;
  std::string last_seen_;
};

// Makes the destination, or finds it empty.
Result<void> begin_copy(base::FileSystem& files, const std::string& source,
                        const std::string& directory) {
  TREMULA_TRY_ASSIGN(const bool is_database,
                     files.exists(source + "/" + std::string(lsm::kManifestName)));
  if (!is_database) return Error{ErrorCode::kIo, source + ": there is no database"};
  TREMULA_TRY_ASSIGN(const bool is_there, files.exists(directory));
  if (!is_there) return files.make_directory(directory);
  TREMULA_TRY_ASSIGN(const std::vector<std::string> names, files.list(directory));
  if (names.empty()) return {};
  return Error{ErrorCode::kIo, directory + ": is not empty; name a directory that isn't there"};
}

// After an error: nobody takes what is there for a copy, and the next try finds it empty.
void remove_all(base::FileSystem& files, const std::string& directory) {
  const auto names = files.list(directory);
  if (!names.ok()) return;
  for (const std::string& name : names.value()) (void)files.remove(directory + "/" + name);
}

}  // namespace

Result<std::uint64_t> backup_directory(base::FileSystem& files, const std::string& source,
                                       const std::string& destination) {
  TREMULA_TRY(begin_copy(files, source, destination));
  return DirectoryCopy(files, source, destination).run();
}

Result<std::uint64_t> restore_directory(base::FileSystem& files, const std::string& source,
                                        const std::string& destination) {
  TREMULA_TRY(begin_copy(files, source, destination));
  TREMULA_TRY_ASSIGN(const auto lock, files.lock(destination + "/LOCK", "a restore"));
  const auto restored = [&]() -> Result<std::uint64_t> {
    TREMULA_TRY_ASSIGN(const std::uint64_t version,
                       DirectoryCopy(files, source, destination).run());
    // Who opens it gives it another name: its lock is none that was noted.
    TREMULA_TRY_ASSIGN(const auto tree, lsm::LsmTree::open(files, destination, {}));
    lsm::TreeState state = tree->state();
    state.lock_identity = 0;
    TREMULA_TRY(tree->set_state(state));
    return version;
  }();
  if (!restored.ok()) remove_all(files, destination);
  return restored;
}

}  // namespace tremula::persist
