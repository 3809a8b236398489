// The checksum of everything on disk, beside hash.h the only door to xxhash.
//
// XXH3 64 with a seed. The seed says where the bytes belong (the number of their file and their
// offset in it), so that bytes which are whole but in the wrong place fail too: a block that was
// written elsewhere, a recycled log's old record, a file put back under another's name.
// The result is the same on every machine, for ever: files hold it.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tremula::base {

// The seed for the bytes at `offset` of the file `number`; every pair gives another.
std::uint64_t checksum_seed(std::uint64_t number, std::uint64_t offset);

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed);

// A checksum as messages show it: 16 hex digits.
std::string checksum_text(std::uint64_t checksum);

}  // namespace tremula::base
