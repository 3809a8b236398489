// The part of RowTable that loads from files and drops what they hold.
#include <algorithm>

#include "core/base/check.h"
#include "core/lsm/row_table.h"

namespace tremula::lsm {

using triples::AttrId;

base::Result<void> RowTable::attach(ColdSource& source) {
  TREMULA_ASSERT(flags_.empty() && !is_touched_);
  static_assert(kExists == 1);  // as ColdSource has it
  TREMULA_TRY_ASSIGN(flags_, source.rows());
  rows_ = old_rows_ = static_cast<std::size_t>(std::count(flags_.begin(), flags_.end(), kExists));
  free_is_stale_ = true;
  cold_.source = &source;
  for (const AttrId attr : source.attrs()) column(attr);
  constexpr std::size_t kChunk = CellColumn::kChunkSlots;
  const std::size_t chunks = (flags_.size() + kChunk - 1) / kChunk;
  for (Column& column : columns_) column.cells.start_cold(chunks);
  keys_.start_cold(chunks);
  return {};
}

// A clock over all chunks: a used one is spared once (Corbato's second chance).
std::size_t RowTable::drop_cold(std::size_t bytes, std::uint64_t flushed) {
  TREMULA_ASSERT(!is_touched_);
  if (cold_.source == nullptr) return 0;
  const std::size_t before = memory_bytes();
  const std::size_t chunks = keys_.chunk_count();
  const std::size_t places = chunks * (columns_.size() + 1);
  std::size_t freed = 0;
  for (std::size_t i = 0; i < places * 2 && freed < bytes; ++i) {
    drop_hand_ = drop_hand_ + 1 < places ? drop_hand_ + 1 : 0;
    const std::size_t column = drop_hand_ / chunks;
    const std::size_t chunk = drop_hand_ % chunks;
    const bool dropped = column < columns_.size() ? columns_[column].cells.drop(chunk, flushed)
                                                  : keys_.drop(chunk, flushed);
    if (dropped) freed = before - memory_bytes();
  }
  return freed;
}

}  // namespace tremula::lsm
