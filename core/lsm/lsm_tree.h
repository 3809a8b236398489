// LsmTree: the triples of a directory on disk: a memtable, SSTs in levels, and the manifest that
// says which files count.
//
//   apply -> memtable -freeze-> flush -> level 0 (files of many columns, youngest first)
//                                     -compact-> level 1, 2, ... (files of one column, disjoint)
//
// Level 0 files may overlap, and the younger counts; the files of a deeper level don't, and every
// level counts before the deeper ones. Work on files is done in slices by work(), so that one
// thread can write the log in between (after LevelDB's leveled compaction, with its manual
// scheduling instead of a background thread).
// Invariants:
//   T1  the newest entry of every key that was applied is in the memtables or in a file that the
//       manifest names, always.
//   T2  a file is removed only when no manifest on disk and no snapshot names it.
// Errors: io, corrupt. After an error of a write the tree only reads: every later write gives it.
// A full disk (base::is_disk_full) alone may pass: what was being written is removed and nothing is
// lost; call work(), flush() or set_state() again when there may be room.
// Thread: one at a time; snapshots are immutable and may be read by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/block_cache.h"
#include "core/lsm/cold_source.h"
#include "core/lsm/entry.h"
#include "core/lsm/memtable.h"
#include "core/lsm/sst.h"
#include "core/lsm/tree_state.h"

namespace tremula::lsm {

struct LsmOptions {
  std::size_t memtable_bytes = 8U << 20;
  std::size_t level0_files = 4;          // more than these are compacted
  std::size_t level0_files_max = 20;     // with so many nothing is frozen until they are compacted
  std::size_t level1_bytes = 16U << 20;  // per (type, attr); each deeper level ten times that
  std::size_t file_bytes = 2U << 20;     // of SSTs from level 1 on
  // SSTs beyond these are opened for each read, so that many columns, which make many files, never
  // take all descriptors that a process may have.
  std::size_t open_files_max = 400;
  SstOptions sst;
};

// A set of files that stays readable as long as it lives.
class LsmSnapshot {
 public:
  virtual ~LsmSnapshot() = default;
  using EntryVisitor = std::function<void(const Entry&)>;
  // Calls `visit` with the newest entries of one (type, attr) in key order, tombstones left out;
  // of kKeyAttr dead keys come too, as NULL.  Borrowed: each entry's bytes during its call.
  virtual base::Result<void> scan(triples::TypeId type, triples::AttrId attr,
                                  const EntryVisitor& visit) const = 0;
  // The same between two slots, end excluded. Column entries only. With a cache, which belongs to
  // the caller's thread, blocks come from there: what borders on this range is wanted next.
  virtual base::Result<void> scan(triples::TypeId type, triples::AttrId attr, triples::Slot begin,
                                  triples::Slot end, const EntryVisitor& visit,
                                  BlockCache* cache = nullptr) const = 0;
  // The newest entries of a column as a table reads them, without marks of removal. Blocks are read
  // several at once, and none is kept.  Borrowed: the snapshot.
  virtual std::unique_ptr<ColdScan> scan_cells(triples::TypeId type,
                                               triples::AttrId attr) const = 0;
  // The first of these, those alone that are newer than the version `since`. Blocks that have none
  // are not read.
  virtual base::Result<void> scan_since(triples::TypeId type, triples::AttrId attr,
                                        std::uint64_t since, const EntryVisitor& visit) const = 0;
  // By slot: 1 if the newest entry of this (type, attr) is there and no tombstone, else 0. Ends at
  // the greatest slot that ever had one. Reads no values.
  virtual base::Result<std::vector<std::uint8_t>> living_slots(triples::TypeId type,
                                                               triples::AttrId attr) const = 0;
  // The newest key entry.  Returns: kNoSlot if there is none or it says deleted.
  virtual base::Result<triples::Slot> find_key(triples::TypeId type,
                                               std::string_view key) const = 0;
  // All (type, attr) that have entries, in order.
  virtual std::vector<std::pair<triples::TypeId, triples::AttrId>> columns() const = 0;
};

// A cell that was copied out of a memtable or a file.
struct StoredCell {
  triples::OwnedValue value;  // kMissing: removed
  std::uint64_t version = 0;
};

struct LsmStats {
  std::vector<std::size_t> files_per_level;
  std::vector<std::uint64_t> bytes_per_level;
  // Of each column its largest level, and so about what it would take if nothing were stored twice.
  std::uint64_t column_bytes = 0;
  // Files that only snapshots hold: names and bytes.
  std::vector<std::pair<std::string, std::uint64_t>> pinned;
  std::uint64_t bytes = 0;    // of all files that count
  std::uint64_t entries = 0;  // in them
  std::uint64_t tombstones = 0;
  std::uint64_t bytes_written = 0;  // by flush and compaction since open
  std::size_t memtable_bytes = 0;
};

class TreeView;  // tree_view.h

class LsmTree {
 public:
  virtual ~LsmTree() = default;
  // Opens or makes the tree of a directory that the caller has locked. Files that the manifest does
  // not name (leftovers of a crash) are removed by the first work(), when the caller has held the
  // manifest against the log: an older manifest put back must not cost the files it doesn't know.
  static base::Result<std::unique_ptr<LsmTree>> open(base::FileSystem& files,
                                                     const std::string& directory,
                                                     const LsmOptions& options);

