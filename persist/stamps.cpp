#include "persist/stamps.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/crdt/counter.h"
#include "core/crdt/set.h"
#include "core/triples/commit_record.h"
#include "persist/stored_row.h"

namespace tremula::persist {

using base::Result;
using triples::AttrId;
using triples::ColumnDef;
using triples::Fate;
using triples::Kind;
using triples::MergeRule;
using triples::TableDef;
using triples::TypeId;
using triples::Value;
using triples::WrittenCell;
using triples::WrittenRow;

namespace {

bool is_removed(Value value) { return value.is_missing() || lsm::is_removed_mark(value); }

class Stamping {
 public:
  Stamping(std::uint64_t db_version, const lsm::LsmTree& tree, const triples::Catalog& catalog,
           StampBook& book)
      : db_version_(db_version), tree_(tree), catalog_(catalog), book_(book) {}

  Result<std::string> run(std::string_view record) {
    TREMULA_TRY_ASSIGN(const bool declares, writes_catalog(record));
    triples::CommitReader reader(record);
    WrittenRow row;
    for (;;) {
      TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
      if (!more) break;
      if (is_merged_type(row.type)) TREMULA_TRY(stamp(row, declares));
      put(row);
      arena_.clear();
    }
    book_.put_new_sites(hidden_);
    return std::string(out_.view()) + std::string(hidden_.view());
  }

 private:
  void put(const WrittenRow& row) {
    out_.begin_row(row.type, row.slot, row.fate, row.key, row.cells.size());
    for (const WrittenCell& cell : row.cells) out_.cell(cell.attr, cell.value);
  }

  void add(WrittenRow& row, AttrId attr, std::string_view bytes) {
    row.cells.push_back({attr, Value::bytes_of(arena_.copy(bytes))});
    book_.note_stamped(row.type);
  }

  Result<void> stamp(WrittenRow& row, bool may_adopt) {
    switch (row.fate) {
      case Fate::kInserted: return stamp_insert(row);
      case Fate::kDeleted: return stamp_delete(row);
      case Fate::kUpdated: return stamp_update(row, may_adopt);
    }
    return {};
  }

  Result<void> stamp_insert(WrittenRow& row) {
    if (!book_.is_marked(row.type) && !book_.is_stamped(row.type)) return {};
    const auto ended = ended_.find({row.type, std::string(row.key)});
    if (ended != ended_.end()) {  // by this very transaction
      const crdt::RowState state{next(ended->second), book_.meta_of(db_version_)};
      add(row, kStampsAttr, stamps_bytes(state, {}));
      return {};
    }
    TREMULA_TRY_ASSIGN(const StoredRow before, read_row(tree_, book_, row.type, row.key));
    if (before.state.cl == crdt::CausalLength{} || before.slot != triples::kNoSlot) return {};
    const crdt::RowState state{next(before.state.cl), book_.meta_of(db_version_)};
    add(row, kStampsAttr, stamps_bytes(state, {}));
    return {};
  }

  Result<void> stamp_delete(const WrittenRow& row) {
    book_.mark(row.type, hidden_);
    crdt::CausalLength& ended = ended_[{row.type, std::string(row.key)}];
    ended = crdt::CausalLength{2};
    if (!book_.is_stamped(row.type)) return {};
    TREMULA_TRY_ASSIGN(const auto cell, tree_.get(row.type, kStampsAttr, row.slot));
    if (!cell) return {};
    StoredRow before;
    before.cells.emplace(kStampsAttr, *cell);
    TREMULA_TRY(read_hidden_cells(before, book_, db_version_));
    ended = next(before.state.cl);
    // Of a row in its first life the key entry tells all.
    if (before.state.cl == crdt::CausalLength{1}) return {};
    return book_.put_grave(tree_, row.type, row.key,
                           {next(before.state.cl), book_.meta_of(db_version_)}, hidden_);
  }

