// Checks and dumps of a directory.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/base/hash.h"
#include "core/lsm/lsm_tree.h"
#include "core/lsm/manifest.h"
#include "core/lsm/manifest_edit.h"
#include "core/lsm/sst.h"
#include "core/triples/commit_record.h"
#include "core/triples/value_ops.h"
#include "persist/directory.h"
#include "persist/log.h"
#include "persist/log_reader.h"

namespace tremula::persist {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

std::string text_of(TypeId type) {
  return "type " + std::to_string(static_cast<std::uint32_t>(type));
}
std::string text_of(AttrId attr) {
  if (attr == lsm::kKeyAttr) return "keys";
  if (attr == triples::kRowAttr) return "rows";
  return "column " + std::to_string(static_cast<std::uint32_t>(attr));
}

LogRecovery recovery_of(const lsm::TreeState& state, std::uint64_t edits) {
  return {.first_log = state.first_log,
          .closed_end = {state.log_end_number, state.log_end_offset},
          .manifest_edits = edits,
          .next_version = state.applied_version + 1};
}

// The rows of a type, or the triples of a column: which slots are taken.
class SlotSet {
 public:
  void set(Slot slot, bool taken) {
    if (slot >= taken_.size()) taken_.resize(static_cast<std::size_t>(slot) + 1);
    const bool was = taken_[slot];
    taken_[slot] = taken;
    count_ = count_ - (was ? 1 : 0) + (taken ? 1 : 0);
  }
  bool has(Slot slot) const { return slot < taken_.size() && taken_[slot]; }
  std::uint64_t count() const { return count_; }

 private:
  std::vector<bool> taken_;
  std::uint64_t count_ = 0;
};

struct Rows {
  SlotSet slots;
  std::map<AttrId, SlotSet> columns;
};

// A sum over (slot, key) that is the same in whichever order they come.
struct PairSum {
  std::uint64_t count = 0, sum = 0;
  void add(Slot slot, std::string_view key) {
    ++count;
    std::uint64_t hash = base::hash_bytes(key) + slot * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ (hash >> 32)) * 0xbf58476d1ce4e5b9ULL;
    sum += hash ^ (hash >> 29);
  }
  friend bool operator==(const PairSum&, const PairSum&) = default;
};

class DirectoryCheck {
 public:
  DirectoryCheck(base::FileSystem& files, const std::string& directory)
      : files_(files), directory_(directory) {}

  Result<DirectoryReport> run() {
    const auto checked = lsm::LsmTree::check(files_, directory_, [](std::string_view) {});
    if (!checked.ok()) {
      TREMULA_TRY(note(checked.error()));
      // The log is read all the same, if the manifest can be.
      const auto dump = lsm::Manifest::dump(files_, directory_, [](std::string_view) {});
      if (dump.ok())
        TREMULA_TRY(check_log(recovery_of(dump.value().contents.state, dump.value().edits), false));
      return std::move(report_);
    }
    TREMULA_TRY(check_files(checked.value()));
    TREMULA_TRY(check_log(recovery_of(checked.value().state, checked.value().edits),
                          report_.problems.empty()));
    count_rows();
    return std::move(report_);
  }

 private:
  // Damage goes into the report, everything else is an error of the check.
  Result<void> note(const Error& error) {
    if (error.code != ErrorCode::kCorrupt && error.code != ErrorCode::kUnsupported) return error;
    report_.problems.push_back(error);
    return {};
  }
  void note_damage(const std::string& what) {
    report_.problems.push_back({ErrorCode::kCorrupt, directory_ + ": " + what});
  }

  // What the files hold together.
  Result<void> check_files(const lsm::LsmTree::Checked& checked) {
    const lsm::LsmSnapshot& snapshot = *checked.snapshot;
    const auto columns = snapshot.columns();
    for (auto first = columns.begin(); first != columns.end();) {
      const TypeId type = first->first;
      const auto last = std::find_if(first, columns.end(),
                                     [&](const auto& column) { return column.first != type; });
      std::vector<AttrId> attrs;
      for (; first != last; ++first) attrs.push_back(first->second);
      TREMULA_TRY(check_type(snapshot, type, attrs));
    }
    report_.files = checked.files;
    report_.bytes = checked.bytes;
    return {};
  }

