#include "core/lsm/lsm_tree.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "core/lsm/compaction.h"
#include "core/lsm/followed_files.h"
#include "core/lsm/manifest.h"
#include "core/lsm/tree_files.h"
#include "core/lsm/tree_view.h"
#include "core/lsm/version.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::Slot;
using triples::TypeId;

namespace {

constexpr std::size_t kFlushEntries = 1024;            // that a slice takes at once
constexpr std::size_t kPrepareWorkBytes = 128U << 10;  // that putting a memtable in order is worth
constexpr std::size_t kLookupBytes = 4U << 20;         // of blocks that point reads keep
constexpr std::size_t kRemovalsMax = 16;               // of files in one slice

// A memtable and what its flushing moves in the state.
struct Writes {
  std::unique_ptr<Memtable> memtable = std::make_unique<Memtable>();
  std::uint64_t last_version = 0;
  std::uint64_t first_log = 0;  // 0: nothing was applied
  std::uint64_t last_log = 0;
};

// Writes a memtable into one file of level 0.
class FlushJob {
 public:
  FlushJob(const Memtable& memtable, const VersionRef& version, TreeFiles& files)
      : cursor_(memtable, [version](TypeId type) { return attrs_of(*version, type); }),
        output_(files) {}

  // Returns: whether all is done and the output synced.
  base::Result<bool> step(std::size_t budget) {
    for (std::size_t worked = 0; worked < budget;) {
      if (!cursor_.next(entries_, kFlushEntries)) {
        TREMULA_TRY(output_.finish());
        return true;
      }
      if (entries_.empty()) worked += kPrepareWorkBytes;
      for (const Entry& entry : entries_) {
        TREMULA_TRY(output_.add(entry));
        worked += work_bytes(entry);
      }
    }
    return false;
  }
  const std::vector<SstInfo>& finished() const { return output_.finished(); }
  base::Result<void> abandon() { return output_.abandon(); }

 private:
  static std::vector<AttrId> attrs_of(const Version& version, TypeId type) {
    std::vector<AttrId> attrs;
    for (auto at = version.columns.lower_bound({type, AttrId{0}});
         at != version.columns.end() && at->first.first == type; ++at)
      attrs.push_back(at->first.second);
    return attrs;
  }

  MemtableCursor cursor_;
  OutputFiles output_;
  std::vector<Entry> entries_;
};

class LevelTree final : public LsmTree {
 public:
  LevelTree(base::FileSystem& files, const std::string& directory, const LsmOptions& options)
      : options_(options), tree_files_(files, directory, options) {}
  base::Result<void> open(base::FileSystem& files, const std::string& directory);
  base::Result<void> follow(base::FileSystem& files, const std::string& directory) {
    followed_ = std::make_unique<FollowedFiles>(files, directory, options_);
    TREMULA_TRY(followed_->refresh());
    version_ = followed_->version();
    return {};
  }

  base::Result<void> apply(std::string_view commit_record, std::uint64_t version,
                           std::uint64_t log) override;
  bool wants_freeze() const override {
    return active_.memtable->memory_bytes() >= options_.memtable_bytes;
  }
  bool can_freeze() const override {
    return !failure_ && !frozen_ && !active_.memtable->empty() &&
           version_->level0.size() < options_.level0_files_max;
  }
  void freeze() override {
    TREMULA_ASSERT(can_freeze());
    freeze_active();
  }
  bool has_work() const override;
  base::Result<bool> work(std::size_t budget) override { return noted(work_slice(budget)); }
  base::Result<void> flush() override { return noted(flush_all()); }

  const TreeState& state() const override {
    return followed_ ? followed_->state() : manifest_->contents().state;
  }
  base::Result<void> set_state(const TreeState& state) override;
  std::uint64_t edits() const override {
    return followed_ ? followed_->edits() : manifest_->edits();
  }

  std::shared_ptr<const LsmSnapshot> snapshot() const override { return make_snapshot(version_); }
  void visit_memtables(const std::function<void(const MemtableRow&)>& visit,
                       Memtable::WantsType wants) const override {
    if (frozen_) frozen_->memtable->visit_rows(visit, wants);
    active_.memtable->visit_rows(visit, wants);
  }
  LsmStats stats() const override;
  std::size_t memtable_bytes() const override;
  base::Result<std::optional<KeyState>> find_key(TypeId type, std::string_view key) const override;
  base::Result<std::optional<StoredCell>> get(TypeId type, AttrId attr, Slot slot) const override;
  base::Result<Slot> slot_end(TypeId type) const override;
  std::vector<AttrId> row_attrs(TypeId type, Slot slot) const override;
  std::unique_ptr<TreeView> view() const override { return view_since(0); }
  std::unique_ptr<TreeView> view_since(std::uint64_t since) const override;

