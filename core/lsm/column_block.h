// Column block: entries of one column, each part apart, so that a scan decodes what it needs in
// straight loops.
//
//   entries varint | slots | kinds | versions | integers | booleans | reals | lengths | bytes
//
//   slots, kinds, versions   one number per entry (PackedInts): a dense run of slots, one kind or
//                            one version for all take four or five bytes
//   integers, booleans       PackedInts over the entries of kind INT, BOOL
//   reals                    8 bytes each, little-endian
//   lengths, bytes           of TEXT, BYTES and JSON: the lengths as PackedInts, the bytes one
//                            after the other up to the block's end
//
// A part without entries takes nothing. Slots ascend strictly. kMissing (a tombstone) is a kind
// like NULL, without a payload.
// Thread: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/lsm/entry.h"
#include "core/lsm/sst_block.h"

namespace tremula::lsm {

class ColumnBlockBuilder {
 public:
  // Requires: a slot greater than all before.  The value's bytes are copied.
  void add(triples::Slot slot, triples::Value value, std::uint64_t version);
  std::size_t entries() const { return slots_.size(); }
  // What the block is about to take, before compression.
  std::size_t size() const { return slots_.size() * kNumberBytes + bytes_.size(); }
  // Appends the block to `out` and begins another.
  void finish(std::string& out);

 private:
  // What an entry is taken to cost beside its text.
  static constexpr std::size_t kNumberBytes = 4;

  std::vector<std::int64_t> slots_;
  std::vector<std::int64_t> kinds_;
  std::vector<std::int64_t> versions_;
  std::vector<std::int64_t> integers_;
  std::vector<std::int64_t> booleans_;
  std::vector<double> reals_;
  std::vector<std::int64_t> lengths_;
  std::string bytes_;
};

// Fills `block` from its `bytes`, which hold a column block from `begin` on and then kPackedSlack
// more bytes; they stay if values point into them.
// Errors: corrupt, saying what is wrong.
base::Result<void> decode_column_block(std::size_t begin, SstBlock& block);

// What a column block says of its slots: sets `living` of each to 1, or to 0 for a tombstone, and
// makes it longer where a slot is beyond its end. `bytes` are the block's first ones at least, and
// kPackedSlack more follow them.
// Returns: the first slot, or nullopt if slots and kinds don't end within `bytes`.
// Errors: corrupt, saying what is wrong.
base::Result<std::optional<triples::Slot>> mark_slots(std::string_view bytes, std::size_t entries,
                                                      std::vector<std::uint8_t>& living);

}  // namespace tremula::lsm
