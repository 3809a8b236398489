// WriteNotes: what INSERT and UPSERT named in the transaction in hand, which the rows themselves
// don't tell: an UPSERT leaves a living row whoever deletes it meanwhile, with the columns named.
//
//   RowWriter --add, name--> rows: (type, slot) -> attr, value ... --for_each--> intents
//
// Thread: the holder of the engine's mutex.
#pragma once

#include <algorithm>
#include <cstddef>
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

  // Every row that was added, and the places of what was named for it, by row and then in the order
  // of naming.
  struct Named {
    Row row;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  void list(std::vector<Named>& named) const {
    named.clear();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::size_t end = i + 1 < rows_.size() ? rows_[i + 1].first : cells_.size();
      named.push_back({rows_[i].row, rows_[i].first, end});
    }
    if (named.size() < 2) return;
    std::stable_sort(named.begin(), named.end(),
                     [](const Named& a, const Named& b) { return a.row < b.row; });
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
