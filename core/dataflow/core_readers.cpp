// CoreInstance: who reads it.
#include <algorithm>

#include "core/base/check.h"
#include "core/dataflow/instance.h"

namespace tremula::dataflow {

// Wakes the readers whose window reaches the first position that changed. Many windows over one
// order cost one look at the changed rows, not one each.
void CoreInstance::wake_readers() {
  const std::span<BlockInstance* const> all = readers_.items();
  auto first = all.begin();
  if (ordered_ && !all.empty() && all.front()->reach() != ~std::size_t{0}) {
    std::size_t least = ~std::size_t{0};
    for (const RowDelta& d : step_->deltas) {
      if (d.in_old) least = std::min<std::size_t>(least, d.old_at);
      if (d.in_new) least = std::min<std::size_t>(least, d.new_at);
    }
    first = std::upper_bound(all.begin(), all.end(), least,
                             [](std::size_t r, BlockInstance* b) { return r < b->reach(); });
  }
  for (; first != all.end(); ++first) engine().wake(**first);
}

void CoreInstance::add_reader(BlockInstance& reader) {
  const std::span<BlockInstance* const> all = readers_.items();
  auto at = std::upper_bound(all.begin(), all.end(), reader.reach(),
                             [](std::size_t r, BlockInstance* b) { return r < b->reach(); });
  readers_.insert(static_cast<std::size_t>(at - all.begin()), &reader);
}

void CoreInstance::remove_reader(BlockInstance& reader) {
  const std::span<BlockInstance* const> all = readers_.items();
  auto at = std::lower_bound(all.begin(), all.end(), reader.reach(),
                             [](BlockInstance* b, std::size_t r) { return b->reach() < r; });
  at = std::find(at, all.end(), &reader);
  TREMULA_ASSERT(at != all.end());
  readers_.erase(static_cast<std::size_t>(at - all.begin()));
}

// It has no LIMIT, so it stands behind all windows.
BlockInstance* CoreInstance::reader_of(const Block& block) const {
  const std::span<BlockInstance* const> all = readers_.items();
  for (std::size_t at = all.size(); at > 0; --at) {
    if (&all[at - 1]->block() == &block) return all[at - 1];
    if (all[at - 1]->reach() != ~std::size_t{0}) break;
  }
  return nullptr;
}

RowTexts* CoreInstance::texts_of(const BlockInstance& reader) const {
  constexpr std::size_t kTextsMax = 4;  // so many shapes are looked through
  if (!step_) return nullptr;
  for (std::size_t i = 0; i < step_->texts_used; ++i) {
    RowTexts& texts = step_->texts[i];
    if (texts.first == &reader || reader.prints_rows_like(*texts.first)) return &texts;
  }
  if (step_->texts_used == kTextsMax) return nullptr;
  if (step_->texts_used == step_->texts.size()) step_->texts.emplace_back();
  RowTexts& texts = step_->texts[step_->texts_used++];
  texts.first = &reader;
  return &texts;
}

}  // namespace tremula::dataflow
