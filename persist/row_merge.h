// RowMerge: the records of one row after the other, merged into the row that stands.
//
//   begin(table, key) -> take(record)* -> finish(): the row's part of the transaction
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "core/crdt/change_record.h"
#include "core/triples/commit_record.h"
#include "persist/merging.h"
#include "persist/stored_row.h"

namespace tremula::persist {

class RowMerge {
 public:
  // Writes rows of tables to `rows`, those of hidden tables to `hidden`.
  RowMerge(std::uint64_t db_version, const lsm::LsmTree& tree, const MergeInto& into,
           StampBook& book, triples::CommitWriter& rows, triples::CommitWriter& hidden)
      : db_version_(db_version),
        tree_(tree),
        into_(into),
        book_(book),
        rows_(rows),
        hidden_(hidden) {}

  base::Result<void> begin(triples::TypeId type, std::string_view key);
  void take(const crdt::ChangeRecord& record);
  // What was kept and has a place by now.
  void adopt();
  base::Result<void> finish();
  std::size_t changes() const { return changes_; }  // of all rows

 private:
  // A register's newest value, once a record has changed it.
  struct NewRegister {
    crdt::Register value;
    triples::OwnedValue bytes;
  };

  const triples::TableDef* table() const;
  // The column that a record is for, or null: it is kept as an extra.
  const triples::ColumnDef* place_of(const ExtraKey& key);
  void drop_cells();
  crdt::Register stored(triples::AttrId attr) const;
  bool merge_register(const triples::ColumnDef& column, const crdt::Register& incoming);
  bool merge_extra(const ExtraKey& key, const crdt::ChangeRecord& record, const crdt::Meta& meta);
  bool merge_cell(const crdt::ChangeRecord& record, const crdt::Meta& meta);
  std::string& state_of(const triples::ColumnDef& column);
  bool adopt_extra(const ExtraKey& key, const std::string& bytes);
  void adopt_removals();

  void put_living();
  void gather_cells(std::map<triples::AttrId, triples::Value>& cells);
  void gather_key(std::map<triples::AttrId, triples::Value>& cells);
  triples::Value cell_value(const triples::ColumnDef& column, triples::Value value) const;

  crdt::Position position() const { return {crdt::DbVersion{db_version_}, 0}; }
  bool is_register(triples::MergeRule rule) const {
    return rule != triples::MergeRule::kCounter && rule != triples::MergeRule::kSet;
  }

  const std::uint64_t db_version_;
  const lsm::LsmTree& tree_;
  const MergeInto& into_;
  StampBook& book_;
  triples::CommitWriter& rows_;
  triples::CommitWriter& hidden_;
  std::size_t changes_ = 0;

  // --- The row in hand ---
  triples::TypeId type_{};
  std::string key_;
  StoredRow before_;
  crdt::RowState state_;
  bool is_new_life_ = false;
  bool has_changed_ = false;
  bool extras_changed_ = false;
  std::map<triples::AttrId, NewRegister> registers_;
  std::map<triples::AttrId, std::string> states_;
  std::map<triples::AttrId, bool> states_changed_;
  std::map<triples::AttrId, bool> removed_;  // cells whose value went elsewhere
  RowExtras extras_;
  base::Arena arena_;
};

}  // namespace tremula::persist
