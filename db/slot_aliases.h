// SlotAliases: which slots of a table stand for other slots in the files of a shared directory.
//
//   files (the persister's slots)      7     8     9
//   here                               7     9     8        8 -> 9, 9 -> 8
//
// A row that this process inserts has a slot here before the persister gives it one; when that is
// another, or has been taken here meanwhile, the row keeps its slot and its file's slot is noted.
// Rows that are not noted stand in the slot of the files. A slot of the files whose row stood
// elsewhere and is gone has no place here for good: older files may still hold the row, and the
// persister doesn't give a slot twice.
// Thread: the holder of the engine's mutex.
#pragma once

#include "core/base/flat_map.h"
#include "core/triples/ids.h"

namespace tremula::db {

class SlotAliases {
 public:
  bool empty() const { return file_of_.empty() && local_of_.empty(); }
  std::size_t size() const { return file_of_.size(); }

  // The slot in the files of the row that stands here; kNoSlot: it isn't in them yet.
  triples::Slot file_of(triples::Slot local) const {
    const triples::Slot* const found = file_of_.find(local);
    return found == nullptr ? local : *found;
  }
  // The slot here of a row in the files; kNoSlot: it has none, another row has its place.
  triples::Slot local_of(triples::Slot file) const {
    if (const triples::Slot* const found = local_of_.find(file)) return *found;
    return file_of_.contains(file) ? triples::kNoSlot : file;
  }
  // The row that stands in `local` has this slot in the files; kNoSlot: none yet.
  void set(triples::Slot local, triples::Slot file) {
    forget(local);
    if (local == file) {
      local_of_.erase(file);
      return;
    }
    file_of_[local] = file;
    if (file != triples::kNoSlot) local_of_[file] = local;
  }
  // No row stands in `local` any more.
  void forget(triples::Slot local) {
    const triples::Slot* const found = file_of_.find(local);
    if (found == nullptr) return;
    if (*found != triples::kNoSlot) local_of_[*found] = triples::kNoSlot;
    file_of_.erase(local);
  }

 private:
  base::FlatMap<triples::Slot, triples::Slot> file_of_;   // local -> file, never equal
  base::FlatMap<triples::Slot, triples::Slot> local_of_;  // kNoSlot: nowhere
};

}  // namespace tremula::db
