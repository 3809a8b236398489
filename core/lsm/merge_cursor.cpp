#include "core/lsm/merge_cursor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/lsm/key_head.h"

namespace tremula::lsm {

using triples::Slot;

namespace {
// Blocks read at once. It begins with one, for who wants a few rows alone, and doubles.
constexpr std::size_t kReadBlocksMax = 16;
// A run of one source is worth more than a window from here on.
constexpr std::size_t kRunWorth = 64;
constexpr std::size_t kWindowSlots = 4096;
constexpr std::size_t kKeysMax = 1024;  // picked at once
}  // namespace

std::vector<MergeSource> sources_of(const ColumnFiles& files) {
  std::vector<MergeSource> sources;
  for (const ColumnPart& part : files.young) sources.push_back({part});
  for (const std::vector<FileRef>& level : files.levels)
    if (!level.empty()) sources.push_back(source_of(level));
  return sources;
}

MergeSource source_of(const std::vector<FileRef>& files) {
  MergeSource source;
  for (const FileRef& file : files)
    source.push_back(
        {file, 0, file->reader->blocks().size(), file->info().size, file->info().entries});
  return source;
}

// Picks by slot, of those from `first` on.
struct MergeCursor::Window {
  Slot first = 0;
  std::array<MergePick, kWindowSlots> by_slot;
  std::array<std::uint64_t, kWindowSlots / 64> present{};

  void put(Slot slot, const SstBlock* block, std::size_t index) {
    const std::size_t place = slot - first;
    by_slot[place] = {block, index};
    present[place / 64] |= std::uint64_t{1} << place % 64;
  }
  void begin(Slot slot) {
    first = slot;
    present.fill(0);
  }
  void put_in_order(std::vector<MergePick>& picks) const {
    for (std::size_t word = 0; word < present.size(); ++word) {
      for (std::uint64_t bits = present[word]; bits != 0; bits &= bits - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
        picks.push_back(by_slot[word * 64 + bit]);
      }
    }
  }
};

// A position in the blocks of a source.
class MergeCursor::Source {
 public:
  Source(ColumnId id, MergeSource parts, std::optional<SlotRange> range, BlockCache* cache)
      : is_keys_(id.second == kKeyAttr), parts_(std::move(parts)), range_(range), cache_(cache) {
    if (range_) clip(id);
  }

  // Loads the first block.  Returns: whether there is an entry.
  base::Result<bool> start() {
    TREMULA_TRY_ASSIGN(bool more, next_block());
    if (!more || !range_) return more;
    while (slot_at(size_ - 1) < range_->begin) {
      TREMULA_TRY_ASSIGN(more, next_block());
      if (!more) return false;
    }
    const auto& slots = block_->slots;
    at_ = static_cast<std::size_t>(std::lower_bound(slots.begin(), slots.end(), range_->begin) -
                                   slots.begin());
    return at_ < size_;
  }
  // Goes to an entry of the block in hand, or behind it.  Returns: false at the end.
  base::Result<bool> move_to(std::size_t at) {
    if (at >= size_) return next_block();
    at_ = at;
    if (is_keys_) head_ = key_head(block_->keys[at]);
    return true;
  }

  // Puts all entries before the slot `end` into the window, and blocks that it leaves into `kept`.
  // Returns: false at the end.
  base::Result<bool> put_before(std::uint64_t end, Window& window,
                                std::vector<SstReader::BlockRef>& kept) {
    while (true) {
      const Slot* const slots = block_->slots.data();
      for (; at_ < size_ && slots[at_] < end; ++at_) window.put(slots[at_], block_, at_);
      if (at_ < size_) return true;
      kept.push_back(block_ref());
      TREMULA_TRY_ASSIGN(const bool more, next_block());
      if (!more) return false;
    }
  }

  const SstBlock& block() const { return *block_; }
  const SstReader::BlockRef& block_ref() const { return window_[in_window_]; }
  Slot slot() const { return slot_at(at_); }
  bool has_ended() const { return at_ >= size_; }
  std::size_t at() const { return at_; }
  std::size_t size() const { return size_; }
  // < 0: the entry in hand comes before that of `other`.
  int compare(const Source& other) const {
    if (is_keys_) {
      if (head_ != other.head_) return head_ < other.head_ ? -1 : 1;
      return block_->keys[at_].compare(other.block_->keys[other.at_]);
    }
    const Slot mine = block_->slots[at_];
    const Slot others = other.block_->slots[other.at_];
    return mine < others ? -1 : mine > others;
  }
  // The first entry of the block in hand that does not come before that of `other`.
  std::size_t end_before(const Source& other) const {
    if (is_keys_) return end_in(block_->keys, other.block_->keys[other.at_]);
    return end_in(block_->slots, other.block_->slots[other.at_]);
  }

 private:
  Slot slot_at(std::size_t index) const { return block_->slots[index]; }

