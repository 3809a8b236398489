// CommitRecord: what one transaction wrote, as bytes: the body of a log record and of a message to
// other processes.
//
//   row*     row = type, slot, fate, key, cells      cell = attr, value (kMissing: triple removed)
//
//   row    varint type | varint slot * 4 + fate | varint key size, key | varint cells | cell*
//   cell   varint attr | value (value_bytes.h)
//
// Rows stand in the order in which readers apply them; a row stands once, but for one that was
// deleted and inserted again: it stands deleted, then inserted.
// Errors of reading: corrupt, with the offset in the record.
// Thread: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::triples {

enum class Fate : std::uint8_t {
  kInserted,  // the row was not there, or was deleted before in the same transaction's old side
  kUpdated,
  kDeleted,  // no cells are listed: all go
};

class CommitWriter {
 public:
  void begin_row(TypeId type, Slot slot, Fate fate, std::string_view key, std::size_t cells);
  // As many as were announced.
  void cell(AttrId attr, Value value);
  bool empty() const { return bytes_.empty(); }
  bool has_deletions() const { return has_deletions_; }
  std::size_t size() const { return bytes_.size(); }
  std::string_view view() const { return bytes_; }
  void clear() {
    bytes_.clear();
    has_deletions_ = false;
  }

 private:
  std::string bytes_;
  bool has_deletions_ = false;
};

struct WrittenCell {
  AttrId attr{};
  Value value;  // kMissing: the triple was removed
};
struct WrittenRow {
  TypeId type{};
  Slot slot = kNoSlot;
  Fate fate = Fate::kUpdated;
  std::string_view key;
  std::vector<WrittenCell> cells;
};

// Borrowed: the record's bytes, by every view and Value that comes out.
class CommitReader {
 public:
  explicit CommitReader(std::string_view record) : rest_(record), whole_(record.size()) {}
  // Returns: false at the end. `row.cells` is reused.
  base::Result<bool> next(WrittenRow& row);

 private:
  std::string_view rest_;
  std::size_t whole_;
};

}  // namespace tremula::triples
