#include "persist/changed_rows.h"

#include <algorithm>

namespace tremula::persist {

using base::Result;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

namespace {

constexpr Slot kSlotsAtOnce = 4096;

class Changes {
 public:
  using Visitor = std::function<Result<void>(const ChangedRow&)>;
  Changes(const lsm::TreeView& view, TypeId type, std::vector<AttrId> attrs, const Visitor& visit)
      : view_(view), type_(type), attrs_(std::move(attrs)), visit_(visit) {}

  Result<void> run(std::uint64_t since) {
    TREMULA_TRY(visit_dead(since));
    return visit_changed_slots(view_, type_, attrs_, since,
                               [this](std::span<const Slot> slots) { return visit_living(slots); });
  }

 private:
  Result<void> visit_dead(std::uint64_t since) {
    std::vector<std::string> keys;
    TREMULA_TRY(view_.scan_since(type_, lsm::kKeyAttr, since, [&](const lsm::Entry& entry) {
      if (entry.value.is_null()) keys.emplace_back(entry.key.key);
    }));
    for (std::string& key : keys) {
      ChangedRow row;
      row.type = type_;
      row.key = std::move(key);
      TREMULA_TRY(visit_(row));
    }
    return {};
  }

  Result<void> visit_living(std::span<const Slot> slots) {
    std::vector<ChangedRow> rows(slots.size());
    for (const AttrId attr : attrs_) {
      const auto take = [&](std::size_t which, const lsm::Entry& entry) {
        ChangedRow& row = rows[which];
        if (attr == triples::kRowAttr) {
          row.key = entry.value.view();
          row.slot = entry.key.slot;
          row.born = entry.version;
        } else if (!lsm::is_removed_mark(entry.value)) {
          row.cells.emplace_back(attr, triples::OwnedValue(entry.value));
        }
      };
      TREMULA_TRY(visit_cells_of(view_, type_, attr, slots, take));
    }
    for (ChangedRow& row : rows) {
      row.type = type_;
      if (row.slot != triples::kNoSlot) TREMULA_TRY(visit_(row));
    }
    return {};
  }

  const lsm::TreeView& view_;
  const TypeId type_;
  const std::vector<AttrId> attrs_;  // without the keys and what merging keeps
  const Visitor& visit_;
};

}  // namespace

Result<void> visit_changed_slots(const lsm::TreeView& view, TypeId type,
                                 std::span<const AttrId> attrs, std::uint64_t since,
                                 const std::function<Result<void>(std::span<const Slot>)>& visit) {
  std::vector<Slot> slots;
  for (const AttrId attr : attrs) {
    if (attr == lsm::kKeyAttr) continue;
    TREMULA_TRY(view.scan_since(type, attr, since,
                                [&](const lsm::Entry& entry) { slots.push_back(entry.key.slot); }));
  }
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  for (auto at = slots.begin(); at != slots.end();) {
    const Slot begin = *at;
    const auto end =
        std::find_if(at, slots.end(), [&](Slot slot) { return slot - begin >= kSlotsAtOnce; });
    TREMULA_TRY(visit({at, end}));
    at = end;
  }
  return {};
}

Result<void> visit_cells_of(
    const lsm::TreeView& view, TypeId type, AttrId attr, std::span<const Slot> slots,
    const std::function<void(std::size_t which, const lsm::Entry& entry)>& visit) {
  auto at = slots.begin();
  return view.scan(type, attr, slots.front(), slots.back() + 1, [&](const lsm::Entry& entry) {
    while (at != slots.end() && *at < entry.key.slot) ++at;
    if (at == slots.end() || *at != entry.key.slot) return;
    visit(static_cast<std::size_t>(at - slots.begin()), entry);
  });
}

Result<void> visit_changed_rows(const lsm::LsmTree& tree, std::uint64_t since,
                                const std::function<Result<void>(const ChangedRow&)>& visit) {
  const auto view = tree.view_since(since);
  const auto columns = view->columns();
  for (auto at = columns.begin(); at != columns.end();) {
    const TypeId type = at->first;
    std::vector<AttrId> attrs;
    for (; at != columns.end() && at->first == type; ++at) {
      const bool is_column = at->second != lsm::kKeyAttr && !lsm::is_hidden_attr(at->second);
      if (is_column) attrs.push_back(at->second);
    }
    TREMULA_TRY(Changes(*view, type, std::move(attrs), visit).run(since));
  }
  return {};
}

}  // namespace tremula::persist