  Result<void> stamp_update(WrittenRow& row, bool may_adopt) {
    const TableDef* table = catalog_.find(row.type);
    if (table == nullptr) return {};
    std::optional<StoredRow> before;  // read when it is needed
    const auto read = [&]() -> Result<StoredRow*> {
      if (!before) {
        TREMULA_TRY_ASSIGN(before, read_row(tree_, book_, row.type, row.key));
      }
      return &*before;
    };
    const std::size_t written = row.cells.size();
    for (std::size_t i = 0; i < written; ++i) {
      if (row.cells[i].value.is_missing()) row.cells[i].value = lsm::removed_mark();
      const ColumnDef* column = table->find_attr(row.cells[i].attr);
      if (column == nullptr) continue;
      if (may_adopt && (column->merge == MergeRule::kSet || column->merge == MergeRule::kCounter)) {
        TREMULA_TRY_ASSIGN(StoredRow* const stored, read());
        if (adopts_state(row, *table, *column, *stored)) {
          write_adopted(row, *table, *column, row.cells[i].value, *stored);
          continue;
        }
      }
      if (column->merge == MergeRule::kSet) {
        TREMULA_TRY_ASSIGN(StoredRow* const stored, read());
        TREMULA_TRY(write_set(row, *column, row.cells[i].value, *stored));
      } else if (column->merge == MergeRule::kCounter && may_have_counter_state(row.type)) {
        TREMULA_TRY_ASSIGN(StoredRow* const stored, read());
        write_counter(row, *column, row.cells[i].value, *stored);
      }
    }
    if (!may_adopt) return {};
    return adopt(row, *table, written, read);
  }

  // Whether the value of a COUNTER or SET was moved over from the column of its name.
  static bool adopts_state(const WrittenRow& row, const TableDef& table, const ColumnDef& to,
                           const StoredRow& before) {
    const ColumnDef* from = table.find_undeclared(to.name);
    if (from == nullptr || before.cell(from->attr) == nullptr) return false;
    if (before.cell(to.attr) != nullptr) return false;
    return std::any_of(row.cells.begin(), row.cells.end(), [&](const WrittenCell& cell) {
      return cell.attr == from->attr && is_removed(cell.value);
    });
  }

  // It counts as the addition of whoever wrote it under its name, with that one's stamp: however
  // many replicas adopt it, it is one. What was written on top by this transaction is its own.
  void write_adopted(WrittenRow& row, const TableDef& table, const ColumnDef& to, Value value,
                     const StoredRow& before) {
    const ColumnDef& from = *table.find_undeclared(to.name);
    const Value adopted = before.cell(from.attr)->value.value();
    crdt::Meta meta = meta_of(before, from.attr, book_);
    meta.position.db_version = crdt::DbVersion{db_version_};
    const crdt::Meta now = book_.meta_of(db_version_);
    std::string state;
    if (to.merge == MergeRule::kCounter) {
      if (adopted.kind != Kind::kInt || value.kind != Kind::kInt) return;
      const auto difference = crdt::counter_difference;
      crdt::merge_counter(state, {meta, difference(counter_start(to), adopted.integer)});
      const std::int64_t added = difference(adopted.integer, value.integer);
      if (added != 0) crdt::merge_counter(state, crdt::add_to_counter(state, added, now));
    } else {
      add_to_set(state, adopted, has_default(to), meta);
      add_to_set(state, is_removed(value) ? Value::null() : value, has_default(to), now);
    }
    if (!state.empty()) add(row, state_attr(to.attr), state);
  }

  // Nothing, where it is no set.
  void add_to_set(std::string& state, Value value, bool has_default, const crdt::Meta& meta) {
    const std::string seen = state;
    std::vector<crdt::SetEntry> entries;
    const auto made = crdt::set_difference(seen, value, has_default, meta, arena_, entries);
    if (made.ok() && !entries.empty()) crdt::merge_set(state, entries);
  }

  // Values went over to the column that has their name now, and so do their stamps.
  template <typename Read>
  Result<void> adopt(WrittenRow& row, const TableDef& table, std::size_t written, Read read) {
    std::map<AttrId, crdt::Meta> adopted;
    for (std::size_t i = 0; i < written; ++i) {
      if (!is_removed(row.cells[i].value)) continue;
      const ColumnDef* from = table.find_attr(row.cells[i].attr);
      if (from == nullptr || from->declared) continue;
      const ColumnDef* to = table.find_column(from->name);
      if (to == nullptr) continue;
      row.cells[i].value = Value::missing();
      if (to->merge == MergeRule::kCounter || to->merge == MergeRule::kSet) continue;
      if (!is_written(row, to->attr)) continue;
      TREMULA_TRY_ASSIGN(StoredRow* const stored, read());
      crdt::Meta meta = meta_of(*stored, from->attr, book_);
      meta.position.db_version = crdt::DbVersion{db_version_};
      adopted[to->attr] = meta;
    }
    if (adopted.empty()) return {};
    TREMULA_TRY_ASSIGN(StoredRow* const stored, read());
    std::map<AttrId, crdt::Meta> merged = stored->merged;
    for (const WrittenCell& cell : row.cells) merged.erase(cell.attr);
    merged.insert(adopted.begin(), adopted.end());
    add(row, kStampsAttr, stamps_bytes(stored->state, merged));
    return {};
  }

