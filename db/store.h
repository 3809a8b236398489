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
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/dataflow/graph.h"
#include "core/lsm/row_table.h"
#include "core/triples/catalog.h"
#include "db/key_generator.h"
#include "db/row_writer.h"

namespace tremula::db {

class Store final : public dataflow::TableSource {
 public:
  explicit Store(KeyGenerator keys);
  ~Store() override;

  // --- Reading (see TableSource) ---
  const triples::Relation* table(triples::TypeId type) override;
  triples::ColumnIndex column(triples::TypeId type, triples::AttrId attr) override;
  std::vector<triples::ColumnIndex> key_columns(triples::TypeId type) override;
  triples::Slot find(triples::TypeId type, std::string_view key) override;
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
  // Computes the tables' net changes.  Returns: whether there are any.
  bool seal();
  // The working state becomes the committed one.
  void settle();
  void rollback();
  bool touched() const { return !touched_.empty() || working_.has_value(); }

  std::size_t memory_bytes() const;

 private:
  struct Table {
    explicit Table(triples::TypeId type) : rows(type) {}
    lsm::RowTable rows;
    std::unique_ptr<RowWriter> writer;
    std::uint64_t writer_version = 0;   // of the catalog that it was made for
    std::uint64_t statement = 0;        // the last one that wrote here
    bool in_transaction = false;        // written in the transaction in hand
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

  KeyGenerator keys_;
  std::unordered_map<triples::TypeId, std::unique_ptr<Table>> tables_;
  std::unordered_map<std::string, triples::TypeId, NameHash, std::equal_to<>> names_;
  std::uint64_t names_version_ = 0;
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
};

}  // namespace tremula::db
