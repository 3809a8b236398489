#include "core/triples/commit_record.h"

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/triples/value_bytes.h"

namespace tremula::triples {

namespace {

constexpr unsigned kFateBits = 2;
constexpr std::uint64_t kFateMask = (1U << kFateBits) - 1;
constexpr std::size_t kCellBytesMin = 2;  // attr and kind

bool read_cell(base::ByteReader& from, WrittenCell& cell) {
  std::uint32_t attr = 0;
  if (!from.varint32(attr)) return false;
  if (attr == static_cast<std::uint32_t>(kRowAttr)) return false;  // the row's own triple
  cell.attr = AttrId{attr};
  return read_value(from, cell.value);
}

bool read_row(base::ByteReader& from, WrittenRow& row) {
  std::uint32_t type = 0;
  std::uint64_t slot_and_fate = 0;
  std::uint64_t cells = 0;
  if (!from.varint32(type) || !from.varint(slot_and_fate)) return false;
  const std::uint64_t slot = slot_and_fate >> kFateBits;
  const std::uint64_t fate = slot_and_fate & kFateMask;
  if (slot >= kNoSlot || fate > static_cast<std::uint64_t>(Fate::kDeleted)) return false;
  row.type = TypeId{type};
  row.slot = static_cast<Slot>(slot);
  row.fate = static_cast<Fate>(fate);
  if (!from.sized(row.key) || !from.varint(cells)) return false;
  if (row.fate == Fate::kDeleted && cells != 0) return false;
  if (cells > from.left() / kCellBytesMin) return false;  // before anything is made that large
  row.cells.resize(static_cast<std::size_t>(cells));
  for (WrittenCell& cell : row.cells) {
    if (!read_cell(from, cell)) return false;
  }
  return true;
}

}  // namespace

void CommitWriter::begin_row(TypeId type, Slot slot, Fate fate, std::string_view key,
                             std::size_t cells) {
  TREMULA_ASSERT(fate != Fate::kDeleted || cells == 0);
  has_deletions_ = has_deletions_ || fate == Fate::kDeleted;
  base::put_varint(bytes_, static_cast<std::uint32_t>(type));
  base::put_varint(bytes_, std::uint64_t{slot} << kFateBits | static_cast<std::uint64_t>(fate));
  base::put_sized(bytes_, key);
  base::put_varint(bytes_, cells);
}

void CommitWriter::cell(AttrId attr, Value value) {
  base::put_varint(bytes_, static_cast<std::uint32_t>(attr));
  put_value(bytes_, value);
}

base::Result<bool> CommitReader::next(WrittenRow& row) {
  if (rest_.empty()) return false;
  base::ByteReader from(rest_);
  if (!read_row(from, row)) {
    const std::size_t offset = whole_ - rest_.size() + from.offset();
    return base::Error{base::ErrorCode::kCorrupt,
                       "a commit record is broken at its byte " + std::to_string(offset)};
  }
  rest_ = from.rest();
  return true;
}

}  // namespace tremula::triples
