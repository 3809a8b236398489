#include "db/overlay.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/lsm/catalog_rows.h"
#include "core/triples/catalog.h"

namespace tremula::db {

using base::Result;
using triples::TypeId;

bool Overlay::is_kept(TypeId type) {
  return static_cast<std::uint32_t>(type) <= triples::kMaxDeclaredNumber ||
         type == triples::kCatalogTableType || type == triples::kCatalogColumnType ||
         type == lsm::kHiddenTableType || type == lsm::kHiddenColumnType;
}

OverlayRow* Overlay::find(TypeId type, std::string_view key) {
  if (rows_.empty()) return nullptr;
  const auto found = rows_.find(NameView{type, key});
  return found == rows_.end() ? nullptr : &found->second;
}

std::uint64_t Overlay::own_insert(TypeId type, std::string_view key) const {
  if (rows_.empty()) return 0;
  const auto found = rows_.find(NameView{type, key});
  if (found == rows_.end()) return 0;
  const auto& writes = found->second.writes;
  for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
    if (write->pending->rows[write->row].kind == crdt::IntentKind::kPut) {
      return write->pending->number;
    }
  }
  return 0;
}

OverlayRow& Overlay::open(const crdt::IntentRow& intent) {
  if (OverlayRow* const known = find(intent.type, intent.key)) return *known;
  const auto at = rows_.try_emplace(Name{intent.type, std::string(intent.key)}).first;
  at->second.type = intent.type;
  at->second.key = at->first.second;
  return at->second;
}

Result<void> Overlay::read_rows(Pending& pending) {
  // The bytes must not move any more: the deque's element is moved into once, and short strings
  // would take their bytes along.
  constexpr std::size_t kHeap = 64;
  pending.intents.reserve(kHeap);
  crdt::IntentReader reader(pending.intents);
  while (!reader.at_end()) TREMULA_TRY(reader.next(pending.rows.emplace_back()));
  return {};
}

void Overlay::rebase(crdt::RowImage& image, const PendingWrite& write) const {
  const crdt::IntentRow& row = write.pending->rows[write.row];
  crdt::Ground ground;
  ground.seen = write.pending->seen;
  if (row.own_insert != 0) {
    const auto ordered = std::lower_bound(
        ordered_as_.begin(), ordered_as_.end(), row.own_insert,
        [](const auto& known, std::uint64_t number) { return known.first < number; });
    const bool is_ordered = ordered != ordered_as_.end() && ordered->first == row.own_insert;
    ground.own_insert = is_ordered ? ordered->second : crdt::kPendingVersion;
  }
  (void)crdt::rebase(image, row, ground);
}

void Overlay::apply(OverlayRow& row, const triples::WrittenRow& effect, std::uint64_t version) {
  crdt::apply_effect(row.base, effect, version);
  row.file = row.base.is_alive ? effect.slot : triples::kNoSlot;
}

void Overlay::refresh(OverlayRow& row) {
  row.image = row.base;
  for (const PendingWrite& write : row.writes) rebase(row.image, write);
}

}  // namespace tremula::db