 private:
  // An edit that waits to be written, and its files, open.
  struct Pending {
    ManifestEdit edit;
    std::vector<FileRef> opened;
    bool ends_flush = false;
  };

  template <typename T>
  base::Result<T> noted(base::Result<T> result);
  void freeze_active() {
    frozen_ = std::move(active_);
    active_ = {};
  }
  base::Result<bool> work_slice(std::size_t budget);
  base::Result<void> step_flush(std::size_t budget);
  base::Result<void> step_compaction(std::size_t budget);
  base::Result<void> flush_all();
  // After an error: on a full disk the job's files go, and it begins anew later.
  template <typename Job>
  base::Error give_up(std::optional<Job>& job, base::Error error);
  TreeState state_after_flush() const;
  base::Result<void> prepare(ManifestEdit edit, bool ends_flush);
  base::Result<void> commit_pending();
  base::Result<void> take_edit();  // files and version as the manifest has them
  base::Result<void> remove_dead_files();
  bool has_removable() const;

  LsmOptions options_;
  TreeFiles tree_files_;
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<FollowedFiles> followed_;  // in the place of a manifest
  FileMap open_files_;                       // that the manifest names
  VersionRef version_;
  bool wants_compaction_ = false;         // of version_
  std::vector<FileRef> dead_files_;       // that it doesn't, and a snapshot may
  std::vector<std::uint64_t> leftovers_;  // of a crash

