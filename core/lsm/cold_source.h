// ColdSource: where a RowTable's rows are when they are not in memory.
//
//   RowTable --slot range of a column--> ColdSource --> the newest triples in the files
//                                        (made by db of an LsmSnapshot)
//
// A chunk of cells is dropped from memory only after everything written to it is in the files, so
// that what comes back is what was there.
// Errors: io, corrupt.  Thread: the writer thread alone.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::lsm {

// Reads one column from its beginning to its end.
class ColdScan {
 public:
  virtual ~ColdScan() = default;
  // Writes the triples between two slots, end excluded, to out[slot - begin], and leaves what has
  // none as it is. Fastest where `begin` is the last call's end.
  // Borrowed: the values, until the next call.
  virtual base::Result<void> read(triples::Slot begin, triples::Slot end, triples::Value* out) = 0;
};

class ColdSource {
 public:
  virtual ~ColdSource() = default;
  // The attributes that have triples, kRowAttr and the key directory left out.
  virtual std::vector<triples::AttrId> attrs() = 0;
  // By slot: 1 for a living row, else 0.
  virtual base::Result<std::vector<std::uint8_t>> rows() = 0;
  // The triples of `attr` between two slots, end excluded, ascending; of kRowAttr the rows' keys as
  // BYTES.  Borrowed: each value during its call.
  using CellVisitor = std::function<void(triples::Slot, triples::Value)>;
  virtual base::Result<void> cells(triples::AttrId attr, triples::Slot begin, triples::Slot end,
                                   const CellVisitor& visit) = 0;
  // A scan of what the files hold now. Null: the column can be read by cells() alone.
  virtual std::unique_ptr<ColdScan> scan(triples::AttrId) { return nullptr; }
  // The slot of a living row, or kNoSlot. May name a row that has been deleted since.
  virtual base::Result<triples::Slot> find(std::string_view key) = 0;
};

// What the columns and the keys of one table share of it.
struct ColdState {
  ColdSource* source = nullptr;  // null: nothing is cold
  std::uint64_t version = 0;     // of the transaction in hand: what it writes can't be dropped
  base::Error error;             // the first load that failed; kOk: none
  std::size_t loads = 0;         // chunks that came back
  void fail(base::Error what) {
    if (error.code == base::ErrorCode::kOk) error = std::move(what);
  }
};

}  // namespace tremula::lsm
