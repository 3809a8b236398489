#include "core/lsm/cell_scan.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/lsm/merge_cursor.h"

namespace tremula::lsm {

using triples::Slot;
using triples::Value;

namespace {

class CellScan final : public ColdScan {
 public:
  CellScan(ColumnId id, const ColumnFiles* files) : id_(id), files_(files) {}
  base::Result<void> read(Slot begin, Slot end, Value* out) override;

 private:
  // Takes what is left of the batch in hand.  Returns: whether it reaches `end`.
  bool take(Slot begin, Slot end, Value* out);

  const ColumnId id_;
  const ColumnFiles* files_;
  std::optional<MergeCursor> cursor_;
  Slot next_ = 0;  // where the cursor stands
  MergeCursor::Batch batch_;
  std::size_t at_ = 0;  // what of the batch was taken
  // What the values of the last read point into.
  std::vector<SstReader::BlockRef> held_;
};

bool CellScan::take(Slot begin, Slot end, Value* out) {
  std::size_t at = at_;
  const auto [block, first] = batch_.whole();
  if (block != nullptr) {
    const Slot* const slots = block->slots.data() + first;
    const Value* const values = block->values.data() + first;
    for (; at < batch_.size() && slots[at] < end; ++at)
      if (!is_removed_mark(values[at])) out[slots[at] - begin] = values[at];
  } else {
    for (; at < batch_.size(); ++at) {
      const Entry entry = batch_.entry(at);
      if (entry.key.slot >= end) break;
      if (!is_removed_mark(entry.value)) out[entry.key.slot - begin] = entry.value;
    }
  }
  at_ = at;
  return at < batch_.size();
}

base::Result<void> CellScan::read(Slot begin, Slot end, Value* out) {
  if (files_ == nullptr) return {};
  held_.clear();
  if (!cursor_ || begin != next_) {
    cursor_.emplace(id_, sources_of(*files_), SlotRange{begin, triples::kNoSlot});
    batch_ = {};
    at_ = 0;
  }
  next_ = end;
  while (!take(begin, end, out)) {
    if (batch_.size() > 0) cursor_->hold(held_);
    TREMULA_TRY_ASSIGN(batch_, cursor_->next(kBlockEntriesMax));
    at_ = 0;
    if (batch_.size() == 0) return {};
  }
  return {};
}

}  // namespace

std::unique_ptr<ColdScan> make_cell_scan(ColumnId id, const ColumnFiles* files) {
  return std::make_unique<CellScan>(id, files);
}

}  // namespace tremula::lsm
