// Changed rows: what of a tree is newer than a version, by row: for whoever knew the rows as they
// were then. What merging keeps of a row is left out.
//
// Cost: as persist/changes.h says.
// Errors: corrupt, io.  Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/lsm/lsm_tree.h"
#include "core/lsm/tree_view.h"
#include "core/triples/value.h"

namespace tremula::persist {

// Calls `visit` with the slots of a table whose rows have anything above `since` in `attrs` (keys
// aside, which have no slot): in order, together those that lie near each other.
base::Result<void> visit_changed_slots(
    const lsm::TreeView& view, triples::TypeId type, std::span<const triples::AttrId> attrs,
    std::uint64_t since,
    const std::function<base::Result<void>(std::span<const triples::Slot>)>& visit);
// Calls `visit` with each cell of a column that stands in one of `slots`, and which of them.
base::Result<void> visit_cells_of(
    const lsm::TreeView& view, triples::TypeId type, triples::AttrId attr,
    std::span<const triples::Slot> slots,
    const std::function<void(std::size_t which, const lsm::Entry& entry)>& visit);

struct ChangedRow {
  triples::TypeId type{};
  std::string key;
  triples::Slot slot = triples::kNoSlot;  // kNoSlot: it was deleted
  std::uint64_t born = 0;                 // the version at which its life began
  std::vector<std::pair<triples::AttrId, triples::OwnedValue>> cells;  // all that it has, by attr
};

// Calls `visit` with each row of which something was written after `since`: of each table the
// deleted ones first.
base::Result<void> visit_changed_rows(
    const lsm::LsmTree& tree, std::uint64_t since,
    const std::function<base::Result<void>(const ChangedRow&)>& visit);

}  // namespace tremula::persist
