// A row as a log or another process tells it, written into a table.
//
// Thread: the holder of the engine's mutex.
#pragma once

#include "core/lsm/entry.h"
#include "core/lsm/row_table.h"
#include "core/triples/commit_record.h"

namespace tremula::db {

// `row`: an lsm::MemtableRow or a triples::WrittenRow. What merging keeps of a row is left out.
// Returns: whether it fits what the table has.
template <typename Row>
bool put_row(lsm::RowTable& table, const Row& row) {
  using triples::Fate;
  const bool stands = row.slot < table.slot_end() && table.exists(row.slot, triples::Side::kNew);
  switch (row.fate) {
    case Fate::kDeleted:
      if (!stands || table.key(row.slot) != row.key) return false;
      table.erase(row.slot);
      return true;
    case Fate::kInserted:
      if (stands || table.find(row.key) != triples::kNoSlot) return false;
      table.insert_at(row.key, row.slot);
      break;
    case Fate::kUpdated:
      if (!stands || table.key(row.slot) != row.key) return false;
      break;
  }
  for (const triples::WrittenCell& cell : row.cells) {
    if (lsm::is_hidden_attr(cell.attr)) continue;
    const bool is_removed = lsm::is_removed_mark(cell.value);
    table.write(row.slot, table.column(cell.attr),
                is_removed ? triples::Value::missing() : cell.value);
  }
  return true;
}

}  // namespace tremula::db
