// Overlay: the rows that this process has written and the persister has not yet: what they are
// without those writes, and with them.
//
//   row (type, key)   base + pending 4: set a=1   + pending 6: add 3 to b   = image, what is seen
//                       ^ effects of what was ordered
//
// Invariants:
//   O1  a row is here as long as a pending transaction writes it.
//   O2  image is base with the pending transactions done to it in their order (crdt::rebase).
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/crdt/intent.h"
#include "core/triples/commit_record.h"
#include "core/triples/ids.h"

namespace tremula::db {

inline bool is_of_catalog(triples::TypeId type) {
  return static_cast<std::uint32_t>(type) > triples::kMaxDeclaredNumber;
}

// An own transaction on its way. Its rows borrow from its bytes.
struct Pending {
  std::uint64_t number = 0;
  std::uint64_t seen = 0;
  std::uint64_t step = 0;  // Engine::commits that it made
  std::string intents;
  std::vector<crdt::IntentRow> rows;
};

struct OverlayRow {
  triples::TypeId type{};
  std::string key;
  crdt::RowImage base;
  triples::Slot file = triples::kNoSlot;  // of base, in the files
  crdt::RowImage image;
  struct Write {
    const Pending* pending = nullptr;
    std::size_t row = 0;  // of its rows
  };
  std::deque<Write> writes;  // by number
};

class Overlay {
 public:
  bool empty() const { return pending_.empty(); }
  std::size_t pending_count() const { return pending_.size(); }
  std::uint64_t last_acknowledged() const { return acknowledged_; }
  // The first transaction that is not acknowledged.  Requires: there is one.
  const Pending& front() const { return pending_.front(); }

  OverlayRow* find(triples::TypeId type, std::string_view key);
  // The newest pending transaction that puts the row; 0: none does.
  std::uint64_t own_insert(triples::TypeId type, std::string_view key) const;

  // Takes an own transaction in. Each of its rows that isn't here yet is made by `base`, which
  // fills in base and file as they are without it.
  // Errors: corrupt.
  template <typename Base>
  base::Result<const Pending*> push(Pending pending, Base&& base) {
    TREMULA_TRY(read_rows(pending));
    pending_.push_back(std::move(pending));
    const Pending& taken = pending_.back();
    for (std::size_t i = 0; i < taken.rows.size(); ++i) {
      if (!is_kept(taken.rows[i].type)) continue;
      OverlayRow& row = open(taken.rows[i]);
      if (row.writes.empty()) {
        base(row);
        row.image = row.base;
      }
      row.writes.push_back({&taken, i});
      rebase(row.image, row.writes.back());
    }
    return &taken;
  }

  // An effect on one of the rows, of another process or acknowledged. The image stays as it is.
  void apply(OverlayRow& row, const triples::WrittenRow& effect, std::uint64_t version);
  // Makes the image anew.
  void refresh(OverlayRow& row);
  // The first pending transaction was ordered as `version`, and its effects applied: it is base.
  // Calls `is_base` with each of its rows, before those go that nothing else writes.
  // Requires: !empty().
  template <typename IsBase>
  void pop(std::uint64_t version, IsBase&& is_base) {
    const Pending& first = pending_.front();
    acknowledged_ = first.number;
    ordered_as_[first.number] = version;
    for (const crdt::IntentRow& intent : first.rows) {
      if (!is_kept(intent.type)) continue;
      const auto at = rows_.find({intent.type, std::string(intent.key)});
      OverlayRow& row = at->second;
      row.writes.pop_front();
      if (intent.kind == crdt::IntentKind::kPut) refresh(row);  // its birth is known now
      is_base(std::as_const(row));
      if (row.writes.empty()) rows_.erase(at);
    }
    pending_.pop_front();
    if (pending_.empty()) ordered_as_.clear();
  }

  // Rows of tables and of the catalog; not what the persister keeps for itself.
  static bool is_kept(triples::TypeId type);

 private:
  using Name = std::pair<triples::TypeId, std::string>;
  OverlayRow& open(const crdt::IntentRow& intent);
  static base::Result<void> read_rows(Pending& pending);
  void rebase(crdt::RowImage& image, const OverlayRow::Write& write) const;

  std::deque<Pending> pending_;  // deque: rows point to them
  std::map<Name, OverlayRow> rows_;
  std::map<std::uint64_t, std::uint64_t> ordered_as_;  // numbers that pending ones may stand on
  std::uint64_t acknowledged_ = 0;
};

}  // namespace tremula::db