  Writes active_;
  std::optional<Writes> frozen_;
  std::optional<FlushJob> flush_job_;
  std::optional<CompactionJob> compaction_job_;
  std::optional<Pending> pending_;
  std::optional<base::Error> failure_;             // for good
  mutable BlockCache lookup_cache_{kLookupBytes};  // of point reads
};

base::Result<void> LevelTree::open(base::FileSystem& files, const std::string& directory) {
  TREMULA_TRY_ASSIGN(manifest_, Manifest::open(files, directory));
  tree_files_.pass_number(manifest_->contents().next_file);
  TREMULA_TRY_ASSIGN(const std::vector<std::uint64_t> numbers, tree_files_.list());
  for (const std::uint64_t number : numbers) {
    if (manifest_->contents().files.contains(number)) continue;
    leftovers_.push_back(number);
    tree_files_.pass_number(number + 1);
  }
  for (const auto& [number, file] : manifest_->contents().files) {
    TREMULA_TRY_ASSIGN(FileRef opened, tree_files_.open(file.info));
    open_files_.emplace(number, std::move(opened));
  }
  return take_edit();
}

template <typename T>
base::Result<T> LevelTree::noted(base::Result<T> result) {
  if (!result.ok() && !failure_ && !base::is_disk_full(result.error())) failure_ = result.error();
  return result;
}

base::Result<void> LevelTree::apply(std::string_view commit_record, std::uint64_t version,
                                    std::uint64_t log) {
  if (failure_) return *failure_;
  triples::CommitReader reader(commit_record);
  triples::WrittenRow row;
  while (true) {
    const auto more = reader.next(row);
    if (!more.ok()) return noted(base::Result<void>(more.error()));
    if (!more.value()) break;
    active_.memtable->apply(row, version);
  }
  active_.last_version = version;
  if (active_.first_log == 0) active_.first_log = log;
  active_.last_log = log;
  return {};
}

bool LevelTree::has_work() const {
  if (failure_) return false;
  return pending_ || frozen_ || compaction_job_ || wants_compaction_ || !leftovers_.empty() ||
         has_removable();
}

base::Result<bool> LevelTree::work_slice(std::size_t budget) {
  if (failure_) return *failure_;
  TREMULA_TRY(remove_dead_files());
  if (pending_) {
    TREMULA_TRY(commit_pending());
    return true;
  }
  if (frozen_) {
    TREMULA_TRY(step_flush(budget));
  } else if (compaction_job_ || wants_compaction_) {
    TREMULA_TRY(step_compaction(budget));
  }
  return false;
}

template <typename Job>
base::Error LevelTree::give_up(std::optional<Job>& job, base::Error error) {
  if (!base::is_disk_full(error)) return error;
  const auto abandoned = job->abandon();
  job.reset();
  return abandoned.ok() ? error : abandoned.error();
}

TreeState LevelTree::state_after_flush() const {
  TreeState state = manifest_->contents().state;
  state.applied_version = frozen_->last_version;
  // What comes next may stand in the log file of the last that was flushed.
  state.first_log = active_.first_log != 0 ? active_.first_log : frozen_->last_log;
  return state;
}

base::Result<void> LevelTree::step_flush(std::size_t budget) {
  if (!flush_job_) flush_job_.emplace(*frozen_->memtable, version_, tree_files_);
  const auto done = flush_job_->step(budget);
  if (!done.ok()) return give_up(flush_job_, done.error());
  if (!done.value()) return {};
  ManifestEdit edit;
  for (const SstInfo& info : flush_job_->finished()) edit.added.push_back({0, info});
  return prepare(std::move(edit), true);
}

base::Result<void> LevelTree::step_compaction(std::size_t budget) {
  if (!compaction_job_) {
    TREMULA_TRY_ASSIGN(std::optional<CompactionPlan> plan, pick_compaction(*version_, options_));
    TREMULA_ASSERT(plan.has_value());
    compaction_job_.emplace(std::move(*plan), tree_files_, options_.file_bytes);
  }
  const auto done = compaction_job_->step(budget);
  if (!done.ok()) return give_up(compaction_job_, done.error());
  if (!done.value()) return {};
  return prepare(compaction_job_->edit(), false);
}

base::Result<void> LevelTree::prepare(ManifestEdit edit, bool ends_flush) {
  edit.next_file = tree_files_.next_number();
  Pending pending{std::move(edit), {}, ends_flush};
  for (const LevelFile& file : pending.edit.added) {
    const auto known = open_files_.find(file.info.number);  // it moves to another level
    if (known != open_files_.end()) continue;
    TREMULA_TRY_ASSIGN(FileRef opened, tree_files_.open(file.info));
    pending.opened.push_back(std::move(opened));
  }
  pending_ = std::move(pending);
  return {};
}

// On a full disk it stays pending: the edit may have reached the disk, and its files with it.
base::Result<void> LevelTree::commit_pending() {
  TREMULA_TRY(tree_files_.sync_names());
  if (pending_->ends_flush) pending_->edit.state = state_after_flush();
  TREMULA_TRY(manifest_->append(pending_->edit));
  for (FileRef& file : pending_->opened) open_files_.emplace(file->info().number, std::move(file));
  if (pending_->ends_flush) {
    flush_job_.reset();
    frozen_.reset();
  } else {
    compaction_job_.reset();
  }
  pending_.reset();
  return take_edit();
}

base::Result<void> LevelTree::take_edit() {
  const ManifestContents& contents = manifest_->contents();
  TREMULA_TRY_ASSIGN(version_, make_version(contents, open_files_));
  for (auto at = open_files_.begin(); at != open_files_.end();) {
    if (contents.files.contains(at->first)) {
      ++at;
    } else {
      dead_files_.push_back(std::move(at->second));
      at = open_files_.erase(at);
    }
  }
  wants_compaction_ = wants_compaction(*version_, options_);
  return {};
}

// Nobody can take hold of a dead file again once it is ours alone.
bool LevelTree::has_removable() const {
  return std::any_of(dead_files_.begin(), dead_files_.end(),
                     [](const FileRef& file) { return file.use_count() == 1; });
}

base::Result<void> LevelTree::remove_dead_files() {
  std::size_t removals = 0;
  for (; !leftovers_.empty() && removals < kRemovalsMax; ++removals) {
    TREMULA_TRY(tree_files_.remove(leftovers_.back()));
    leftovers_.pop_back();
  }
  for (std::size_t i = 0; i < dead_files_.size() && removals < kRemovalsMax;) {
    if (dead_files_[i].use_count() != 1) {
      ++i;
      continue;
    }
    const std::uint64_t number = dead_files_[i]->info().number;
    dead_files_.erase(dead_files_.begin() + static_cast<std::ptrdiff_t>(i));
    TREMULA_TRY(tree_files_.remove(number));
    ++removals;
  }
  return {};
}

base::Result<void> LevelTree::flush_all() {
  if (failure_) return *failure_;
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  while (true) {
    if (pending_) {
      TREMULA_TRY(commit_pending());
    } else if (frozen_) {
      TREMULA_TRY(step_flush(kAll));
    } else if (!active_.memtable->empty()) {
      freeze_active();
    } else {
      return {};
    }
  }
}

base::Result<void> LevelTree::set_state(const TreeState& state) {
  if (failure_) return *failure_;
  ManifestEdit edit;
  edit.state = state;
  return noted(manifest_->append(edit));
}

LsmStats LevelTree::stats() const {
  LsmStats stats;
  for (const auto& [number, file] : manifest_->contents().files) {
    if (stats.files_per_level.size() <= file.level) stats.files_per_level.resize(file.level + 1);
    ++stats.files_per_level[file.level];
    stats.bytes_per_level.resize(stats.files_per_level.size());
    stats.bytes_per_level[file.level] += file.info.size;
    stats.bytes += file.info.size;
    stats.entries += file.info.entries;
    stats.tombstones += file.info.tombstones;
  }
  for (const auto& [id, column] : version_->columns) stats.column_bytes += column.largest_part();
  for (const FileRef& file : dead_files_)
    if (file.use_count() > 1)
      stats.pinned.emplace_back(sst_name(file->info().number), file->info().size);
  stats.bytes_written = tree_files_.bytes_written();
  stats.memtable_bytes = memtable_bytes();
  return stats;
}

std::size_t LevelTree::memtable_bytes() const {
  return active_.memtable->memory_bytes() + (frozen_ ? frozen_->memtable->memory_bytes() : 0);
}

base::Result<std::optional<KeyState>> LevelTree::find_key(TypeId type, std::string_view key) const {
  if (const auto found = active_.memtable->find_key(type, key)) return found;
  if (frozen_) {
    if (const auto found = frozen_->memtable->find_key(type, key)) return found;
  }
  return lsm::find_key(*version_, type, key);
}

base::Result<std::optional<StoredCell>> LevelTree::get(TypeId type, AttrId attr, Slot slot) const {
  auto found = active_.memtable->get(type, attr, slot);
  if (!found && frozen_) found = frozen_->memtable->get(type, attr, slot);
  std::optional<StoredCell> cell;
  if (found) {
    cell = {triples::OwnedValue(found->value), found->version};
  } else {
    TREMULA_TRY_ASSIGN(cell, find_cell(*version_, type, attr, slot, lookup_cache_));
  }
  if (cell && cell->value.value().is_missing()) cell.reset();
  return cell;
}

std::vector<AttrId> LevelTree::row_attrs(TypeId type, Slot slot) const {
  std::vector<AttrId> attrs;
  bool is_whole = active_.memtable->row_attrs(type, slot, attrs);
  if (!is_whole && frozen_) is_whole = frozen_->memtable->row_attrs(type, slot, attrs);
  if (!is_whole) {
    for (auto at = version_->columns.upper_bound({type, triples::kRowAttr});
         at != version_->columns.end() && at->first.first == type; ++at) {
      if (at->first.second != kKeyAttr) attrs.push_back(at->first.second);
    }
  }
  std::sort(attrs.begin(), attrs.end());
  attrs.erase(std::unique(attrs.begin(), attrs.end()), attrs.end());
  return attrs;
}

std::unique_ptr<TreeView> LevelTree::view_since(std::uint64_t since) const {
  auto view = std::make_unique<TreeView>(make_snapshot(version_));
  if (frozen_) view->add(*frozen_->memtable, since);
  view->add(*active_.memtable, since);
  return view;
}

base::Result<Slot> LevelTree::slot_end(TypeId type) const {
  TREMULA_TRY_ASSIGN(Slot end, lsm::slot_end(*version_, type, lookup_cache_));
  end = std::max(end, active_.memtable->slot_end(type));
  return frozen_ ? std::max(end, frozen_->memtable->slot_end(type)) : end;
}

}  // namespace

