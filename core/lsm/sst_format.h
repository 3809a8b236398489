// The bytes of an SST. All numbers are little-endian; every checksum is base::checksum() of the
// bytes it seals, seeded with (file number, offset of these bytes in the file).
//
//   header    magic "TREMSST\n" | format version u32 | 0 u32 | file number u64
//             | checksum of these 24 bytes u64
//   block     0 | contents                           as they are
//             1 | size of the contents u32 | lz4     where that saves an eighth
//             contents: column_block.h, or key_block.h for the attr kKeyAttr. Blocks lie one behind
//             the other, the first behind the header
//   index     blocks varint | place* | last key | newest*
//             place: type varint | attr varint | key | size varint | entries varint | checksum u64
//             key: slot varint, or for kKeyAttr size varint and the bytes
//             newest: of each block, the greatest version in it, varint; not in format 1
//   filter    bloom_filter.h, over base::checksum(key bytes, type); empty without key entries
//   footer    checksum of the rest u64 | index offset u64 | index size u64 | index checksum u64
//             | filter size u64 | filter checksum u64 | entries u64 | tombstones u64
//             | magic "TSTEND\n\0"
//
// The filter begins where the index ends, the footer where the filter ends, and it ends the file.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/checksum.h"
#include "core/base/result.h"
#include "core/triples/ids.h"

namespace tremula::lsm {

inline constexpr std::string_view kSstMagic{"TREMSST\n", 8};
inline constexpr std::string_view kSstEnd{"TSTEND\n\0", 8};
inline constexpr std::uint32_t kSstFormat = 2;       // that is written
inline constexpr std::uint32_t kSstFormatPlain = 1;  // without `newest`; it is read, too
inline constexpr std::size_t kSstHeaderBytes = 32;
inline constexpr std::size_t kSstFooterBytes = 72;

inline constexpr char kStoredPlain = 0;
inline constexpr char kStoredLz4 = 1;
inline constexpr std::size_t kPlainHeadBytes = 1;
inline constexpr std::size_t kLz4HeadBytes = 5;

struct SstFooter {
  std::uint64_t index_offset = 0;
  std::uint64_t index_size = 0;
  std::uint64_t index_checksum = 0;
  std::uint64_t filter_size = 0;
  std::uint64_t filter_checksum = 0;
  std::uint64_t entries = 0;
  std::uint64_t tombstones = 0;
};

inline std::uint64_t sst_checksum(std::string_view bytes, std::uint64_t number,
                                  std::uint64_t offset) {
  return base::checksum(bytes, base::checksum_seed(number, offset));
}
inline std::uint64_t filter_hash(triples::TypeId type, std::string_view key) {
  return base::checksum(key, static_cast<std::uint64_t>(type));
}

std::string encode_sst_header(std::uint64_t number, std::uint32_t format = kSstFormat);
// Returns: the format.
// Requires: kSstHeaderBytes bytes.  Errors: corrupt; unsupported. Without the file's name.
base::Result<std::uint32_t> check_sst_header(std::string_view bytes, std::uint64_t number);

// `offset`: where the footer stands in the file.
std::string encode_sst_footer(const SstFooter& footer, std::uint64_t number, std::uint64_t offset);
// The checksum that a footer bears.  Requires: kSstFooterBytes bytes.
std::uint64_t sst_footer_checksum(std::string_view bytes);
// Requires: kSstFooterBytes bytes.  Errors: corrupt, without the file's name.
base::Result<SstFooter> decode_sst_footer(std::string_view bytes, std::uint64_t number,
                                          std::uint64_t offset);

// "checksum is 8f1c02aa51d7e033, expected 1b9d77e0c4a09f12"
base::Error wrong_checksum(std::uint64_t found, std::uint64_t expected);

}  // namespace tremula::lsm
