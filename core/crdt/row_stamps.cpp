#include "core/crdt/row_stamps.h"

#include "core/base/check.h"
#include "core/triples/value_bytes.h"

namespace tremula::crdt {

namespace {

enum How : std::uint64_t { kInPlace = 0, kWithRow = 1, kApart = 2 };
constexpr unsigned kHowBits = 2;
constexpr std::uint64_t kHowMask = (1U << kHowBits) - 1;
constexpr std::uint64_t kClMax = ~std::uint64_t{0} >> 1;

bool is_of_one_transaction(const Meta& a, const Meta& b) {
  return a.stamp == b.stamp && a.position.db_version == b.position.db_version;
}

How how_to_tell(const Meta& cell, const Meta& own, std::uint32_t place) {
  if (own.stamp.version == Version{} || !is_of_one_transaction(cell, own)) return kApart;
  return cell.position.seq == own.position.seq + place ? kInPlace : kWithRow;
}

std::int64_t seq_distance(const Meta& cell, const Meta& own) {
  return std::int64_t{cell.position.seq} - std::int64_t{own.position.seq};
}

}  // namespace

void put_row_stamps(std::string& out, const RowState& row, std::span<const CellStamp> cells) {
  const bool has_own = row.meta.stamp.version != Version{};
  TREMULA_ASSERT(static_cast<std::uint64_t>(row.cl) <= kClMax);
  base::put_varint(out, static_cast<std::uint64_t>(row.cl) << 1 | (has_own ? 1 : 0));
  if (has_own) put_meta(out, row.meta, false);
  std::uint32_t before = 0;
  std::uint32_t place = 0;
  for (const CellStamp& cell : cells) {
    const auto column = static_cast<std::uint32_t>(cell.column);
    TREMULA_ASSERT(column > before);
    const How how = how_to_tell(cell.meta, row.meta, ++place);
    base::put_varint(out, std::uint64_t{column - before} << kHowBits | how);
    if (how == kWithRow) base::put_zigzag(out, seq_distance(cell.meta, row.meta));
    if (how == kApart) put_meta(out, cell.meta, false);
    before = column;
  }
}

bool RowStampsReader::row(RowState& row) {
  std::uint64_t head = 0;
  bool mark = false;
  row = {};
  if (!from_.varint(head)) return false;
  row.cl = CausalLength{head >> 1};
  if ((head & 1) != 0 && !read_meta(from_, row.meta, mark)) return false;
  own_ = row.meta;
  return true;
}

bool RowStampsReader::next(CellStamp& cell) {
  if (from_.empty() || is_broken_) return false;
  is_broken_ = !read_cell(cell);
  return !is_broken_;
}

bool RowStampsReader::read_cell(CellStamp& cell) {
  std::uint64_t head = 0;
  if (!from_.varint(head)) return false;
  const std::uint64_t column = column_ + (head >> kHowBits);
  if (column <= column_ || column > 0xFFFF'FFFF) return false;
  column_ = static_cast<std::uint32_t>(column);
  ++place_;
  cell = {triples::AttrId{column_}, own_};
  std::int64_t distance = 0;
  bool mark = false;
  switch (head & kHowMask) {
    case kInPlace: cell.meta.position.seq += place_; return true;
    case kWithRow:
      if (!from_.zigzag(distance)) return false;
      cell.meta.position.seq += static_cast<std::uint32_t>(distance);
      return true;
    case kApart: return read_meta(from_, cell.meta, mark);
    default: return false;
  }
}

void put_register(std::string& out, const Register& stored, Position position) {
  put_meta(out, {stored.stamp, position}, false);
  triples::put_value(out, stored.value);
}

bool read_register(std::string_view bytes, Register& stored, Position& position) {
  base::ByteReader from(bytes);
  Meta meta;
  bool mark = false;
  if (!read_meta(from, meta, mark) || !triples::read_value(from, stored.value)) return false;
  stored.stamp = meta.stamp;
  position = meta.position;
  return from.empty();
}

}  // namespace tremula::crdt