  // The tree of a directory that another process holds, as its files are now: what is applied to
  // it stays in memory.  Requires: of the writing calls, apply() alone.
  static base::Result<std::unique_ptr<LsmTree>> follow(base::FileSystem& files,
                                                       const std::string& directory,
                                                       const LsmOptions& options);

  // Reads everything and writes nothing: manifest, all checksums of all files. Gives the manifest's
  // edits and the files as lines.  Errors: the first damage found.
  struct Checked {
    TreeState state;
    std::uint64_t edits = 0;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;                      // of the files
    std::shared_ptr<const LsmSnapshot> snapshot;  // `files` outlives it
  };
  static base::Result<Checked> check(base::FileSystem& files, const std::string& directory,
                                     const std::function<void(std::string_view line)>& line);

  // --- Writing ---
  // Takes one transaction into the memtable. `log` is the number of the log file it stands in.
  // Errors: corrupt (the record).
  virtual base::Result<void> apply(std::string_view commit_record, std::uint64_t version,
                                   std::uint64_t log) = 0;
  // The active memtable has reached its bound: freeze() it once no other is being flushed.
  virtual bool wants_freeze() const = 0;
  virtual bool can_freeze() const = 0;
  virtual void freeze() = 0;
  // Whether there is anything to flush or to compact.
  virtual bool has_work() const = 0;
  // Does about `budget` bytes of it.  Returns: whether the files that count changed.
  virtual base::Result<bool> work(std::size_t budget) = 0;
  // Does all of the flushing, the active memtable's too.
  virtual base::Result<void> flush() = 0;

  // --- State beside the files ---
  virtual const TreeState& state() const = 0;
  // Written into the manifest at once, and synced.
  virtual base::Result<void> set_state(const TreeState& state) = 0;
  // The number of edits in the manifest since the directory was made: it never goes back.
  virtual std::uint64_t edits() const = 0;

  // --- Reading ---
  // Files alone: what is in the memtables is not in it.
  virtual std::shared_ptr<const LsmSnapshot> snapshot() const = 0;
  // Calls `visit` with every row in the memtables, the frozen one's first: what recovery found in
  // the log and the files lack.
  virtual void visit_memtables(const std::function<void(const MemtableRow&)>& visit,
                               Memtable::WantsType wants = nullptr) const = 0;
  virtual LsmStats stats() const = 0;
  virtual std::size_t memtable_bytes() const = 0;
  // --- Point reads: memtables and files, the newest first.  Errors: of reading files. ---
  // What was said last of a key: its slot and the version that put it there, or that deleted it.
  // Returns: nullopt: nothing.
  virtual base::Result<std::optional<KeyState>> find_key(triples::TypeId type,
                                                         std::string_view key) const = 0;
  // The newest entry of a cell; of kRowAttr that of the row itself: its key as BYTES, and the
  // version at which its life began.  Returns: nullopt: none, or it was removed.
  virtual base::Result<std::optional<StoredCell>> get(triples::TypeId type, triples::AttrId attr,
                                                      triples::Slot slot) const = 0;
  // The attrs that a row may have cells of, ascending.
  virtual std::vector<triples::AttrId> row_attrs(triples::TypeId type,
                                                 triples::Slot slot) const = 0;
  // One more than the greatest slot of a type's rows, deleted ones' too as far as they are known.
  // Cost: O(rows in the memtables).
  virtual base::Result<triples::Slot> slot_end(triples::TypeId type) const = 0;
  // Everything in order, memtables too, for whoever reads much of it.
  // Borrowed: the tree, to which nothing may be applied while the view lives.
  virtual std::unique_ptr<TreeView> view() const = 0;
  // The same for whoever asks for rows that are newer than a version alone: of the memtables it has
  // the rows with anything newer, whole.
  virtual std::unique_ptr<TreeView> view_since(std::uint64_t since) const = 0;
};

}  // namespace tremula::lsm
