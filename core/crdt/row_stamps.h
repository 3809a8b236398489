// Row stamps: what merging must know of a row and of its registers (LWW, MAX, MIN), as one value.
//
//   stamps   varint cl * 2 + (1 if the row has an own record) | its meta (stamp.h), if so | cell*
//   cell     varint (column - the cell before's) * 4 + how | what `how` says
//   how      0  of the transaction of the row's own record; seq: its seq + the place of the cell in
//               this list, from 1
//            1  of that transaction; zigzag varint seq - the own record's
//            2  meta
//   cells by column, ascending
//
//   INSERT of 8 columns as transaction 5:   03 28 00 | 04 04 04 04 04 04 04 04      11 bytes
//   then UPDATE of the first in 6:          03 28 00 | 06 30 00 04 04 04 ...        13 bytes
//
// Counters and sets keep their metas in their states and don't stand here. Registers that the
// schema doesn't know (other rule, column or table) are kept apart as register bytes:
//
//   register   meta | value (value_bytes.h)
//
// A row that only its own database ever wrote, in its first life, has stamps that follow from the
// versions of its cells; whoever stores rows may leave them out then.
// Thread: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/crdt/merge.h"
#include "core/crdt/stamp.h"
#include "core/triples/ids.h"

namespace tremula::crdt {

struct CellStamp {
  triples::AttrId column{};
  Meta meta;
};

// Appends.  Requires: cells by column, ascending, each once.
void put_row_stamps(std::string& out, const RowState& row, std::span<const CellStamp> cells);

// Reads them back. Where bytes are none, the calls are false; after the last cell is_complete()
// tells whether all was read.
class RowStampsReader {
 public:
  explicit RowStampsReader(std::string_view stamps) : from_(stamps) {}
  [[nodiscard]] bool row(RowState& row);  // first
  bool next(CellStamp& cell);
  bool is_complete() const { return from_.empty() && !is_broken_; }

 private:
  bool read_cell(CellStamp& cell);

  base::ByteReader from_;
  bool is_broken_ = false;
  Meta own_;
  std::uint32_t column_ = 0;
  std::uint32_t place_ = 0;
};

void put_register(std::string& out, const Register& stored, Position position);
// Borrowed: the bytes, by the value.
[[nodiscard]] bool read_register(std::string_view bytes, Register& stored, Position& position);

}  // namespace tremula::crdt
