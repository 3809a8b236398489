// Compression of blocks, and the door to lz4.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tremula::base {

// Appends what `bytes` shrink to, if that is at most `size_max`.
// Returns: whether it was; else `out` is as before.
bool compress_block(std::string_view bytes, std::size_t size_max, std::string& out);

// Fills `out` with what compress_block made `bytes` from.
// Returns: false if these are not such bytes or give more or fewer than `out` takes.
bool expand_block(std::string_view bytes, std::span<char> out);

// Fills `out` with the first bytes of them.
// Returns: as expand_block(), but a fault behind these bytes is not seen.
bool expand_prefix(std::string_view bytes, std::span<char> out);

// No block of `size` bytes expands to more.
inline constexpr std::size_t expanded_size_max(std::size_t size) { return size * 255 + 16; }

}  // namespace tremula::base
