#include "db/store.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/lsm/catalog_rows.h"
#include "db/column_reading.h"
#include "db/row_effect.h"

namespace tremula::db {

using triples::AttrId;
using triples::Catalog;
using triples::ColumnDef;
using triples::ColumnIndex;
using triples::Slot;
using triples::TableDef;
using triples::TypeId;
using triples::Value;

Store::Store(KeyGenerator keys) : keys_(keys) {
  // The catalog's own tables are there before anything is declared, and are not listed in
  // themselves.
  declare_columns(nullptr, *committed_.find(triples::kCatalogTableType));
  declare_columns(nullptr, *committed_.find(triples::kCatalogColumnType));
  settle();
}

Store::~Store() = default;

Store::Table& Store::open(TypeId type) {
  std::unique_ptr<Table>& table = tables_[type];
  if (table) return *table;
  table = std::make_unique<Table>(type, files_);
  if (!notes_.is_alone()) table->rows.take_new_slots();
  table->is_stamped = stamped_.contains(type);
  if (!files_.newest) return *table;
  // How columns read is told before there are rows, so that nobody has to look at them.
  if (const TableDef* definition = committed_.find(type)) declare_reading(*definition);
  if (const auto attached = table->rows.attach(table->files); !attached.ok()) {
    if (files_.error.code == base::ErrorCode::kOk) files_.error = attached.error();
  }
  return *table;
}

// Requires: the table has no rows.
void Store::declare_reading(const TableDef& definition) {
  lsm::RowTable& rows = tables_[definition.type]->rows;
  for (const ColumnDef& column : definition.columns) rows.declare(reading_of(column));
  rows.settle();
}

base::Result<void> Store::attach_files(
    std::function<std::shared_ptr<const lsm::LsmSnapshot>()> newest) {
  files_.newest = std::move(newest);
  tables_.clear();
  reread_catalog();
  if (files_.error.code != base::ErrorCode::kOk) return files_.error;
  return {};
}

Catalog Store::read_catalog() {
  return lsm::read_catalog({.tables = open(triples::kCatalogTableType).rows,
                            .columns = open(triples::kCatalogColumnType).rows,
                            .hidden_tables = open(lsm::kHiddenTableType).rows,
                            .hidden_columns = open(lsm::kHiddenColumnType).rows});
}

void Store::reread_catalog() {
  const Catalog catalog = read_catalog();
  committed_ = Catalog();
  for (const auto& [type, table] : catalog.tables()) {
    if (!table.read_only) committed_.put(table);
  }
  committed_version_ = version_ = ++versions_made_;
}

void Store::set_shared() {
  notes_.set_shared();
  for (const auto& [type, table] : tables_) table->rows.take_new_slots();
}

lsm::RowTable& Store::write_to(TypeId type) {
  Table& table = open(type);
  note_write(table);
  return table.rows;
}

void Store::follow_catalog_rows() {
  const Catalog catalog = read_catalog();
  for (const auto& [type, after] : catalog.tables()) {
    if (after.read_only) continue;
    if (!before_statement_) before_statement_ = working_;
    if (!working_) working_ = committed_;
    version_ = ++versions_made_;
    std::optional<TableDef> before;
    if (const TableDef* standing = working_->find(type)) before = *standing;
    working_->put(after);
    declare_columns(before ? &*before : nullptr, after);
  }
}

void Store::drop_cold(std::size_t bytes, std::uint64_t flushed) {
  std::size_t held = memory_bytes();
  for (const auto& [type, table] : tables_) {
    if (held <= bytes) return;
    held -= std::min(held, table->rows.drop_cold(held - bytes, flushed));
  }
}

const triples::Relation* Store::table(TypeId type) { return &open(type).rows; }

lsm::RowTable& Store::row_table(TypeId type) { return open(type).rows; }

ColumnIndex Store::column(TypeId type, AttrId attr) { return open(type).rows.column(attr); }

std::vector<ColumnIndex> Store::key_columns(TypeId type) {
  std::vector<ColumnIndex> columns;
  const TableDef* definition = catalog().find(type);
  if (definition == nullptr) return columns;
  if (definition->generated_key) return {column(type, triples::kGeneratedIdAttr)};
  for (const ColumnDef* key : definition->key_columns()) columns.push_back(column(type, key->attr));
  return columns;
}

Slot Store::find(TypeId type, std::string_view key) { return open(type).rows.find(key); }

void Store::prefetch(TypeId type, std::string_view key) { open(type).rows.prefetch_key(key); }

void Store::note_write(Table& table) {
  if (table.statement == statement_) return;
  table.statement = statement_;
  table.rows.set_version(transaction_version_);
  table.rows.begin_statement();
  statement_touched_.push_back(&table);
  if (!table.in_transaction) {
    table.in_transaction = true;
    touched_.push_back(&table);
  }
}

RowWriter& Store::writer_of(Table& table, TypeId type) {
  if (!table.writer || table.writer_version != version_) {
    const TableDef* definition = catalog().find(type);
    TREMULA_ASSERT(definition != nullptr);
    table.writer = std::make_unique<RowWriter>(*definition, table.rows, keys_, notes_);
    table.writer_version = version_;
  }
  note_write(table);
  return *table.writer;
}

RowWriter& Store::writer(TypeId type) { return writer_of(open(type), type); }

RowWriter* Store::find_writer(std::string_view table) {
  if (names_version_ != version_) {
    names_.clear();
    last_named_ = nullptr;
    names_version_ = version_;
  }
  // Rows of a table are written one after the other.
  if (last_named_ != nullptr && last_named_->writer_version == version_ &&
      last_named_->writer->definition().name == table)
    return &writer_of(*last_named_, last_named_->rows.type());
  auto known = names_.find(table);
  if (known == names_.end()) {
    const TableDef* definition = catalog().find(table);
    if (definition == nullptr) return nullptr;
    known = names_.emplace(std::string(table), definition->type).first;
  }
  last_named_ = &open(known->second);
  return &writer_of(*last_named_, known->second);
}

void Store::begin_statement() {
  ++statement_;
  notes_.begin_statement();
  statement_touched_.clear();
  before_statement_.reset();
  version_before_statement_ = version_;
}

bool Store::undo_statement() {
  const bool wrote = !statement_touched_.empty();
  notes_.undo_statement();
  for (Table* table : statement_touched_) table->rows.undo_statement();
  if (before_statement_) {
    working_ = std::move(*before_statement_);
    version_ = version_before_statement_;
  }
  begin_statement();
  return wrote;
}

void Store::put(TableDef definition) {
  if (!before_statement_) before_statement_ = working_;
  if (!working_) working_ = committed_;
  version_ = ++versions_made_;
  const TypeId type = definition.type;
  const TableDef* standing = working_->find(type);
  std::optional<TableDef> before;
  if (standing != nullptr) before = *standing;
  working_->put(std::move(definition));
  const TableDef& after = *working_->find(type);
  declare_columns(before ? &*before : nullptr, after);
  write_catalog_rows(before ? &*before : nullptr, after);
}

AttrId Store::undeclared_column(TypeId type, std::string_view name) {
  const TableDef* standing = catalog().find(type);
  TREMULA_ASSERT(standing != nullptr);
  if (const ColumnDef* known = standing->find_undeclared(name)) return known->attr;
  TableDef definition = *standing;
  std::uint32_t number = triples::kMaxDeclaredNumber + 1;
  for (const ColumnDef& column : definition.columns) {
    if (column.declared) continue;
    number = std::max(number, static_cast<std::uint32_t>(column.attr) + 1);
  }
  ColumnDef column;
  column.name = name;
  column.attr = AttrId{number};
  column.declared = false;
  definition.columns.push_back(std::move(column));
  put(std::move(definition));
  return AttrId{number};
}

// Tells the table how its columns read from now on.
void Store::declare_columns(const TableDef* before, const TableDef& after) {
  Table& table = open(after.type);
  note_write(table);
  for (const ColumnDef& column : after.columns) {
    const ColumnDef* known = before == nullptr ? nullptr : before->find_attr(column.attr);
    if (known != nullptr && reads_same(*known, column)) continue;
    table.rows.declare(reading_of(column));
  }
  if (before == nullptr) return;
  for (const ColumnDef& column : before->columns) {
    if (after.find_attr(column.attr) != nullptr || !column.visible) continue;
    ColumnDef hidden = column;
    hidden.visible = false;
    table.rows.declare(reading_of(hidden));
  }
}

void Store::write_catalog_rows(const TableDef* before, const TableDef& after) {
  const auto rows = [this](TypeId type) -> lsm::RowTable& {
    Table& table = open(type);
    note_write(table);
    return table.rows;
  };
  lsm::write_catalog(before, after,
                     {.tables = rows(triples::kCatalogTableType),
                      .columns = rows(triples::kCatalogColumnType),
                      .hidden_tables = rows(lsm::kHiddenTableType),
                      .hidden_columns = rows(lsm::kHiddenColumnType)});
}

bool Store::seal() {
  bool changed = false;
  for (Table* table : touched_) {
    table->rows.seal();
    changed = changed || table->rows.differs();
  }
  return changed;
}

void Store::record(triples::CommitWriter& to) const {
  for (const Table* table : touched_) table->rows.record(to);
}

void Store::settle() {
  for (Table* table : touched_) {
    table->rows.settle();
    table->in_transaction = false;
    if (table->writer) table->writer->clear_scratch();
  }
  notes_.clear();
  touched_.clear();
  if (working_) {
    committed_ = std::move(*working_);
    working_.reset();
    committed_version_ = version_;
  }
  begin_statement();
}

void Store::rollback() {
  for (Table* table : touched_) {
    table->rows.rollback();
    table->in_transaction = false;
    if (table->writer) table->writer->clear_scratch();
  }
  notes_.clear();
  touched_.clear();
  if (working_) {
    working_.reset();
    version_ = committed_version_;
  }
  begin_statement();
}

void Store::note_stamped(const std::set<TypeId>& types) {
  stamped_.insert(types.begin(), types.end());
  for (const auto& [type, table] : tables_) table->is_stamped = stamped_.contains(type);
}

void Store::note_deletions() {
  for (Table* table : touched_) {
    if (!std::exchange(table->is_stamped, true)) stamped_.insert(table->rows.type());
  }
}

bool Store::wants_stamps() const {
  return std::any_of(touched_.begin(), touched_.end(), [this](const Table* table) {
    if (table->is_stamped) return true;
    if (!table->writer) return false;
    return table->writer->has_sets() || (counters_are_stamped_ && table->writer->has_counters());
  });
}

bool Store::apply(const triples::WrittenRow& row) {
  Table& table = open(row.type);
  note_write(table);
  return put_row(table.rows, row);
}

void Store::record_catalog(triples::CommitWriter& to) const {
  for (const Table* table : touched_) {
    const bool is_catalog =
        static_cast<std::uint32_t>(table->rows.type()) > triples::kMaxDeclaredNumber;
    if (is_catalog) table->rows.record(to);
  }
}

std::size_t Store::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [type, table] : tables_) bytes += table->rows.memory_bytes();
  return bytes;
}

}  // namespace tremula::db
