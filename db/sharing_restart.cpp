// A process that has fallen behind the log starts again from the directory as it is: its tables
// are brought there in one transaction, its pending writes laid over it again.
#include <algorithm>
#include <random>

#include "core/base/bytes.h"
#include "core/triples/catalog.h"
#include "db/sharing.h"
#include "persist/changed_rows.h"
#include "persist/orderer.h"

namespace tremula::db {

using base::Result;
using persist::ChangedRow;
using triples::ColumnIndex;
using triples::kNoSlot;
using triples::Slot;
using triples::Value;

Result<persist::FollowedBase> Sharing::find_restart() {
  auto found = membership_.restart();
  if (!found.ok()) failure_ = found.error();
  return found;
}

Result<void> Sharing::restart(const persist::FollowedBase& from) {
  const auto restarted = [&]() -> Result<void> {
    settled();
    store_.begin_statement();
    bool is_of_schema = false;
    std::vector<std::pair<triples::TypeId, std::string>> rebased;
    TREMULA_TRY(persist::visit_changed_rows(*from.tree, base_, [&](const ChangedRow& row) {
      if (!Overlay::is_kept(row.type)) return Result<void>();
      is_of_schema = is_of_schema || is_of_catalog(row.type);
      OverlayRow* const pending = overlay_.find(row.type, row.key);
      if (pending == nullptr) {
        write_whole(row);
      } else {
        rebase_on(*pending, row);
        rebased.emplace_back(row.type, row.key);
      }
      return Result<void>();
    }));
    base_ = from.version;
    TREMULA_TRY(acknowledge_up_to(*from.tree));
    for (const auto& [type, key] : rebased) {
      OverlayRow* const pending = overlay_.find(type, key);
      if (pending == nullptr) continue;
      overlay_.refresh(*pending);
      show(*pending);
    }
    if (is_of_schema) store_.follow_catalog_rows();
    return {};
  }();
  if (!restarted.ok()) failure_ = restarted.error();
  return restarted;
}

// A row that no own transaction is pending on becomes what it is there.
void Sharing::write_whole(const ChangedRow& row) {
  lsm::RowTable& table = store_.write_to(row.type);
  Slot slot = table.find(row.key);
  const bool stands = is_here(table, slot);
  if (row.slot == kNoSlot) {
    if (!stands) return;
    table.erase(slot);
    forget_later(row.type, slot);
    return;
  }
  if (stands && store_.aliases(row.type).file_of(slot) != row.slot) table.erase(slot);
  if (!is_here(table, slot)) slot = place(table, row.key, row.slot);
  for (const auto& [attr, value] : row.cells) {
    table.column(attr);
    const bool is_generated = attr == triples::kGeneratedIdAttr && !stands;
    if (is_generated && store_.keys().has_tag_of(value.value().integer)) {
      store_.keys().take_tag(std::random_device{}());
    }
  }
  for (ColumnIndex column = 0; column < table.column_count(); ++column) {
    const auto of_column = [&](const auto& cell) { return cell.first == table.attr_of(column); };
    const auto cell = std::find_if(row.cells.begin(), row.cells.end(), of_column);
    table.write(slot, column, cell == row.cells.end() ? Value::missing() : cell->second.value());
  }
}

void Sharing::rebase_on(OverlayRow& pending, const ChangedRow& row) {
  pending.base.clear_cells();
  pending.base.is_alive = row.slot != kNoSlot;
  pending.base.birth = row.born;
  for (const auto& [attr, value] : row.cells) pending.base.set(attr, value.value());
  pending.file = row.slot;
}

// The own transactions that are in the tree. Which version each got isn't told any more: none is
// newer than the tree, and who stands on them is told so.
Result<void> Sharing::acknowledge_up_to(const lsm::LsmTree& tree) {
  TREMULA_TRY_ASSIGN(const auto key, tree.find_key(triples::kProcessType, process_key_));
  if (!key || key->slot == kNoSlot) return {};
  const auto read = [&](triples::AttrId attr) -> Result<std::uint64_t> {
    TREMULA_TRY_ASSIGN(const auto cell, tree.get(triples::kProcessType, attr, key->slot));
    const bool is_number = cell && cell->value.value().kind == triples::Kind::kInt;
    return is_number ? static_cast<std::uint64_t>(cell->value.value().integer) : 0;
  };
  TREMULA_TRY_ASSIGN(const std::uint64_t number, read(persist::kNumberAttr));
  if (is_merge(number)) {  // the last one: its writer waits for it
    TREMULA_TRY_ASSIGN(const std::uint64_t changes, read(persist::kMergedAttr));
    taken_merge_ = {number, static_cast<std::size_t>(changes)};
  }
  std::erase_if(merges_, [number](std::uint64_t merge) { return merge <= number; });
  while (!overlay_.empty() && overlay_.front().number <= number) {
    steps_.emplace_back(overlay_.front().step, base_);
    overlay_.pop(base_, [this](const OverlayRow& row) {
      OverlayRow now = row;
      overlay_.refresh(now);
      show(now);
    });
  }
  return {};
}

}  // namespace tremula::db
