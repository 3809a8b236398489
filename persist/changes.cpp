#include "persist/changes.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/crdt/change_record.h"
#include "core/crdt/counter.h"
#include "core/crdt/set.h"
#include "persist/changed_rows.h"
#include "persist/stored_row.h"

namespace tremula::persist {

using base::Error;
using base::ErrorCode;
using base::Result;
using crdt::ChangeRecord;
using triples::AttrId;
using triples::ColumnDef;
using triples::MergeRule;
using triples::Slot;
using triples::TableDef;
using triples::TypeId;
using triples::Value;

namespace {

class Printing {
 public:
  Printing(std::uint64_t since, const lsm::LsmTree& tree, const triples::Catalog& catalog,
           const StampBook& book)
      : since_(since), view_(tree.view_since(since)), catalog_(catalog), book_(book) {}

  Result<void> run() {
    TREMULA_TRY(read_graves());
    const auto columns = view_->columns();
    for (auto at = columns.begin(); at != columns.end();) {
      const TypeId type = at->first;
      std::vector<AttrId> attrs;
      for (; at != columns.end() && at->first == type; ++at) attrs.push_back(at->second);
      if (is_merged_type(type)) TREMULA_TRY(print_table(type, attrs));
    }
    // Of tables that have nothing but graves.
    for (const auto& [type, keys] : graves_) {
      for (const auto& [key, state] : keys) print_row(type, key, state);
    }
    return {};
  }

  void give_out(const std::function<void(std::string_view)>& line) {
    const auto is_before = [](const ChangeRecord& a, const ChangeRecord& b) {
      return a.position.db_version < b.position.db_version;
    };
    std::stable_sort(records_.begin(), records_.end(), is_before);
    std::string text;
    std::uint32_t seq = 0;
    crdt::DbVersion last{};
    for (ChangeRecord& record : records_) {
      if (record.position.db_version != last) seq = 0;
      last = record.position.db_version;
      record.position.seq = seq++;
      text.clear();
      crdt::print_change(record, text);
      line(text);
    }
  }

 private:
  // An older one tells nothing, and none counts for a key that died later: that wrote it anew.
  Result<void> read_graves() {
    bool is_whole = true;
    TREMULA_TRY(view_->scan_since(kGraveType, AttrId{1}, since_, [&](const lsm::Entry& entry) {
      Grave grave;
      is_whole = is_whole && entry.value.has_bytes() && read_grave(entry.value.view(), grave);
      if (is_whole) graves_[grave.type].emplace(grave.key, grave.state);
    }));
    if (is_whole) return {};
    return Error{ErrorCode::kCorrupt, "what merging keeps of deleted rows is damaged"};
  }

  Result<void> print_table(TypeId type, const std::vector<AttrId>& attrs) {
    TREMULA_TRY(visit_changed_slots(*view_, type, attrs, since_, [&](std::span<const Slot> slots) {
      return print_rows(type, attrs, slots);
    }));
    return print_dead(type);
  }

  Result<void> print_rows(TypeId type, const std::vector<AttrId>& attrs,
                          std::span<const Slot> slots) {
    struct Row {
      std::string key;
      std::uint64_t born = 0;
      StoredRow row;
    };
    std::vector<Row> rows(slots.size());
    for (const AttrId attr : attrs) {
      if (attr == lsm::kKeyAttr) continue;
      const auto visit = [&](std::size_t which, const lsm::Entry& entry) {
        Row& row = rows[which];
        if (attr == triples::kRowAttr) {
          row.key = entry.value.view();
          row.born = entry.version;
        } else {
          row.row.cells[attr] = {triples::OwnedValue(entry.value), entry.version};
        }
      };
      TREMULA_TRY(visit_cells_of(*view_, type, attr, slots, visit));
    }
    for (Row& row : rows) {
      TREMULA_TRY(read_hidden_cells(row.row, book_, row.born));
      print_living(type, row.key, row.row);
    }
    return {};
  }

  // Keys that are dead, here or elsewhere.
  Result<void> print_dead(TypeId type) {
    std::map<std::string, crdt::RowState, std::less<>>& dead = graves_[type];
    TREMULA_TRY(view_->scan_since(type, lsm::kKeyAttr, since_, [&](const lsm::Entry& entry) {
      const auto grave = dead.find(entry.key.key);
      if (entry.value.is_null() && grave == dead.end()) {
        dead.emplace(entry.key.key,
                     crdt::RowState{crdt::CausalLength{2}, book_.meta_of(entry.version)});
      } else if (!entry.value.is_null() && grave != dead.end()) {
        dead.erase(grave);
      }
    }));
    // By key, whatever `since` is: `seq` is counted while printing.
    for (const auto& [key, state] : dead) print_row(type, key, state);
    graves_.erase(type);
    return {};
  }

