// WriteNotes: what INSERT and UPSERT named in the transaction in hand, which the rows themselves
// don't tell: an UPSERT leaves a living row whoever deletes it meanwhile, with the columns named.
//
//   RowWriter --add, name--> rows: (type, slot) -> attr, value ... --for_each--> intents
//
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::db {

class WriteNotes {
 public:
  struct Cell {
    triples::AttrId attr{};
    triples::OwnedValue value;  // as it was to be stored
  };
  using Row = std::pair<triples::TypeId, triples::Slot>;

  // Nobody else writes: only upserts of rows that lived are noted, and no columns.
  bool is_alone() const { return is_alone_; }
  void set_shared() { is_alone_ = false; }

  void add(triples::TypeId type, triples::Slot slot) {
    rows_.push_back({{type, slot}, cells_.size()});
  }
  // Of the row added last.
  void name(triples::AttrId attr, triples::Value value) {
    cells_.push_back({attr, triples::OwnedValue(value)});
  }

  void begin_statement() { statement_rows_ = rows_.size(), statement_cells_ = cells_.size(); }
  void undo_statement() {
    rows_.resize(statement_rows_);
    cells_.resize(statement_cells_);
  }
  void clear() {
    rows_.clear();
    cells_.clear();
    begin_statement();
  }

  // Row -> the places of what was named for it, from first to last.
  using Named = std::map<Row, std::vector<std::size_t>>;
  Named named() const {
    Named named;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      std::vector<std::size_t>& cells = named[rows_[i].row];
      const std::size_t end = i + 1 < rows_.size() ? rows_[i + 1].first : cells_.size();
      for (std::size_t at = rows_[i].first; at < end; ++at) cells.push_back(at);
    }
    return named;
  }
  const Cell& cell(std::size_t place) const { return cells_[place]; }

 private:
  struct Noted {
    Row row;
    std::size_t first = 0;  // of its cells
  };
  bool is_alone_ = true;
  std::vector<Noted> rows_;
  std::vector<Cell> cells_;
  std::size_t statement_rows_ = 0;
  std::size_t statement_cells_ = 0;
};

}  // namespace tremula::db