  Result<void> check_type(const lsm::LsmSnapshot& snapshot, TypeId type,
                          const std::vector<AttrId>& attrs) {
    SlotSet& slots = rows_[type].slots;
    PairSum rows, keys;
    TREMULA_TRY(snapshot.scan(type, triples::kRowAttr, [&](const lsm::Entry& entry) {
      slots.set(entry.key.slot, true);
      if (entry.value.has_bytes()) rows.add(entry.key.slot, entry.value.view());
    }));
    TREMULA_TRY(snapshot.scan(type, lsm::kKeyAttr, [&](const lsm::Entry& entry) {
      if (entry.value.kind == triples::Kind::kInt)
        keys.add(static_cast<Slot>(entry.value.integer), entry.key.key);
    }));
    if (!(rows == keys))
      note_damage(text_of(type) + ": " + std::to_string(rows.count) + " rows, " +
                  std::to_string(keys.count) + " living keys, and they don't name each other");
    for (const AttrId attr : attrs) {
      if (attr == triples::kRowAttr || attr == lsm::kKeyAttr) continue;
      std::uint64_t strays = 0;
      Slot stray = 0;
      SlotSet& cells = rows_[type].columns[attr];
      TREMULA_TRY(snapshot.scan(type, attr, [&](const lsm::Entry& entry) {
        cells.set(entry.key.slot, true);
        if (slots.has(entry.key.slot)) return;
        if (strays++ == 0) stray = entry.key.slot;
      }));
      if (strays > 0)
        note_damage(text_of(type) + ", " + text_of(attr) + ": " + std::to_string(strays) +
                    " values of no row, the first in slot " + std::to_string(stray));
    }
    return {};
  }

  Result<void> check_log(const LogRecovery& recovery, bool against_rows) {
    const auto visit = [&](const LogRecord& record) -> Result<void> {
      if (record.header.kind != RecordKind::kGroup) return {};
      const std::string where = directory_ + "/" + log_name(record.position.log) + " at offset " +
                                std::to_string(record.position.offset);
      return visit_group(record, where, [&](const LogCommit& commit) -> Result<void> {
        if (commit.version < recovery.next_version) return {};
        ++report_.commits;
        return check_commit(commit, where, against_rows);
      });
    };
    const auto found = read_log(files_, directory_, recovery, visit);
    if (!found.ok()) return note(found.error());
    report_.version = found.value().last_version;
    const std::uint64_t first = std::max<std::uint64_t>(recovery.first_log, 1);
    for (const auto& [number, bytes] : found.value().files) {
      if (number < first) continue;
      ++report_.files;
      report_.bytes += bytes;
    }
    return {};
  }

  Result<void> check_commit(const LogCommit& commit, const std::string& where, bool against_rows) {
    triples::CommitReader reader(commit.record);
    triples::WrittenRow row;
    for (;;) {
      auto more = reader.next(row);
      if (!more.ok()) {
        more.error().message =
            where + ": version " + std::to_string(commit.version) + ": " + more.error().message;
        return std::move(more).error();
      }
      if (!more.value()) return {};
      if (against_rows && row.fate != triples::Fate::kInserted &&
          !rows_[row.type].slots.has(row.slot))
        note_damage("version " + std::to_string(commit.version) + " of the log changes " +
                    text_of(row.type) + ", slot " + std::to_string(row.slot) + ", where no row is");
      apply(row);
    }
  }

  void apply(const triples::WrittenRow& row) {
    Rows& rows = rows_[row.type];
    rows.slots.set(row.slot, row.fate != triples::Fate::kDeleted);
    if (row.fate != triples::Fate::kUpdated) {
      for (auto& [attr, cells] : rows.columns) {
        if (cells.has(row.slot)) cells.set(row.slot, false);
      }
    }
    for (const triples::WrittenCell& cell : row.cells)
      rows.columns[cell.attr].set(row.slot, !cell.value.is_missing());
  }

  void count_rows() {
    for (const auto& [type, rows] : rows_) {
      if (type >= triples::kCatalogTableType) break;
      if (rows.slots.count() > 0) ++report_.tables;
      report_.rows += rows.slots.count();
      for (const auto& [attr, cells] : rows.columns) report_.triples += cells.count();
    }
  }

  base::FileSystem& files_;
  const std::string& directory_;
  DirectoryReport report_;
  std::map<TypeId, Rows> rows_;  // of the files, then with the log's commits
};

Result<void> expect_database(base::FileSystem& files, const std::string& directory) {
  TREMULA_TRY_ASSIGN(const bool is_there,
                     files.exists(directory + "/" + std::string(lsm::kManifestName)));
  if (is_there) return {};
  TREMULA_TRY_ASSIGN(const bool has_directory, files.exists(directory));
  if (has_directory) {
    TREMULA_TRY_ASSIGN(const std::vector<std::string> names, files.list(directory));
    const auto is_ours = [](const std::string& name) {
      return log_number(name).has_value() || lsm::sst_number(name) != 0;
    };
    if (std::any_of(names.begin(), names.end(), is_ours))
      return Error{ErrorCode::kCorrupt,
                   directory + "/" + std::string(lsm::kManifestName) + ": is missing"};
  }
  return Error{ErrorCode::kIo, directory + ": there is no database"};
}

