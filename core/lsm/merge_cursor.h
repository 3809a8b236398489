// MergeCursor: the entries of one column from several sources, each key once, the youngest entry of
// it, in order.
//
//   source 0 (youngest)   |--block--|--block--|          batch: a piece of one block, all of whose
//   source 1         |--block--|      |--block--|             entries count, or picks of several
//
// Where one source alone has keys, its blocks go through whole, without a look at each entry. Where
// slots of several meet, they are laid over each other in a window of slots: the oldest source
// first, so that the youngest entry of a slot remains; no two slots are ever compared. Sources of
// keys stand in the order of their keys in hand, and each goes to its place when it has moved.
// Tombstones come like any entry.
// Errors: of reading.  Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/lsm/block_cache.h"
#include "core/lsm/version.h"

namespace tremula::lsm {

struct SlotRange {
  triples::Slot begin = 0;
  triples::Slot end = 0;  // excluded
};

// Parts of files that follow each other.
using MergeSource = std::vector<ColumnPart>;

// All of a column, youngest first.
std::vector<MergeSource> sources_of(const ColumnFiles& files);
// The whole of files that hold one column and follow each other.
MergeSource source_of(const std::vector<FileRef>& files);

// One entry of a block.
struct MergePick {
  const SstBlock* block = nullptr;
  std::size_t index = 0;
};

class MergeCursor {
 public:
  class Batch {
   public:
    std::size_t size() const { return size_; }  // 0: the end
    // Requires: index < size().
    Entry entry(std::size_t index) const {
      return picks_ == nullptr ? entry_of(*block_, begin_ + index)
                               : entry_of(*picks_[index].block, picks_[index].index);
    }

    // Where it is a piece of one block: the block, and where the piece begins; else null.
    std::pair<const SstBlock*, std::size_t> whole() const {
      return {picks_ == nullptr ? block_ : nullptr, begin_};
    }

   private:
    friend class MergeCursor;
    static Entry entry_of(const SstBlock& block, std::size_t index) {
      Entry entry{{block.type, block.attr, 0, {}}, block.values[index], block.versions[index]};
      if (block.attr == kKeyAttr) {
        entry.key.key = block.keys[index];
      } else {
        entry.key.slot = block.slots[index];
      }
      return entry;
    }

    std::size_t size_ = 0;
    const SstBlock* block_ = nullptr;  // a piece of one block
    std::size_t begin_ = 0;
    const MergePick* picks_ = nullptr;  // or picks
  };

  // `sources`: youngest first.  `range`: of column entries; none: all.  `cache`: where blocks come
  // from, one by one; null: from the files, several at once.
  MergeCursor(ColumnId id, std::vector<MergeSource> sources,
              std::optional<SlotRange> range = std::nullopt, BlockCache* cache = nullptr);
  ~MergeCursor();
  MergeCursor(MergeCursor&&) noexcept;
  MergeCursor& operator=(MergeCursor&&) noexcept;

  // The next entries, `most` at most.  Borrowed: valid until the next call.
  base::Result<Batch> next(std::size_t most);
  // Appends the blocks that the last batch looks into: whoever holds them may read it on.
  // Requires: column entries.
  void hold(std::vector<SstReader::BlockRef>& blocks) const;

 private:
  class Source;
  struct Window;
  base::Result<void> start();
  base::Result<void> move_on();
  void drop_ended();
  base::Result<std::size_t> find_least();
  // The entries of one source that come before those of all others.
  Batch run_of(std::size_t least, std::size_t most);
  base::Result<Batch> next_picks(triples::Slot first, std::size_t most);
  Batch picked() const;
  base::Result<Batch> next_keys(std::size_t most);
  base::Result<void> move_in_order(std::size_t place, std::size_t to);
  bool comes_before(std::uint32_t a, std::uint32_t b) const;

  ColumnId id_;
  std::vector<Source> sources_;     // those that have something left
  std::unique_ptr<Window> window_;  // made when slots first meet
  std::vector<MergePick> picks_;
  std::vector<SstReader::BlockRef> kept_;  // blocks that picks look into and no source holds
  std::vector<std::uint32_t> order_;       // of keys: sources with entries left, by key and age
  bool has_started_ = false;
  std::size_t last_ = 0;      // the source of the last run
  std::size_t last_end_ = 0;  // and the run's end there; 0: no run is out
};

}  // namespace tremula::lsm
