// Bytes: numbers as the files and messages hold them: little-endian, whatever the machine.
//
//   fixed    u16 u32 u64, at any address
//   varint   7 bits per byte, the lowest first, the top bit says that more follow; at most 10 bytes
//   zigzag   0 -1 1 -2 2 ... as 0 1 2 3 4 ..., so that small negative numbers are short varints
//   sized    varint size | the bytes
//
// Thread: values and pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tremula::base {

inline constexpr std::size_t kVarintBytesMax = 10;

static_assert(std::endian::native == std::endian::little ||
              std::endian::native == std::endian::big);

// One number at a place that the caller knows to be there.
template <typename T>
inline T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    T turned = 0;
    for (std::size_t i = 0; i < sizeof value; ++i, value >>= 8)
      turned = turned << 8 | (value & 255);
    return turned;
  }
  return value;
}
inline std::uint16_t load_u16(const char* at) { return load<std::uint16_t>(at); }
inline std::uint32_t load_u32(const char* at) { return load<std::uint32_t>(at); }
inline std::uint64_t load_u64(const char* at) { return load<std::uint64_t>(at); }

template <typename T>
inline void store(char* at, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    at[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 255);
}
inline void store_u16(char* at, std::uint16_t value) { store(at, value); }
inline void store_u32(char* at, std::uint32_t value) { store(at, value); }
inline void store_u64(char* at, std::uint64_t value) { store(at, value); }

// Writes a varint.  Requires: kVarintBytesMax bytes of room.  Returns: behind the last one written.
inline char* store_varint(char* at, std::uint64_t value) {
  for (; value >= 128; value >>= 7) *at++ = static_cast<char>(value | 128);
  *at++ = static_cast<char>(value);
  return at;
}
constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

// --- Appending ---
template <typename T>
inline void put(std::string& out, T value) {
  char bytes[sizeof value];
  store(bytes, value);
  out.append(bytes, sizeof bytes);
}
inline void put_u8(std::string& out, std::uint8_t value) {
  out.push_back(static_cast<char>(value));
}
inline void put_u16(std::string& out, std::uint16_t value) { put(out, value); }
inline void put_u32(std::string& out, std::uint32_t value) { put(out, value); }
inline void put_u64(std::string& out, std::uint64_t value) { put(out, value); }
inline void put_varint(std::string& out, std::uint64_t value) {
  if (value < 128) {
    out.push_back(static_cast<char>(value));
    return;
  }
  char bytes[kVarintBytesMax];
  out.append(bytes, static_cast<std::size_t>(store_varint(bytes, value) - bytes));
}
inline void put_zigzag(std::string& out, std::int64_t value) { put_varint(out, zigzag(value)); }
inline void put_sized(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out.append(bytes);
}

// --- Reading ---
// Takes numbers off the front of bytes that nobody vouches for. Each call returns false, and takes
// nothing, where too few bytes are left or a varint is over 64 bits.
// Borrowed: the bytes, by every view that comes out.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool empty() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  // How many bytes were taken.
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  std::string_view rest() const { return {at_, left()}; }

  [[nodiscard]] bool u8(std::uint8_t& value) { return fixed(value); }
  [[nodiscard]] bool u16(std::uint16_t& value) { return fixed(value); }
  [[nodiscard]] bool u32(std::uint32_t& value) { return fixed(value); }
  [[nodiscard]] bool u64(std::uint64_t& value) { return fixed(value); }
  [[nodiscard]] bool varint(std::uint64_t& value) {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 128) {
      value = static_cast<unsigned char>(*at_++);
      return true;
    }
    return long_varint(value);
  }
  // The same, held against 32 bits.
  [[nodiscard]] bool varint32(std::uint32_t& value) {
    const char* const before = at_;
    std::uint64_t wide = 0;
    if (varint(wide) && wide <= 0xFFFF'FFFF) {
      value = static_cast<std::uint32_t>(wide);
      return true;
    }
    at_ = before;
    return false;
  }
  [[nodiscard]] bool zigzag(std::int64_t& value) {
    std::uint64_t turned = 0;
    if (!varint(turned)) return false;
    value = unzigzag(turned);
    return true;
  }
  [[nodiscard]] bool bytes(std::size_t size, std::string_view& value) {
    if (left() < size) return false;
    value = {at_, size};
    at_ += size;
    return true;
  }
  [[nodiscard]] bool sized(std::string_view& value) {
    const char* const before = at_;
    std::uint64_t size = 0;
    if (varint(size) && size <= left()) return bytes(static_cast<std::size_t>(size), value);
    at_ = before;
    return false;
  }

 private:
  template <typename T>
  bool fixed(T& value) {
    if (left() < sizeof value) return false;
    value = load<T>(at_);
    at_ += sizeof value;
    return true;
  }
  bool long_varint(std::uint64_t& value) {
    std::uint64_t sum = 0;
    const char* at = at_;
    for (unsigned shift = 0; at != end_ && shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at++);
      if (shift == 63 && byte > 1) return false;
      sum |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte >= 128) continue;
      value = sum;
      at_ = at;
      return true;
    }
    return false;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
};

}  // namespace tremula::base