  // Leaves out blocks and files that hold nothing of the range.
  void clip(ColumnId id) {
    for (ColumnPart& part : parts_) {
      const auto& blocks = part.file->reader->blocks();
      const std::size_t first = part.file->reader->seek({id.first, id.second, range_->begin, {}});
      part.first_block = std::max(part.first_block, first);
      while (part.end_block > part.first_block &&
             blocks[part.end_block - 1].first_slot >= range_->end)
        part.end_block = cut(part, blocks);
    }
    std::erase_if(parts_,
                  [](const ColumnPart& part) { return part.first_block >= part.end_block; });
  }
  std::size_t cut(const ColumnPart& part, const std::vector<SstReader::BlockPlace>& blocks) const {
    const auto end = std::partition_point(
        blocks.begin() + static_cast<std::ptrdiff_t>(part.first_block),
        blocks.begin() + static_cast<std::ptrdiff_t>(part.end_block),
        [&](const SstReader::BlockPlace& place) { return place.first_slot < range_->end; });
    return static_cast<std::size_t>(end - blocks.begin());
  }

  base::Result<void> read_blocks(ColumnPart& part) {
    if (cache_ != nullptr) {
      TREMULA_TRY_ASSIGN(auto block, cache_->get(*part.file->reader, part.first_block));
      window_.assign(1, std::move(block));
    } else {
      const std::size_t count = std::min(read_blocks_, part.end_block - part.first_block);
      read_blocks_ = std::min(kReadBlocksMax, read_blocks_ * 2);
      TREMULA_TRY_ASSIGN(window_, part.file->reader->read_run(part.first_block, count));
    }
    part.first_block += window_.size();
    return {};
  }

  base::Result<bool> next_block() {
    at_ = 0;
    size_ = 0;
    if (++in_window_ >= window_.size()) {
      while (part_ < parts_.size() && parts_[part_].first_block == parts_[part_].end_block) ++part_;
      if (part_ == parts_.size()) return false;
      TREMULA_TRY(read_blocks(parts_[part_]));
      in_window_ = 0;
    }
    block_ = window_[in_window_].get();
    size_ = block_->values.size();
    if (range_ && slot_at(size_ - 1) >= range_->end) {
      const auto& slots = block_->slots;
      size_ = static_cast<std::size_t>(std::lower_bound(slots.begin(), slots.end(), range_->end) -
                                       slots.begin());
    }
    return size_ > 0 ? move_to(0) : false;
  }

  // Keys of several sources often take turns, so the next entry is asked first; then steps double.
  template <typename Keys, typename Key>
  std::size_t end_in(const Keys& keys, const Key& bound) const {
    std::size_t low = at_;  // before the bound
    std::size_t step = 1;
    while (low + step < size_ && keys[low + step] < bound) {
      low += step;
      step *= 2;
    }
    const std::size_t high = std::min(size_, low + step);
    const auto from = keys.begin() + static_cast<std::ptrdiff_t>(low + 1);
    const auto to = keys.begin() + static_cast<std::ptrdiff_t>(high);
    return static_cast<std::size_t>(std::lower_bound(from, to, bound) - keys.begin());
  }

  bool is_keys_;
  MergeSource parts_;
  std::optional<SlotRange> range_;
  BlockCache* cache_;
  std::size_t part_ = 0;
  std::size_t read_blocks_ = 1;
  std::vector<SstReader::BlockRef> window_;
  std::size_t in_window_ = 0;
  const SstBlock* block_ = nullptr;
  std::size_t at_ = 0;
  std::uint64_t head_ = 0;  // how the key in hand begins
  std::size_t size_ = 0;    // entries of the block that count
};

MergeCursor::MergeCursor(ColumnId id, std::vector<MergeSource> sources,
                         std::optional<SlotRange> range, BlockCache* cache)
    : id_(id) {
  sources_.reserve(sources.size());
  for (MergeSource& source : sources) sources_.emplace_back(id, std::move(source), range, cache);
}

MergeCursor::~MergeCursor() = default;
MergeCursor::MergeCursor(MergeCursor&&) noexcept = default;
MergeCursor& MergeCursor::operator=(MergeCursor&&) noexcept = default;

base::Result<void> MergeCursor::start() {
  has_started_ = true;
  for (Source& source : sources_) TREMULA_TRY(source.start());
  drop_ended();
  if (id_.second != kKeyAttr) return {};
  for (std::uint32_t i = 0; i < sources_.size(); ++i) order_.push_back(i);
  std::sort(order_.begin(), order_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return comes_before(a, b); });
  return {};
}

bool MergeCursor::comes_before(std::uint32_t a, std::uint32_t b) const {
  const int order = sources_[a].compare(sources_[b]);
  return order != 0 ? order < 0 : a < b;
}

