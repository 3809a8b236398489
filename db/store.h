// Store: the tables and their catalog, in transactions.
//
//   committed catalog --copy at the first put()--> working catalog --settle--> committed
//   RowTables, one per number                      touched ones are sealed, settled, rolled back
//       together
//
// Invariants:
//   S1  outside a transaction no table is touched and there is no working catalog.
//   S2  the two catalog tables hold exactly the rows of catalog().
//   S3  table(type) is the same object for the life of the store, whatever is declared or dropped.
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/dataflow/graph.h"
#include "core/lsm/row_table.h"
#include "core/triples/catalog.h"
#include "db/key_generator.h"
#include "db/row_writer.h"
#include "db/table_files.h"
#include "db/write_notes.h"

namespace tremula::db {

class Store final : public dataflow::TableSource {
 public:
  explicit Store(KeyGenerator keys);
  ~Store() override;

  // --- Files ---
  // The tables' rows are in the files of a directory; a table is attached to them when it is first
  // asked for. Reads the catalog.
  // Requires: nothing was declared.  Errors: io, corrupt.
  base::Result<void> attach_files(std::function<std::shared_ptr<const lsm::LsmSnapshot>()> newest);
  // The catalog follows its rows, which were written by hand (the log's, at opening).
  void reread_catalog();
  // The version that the next transaction will have.
  void set_version(std::uint64_t version) { transaction_version_ = version; }
  // The first read of a file that failed: nothing read since then is to be believed. kOk: none.
  const base::Error& file_error() const { return files_.error; }
  // Drops what files hold and nobody used lately until the tables take at most `bytes`, as far as
  // nothing newer than `flushed` is in it.
  // Requires: outside a transaction; nobody holds a Value or a key.
  void drop_cold(std::size_t bytes, std::uint64_t flushed);
  // Blocks of files that are kept beside the tables: at most so many bytes.
  void set_cache_bytes(std::size_t bytes) { files_.blocks.set_bytes_max(bytes); }
  std::size_t cache_bytes() const { return files_.blocks.memory_bytes(); }
  // Chunks loaded so far: what tells whether memory may have grown without a write.
  std::size_t loads() const { return files_.loads; }

  KeyGenerator& keys() { return keys_; }

  // --- Sharing (db/sharing.h) ---
  // Others write here, too: from now on slots are given by the persister, and what INSERT and
  // UPSERT name is noted.
  void set_shared();
  WriteNotes& notes() { return notes_; }
  SlotAliases& aliases(triples::TypeId type) { return open(type).files.aliases(); }
  // A table that the transaction in hand writes without its RowWriter.
  lsm::RowTable& write_to(triples::TypeId type);
  // The catalog follows its rows, which the transaction in hand wrote without put().
  void follow_catalog_rows();

  // --- Reading (see TableSource) ---
  const triples::Relation* table(triples::TypeId type) override;
  triples::ColumnIndex column(triples::TypeId type, triples::AttrId attr) override;
  std::vector<triples::ColumnIndex> key_columns(triples::TypeId type) override;
  triples::Slot find(triples::TypeId type, std::string_view key) override;
  void prefetch(triples::TypeId type, std::string_view key) override;
  lsm::RowTable& row_table(triples::TypeId type);

  // --- Catalog, as the transaction in hand sees it ---
  const triples::Catalog& catalog() const { return working_ ? *working_ : committed_; }
  const triples::Catalog& committed_catalog() const { return committed_; }
  // Equal versions: equal catalogs.
  std::uint64_t catalog_version() const { return version_; }
  // Whether the transaction in hand changed the catalog.
  bool catalog_changed() const { return working_.has_value(); }
  // Adds or replaces a definition: catalog rows and the way in which columns read follow it.
  void put(triples::TableDef definition);
  // The number of an undeclared column of a lax table, made if there is none yet.
  triples::AttrId undeclared_column(triples::TypeId type, std::string_view name);

  // --- Writing ---
  // Borrowed: valid for the statement in hand, until the next put() or undeclared_column().
  RowWriter& writer(triples::TypeId type);
  // The same by name; null: there is no such table.
  RowWriter* find_writer(std::string_view table);
  // A statement begins: undo_statement() goes back to here.
  void begin_statement();
  // Returns: whether there was anything to undo.
  bool undo_statement();

  // --- Transactions ---
  // Computes the tables' net changes.  Returns: whether any triple differs.
  bool seal();
  // Appends what the transaction in hand wrote, as the log keeps it.  Requires: seal().
  void record(triples::CommitWriter& to) const;
  // The working state becomes the committed one.
  void settle();
  void rollback();
  bool touched() const { return !touched_.empty() || working_.has_value(); }

  // --- Merging (docs/merging.md) ---
  // Tables some of whose rows have what merging keeps, or whose keys may be dead; more may be named
  // later.
  void note_stamped(const std::set<triples::TypeId>& types);
  // The transaction in hand deletes rows.
  void note_deletions();
  bool is_stamped(triples::TypeId type) const { return stamped_.contains(type); }
  // COUNTERs written from now on need more than their cells tell.
  void stamp_counters() { counters_are_stamped_ = true; }
  // Whether merging must know more of the transaction in hand than its record tells, deletions
  // aside.
  bool wants_stamps() const;
  // Writes a row of a record.  Returns: whether it fits what the table has.
  bool apply(const triples::WrittenRow& row);
  // As record(), of the catalog's tables alone.
  void record_catalog(triples::CommitWriter& to) const;

  std::size_t memory_bytes() const;

 private:
  struct Table {
    Table(triples::TypeId type, Files& files) : files(type, files), rows(type) {}
    TableFiles files;
    lsm::RowTable rows;
    std::unique_ptr<RowWriter> writer;
    std::uint64_t writer_version = 0;  // of the catalog that it was made for
    std::uint64_t statement = 0;       // the last one that wrote here
    bool in_transaction = false;       // written in the transaction in hand
    bool is_stamped = false;           // its type is in stamped_
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  Table& open(triples::TypeId type);
  void note_write(Table& table);
  RowWriter& writer_of(Table& table, triples::TypeId type);
  void declare_columns(const triples::TableDef* before, const triples::TableDef& after);
  void write_catalog_rows(const triples::TableDef* before, const triples::TableDef& after);

  void declare_reading(const triples::TableDef& definition);
  triples::Catalog read_catalog();

  KeyGenerator keys_;
  WriteNotes notes_;
  Files files_;
  std::uint64_t transaction_version_ = 1;
  std::unordered_map<triples::TypeId, std::unique_ptr<Table>> tables_;
  std::unordered_map<std::string, triples::TypeId, NameHash, std::equal_to<>> names_;
  std::uint64_t names_version_ = 0;
  Table* last_named_ = nullptr;  // whose writer was asked for by name last, in this version
  triples::Catalog committed_;
  std::optional<triples::Catalog> working_;
  std::uint64_t version_ = 1;
  std::uint64_t committed_version_ = 1;
  std::uint64_t versions_made_ = 1;
  // The catalog as the statement in hand found it, if it changed it; nullopt inside: there was no
  // working one.
  std::optional<std::optional<triples::Catalog>> before_statement_;
  std::uint64_t version_before_statement_ = 0;
  std::uint64_t statement_ = 1;
  std::vector<Table*> touched_;            // by the transaction in hand
  std::vector<Table*> statement_touched_;  // by the statement in hand
  std::set<triples::TypeId> stamped_;
  bool counters_are_stamped_ = false;
};

}  // namespace tremula::db
