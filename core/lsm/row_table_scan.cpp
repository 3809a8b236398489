// The part of RowTable that is read batch by batch.
#include <algorithm>
#include <array>

#include "core/lsm/row_table.h"

namespace tremula::lsm {

using triples::ColumnIndex;
using triples::Kind;
using triples::Slot;
using triples::Value;

static_assert(triples::kBatchSlots == CellColumn::kChunkSlots);
static_assert(triples::kBatchSlots == 256);  // offsets fit a byte

// Chunks in memory are read where they lie. Cold ones come from a scan of the files, which loads
// none the first time: a scan of a large table drops nothing that others use.
class RowTable::Reader final : public triples::ColumnReader {
 public:
  Reader(const Column& column, ColdState& cold) : column_(column), cold_(cold) {}

  const Value* read(Slot first) override {
    const std::size_t chunk = first / triples::kBatchSlots;
    const Value* cells = column_.cells.chunk(chunk);
    return as_declared(cells != nullptr ? cells : read_cold(chunk));
  }

 private:
  const Value* read_cold(std::size_t chunk) {
    if (scan_ == nullptr) scan_ = cold_.source->scan(column_.cells.attr());
    if (scan_ == nullptr) return column_.cells.loaded_chunk(chunk);
    cells_.fill(Value::missing());
    const auto begin = static_cast<Slot>(chunk * triples::kBatchSlots);
    const auto read = scan_->read(begin, begin + triples::kBatchSlots, cells_.data());
    if (read.ok()) return column_.cells.note_scanned(chunk, cells_.data());
    cold_.fail(read.error());
    return cells_.data();
  }

  const Value* as_declared(const Value* cells) {
    const Declaration& declaration = *column_.now;
    const std::uint8_t plain = declaration.plain_kind;
    if (plain != kNoKind) {
      unsigned others = 0;
      for (Slot i = 0; i < triples::kBatchSlots; ++i)
        others |= static_cast<unsigned>(cells[i].kind) ^ plain;
      if (others == 0) return cells;
    }
    for (Slot i = 0; i < triples::kBatchSlots; ++i) {
      const bool is_plain = static_cast<std::uint8_t>(cells[i].kind) == plain;
      values_[i] = is_plain ? cells[i] : reading(declaration, cells[i]);
    }
    return values_.data();
  }

  const Column& column_;
  ColdState& cold_;
  std::unique_ptr<ColdScan> scan_;
  std::array<Value, triples::kBatchSlots> cells_;   // of a cold chunk
  std::array<Value, triples::kBatchSlots> values_;  // where some read otherwise than they are
};

std::unique_ptr<triples::ColumnReader> RowTable::read_column(ColumnIndex column) const {
  return std::make_unique<Reader>(columns_[column], cold_);
}

std::size_t RowTable::list_batch(Slot first, std::uint8_t* out) const {
  const std::size_t end = std::min<std::size_t>(triples::kBatchSlots, flags_.size() - first);
  const std::uint8_t* const flags = flags_.data() + first;
  std::size_t count = 0;
  for (std::size_t i = 0; i < end; ++i) {
    out[count] = static_cast<std::uint8_t>(i);
    count += (flags[i] & kExists) != 0;
  }
  return count;
}

}  // namespace tremula::lsm