// Moves a source of the order on, and to its place behind.
base::Result<void> MergeCursor::move_in_order(std::size_t place, std::size_t to) {
  const std::uint32_t moved = order_[place];
  Source& source = sources_[moved];
  if (to >= source.size()) kept_.push_back(source.block_ref());
  TREMULA_TRY_ASSIGN(const bool has_entry, source.move_to(to));
  std::size_t at = place + 1;
  for (; at < order_.size() && (!has_entry || comes_before(order_[at], moved)); ++at)
    order_[at - 1] = order_[at];
  if (has_entry) {
    order_[at - 1] = moved;
  } else {
    order_.pop_back();
  }
  return {};
}

base::Result<MergeCursor::Batch> MergeCursor::next_keys(std::size_t most) {
  if (last_end_ != 0) TREMULA_TRY(move_in_order(0, last_end_));
  last_end_ = 0;
  kept_.clear();
  picks_.clear();
  most = std::min(most, kKeysMax);
  while (order_.size() > 1 && picks_.size() < most) {
    const Source& first = sources_[order_[0]];
    const Source& second = sources_[order_[1]];
    if (second.compare(first) == 0) {  // older: it doesn't count
      TREMULA_TRY(move_in_order(1, second.at() + 1));
      continue;
    }
    const std::size_t end = std::min(first.end_before(second), first.at() + (most - picks_.size()));
    for (std::size_t i = first.at(); i < end; ++i) picks_.push_back({&first.block(), i});
    TREMULA_TRY(move_in_order(0, end));
  }
  if (!picks_.empty()) return picked();
  if (order_.empty()) return Batch{};
  const Source& last = sources_[order_[0]];
  Batch batch;
  batch.block_ = &last.block();
  batch.begin_ = last.at();
  batch.size_ = std::min(most, last.size() - last.at());
  last_end_ = batch.begin_ + batch.size_;
  return batch;
}

MergeCursor::Batch MergeCursor::picked() const {
  Batch batch;
  batch.picks_ = picks_.data();
  batch.size_ = picks_.size();
  return batch;
}

void MergeCursor::drop_ended() {
  std::erase_if(sources_, [](const Source& source) { return source.has_ended(); });
}

// Passes over the run that was given out last.
base::Result<void> MergeCursor::move_on() {
  if (last_end_ == 0) return {};
  TREMULA_TRY(sources_[last_].move_to(last_end_));
  last_end_ = 0;
  drop_ended();
  return {};
}

// The source with the least key; older entries of a key are passed over.
base::Result<std::size_t> MergeCursor::find_least() {
  std::size_t least = 0;
  for (std::size_t i = 1; i < sources_.size();) {
    const int order = sources_[i].compare(sources_[least]);
    if (order < 0) least = i;
    if (order == 0) {
      TREMULA_TRY_ASSIGN(const bool more, sources_[i].move_to(sources_[i].at() + 1));
      if (!more) {
        sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
    }
    ++i;
  }
  return least;
}

MergeCursor::Batch MergeCursor::run_of(std::size_t least, std::size_t most) {
  const Source& source = sources_[least];
  std::size_t end = std::min(source.size(), source.at() + most);
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (i != least) end = std::min(end, source.end_before(sources_[i]));
  Batch batch;
  batch.size_ = end - source.at();
  batch.block_ = &source.block();
  batch.begin_ = source.at();
  return batch;
}

base::Result<MergeCursor::Batch> MergeCursor::next_picks(Slot first, std::size_t most) {
  if (!window_) window_ = std::make_unique<Window>();
  window_->begin(first);
  kept_.clear();
  picks_.clear();
  const std::uint64_t end = std::uint64_t{first} + std::min(most, kWindowSlots);
  for (auto source = sources_.rbegin(); source != sources_.rend(); ++source)
    TREMULA_TRY(source->put_before(end, *window_, kept_));
  drop_ended();
  window_->put_in_order(picks_);
  return picked();
}

base::Result<MergeCursor::Batch> MergeCursor::next(std::size_t most) {
  TREMULA_ASSERT(most > 0);
  if (!has_started_) TREMULA_TRY(start());
  if (id_.second == kKeyAttr) return next_keys(most);
  TREMULA_TRY(move_on());
  if (sources_.empty()) return Batch{};
  TREMULA_TRY_ASSIGN(last_, find_least());
  const Batch run = run_of(last_, most);
  // A short run between slots: those of the others come with it.
  if (sources_.size() > 1 && run.size() < std::min(kRunWorth, most))
    return next_picks(sources_[last_].slot(), most);
  last_end_ = run.begin_ + run.size();
  return run;
}

void MergeCursor::hold(std::vector<SstReader::BlockRef>& blocks) const {
  if (last_end_ != 0) {
    blocks.push_back(sources_[last_].block_ref());
    return;
  }
  blocks.insert(blocks.end(), kept_.begin(), kept_.end());
  for (const Source& source : sources_) blocks.push_back(source.block_ref());
}

}  // namespace tremula::lsm
