// Replica: a database reduced to what merging sees: states by row and cell, and cursors.
//
//   rows     (table, key) -> row state, cells          cell  (column, rule) -> register or state
//   commit(writes) --records--> changes(since) --file--> merge(file) of another replica
//
// Files are the lines that the command prints and reads, so that the codec is always in the loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/crdt/change_record.h"
#include "core/crdt/merge.h"
#include "core/triples/catalog.h"
#include "core/triples/value.h"

namespace tremula::crdt {

SiteId site_of(unsigned char number);
// The key of a row: one INT.
std::string key_of(std::int64_t number);

struct Column {
  std::string name;
  std::uint32_t number = 0;  // 0: not declared
  triples::MergeRule rule = triples::MergeRule::kLww;
  triples::OwnedValue default_value{triples::Value::missing()};
};

// What one transaction does to one row.
struct Write {
  enum class Kind { kInsert, kUpsert, kUpdate, kDelete };
  Kind kind = Kind::kUpdate;
  std::uint32_t table = 1;
  std::int64_t key = 0;
  std::vector<std::pair<std::string, triples::OwnedValue>> cells;  // by the column's name
};

class Replica {
 public:
  Replica(SiteId site, std::map<std::uint32_t, std::vector<Column>> schema)
      : site_(site), schema_(std::move(schema)) {
    sites_.number_of(site);
  }

  // One transaction. INSERT of a living row does nothing, as do UPDATE and DELETE of a dead one.
  // Returns: the records that it made, as lines; none: there was no transaction.
  std::string commit(const std::vector<Write>& writes);
  // As commit() would, but undone.
  void roll_back(const std::vector<Write>& writes);

  // The records above `since` in order, and the closing line.
  std::string changes(DbVersion since) const;
  // A file in one transaction.  Returns: how many records changed something.
  std::size_t merge(std::string_view file);
  // Declares a column; values stored under its name come in where the rule is a register's.
  void declare(std::uint32_t table, const Column& column);
  // A copied or restored directory goes on under an id of its own.
  void take_new_site(SiteId site);
  // What a restart keeps: goes through bytes where bytes are kept.
  void restart();

  DbVersion db_version() const { return db_version_; }
  Version clock() const { return clock_.now(); }
  SiteId site() const { return site_; }

  // "gone", or the columns in the order of the schema: "Name='x' Plays=3".
  std::string row(std::int64_t key, std::uint32_t table = 1) const;
  // Every record, sorted by what it is about, db_version and seq set to 0.
  std::string dump() const;
  // What is wrong inside: a position used twice or to come, a state out of order. "": nothing.
  std::string faults() const;

 private:
  struct RowKey {
    std::uint32_t table;
    std::string key;
    auto operator<=>(const RowKey&) const = default;
  };
  struct CellKey {
    std::uint32_t column;
    std::string name;  // of an undeclared one
    triples::MergeRule rule;
    auto operator<=>(const CellKey&) const = default;
  };
  struct Cell {
    Stamp stamp;
    Position position;
    triples::OwnedValue value;  // of a register
    std::string state;          // of a counter or set
  };
  struct Row {
    RowState state;
    std::map<CellKey, Cell> cells;
  };
  struct Transaction {
    Meta now;
    std::size_t changes = 0;
  };

  Transaction begin() const;
  Meta take_position(Transaction& transaction) const;
  void write_row(const Write& write, Transaction& transaction);
  void write_cell(Row& row, const Column& column, triples::Value value, Transaction& transaction);
  void write_counter(Cell& cell, const Column& column, std::int64_t wanted, Transaction& tx);
  void write_set(Cell& cell, const Column& column, triples::Value wanted, Transaction& tx);
  bool merge_record(const ChangeRecord& record, Position position);
  bool merge_cell(Cell& cell, const ChangeRecord& record, const Meta& incoming);
  bool merge_register(Cell& cell, triples::MergeRule rule, triples::Value value, const Meta& meta);
  CellKey cell_key(const ChangeRecord& record) const;
  Column column_named(std::uint32_t table, std::string_view name) const;
  triples::Value visible(const Row& row, const Column& column, base::Arena& arena) const;

  // Calls visit(ChangeRecord) for every record.
  template <typename Visit>
  void visit_records(Visit visit) const;

  SiteId site_;
  std::map<std::uint32_t, std::vector<Column>> schema_;
  Sites sites_;
  Clock clock_;
  DbVersion db_version_{};
  std::map<RowKey, Row> rows_;
};

}  // namespace tremula::crdt
