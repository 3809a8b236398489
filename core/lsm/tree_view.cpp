#include "core/lsm/tree_view.h"

#include <algorithm>

namespace tremula::lsm {

using triples::AttrId;
using triples::TypeId;

namespace {

constexpr std::size_t kBatch = 4096;

bool is_before(const Entry& a, const Entry& b) { return a.key < b.key; }

// Both sorted; of equal keys the entry of `younger` stays.
std::vector<Entry> laid_over(std::vector<Entry> younger, const std::vector<Entry>& older) {
  if (older.empty()) return younger;
  std::vector<Entry> merged;
  merged.reserve(younger.size() + older.size());
  std::set_union(younger.begin(), younger.end(), older.begin(), older.end(),
                 std::back_inserter(merged), is_before);
  return merged;
}

}  // namespace

TreeView::TreeView(std::shared_ptr<const LsmSnapshot> files)
    : files_(std::move(files)), file_columns_(files_->columns()) {}

void TreeView::add(const Memtable& memtable, std::uint64_t since) {
  const auto attrs_of = [this](TypeId type) {
    std::vector<AttrId> attrs;
    for (const auto& [of_type, attr] : columns()) {
      if (of_type == type) attrs.push_back(attr);
    }
    return attrs;
  };
  std::map<ColumnId, std::vector<Entry>> younger;
  MemtableCursor cursor(memtable, attrs_of, since);
  for (std::vector<Entry> batch; cursor.next(batch, kBatch);) {
    if (batch.empty()) continue;
    std::vector<Entry>& column = younger[{batch.front().key.type, batch.front().key.attr}];
    column.insert(column.end(), batch.begin(), batch.end());
  }
  for (auto& [id, entries] : younger) {
    std::vector<Entry>& column = young_[id];
    column = laid_over(std::move(entries), column);
  }
}

std::vector<TreeView::ColumnId> TreeView::columns() const {
  std::vector<ColumnId> ids = file_columns_;
  for (const auto& [id, entries] : young_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

template <typename ScanFiles>
base::Result<void> TreeView::scan_over(Young at, Young end, const ScanFiles& scan_files,
                                       const LsmSnapshot::EntryVisitor& visit) {
  const auto visit_young = [&](const Entry& entry) {
    if (!entry.value.is_missing()) visit(entry);
  };
  TREMULA_TRY(scan_files([&](const Entry& entry) {
    for (; at != end && at->key < entry.key; ++at) visit_young(*at);
    if (at == end || at->key != entry.key) {
      visit(entry);
    } else {
      visit_young(*at++);
    }
  }));
  for (; at != end; ++at) visit_young(*at);
  return {};
}

base::Result<void> TreeView::scan(TypeId type, AttrId attr,
                                  const LsmSnapshot::EntryVisitor& visit) const {
  const auto column = young_.find({type, attr});
  if (column == young_.end()) return files_->scan(type, attr, visit);
  return scan_over(
      column->second.begin(), column->second.end(),
      [&](const LsmSnapshot::EntryVisitor& each) { return files_->scan(type, attr, each); }, visit);
}

// Of what the files have of a key that is newer here, too, nothing comes.
base::Result<void> TreeView::scan_since(TypeId type, AttrId attr, std::uint64_t since,
                                        const LsmSnapshot::EntryVisitor& visit) const {
  const auto column = young_.find({type, attr});
  if (column == young_.end()) return files_->scan_since(type, attr, since, visit);
  return scan_over(
      column->second.begin(), column->second.end(),
      [&](const LsmSnapshot::EntryVisitor& each) {
        return files_->scan_since(type, attr, since, each);
      },
      [&](const Entry& entry) {
        if (entry.version > since) visit(entry);
      });
}

base::Result<void> TreeView::scan(TypeId type, AttrId attr, triples::Slot begin, triples::Slot end,
                                  const LsmSnapshot::EntryVisitor& visit) const {
  const auto column = young_.find({type, attr});
  if (column == young_.end()) return files_->scan(type, attr, begin, end, visit);
  const auto at = [&](triples::Slot slot) {
    return std::partition_point(column->second.begin(), column->second.end(),
                                [&](const Entry& entry) { return entry.key.slot < slot; });
  };
  return scan_over(
      at(begin), at(end),
      [&](const LsmSnapshot::EntryVisitor& each) {
        return files_->scan(type, attr, begin, end, each);
      },
      visit);
}

}  // namespace tremula::lsm
