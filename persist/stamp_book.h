// StampBook: what a directory knows of merging beside its rows: its sites, how its clock of values
// ran, and which tables need a second look.
//
//   cell   version 23 (db_version)  ->  stamp: version 23 + lift(23), site of 23
//
// A cell that this database wrote says when by its db_version alone; the rest follows from two step
// functions, so that a database that never merged spends nothing on any cell. Kept in the
// directory as rows of hidden tables:
//
//   sites    key: 16 bytes       cell 1: number         foreign ones, and own ones after the first
//   clock    key: db_version     cell 1, 2: it, lift    one row per merge that lifted the clock
//   marked   key: type           cell 1: it             a row of this table was deleted once
//   graves   key: type, row key  cell 1: see Grave      deleted rows that need more than their key
//                                                       entry: cl > 2, or deleted elsewhere
// and, of the directory's own names, TreeState::site.
// Thread: a value; one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/crdt/merge.h"
#include "core/crdt/stamp.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/commit_record.h"

namespace tremula::persist {

using triples::kClockType;
using triples::kGraveType;
using triples::kMarkedType;
using triples::kSiteType;

// Hidden cells of a row (core/lsm/entry.h):
// row stamps (core/crdt/row_stamps.h): its causal length, its own record, and the registers whose
// newest value came by a merge. Such a stamp counts as long as its db_version is the cell's own. A
// row without them: cl 1, all stamps follow from the cells.
inline constexpr triples::AttrId kStampsAttr{0xFFFF'FFFE};
// Records that the schema has no place for (persist/stored_row.h).
inline constexpr triples::AttrId kExtrasAttr{0xFFFF'FFFD};
// The state of a COUNTER or SET. Without one: the cell was written here alone, a SET but once.
inline triples::AttrId state_attr(triples::AttrId column) {
  return triples::AttrId{static_cast<std::uint32_t>(lsm::kFirstHiddenAttr) +
                         static_cast<std::uint32_t>(column)};
}

// Whether rows of this number are merged: a table's, not the catalog's or the database's own.
inline bool is_merged_type(triples::TypeId type) {
  return static_cast<std::uint32_t>(type) <= triples::kMaxDeclaredNumber;
}

// TreeState::site: 16 bytes, then for each earlier name, oldest first, 16 bytes and a u64, the
// last db_version that it wrote.
inline constexpr std::size_t kSiteIdBytes = 16;
inline constexpr std::size_t kEarlierSiteBytes = kSiteIdBytes + 8;
// The directory has a new name; the one it had wrote up to `version`.
std::string rename_site(std::string_view site, std::string_view name, std::uint64_t version);

class StampBook {
 public:
  StampBook() = default;
  // Of a tree that was just opened, its log applied.  Errors: corrupt, io.
  // `site`: TreeState::site, as it is or will be before anything is written.
  static base::Result<StampBook> load(const lsm::LsmTree& tree, std::string_view site);

  // --- Stamps ---
  crdt::Stamp stamp_of(std::uint64_t db_version) const;
  // What a cell or row says that this database wrote.
  crdt::Meta meta_of(std::uint64_t db_version) const {
    return {stamp_of(db_version), {crdt::DbVersion{db_version}, 0}};
  }
  crdt::Version version_of(std::uint64_t db_version) const;
  const crdt::SiteId& site() const { return sites_.id_of(own_.back().site); }
  crdt::Sites& sites() { return sites_; }
  const crdt::Sites& sites() const { return sites_; }
  bool has_other_names() const { return own_.size() > 1; }
  // The clock stands at `now` after the transaction `db_version`.
  void lift(std::uint64_t db_version, crdt::Version now, triples::CommitWriter& to);

  // --- Tables ---
  // Rows of the table may have hidden cells or graves.
  bool is_stamped(triples::TypeId type) const { return stamped_.contains(type); }
  void note_stamped(triples::TypeId type) { stamped_.insert(type); }
  const std::set<triples::TypeId>& stamped() const { return stamped_; }
  // Keys of the table may be dead.
  bool is_marked(triples::TypeId type) const { return marked_.contains(type); }
  const std::set<triples::TypeId>& marked() const { return marked_; }
  void mark(triples::TypeId type, triples::CommitWriter& to);

  // --- Rows of the hidden tables ---
  bool has_new_sites() const { return saved_sites_ < sites_.size(); }
  // Appends the sites that the directory doesn't have yet.
  void put_new_sites(triples::CommitWriter& to);
  // Of a key that doesn't live.  Returns: cl 0 if there is no grave.
  base::Result<crdt::RowState> grave(const lsm::LsmTree& tree, triples::TypeId type,
                                     std::string_view key) const;
  base::Result<void> put_grave(const lsm::LsmTree& tree, triples::TypeId type, std::string_view key,
                               const crdt::RowState& state, triples::CommitWriter& to);

 private:
  class Loading;
  struct Name {
    crdt::SiteNumber site{};
    std::uint64_t first = 0;  // db_version
  };
  struct Lift {
    std::uint64_t first = 0;  // db_version
    std::uint64_t by = 0;
  };
  base::Result<void> take_names(std::string_view site);
  base::Result<void> take_row(triples::TypeId type, std::string_view key, triples::Value first_cell,
                              triples::Value second_cell);
  triples::Slot take_slot(triples::TypeId type) { return next_slot_[type]++; }

  crdt::Sites sites_;
  std::size_t saved_sites_ = 1;  // number 0 is told by TreeState::site
  std::vector<Name> own_;        // by first
  std::vector<Lift> lifts_;      // by first
  std::set<triples::TypeId> stamped_;
  std::set<triples::TypeId> marked_;
  std::map<triples::TypeId, triples::Slot> next_slot_;  // of the hidden tables
};

// Of the row that tells of a key's death.
std::string grave_key(triples::TypeId type, std::string_view key);

// A grave: a deleted row, as its cell has it: varint type | key, sized | row stamps.
struct Grave {
  triples::TypeId type{};
  std::string_view key;
  crdt::RowState state;
};
[[nodiscard]] bool read_grave(std::string_view bytes, Grave& grave);

}  // namespace tremula::persist
