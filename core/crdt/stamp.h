// Stamps: who wrote a value when, and where its change stands in this database's log.
//
//   stamp     version 17 of site 9f...      the same on every replica; what merging compares
//   position  db_version 23, seq 4          this replica's own; what `changes --since` goes by
//
// Sites are 16 random bytes; inside one database they go by small numbers, given in the order in
// which they were met and never given again.
// Thread: values and pure functions; Sites one at a time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tremula::crdt {

enum class Version : std::uint64_t {};       // of values; 0 is older than all
enum class DbVersion : std::uint64_t {};     // of transactions in this database's log
enum class CausalLength : std::uint64_t {};  // of a row: 0 never was, odd lives, even is deleted
enum class SiteNumber : std::uint32_t {};    // of a site in this database

// What JSON readers everywhere hold exactly; change files with more are refused.
inline constexpr std::uint64_t kVersionMax = (std::uint64_t{1} << 53) - 1;

inline Version next(Version version) { return Version{static_cast<std::uint64_t>(version) + 1}; }
inline DbVersion next(DbVersion v) { return DbVersion{static_cast<std::uint64_t>(v) + 1}; }
inline CausalLength next(CausalLength cl) {
  return CausalLength{static_cast<std::uint64_t>(cl) + 1};
}
inline bool is_alive(CausalLength cl) { return (static_cast<std::uint64_t>(cl) & 1) != 0; }

struct SiteId {
  std::array<unsigned char, 16> bytes{};
  auto operator<=>(const SiteId&) const = default;
};
// Appends 32 hexadecimal digits.
void print_site(const SiteId& site, std::string& out);
// Takes 32 digits 0-9 a-f and nothing else.
bool parse_site(std::string_view text, SiteId& site);

struct Stamp {
  Version version{};
  SiteNumber site{};
  bool operator==(const Stamp&) const = default;
};

struct Position {
  DbVersion db_version{};
  std::uint32_t seq = 0;  // in its transaction
  auto operator<=>(const Position&) const = default;
};

// What stands beside each value.
struct Meta {
  Stamp stamp;
  Position position;
};

// The clock of values: moves by one per transaction, and is lifted by what merges bring.
//
// Kept with the data, not computed from it: a deletion may take the highest version away, and one
// that was sent out must not name a second transaction.
class Clock {
 public:
  Clock() = default;
  explicit Clock(Version now) : now_(now) {}
  Version now() const { return now_; }
  // The version of the next transaction; it counts only once commit() was called.
  Version upcoming() const { return next(now_); }
  void commit() { now_ = next(now_); }
  // By every record of a merge, whether it wins or not; after commit(), if any did.
  void lift(Version seen) {
    if (seen > now_) now_ = seen;
  }

 private:
  Version now_{};
};

// The sites that a database has met.
//
//   at rest   16 bytes per site, in the order of their numbers
class Sites {
 public:
  // Errors: corrupt, if a site stands twice or bytes are left over.
  static base::Result<Sites> from_bytes(std::string_view bytes);
  std::string to_bytes() const;

  // The number of `site`, a new one if it wasn't met.  Cost: O(log sites); O(1) for
  // the site that was asked for last.
  SiteNumber number_of(const SiteId& site) {
    if (!ids_.empty() && ids_[last_] == site) return SiteNumber{last_};
    return look_up(site);
  }
  // Requires: a number given by number_of().
  const SiteId& id_of(SiteNumber number) const { return ids_[static_cast<std::uint32_t>(number)]; }
  bool knows(SiteNumber number) const { return static_cast<std::uint32_t>(number) < ids_.size(); }
  std::size_t size() const { return ids_.size(); }

  // By id, as every replica sees it; never by number.
  std::strong_ordering compare(SiteNumber a, SiteNumber b) const {
    return a == b ? std::strong_ordering::equal : id_of(a) <=> id_of(b);
  }

 private:
  SiteNumber look_up(const SiteId& site);

  std::vector<SiteId> ids_;
  std::vector<std::uint32_t> by_id_;  // the numbers, sorted by id
  std::uint32_t last_ = 0;
};

// The bytes of a Meta with one mark (what it says is the reader's):
//
//   varint   version * 8 + mark * 4 + 2 if db_version is another than version + 1 if site isn't 0
//   varint   site, if so         varint   db_version, if so         varint   seq
//
// In a database that never merged 5 or 6 bytes: 4 up to version 2^25, 5 up to 2^32, and seq.
void put_meta(std::string& out, const Meta& meta, bool mark);
[[nodiscard]] bool read_meta(base::ByteReader& from, Meta& meta, bool& mark);

}  // namespace tremula::crdt
