#include "db/intents.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/lsm/entry.h"

namespace tremula::db {

using base::Result;
using crdt::IntentKind;
using triples::AttrId;
using triples::Fate;
using triples::Kind;
using triples::MergeRule;
using triples::Side;
using triples::Value;
using triples::WrittenRow;

namespace {

struct Written {
  AttrId attr{};
  MergeRule rule = MergeRule::kLww;
  Value seen = Value::missing();
  Value value;
  std::int64_t start = 0;
};

class RowIntent {
 public:
  // `cells`: kept for its memory.
  RowIntent(Store& store, const WrittenRow& row, std::vector<Written>& cells)
      : row_(row),
        table_(store.row_table(row.type)),
        definition_(store.catalog().find(row.type)),
        is_same_life_(row.fate == Fate::kUpdated),
        cells_(cells) {
    cells_.clear();
    for (const triples::WrittenCell& cell : row.cells)
      add(cell.attr, lsm::is_removed_mark(cell.value) ? Value::missing() : cell.value);
  }

  // A column that the row has as it was, or lacks, and that was named all the same.
  void name(const WriteNotes::Cell& named) {
    const auto is_same = [&](const Written& cell) { return cell.attr == named.attr; };
    if (std::any_of(cells_.begin(), cells_.end(), is_same)) return;
    const MergeRule rule = rule_of(named.attr);
    if (rule == MergeRule::kCounter || rule == MergeRule::kSet) return;  // no difference
    const bool is_lww = rule == MergeRule::kLww;
    if (!is_lww && named.value.value().is_missing()) return;  // NULL loses
    add(named.attr,
        is_lww ? table_.stored(row_.slot, table_.column(named.attr)) : named.value.value());
  }

  void write(IntentKind kind, std::uint64_t own_insert, crdt::IntentWriter& to) const {
    to.begin_row(row_.type, kind, own_insert, row_.key, cells_.size());
    for (const Written& cell : cells_) {
      // What a migration takes away is gone by every rule; a SET's elements go one by one.
      if (cell.value.is_missing() && cell.rule == MergeRule::kSet) {
        to.write(cell.attr, cell.rule, cell.seen, Value::null(), cell.start);
      } else if (cell.value.is_missing()) {
        to.set(cell.attr, cell.value);
      } else {
        to.write(cell.attr, cell.rule, cell.seen, cell.value, cell.start);
      }
    }
  }

 private:
  const triples::ColumnDef* column_of(AttrId attr) const {
    return definition_ == nullptr ? nullptr : definition_->find_attr(attr);
  }
  MergeRule rule_of(AttrId attr) const {
    const triples::ColumnDef* column = column_of(attr);
    return column == nullptr ? MergeRule::kLww : column->merge;
  }
  void add(AttrId attr, Value value) {
    Written& cell = cells_.emplace_back();
    cell.attr = attr;
    cell.rule = rule_of(attr);
    cell.value = value;
    if (is_same_life_) cell.seen = table_.stored_of_old(row_.slot, table_.column(attr));
    const triples::ColumnDef* column = column_of(attr);
    if (column == nullptr || !column->default_value) return;
    const Value start = column->default_value->value();
    if (start.kind == Kind::kInt) cell.start = start.integer;
  }

  const WrittenRow& row_;
  lsm::RowTable& table_;
  const triples::TableDef* definition_;
  const bool is_same_life_;  // not another row of the same key
  std::vector<Written>& cells_;
};

}  // namespace

Result<void> write_intents(Store& store, std::string_view record, const OwnInsert& own_insert,
                           crdt::IntentWriter& to) {
  const WriteNotes& notes = store.notes();
  std::vector<WriteNotes::Named> named;
  notes.list(named);
  std::vector<Written> cells;
  triples::CommitReader reader(record);
  WrittenRow row;
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) return {};
    if (row.fate == Fate::kDeleted) {
      to.begin_row(row.type, IntentKind::kDelete, own_insert(row.type, row.key), row.key, 0);
      continue;
    }
    RowIntent intent(store, row, cells);
    const WriteNotes::Row name{row.type, row.slot};
    const auto noted = std::lower_bound(
        named.begin(), named.end(), name,
        [](const WriteNotes::Named& at, const WriteNotes::Row& of) { return at.row < of; });
    const bool is_noted = noted != named.end() && noted->row == name;
    if (is_noted) {
      // What was named last counts.
      const auto last =
          std::find_if(noted, named.end(), [&](const auto& at) { return at.row != name; });
      for (auto at = last; at-- != noted;) {
        for (std::size_t place = at->end; place-- > at->begin;) intent.name(notes.cell(place));
      }
    }
    const bool is_put = row.fate == Fate::kInserted || is_noted;
    intent.write(is_put ? IntentKind::kPut : IntentKind::kUpdate,
                 is_put ? 0 : own_insert(row.type, row.key), to);
  }
}

}  // namespace tremula::db
