// Transaction: writes that happen together or not at all. Lent to Database::transact()'s function.
//
//   db.transact([&](Transaction& tx) { tx.upsert("Album", {{"AlbumId", 4}, {"Plays", 1}}); })
//
// Every call throws tremula::Exception on error; what the call wrote is then undone alone, and the
// transaction may go on if the exception is caught inside. If it is not, transact() rolls all of it
// back and returns the error.
// Thread: the one that transact() calls it on, during that call only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tremula/error.h"
#include "tremula/export.h"
#include "tremula/value.h"

namespace tremula {

class Database;
class Statement;

// The rows of a select, as they were when it ran.
class TREMULA_API Rows {
 public:
  // What rows are made of.
  struct Data {
    std::vector<std::string> columns;  // the names of the properties
    std::string text;               // the rows' JSON, one after the other
    std::vector<std::size_t> ends;  // of each row in `text`
  };
  Rows() = default;
  explicit Rows(Data data) : data_(std::move(data)) {}

  // How many rows.
  std::size_t size() const { return data_.ends.size(); }
  bool empty() const { return data_.ends.empty(); }
  // The names of the shape's properties.
  const std::vector<std::string>& columns() const { return data_.columns; }
  // Row `index` as a JSON object.  Requires: index < size().
  std::string_view json(std::size_t index) const;
  // All rows as a JSON array.
  std::string json() const;
  // Row `index` cut into cells.
  Cells cells(std::size_t index) const { return cells_of(json(index)); }
  // The value of a property of a row; NULL if the row has none of that name.
  Value value(std::size_t index, std::string_view column) const;

 private:
  Data data_;
};

// What a write did.
struct Written {
  std::size_t rows = 0;  // inserted, upserted (given), updated (matched), deleted; imported
  std::string line;      // as TreeQL prints it: {"inserted":2}
};

// The writes of one commit, on their way.
class TREMULA_API Transaction {
 public:
  // The columns named; the others read their DEFAULT.
  // Returns: the generated key, for a table that has one; else 0.
  // Errors: unknown_table, unknown_column, duplicate_key, not_null, type_mismatch, read_only.
  std::int64_t insert(std::string_view table, NamedValues columns);
  // Inserts, or sets just these columns. Needs the whole key, except a generated one.
  std::int64_t upsert(std::string_view table, NamedValues columns);
  // Returns: false if there is no row of this key.
  // Errors: as insert; key_update for a column of the key.
  bool update(std::string_view table, Key key, NamedValues columns);
  bool erase(std::string_view table, Key key);
  bool exists(std::string_view table, Key key) const;
  // A column of a row as this transaction sees it; NULL if there is no such row.
  Value get(std::string_view table, Key key, std::string_view column) const;

  // Any one writing statement (INSERT, UPSERT, UPDATE, DELETE, TABLE, DROP TABLE, IMPORT).
  Written execute(std::string_view statement, NamedValues parameters = {});
  Written execute(Statement& statement, NamedValues parameters = {});
  // A SELECT that sees this transaction's own writes.
  Rows query(std::string_view select, NamedValues parameters = {});
  Rows query(Statement& statement, NamedValues parameters = {});

  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  struct TREMULA_LOCAL Core;

 private:
  friend struct Core;
  explicit Transaction(Core& core) : core_(core) {}
  Core& core_;
};

}  // namespace tremula
