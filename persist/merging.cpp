#include "persist/merging.h"

#include <map>
#include <utility>

#include "core/base/arena.h"
#include "core/lsm/tree_view.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"
#include "persist/row_merge.h"

namespace tremula::persist {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::AttrId;
using triples::ColumnDef;
using triples::Kind;
using triples::TableDef;
using triples::Type;
using triples::TypeId;
using triples::Value;

Result<ChangeFile> read_change_file(std::string_view text, base::Arena& arena) {
  ChangeFile file;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = text.find('\n');
    crdt::ChangeLine line;
    TREMULA_TRY(crdt::parse_change(text.substr(0, end), line_number, arena, line));
    if (!line.is_end) {
      file.records.push_back(line.record);
      file.lines.push_back(line_number);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return file;
}

bool read_key(const TableDef& table, std::string_view key, base::Arena& arena,
              std::vector<Value>& values) {
  const std::vector<const ColumnDef*> columns = table.key_columns();
  const std::size_t parts = table.generated_key ? 1 : columns.size();
  for (std::size_t i = 0; i < parts; ++i) {
    if (key.empty()) return false;
    std::string scratch;
    Value value = triples::decode_ordered(key, scratch);
    if (value.has_bytes()) value.data = arena.copy(value.view()).data();
    const Type type = table.generated_key ? Type::kInt : columns[i]->type;
    const Kind kind = type == Type::kInt    ? Kind::kInt
                      : type == Type::kText ? Kind::kText
                      : type == Type::kBool ? Kind::kBool
                                            : Kind::kBytes;
    if (value.kind != kind) return false;
    values.push_back(value);
  }
  return key.empty();
}

namespace {

// Finishes the transaction: sites that are new here, and the clock.
Result<Merged> finish(std::size_t changes, triples::CommitWriter& rows,
                      triples::CommitWriter& hidden, StampBook& book) {
  Merged merged;
  merged.changes = changes;
  if (changes == 0) return merged;
  book.put_new_sites(hidden);
  merged.record = std::string(rows.view()) + std::string(hidden.view());
  return merged;
}

}  // namespace

Result<Merged> merge_records(const ChangeFile& file, std::uint64_t db_version,
                             const lsm::LsmTree& tree, const MergeInto& into, StampBook& book) {
  std::map<std::pair<TypeId, std::string_view>, std::vector<std::size_t>> rows;
  base::Arena arena;
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    const crdt::ChangeRecord& record = file.records[i];
    std::vector<std::size_t>& places = rows[{record.table, record.key}];
    places.push_back(i);
    if (places.size() > 1) continue;
    const TableDef* table = into.catalog(into.owner).find(record.table);
    std::vector<Value> key;
    if (table != nullptr && !read_key(*table, record.key, arena, key)) {
      return Error{ErrorCode::kCorrupt, "line " + std::to_string(file.lines[i]) +
                                            ": the key doesn't fit the KEY of " + table->name};
    }
  }
  triples::CommitWriter written;
  triples::CommitWriter hidden;
  RowMerge merge(db_version, tree, into, book, written, hidden);
  for (const auto& [row, places] : rows) {
    TREMULA_TRY(merge.begin(row.first, row.second));
    for (const std::size_t place : places) merge.take(file.records[place]);
    TREMULA_TRY(merge.finish());
  }
  if (merge.changes() > 0) {
    // One transaction, and not older than anything that it brought.
    crdt::Version now = next(book.version_of(db_version - 1));
    for (const crdt::ChangeRecord& record : file.records) now = std::max(now, record.version);
    book.lift(db_version, now, hidden);
  }
  return finish(merge.changes(), written, hidden, book);
}

Result<Merged> adopt_records(std::span<const TypeId> types, Adopt what, std::uint64_t db_version,
                             const lsm::LsmTree& tree, const MergeInto& into, StampBook& book) {
  triples::CommitWriter written;
  triples::CommitWriter hidden;
  RowMerge merge(db_version, tree, into, book, written, hidden);
  const auto view = tree.view();
  for (const TypeId type : types) {
    const TableDef* table = into.catalog(into.owner).find(type);
    if (table == nullptr || table->dropped) continue;
    // Rows that keep records, or a NULL under a name that is declared now.
    std::map<triples::Slot, std::string> keys;
    TREMULA_TRY(
        view->scan(type, kExtrasAttr, [&](const lsm::Entry& entry) { keys[entry.key.slot]; }));
    for (const ColumnDef& column : table->columns) {
      if (what != Adopt::kAll) break;
      if (column.declared || table->find_column(column.name) == nullptr) continue;
      TREMULA_TRY(view->scan(type, column.attr, [&](const lsm::Entry& entry) {
        if (lsm::is_removed_mark(entry.value)) keys[entry.key.slot];
      }));
    }
    if (keys.empty()) continue;
    TREMULA_TRY(view->scan(type, triples::kRowAttr, [&](const lsm::Entry& entry) {
      const auto found = keys.find(entry.key.slot);
      if (found != keys.end()) found->second = entry.value.view();
    }));
    for (const auto& [slot, key] : keys) {
      TREMULA_TRY(merge.begin(type, key));
      merge.adopt();
      TREMULA_TRY(merge.finish());
    }
  }
  return finish(merge.changes(), written, hidden, book);
}

}  // namespace tremula::persist
