// What tests of the persister share: commits that can be told apart, and what a directory holds.
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/triples/commit_record.h"
#include "core/triples/key_encoding.h"
#include "persist/persister.h"

namespace tremula::persist_test {

// The record of a commit that inserts row `slot` of table 1 with its number in column 1.
inline std::string insert_record(triples::Slot slot, std::int64_t number, std::size_t padding = 0) {
  triples::CommitWriter writer;
  std::string key;
  triples::encode_ordered(triples::Value::int_of(slot), key);
  const std::string text(padding, 'x');
  writer.begin_row(triples::TypeId{1}, slot, triples::Fate::kInserted, key, 2);
  writer.cell(triples::AttrId{1}, triples::Value::int_of(number));
  writer.cell(triples::AttrId{2}, triples::Value::text_of(text));
  return std::string(writer.view());
}

inline std::string update_record(triples::Slot slot, std::int64_t number) {
  triples::CommitWriter writer;
  std::string key;
  triples::encode_ordered(triples::Value::int_of(slot), key);
  writer.begin_row(triples::TypeId{1}, slot, triples::Fate::kUpdated, key, 1);
  writer.cell(triples::AttrId{1}, triples::Value::int_of(number));
  return std::string(writer.view());
}

// Slot -> number, of the files and the memtables over them.  Requires: no step was made yet.
inline std::map<triples::Slot, std::int64_t> numbers(persist::Persister& persister) {
  std::map<triples::Slot, std::int64_t> found;
  const auto scanned = persister.snapshot()->scan(
      triples::TypeId{1}, triples::AttrId{1},
      [&](const lsm::Entry& entry) { found[entry.key.slot] = entry.value.integer; });
  if (!scanned.ok()) return {{triples::kNoSlot, -1}};
  persister.tree().visit_memtables([&](const lsm::MemtableRow& row) {
    if (row.fate != triples::Fate::kUpdated) found.erase(row.slot);
    for (const triples::WrittenCell& cell : row.cells) {
      if (cell.attr == triples::AttrId{1}) found[row.slot] = cell.value.integer;
    }
  });
  return found;
}

}  // namespace tremula::persist_test