Result<void> dump_sst(base::FileSystem& files, const std::string& directory,
                      const lsm::SstInfo& info,
                      const std::function<void(std::string_view line)>& line) {
  const std::string path = directory + "/" + lsm::sst_name(info.number);
  TREMULA_TRY_ASSIGN(auto file, files.open(path, base::OpenMode::kRead));
  TREMULA_TRY_ASSIGN(const auto reader, lsm::SstReader::open(std::move(file), path, info));
  for (std::size_t i = 0; i < reader->blocks().size(); ++i) {
    const lsm::SstReader::BlockPlace& place = reader->blocks()[i];
    line("block at offset " + std::to_string(place.offset) + ": " + text_of(place.type) + ", " +
         text_of(place.attr) + ", " + std::to_string(place.entries) + " entries");
    TREMULA_TRY_ASSIGN(const auto block, reader->read(i));
    for (std::size_t k = 0; k < block->values.size(); ++k) {
      std::string text = "  ";
      if (place.attr == lsm::kKeyAttr) {
        triples::print_json_string(block->keys[k], text);
      } else {
        text += "slot " + std::to_string(block->slots[k]);
      }
      text += ", version " + std::to_string(block->versions[k]) + ": ";
      if (block->values[k].kind == triples::Kind::kMissing) {
        text += "removed";
      } else {
        triples::print_json(block->values[k], text);
      }
      line(text);
    }
  }
  return {};
}

}  // namespace

namespace {

// A directory that another process writes meanwhile: what a check finds wrong may be what it read
// half before and half after a change. Damage is found again and again.
Result<DirectoryReport> check_in_use(base::FileSystem& files, const std::string& directory) {
  constexpr int kTries = 20;
  for (int tries = 1;; ++tries) {
    auto report = DirectoryCheck(files, directory).run();
    const bool is_well = report.ok() && report.value().problems.empty();
    if (is_well || tries == kTries) return report;
  }
}

}  // namespace

Result<DirectoryReport> check_directory(base::FileSystem& files, const std::string& directory) {
  if (const auto there = expect_database(files, directory); !there.ok()) {
    if (there.error().code != ErrorCode::kCorrupt) return there.error();
    DirectoryReport report;
    report.problems.push_back(there.error());
    return report;
  }
  // Without a note the lock's file stays as it is; where it isn't there nobody holds it.
  std::unique_ptr<base::FileLock> lock;
  TREMULA_TRY_ASSIGN(const bool has_lock, files.exists(directory + "/LOCK"));
  if (has_lock) {
    auto taken = files.lock(directory + "/LOCK", "");
    if (!taken.ok() && taken.error().code == ErrorCode::kLocked) {
      return check_in_use(files, directory);
    }
    TREMULA_TRY_ASSIGN(lock, std::move(taken));
  }
  return DirectoryCheck(files, directory).run();
}

Result<void> dump_file(base::FileSystem& files, const std::string& directory,
                       const std::string& name,
                       const std::function<void(std::string_view line)>& line) {
  TREMULA_TRY(expect_database(files, directory));
  if (name == lsm::kManifestName) {
    TREMULA_TRY(lsm::Manifest::dump(files, directory, line));
    return {};
  }
  TREMULA_TRY_ASSIGN(const lsm::Manifest::Dump dump,
                     lsm::Manifest::dump(files, directory, [](std::string_view) {}));
  if (const auto log = log_number(name)) {
    if (*log < dump.contents.state.first_log) {
      line(name + ": spare, its bytes mean nothing");
      return {};
    }
    bool is_in_it = false;  // a record's line is followed by those of its transactions
    return Log::check(files, directory, recovery_of(dump.contents.state, dump.edits),
                      [&](std::string_view text) {
                        if (!text.starts_with(' ')) is_in_it = text.starts_with(name + " ");
                        if (is_in_it) line(text);
                      });
  }
  const auto file = dump.contents.files.find(lsm::sst_number(name));
  if (file != dump.contents.files.end()) return dump_sst(files, directory, file->second.info, line);
  return Error{ErrorCode::kIo, directory + "/" + name +
                                   ": is no file that counts; there are MANIFEST, SST-NNNNNN and "
                                   "LOG-NNNNNN"};
}

}  // namespace tremula::persist