  static bool is_written(const WrittenRow& row, AttrId attr) {
    for (const WrittenCell& cell : row.cells) {
      if (cell.attr == attr) return !is_removed(cell.value);
    }
    return false;
  }

  bool may_have_counter_state(TypeId type) const {
    return book_.is_stamped(type) || book_.has_other_names();
  }

  Result<void> write_set(WrittenRow& row, const ColumnDef& column, Value value,
                         const StoredRow& before) {
    if (is_removed(value)) value = Value::null();
    std::string state = set_state_of(before, column, book_);
    if (state.empty()) return {};  // its first value tells all
    const std::string seen = state;
    std::vector<crdt::SetEntry> entries;
    const auto made = crdt::set_difference(seen, value, has_default(column),
                                           book_.meta_of(db_version_), arena_, entries);
    // Not a set: of a time when the column was something else. It stays as it is.
    if (!made.ok() || entries.empty()) return {};
    crdt::merge_set(state, entries);
    add(row, state_attr(column.attr), state);
    return {};
  }

  void write_counter(WrittenRow& row, const ColumnDef& column, Value value,
                     const StoredRow& before) {
    // STRICT purged it: its sums must come to nothing, or they would be back with the column.
    if (is_removed(value)) value = Value::int_of(counter_start(column));
    if (value.kind != Kind::kInt) return;
    std::string state = counter_state_of(before, column, book_);
    const lsm::StoredCell* cell = before.cell(column.attr);
    const crdt::Meta now = book_.meta_of(db_version_);
    if (before.cell(state_attr(column.attr)) == nullptr) {
      // The one sum that follows from the cell is this site's: the new one will follow, too.
      if (cell == nullptr || book_.stamp_of(cell->version).site == now.stamp.site) return;
    }
    const bool has_value = cell != nullptr && cell->value.value().kind == Kind::kInt;
    const std::int64_t seen = has_value ? cell->value.value().integer : counter_start(column);
    const std::int64_t difference = crdt::counter_difference(seen, value.integer);
    crdt::merge_counter(state, crdt::add_to_counter(state, difference, now));
    add(row, state_attr(column.attr), state);
  }

  const std::uint64_t db_version_;
  const lsm::LsmTree& tree_;
  const triples::Catalog& catalog_;
  StampBook& book_;
  triples::CommitWriter out_;
  std::map<std::pair<TypeId, std::string>, crdt::CausalLength> ended_;  // lives, by this record
  triples::CommitWriter hidden_;                                        // rows of the hidden tables
  base::Arena arena_;
};

}  // namespace

Result<bool> writes_catalog(std::string_view record) {
  triples::CommitReader reader(record);
  WrittenRow row;
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) return false;
    if (row.type == triples::kCatalogColumnType) return true;
  }
}

namespace {

// As Stamping's stamp(), or true.
bool may_stamp_row(const WrittenRow& row, const triples::Catalog& catalog, const StampBook& book) {
  if (!is_merged_type(row.type)) return row.type == triples::kCatalogColumnType;
  if (row.fate == Fate::kDeleted) return !book.is_marked(row.type) || book.is_stamped(row.type);
  if (row.fate == Fate::kInserted) return book.is_marked(row.type) || book.is_stamped(row.type);
  const TableDef* const table = catalog.find(row.type);
  return table != nullptr &&
         std::any_of(row.cells.begin(), row.cells.end(), [table](const WrittenCell& cell) {
           if (cell.value.is_missing()) return true;
           const ColumnDef* const column = table->find_attr(cell.attr);
           return column != nullptr &&
                  (column->merge == MergeRule::kSet || column->merge == MergeRule::kCounter);
         });
}

}  // namespace

Result<bool> may_stamp(std::string_view record, const triples::Catalog& catalog,
                       const StampBook& book, WrittenRow& row) {
  if (book.has_new_sites()) return true;
  triples::CommitReader reader(record);
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) return false;
    if (may_stamp_row(row, catalog, book)) return true;
  }
}

Result<std::string> stamp_record(std::string_view record, std::uint64_t db_version,
                                 const lsm::LsmTree& tree, const triples::Catalog& catalog,
                                 StampBook& book) {
  return Stamping(db_version, tree, catalog, book).run(record);
}

}  // namespace tremula::persist