base::Result<std::unique_ptr<LsmTree>> LsmTree::open(base::FileSystem& files,
                                                     const std::string& directory,
                                                     const LsmOptions& options) {
  auto tree = std::make_unique<LevelTree>(files, directory, options);
  TREMULA_TRY(tree->open(files, directory));
  return std::unique_ptr<LsmTree>(std::move(tree));
}

base::Result<std::unique_ptr<LsmTree>> LsmTree::follow(base::FileSystem& files,
                                                       const std::string& directory,
                                                       const LsmOptions& options) {
  auto tree = std::make_unique<LevelTree>(files, directory, options);
  TREMULA_TRY(tree->follow(files, directory));
  return std::unique_ptr<LsmTree>(std::move(tree));
}

base::Result<LsmTree::Checked> LsmTree::check(
    base::FileSystem& files, const std::string& directory,
    const std::function<void(std::string_view line)>& line) {
  TREMULA_TRY_ASSIGN(const Manifest::Dump dump, Manifest::dump(files, directory, line));
  const TreeFiles tree_files(files, directory, LsmOptions());
  FileMap open_files;
  std::uint64_t bytes = 0;
  for (const auto& [number, file] : dump.contents.files) {
    bytes += file.info.size;
    TREMULA_TRY_ASSIGN(FileRef opened, tree_files.open(file.info));
    TREMULA_TRY(opened->reader->check());
    line(sst_name(number) + ": level " + std::to_string(file.level) + ", " +
         std::to_string(opened->reader->blocks().size()) + " blocks, whole");
    open_files.emplace(number, std::move(opened));
  }
  TREMULA_TRY_ASSIGN(VersionRef version, make_version(dump.contents, open_files));
  return Checked{dump.contents.state, dump.edits, open_files.size(), bytes,
                 make_snapshot(std::move(version))};
}

}  // namespace tremula::lsm