  void print_row(TypeId type, std::string_view key, const crdt::RowState& state) {
    if (state.meta.stamp.version == crdt::Version{}) return;
    ChangeRecord record;
    record.table = type;
    record.key = keep(key, state.meta);
    record.cl = state.cl;
    record.value = Value::null();
    print(record, state.meta);
  }

  void print_living(TypeId type, std::string_view key, const StoredRow& row) {
    const std::string_view kept = texts_.copy(key);
    print_row(type, kept, row.state);
    ChangeRecord record;
    record.table = type;
    record.key = kept;
    record.cl = row.state.cl;
    if (const TableDef* table = catalog_.find(type)) {
      for (const ColumnDef& column : table->columns) {
        if (column.key_position < 0) print_column(record, *table, column, row);
      }
    }
    for (const auto& [extra, bytes] : row.extras) print_extra(record, extra, bytes);
  }

  void print_column(ChangeRecord record, const TableDef& table, const ColumnDef& column,
                    const StoredRow& row) {
    if (column.attr == triples::kGeneratedIdAttr) return;
    record.column = column.attr;
    record.rule = column.merge;
    if (!column.declared) {
      record.column = triples::kRowAttr;
      record.column_name = texts_.copy(column.name);
    }
    const lsm::StoredCell* cell = row.cell(column.attr);
    const bool is_removed = cell != nullptr && lsm::is_removed_mark(cell->value.value());
    if (is_removed && !column.visible) return;  // STRICT purged it
    if (column.merge == MergeRule::kCounter) {
      print_counter(record, counter_state_of(row, column, book_));
      return;
    }
    if (column.merge == MergeRule::kSet) {
      print_set(record, set_state_of(row, column, book_));
      return;
    }
    if (cell == nullptr) return;
    Value value = cell->value.value();
    if (is_removed) {
      // A name that is a column's by now tells nothing.
      if (!column.declared && table.find_column(column.name) != nullptr) return;
      value = has_default(column) ? column.default_value->value() : Value::null();
    }
    record.value = value;
    print(record, meta_of(row, column.attr, book_));
  }

  void print_counter(ChangeRecord& record, const std::string& state) {
    crdt::CounterReader reader(state);
    for (crdt::CounterEntry entry; reader.next(entry);) {
      record.value = Value::int_of(entry.sum);
      print(record, entry.meta);
    }
  }

  void print_set(ChangeRecord& record, const std::string& state) {
    crdt::SetReader reader(state);
    for (crdt::SetEntry entry; reader.next(entry);) {
      record.value = entry.element;
      record.is_removal = entry.is_removed;
      print(record, entry.meta);
    }
  }

  void print_extra(ChangeRecord record, const ExtraKey& key, const std::string& bytes) {
    record.column = AttrId{key.column};
    if (!key.name.empty()) record.column_name = texts_.copy(key.name);
    record.rule = key.rule;
    if (key.rule == MergeRule::kCounter) return print_counter(record, bytes);
    if (key.rule == MergeRule::kSet) return print_set(record, bytes);
    crdt::Register kept;
    crdt::Position at;
    if (!crdt::read_register(bytes, kept, at)) return;
    record.value = kept.value;
    print(record, {kept.stamp, at});
  }

  std::string_view keep(std::string_view text, const crdt::Meta& meta) {
    const bool counts = static_cast<std::uint64_t>(meta.position.db_version) > since_;
    return counts ? texts_.copy(text) : text;
  }

  // The record's value is copied; its key and name are kept already.
  void print(ChangeRecord record, const crdt::Meta& meta) {
    if (static_cast<std::uint64_t>(meta.position.db_version) <= since_) return;
    if (record.value.has_bytes()) record.value.data = texts_.copy(record.value.view()).data();
    record.version = meta.stamp.version;
    record.site = book_.sites().id_of(meta.stamp.site);
    record.position = meta.position;
    records_.push_back(record);
  }

  const std::uint64_t since_;
  const std::unique_ptr<lsm::TreeView> view_;
  const triples::Catalog& catalog_;
  const StampBook& book_;
  std::map<TypeId, std::map<std::string, crdt::RowState, std::less<>>> graves_;
  base::Arena texts_;
  std::vector<ChangeRecord> records_;  // their texts are in texts_
};

}  // namespace

Result<void> print_changes(std::uint64_t since, std::uint64_t last, const lsm::LsmTree& tree,
                           const triples::Catalog& catalog, const StampBook& book,
                           const std::function<void(std::string_view line)>& line) {
  Printing printing(since, tree, catalog, book);
  TREMULA_TRY(printing.run());
  printing.give_out(line);
  std::string end;
  crdt::print_end({book.site(), crdt::DbVersion{last}}, end);
  line(end);
  return {};
}

}  // namespace tremula::persist
