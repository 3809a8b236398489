// TreeView: every entry of a tree in order, files and memtables together.
//
//   files     |--e1--|--e2--|--e3--|         the younger source's entry of a key counts
//   young        |--e2'--| |--t3--|     ->   e1 e2'           (t: a tombstone hides)
//
// Errors: of reading files.  Thread: one at a time; nothing is applied to the tree meanwhile.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/lsm/lsm_tree.h"

namespace tremula::lsm {

class TreeView {
 public:
  using ColumnId = std::pair<triples::TypeId, triples::AttrId>;

  explicit TreeView(std::shared_ptr<const LsmSnapshot> files);
  // Lays a memtable over what is there; with `since`, its rows alone that have anything newer.
  // Cost: O(its rows), and the entries of those.
  void add(const Memtable& memtable, std::uint64_t since = 0);

  // All (type, attr) that have entries, in order.
  std::vector<ColumnId> columns() const;
  // Calls `visit` with the newest entries of a column in the order of their keys, tombstones left
  // out; of kKeyAttr dead keys come too, as NULL.  Borrowed: each entry's bytes during its call.
  base::Result<void> scan(triples::TypeId type, triples::AttrId attr,
                          const LsmSnapshot::EntryVisitor& visit) const;
  // The same between two slots, end excluded; not of kKeyAttr.
  base::Result<void> scan(triples::TypeId type, triples::AttrId attr, triples::Slot begin,
                          triples::Slot end, const LsmSnapshot::EntryVisitor& visit) const;
  // All that are newer than `since`, which is not less than what add() was given.
  base::Result<void> scan_since(triples::TypeId type, triples::AttrId attr, std::uint64_t since,
                                const LsmSnapshot::EntryVisitor& visit) const;

 private:
  using Young = std::vector<Entry>::const_iterator;
  template <typename ScanFiles>
  static base::Result<void> scan_over(Young at, Young end, const ScanFiles& scan_files,
                                      const LsmSnapshot::EntryVisitor& visit);

  std::shared_ptr<const LsmSnapshot> files_;
  std::vector<ColumnId> file_columns_;
  std::map<ColumnId, std::vector<Entry>> young_;  // by key, tombstones too
};

}  // namespace tremula::lsm
