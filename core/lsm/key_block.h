// Key block: entries of a type's key directory, found without decoding them all.
//
//   entries varint | keys size varint | keys | slots | versions | restarts
//
//   keys       one after the other: shared varint, rest size varint, rest: the first `shared`
//              bytes of the key are those of the key before it. Every 16th key (a restart) shares
//              nothing
//   slots      PackedInts: the slot of the living row plus 1, or 0: dead
//   versions   PackedInts
//   restarts   offset in `keys` of each restart, 4 bytes little-endian: the block's end, so that a
//              search halves it without reading what stands before
//
// Keys ascend strictly. (Prefixes and restarts as in LevelDB's blocks.)
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

// The whole keys of a block take no more, unless it has one key alone: what is small on disk must
// not be huge in memory.
inline constexpr std::size_t kUnfoldedMax = 1U << 20;

// What the directory says of a key.
struct KeyState {
  triples::Slot slot = triples::kNoSlot;  // kNoSlot: deleted
  std::uint64_t version = 0;
  friend bool operator==(const KeyState&, const KeyState&) = default;
};

class KeyBlockBuilder {
 public:
  // Requires: a key greater than all before, that fits(); an INT that is a slot, or NULL.
  void add(std::string_view key, triples::Value value, std::uint64_t version);
  std::size_t entries() const { return slots_.size(); }
  // What the block is about to take, before compression.
  std::size_t size() const { return keys_.size() + slots_.size() * 4; }
  // Whether the keys, prefixes unfolded, stay below kUnfoldedMax with one more.
  bool fits(std::string_view key) const {
    return unfolded_ == 0 || unfolded_ + key.size() <= kUnfoldedMax;
  }
  void finish(std::string& out);

 private:
  std::string keys_;
  std::size_t unfolded_ = 0;  // bytes of all keys
  std::string last_;
  std::vector<std::uint32_t> restarts_;
  std::vector<std::int64_t> slots_;
  std::vector<std::int64_t> versions_;
};

// Fills `block` from its `bytes`, which hold a key block from `begin` on and then kPackedSlack more
// bytes. Afterwards `bytes` holds the whole keys.
// Errors: corrupt, saying what is wrong.
base::Result<void> decode_key_block(std::size_t begin, SstBlock& block);

// Looks a key up without decoding the others.
// Requires: kPackedSlack readable bytes after `bytes`.
// Returns: nullopt: the block has no entry of this key.  Errors: corrupt.
base::Result<std::optional<KeyState>> find_in_key_block(std::string_view bytes,
                                                        std::string_view key);

}  // namespace tremula::lsm
