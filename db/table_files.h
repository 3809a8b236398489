// TableFiles: the files of a directory as the cold rows of one table.
//
//   RowTable --ColdSource--> TableFiles --> the persister's newest LsmSnapshot
//
// A chunk is loaded from the newest files: it was dropped, or never read, so nothing that is not in
// them was written to it.
// Thread: the holder of the engine's mutex.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/lsm/cold_source.h"
#include "core/lsm/lsm_tree.h"
#include "db/slot_aliases.h"

namespace tremula::db {

// What the tables of a directory share.
struct Files {
  std::function<std::shared_ptr<const lsm::LsmSnapshot>()> newest;
  base::Error error;      // the first read that failed; kOk: none. What was read since is void
  std::size_t loads = 0;  // chunks and keys looked up
  // Blocks that chunks lie in: the chunks beside them are likely wanted next.
  lsm::BlockCache blocks{0};  // Store::set_cache_bytes
};

class TableFiles final : public lsm::ColdSource {
 public:
  // Borrowed: `files` outlives it.
  TableFiles(triples::TypeId type, Files& files) : type_(type), files_(files) {}

  std::vector<triples::AttrId> attrs() override;
  base::Result<std::vector<std::uint8_t>> rows() override;
  base::Result<void> cells(triples::AttrId attr, triples::Slot begin, triples::Slot end,
                           const CellVisitor& visit) override;
  std::unique_ptr<lsm::ColdScan> scan(triples::AttrId attr) override;
  base::Result<triples::Slot> find(std::string_view key) override;

  // Rows that stand elsewhere here than in the files. Their triples come in slots of here.
  SlotAliases& aliases() { return aliases_; }

 private:
  base::Result<void> cells_by_alias(triples::AttrId attr, triples::Slot begin, triples::Slot end,
                                    const CellVisitor& visit);

  // The result itself; its error is noted for whoever asked for the rows.
  template <typename T>
  base::Result<T> noted(base::Result<T> result);

  const triples::TypeId type_;
  Files& files_;
  SlotAliases aliases_;
};

}  // namespace tremula::db
