// SST: an immutable file of entries in the order of their keys.
//
//   header | block block ... block | index | filter | footer
//
// A block is about 4 KB before compression and holds entries of one (type, attr): a column block
// (slots, kinds, values and versions apart from each other, so that a scan decodes no keys), or a
// key block (prefix-compressed keys with restart offsets at its end). Checksums form a chain that
// is checked on every read: the manifest has the footer's, the footer those of index and filter,
// the index each block's; each is an XXH3 seeded with the file's number and the offset, so that
// bytes of another place or file fail. The index has the first key, the size and the number of
// entries of each block; the filter is a blocked bloom filter over the keys of the key blocks.
// sst_format.h has every byte. The design follows LevelDB's table and Parquet's column chunks.
// Errors: corrupt, with file and offset; io; unsupported (a newer format).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/entry.h"
#include "core/lsm/key_block.h"
#include "core/lsm/sst_block.h"

namespace tremula::lsm {

// What the manifest notes of an SST.
struct SstInfo {
  std::uint64_t number = 0;
  std::uint64_t size = 0;      // bytes of the file
  std::uint64_t checksum = 0;  // of its footer, which seals the rest
  std::uint64_t entries = 0;
  std::uint64_t tombstones = 0;  // kMissing
  // Of the first and the last key; `key` bytes for key entries.
  triples::TypeId first_type{}, last_type{};
  triples::AttrId first_attr{}, last_attr{};
  triples::Slot first_slot = 0, last_slot = 0;
  std::string first_key, last_key;
  friend bool operator==(const SstInfo&, const SstInfo&) = default;
};

struct SstOptions {
  std::size_t block_bytes = 4096;
  bool compress = true;  // lz4 where it saves an eighth or more
};

// Writes one SST. Thread: one at a time.
class SstWriter {
 public:
  SstWriter(std::unique_ptr<base::File> file, std::string path, std::uint64_t number,
            SstOptions options);
  ~SstWriter();
  // Requires: a key greater than all before; of a key entry an INT that is a slot, or NULL. The
  // entry's bytes are copied.
  base::Result<void> add(const Entry& entry);
  // Bytes written or pending so far.
  std::uint64_t size() const;
  // Writes what is pending, index, filter and footer, and syncs the file.
  // Requires: an entry at least.
  base::Result<SstInfo> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads one SST. Thread: any number at once, after open().
class SstReader {
 public:
  // Of a block in a file that doesn't tell: greater than all.
  static constexpr std::uint64_t kUnknownVersion = ~std::uint64_t{0};
  struct BlockPlace {
    triples::TypeId type{};
    triples::AttrId attr{};
    triples::Slot first_slot = 0;
    std::string first_key;
    std::uint64_t offset = 0;
    std::uint64_t checksum = 0;
    std::uint32_t size = 0;
    std::uint32_t entries = 0;
    std::uint64_t newest = kUnknownVersion;  // no entry has a greater version
  };
  using BlockRef = std::shared_ptr<const SstBlock>;

  // Reads header, footer, index and filter, and holds them against `info`.
  static base::Result<std::shared_ptr<const SstReader>> open(std::unique_ptr<base::File> file,
                                                             std::string path, const SstInfo& info);
  ~SstReader();
  const SstInfo& info() const;
  const std::vector<BlockPlace>& blocks() const;
  // The first block that may hold an entry with this key or a greater one; blocks().size(): none.
  std::size_t seek(const EntryKey& key) const;
  base::Result<BlockRef> read(std::size_t block) const;
  // Reads blocks from `first` on, at most `count`, with one read of the file: what a scan wants.
  base::Result<std::vector<BlockRef>> read_run(std::size_t first, std::size_t count) const;
  // Sets `living` of each slot in the blocks from `first` to `end` to 1, or to 0 where the entry is
  // a tombstone; it grows as needed. Decodes no values.  Requires: these are column blocks.
  base::Result<void> mark_slots(std::size_t first, std::size_t end,
                                std::vector<std::uint8_t>& living) const;
  // False: no key entry of this key is in the file.
  bool may_contain_key(triples::TypeId type, std::string_view key) const;
  // The key entry of a key. Decodes nothing but it; asks the filter first.
  // Returns: nullopt: the file has none.
  base::Result<std::optional<KeyState>> find_key(triples::TypeId type, std::string_view key) const;
  // Reads every byte: all checksums, the order of all keys, the counts, the filter.
  base::Result<void> check() const;
  // Of index and filter, which stay in memory.
  std::size_t memory_bytes() const;

 private:
  struct State;
  explicit SstReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tremula::lsm
