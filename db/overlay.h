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
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/flat_map.h"
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

// One of its rows.
struct PendingWrite {
  const Pending* pending = nullptr;
  std::size_t row = 0;
};

// The pending writes of a row, by number. Most rows have one: a deque would take 600 bytes for it.
class PendingWrites {
 public:
  bool empty() const { return first_ == writes_.size(); }
  auto begin() const { return writes_.begin() + static_cast<std::ptrdiff_t>(first_); }
  auto end() const { return writes_.end(); }
  auto rbegin() const { return writes_.rbegin(); }
  auto rend() const { return writes_.rend() - static_cast<std::ptrdiff_t>(first_); }
  const PendingWrite& back() const { return writes_.back(); }
  void push_back(const PendingWrite& write) { writes_.push_back(write); }
  void pop_front() {
    if (++first_ * 2 < writes_.size()) return;
    writes_.erase(writes_.begin(), begin());
    first_ = 0;
  }

 private:
  std::vector<PendingWrite> writes_;
  std::size_t first_ = 0;  // those before have gone
};

struct OverlayRow {
  triples::TypeId type{};
  std::string_view key;  // of the map's
  crdt::RowImage base;
  triples::Slot file = triples::kNoSlot;  // of base, in the files
  crdt::RowImage image;
  PendingWrites writes;
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
    ordered_as_.emplace_back(first.number, version);
    for (const crdt::IntentRow& intent : first.rows) {
      if (!is_kept(intent.type)) continue;
      const auto at = rows_.find(NameView{intent.type, intent.key});
      OverlayRow& row = at->second;
      row.writes.pop_front();
      const bool is_done = row.writes.empty();
      // Its birth is known now.
      if (!is_done && intent.kind == crdt::IntentKind::kPut) refresh(row);
      is_base(std::as_const(row));
      if (is_done) rows_.erase(at);
    }
    pending_.pop_front();
    if (pending_.empty()) ordered_as_.clear();
  }

  // Rows of tables and of the catalog; not what the persister keeps for itself.
  static bool is_kept(triples::TypeId type);

 private:
  using Name = std::pair<triples::TypeId, std::string>;
  using NameView = std::pair<triples::TypeId, std::string_view>;
  struct HashName {
    using is_transparent = void;
    std::size_t operator()(const NameView& name) const {
      return base::hash_combine(base::hash_bytes(name.second),
                                static_cast<std::uint32_t>(name.first));
    }
  };
  struct EqualNames {
    using is_transparent = void;
    bool operator()(const NameView& a, const NameView& b) const { return a == b; }
  };
  OverlayRow& open(const crdt::IntentRow& intent);
  static base::Result<void> read_rows(Pending& pending);
  void rebase(crdt::RowImage& image, const PendingWrite& write) const;

  std::deque<Pending> pending_;  // deque: rows point to them
  std::unordered_map<Name, OverlayRow, HashName, EqualNames> rows_;
  // Numbers that pending ones may stand on, ascending, and their versions.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ordered_as_;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace tremula::db
