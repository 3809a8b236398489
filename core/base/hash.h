// The hash of bytes that every table in memory uses, and the door to xxhash.
//
// Not seeded and the same on every machine, so that runs can be replayed; not for the disk.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace tremula::base {

// XXH3, 64 bits: all bits are usable, the low ones too.
std::uint64_t hash_bytes(std::string_view bytes);

}  // namespace tremula::base
