// The persister of a shared directory: merges, which its processes submit as lines of changes.
#include <algorithm>
#include <utility>

#include "core/base/arena.h"
#include "persist/merging.h"
#include "persist/persister_state.h"
#include "persist/tree_catalog.h"

namespace tremula::persist {

namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

// What a merge asks of a directory that nobody has as tables here.
class SharedTables {
 public:
  SharedTables(const triples::Catalog& catalog, Orderer& orderer)
      : catalog_(catalog), orderer_(orderer) {}

  MergeInto ask() {
    return {.catalog = [](void* tables) -> const triples::Catalog& {
              return static_cast<SharedTables*>(tables)->catalog_;
            },
            .new_slot = [](void* tables,
                           TypeId type) { return static_cast<SharedTables*>(tables)->take(type); },
            // Who submits declares the names first: see db/replicas.cpp.
            .undeclared =
                [](void* tables, TypeId type, std::string_view name) {
                  return static_cast<SharedTables*>(tables)->number_of(type, name);
                },
            .owner = this,
            .lives_move = true};
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  Slot take(TypeId type) {
    auto slot = orderer_.take_slot(type);
    if (slot.ok()) return slot.value();
    error_ = slot.error();
    return triples::kNoSlot;
  }
  AttrId number_of(TypeId type, std::string_view name) const {
    const triples::ColumnDef* column = catalog_.find(type)->find_undeclared(name);
    return column == nullptr ? triples::kRowAttr : column->attr;
  }

  const triples::Catalog& catalog_;
  Orderer& orderer_;
  std::optional<Error> error_;
};

std::vector<TypeId> declared_types(const triples::Catalog& catalog) {
  std::vector<TypeId> types;
  for (const auto& [type, table] : catalog.tables()) {
    if (!table.read_only) types.push_back(type);
  }
  return types;
}

}  // namespace

Result<void> Persister::State::read_catalog() {
  if (tree_catalog) return {};
  TREMULA_TRY_ASSIGN(triples::Catalog read, read_tree_catalog(*tree));
  tree_catalog = std::make_shared<const triples::Catalog>(std::move(read));
  return {};
}

// What `lines` change; without lines, what comes to light. `after`: the book as it will be then.
Result<Merged> Persister::State::resolve(std::string_view lines, Adopt what, StampBook& after) {
  TREMULA_TRY(take_site());  // who tells or takes changes has a name
  TREMULA_TRY(read_catalog());
  SharedTables tables(*tree_catalog, *orderer);
  const MergeInto into = tables.ask();
  after = stamps;
  const std::uint64_t version = appended + 1 + hand.ends.size();
  const auto resolved = [&]() -> Result<Merged> {
    if (lines.empty()) {
      return adopt_records(declared_types(*tree_catalog), what, version, *tree, into, after);
    }
    base::Arena arena;
    TREMULA_TRY_ASSIGN(const ChangeFile file, read_change_file(lines, arena));
    return merge_records(file, version, *tree, into, after);
  };
  auto merged = resolved();
  if (tables.error()) return *tables.error();
  return merged;
}

// Makes the effect of the merge, or refuses it.  Requires: nothing is in hand.
Result<void> Persister::State::make_merge(const Submitted& submitted, bool is_last) {
  StampBook after;
  auto merged = resolve(orderer->merge_lines(), Adopt::kAll, after);
  if (!merged.ok() || merged.value().changes == 0) {
    refuse(submitted, merged.ok() ? Error{ErrorCode::kDuplicateKey, "all of it is here already"}
                                  : merged.error());
    return {};
  }
  const std::size_t taken = orderer->merge_lines().empty() ? 0 : merged.value().changes;
  TREMULA_TRY(orderer->end_merge(submitted.process, submitted.number, appended + 1, taken, is_last,
                                 effect));
  stamps = std::move(after);
  hand.submissions = 1;
  return take_in_hand(std::move(merged.value().record) + std::string(effect.view()));
}

// What merging kept for what is declared by now comes to light, as a transaction of nobody's:
// behind the declaration in one hand, so that nobody sees the one without the other.
Result<void> Persister::State::adopt_kept() {
  StampBook after;
  auto merged = resolve({}, Adopt::kMerged, after);
  // What a full disk keeps from coming to light comes at the next opening.
  if (!merged.ok() && base::is_disk_full(merged.error())) return {};
  TREMULA_TRY(merged);
  if (merged.value().changes == 0) return {};
  stamps = std::move(after);
  return take_in_hand(merged.value().record);
}

}  // namespace tremula::persist
