// Merging: other replicas' records, taken into a directory as one transaction.
//
//   records of one row + the row as it stands --crdt--> the row's cells, stamps, states, extras
//                                                       as a commit record
//
// Nothing is written here: the caller applies the record to his tables and submits it.
// A living row that begins a new life by a merge keeps its slot: its old cells are removed.
// Errors: corrupt (a key that doesn't fit its table, with the line; damaged files), io.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/crdt/change_record.h"
#include "core/lsm/lsm_tree.h"
#include "core/triples/catalog.h"
#include "persist/stamp_book.h"

namespace tremula::persist {

// The records of a file of changes. Borrowed: from the text and the arena.
struct ChangeFile {
  std::vector<crdt::ChangeRecord> records;
  std::vector<std::size_t> lines;  // of each, from 1
};
// Errors: corrupt, with the line.
base::Result<ChangeFile> read_change_file(std::string_view text, base::Arena& arena);

// What a merge must be told by who has the tables.
struct MergeInto {
  const triples::Catalog& (*catalog)(void* owner) = nullptr;  // as of now
  // A slot that no row of the table ever had.
  triples::Slot (*new_slot)(void* owner, triples::TypeId type) = nullptr;
  // The number of an undeclared column of a lax table, made if there is none; the catalog follows.
  // kRowAttr: it has none, and what comes for it is kept.
  triples::AttrId (*undeclared)(void* owner, triples::TypeId type, std::string_view name) = nullptr;
  void* owner = nullptr;
  // A row that begins a new life takes a new slot: whoever shares the directory knows lives by
  // their slots' births. Alone it keeps its slot.
  bool lives_move = false;
};

struct Merged {
  std::size_t changes = 0;  // records that changed something; 0: there is no transaction
  std::string record;       // to apply and to submit
};

// `db_version`: of the transaction that this becomes. `book` is as it will be after it.
base::Result<Merged> merge_records(const ChangeFile& file, std::uint64_t db_version,
                                   const lsm::LsmTree& tree, const MergeInto& into,
                                   StampBook& book);

// What is looked at for what may come to light.
enum class Adopt : std::uint8_t {
  kMerged,  // records that merging brought and nothing was declared for
  kAll,     // also NULLs under the name of a column that is declared by now
};
// Tables that have records kept for what is declared by now: they come to light. `types`: whose
// declarations changed.
base::Result<Merged> adopt_records(std::span<const triples::TypeId> types, Adopt what,
                                   std::uint64_t db_version, const lsm::LsmTree& tree,
                                   const MergeInto& into, StampBook& book);

// The value of each key column, as the table stores it.  Returns: false: it isn't a key of this
// table.  Borrowed: the arena, and `key`.
bool read_key(const triples::TableDef& table, std::string_view key, base::Arena& arena,
              std::vector<triples::Value>& values);

}  // namespace tremula::persist
