// Entry: one triple as the LSM keeps it, with its key.
//
//   column entry   [type, attr, slot]            -> value    the cell of a row; kMissing: removed
//                  [type, kRowAttr, slot]        -> BYTES    the row itself: its key; kMissing: -
//   key entry      [type, kKeyAttr, key bytes]   -> INT      the slot of the living row of this
//                                                            key; kNull: deleted (kept for good)
//
// Sorted by type, then attr, then slot (as a number) or key (as bytes). All entries of one (type,
// attr) lie together: a column that is read in order of its rows, and a directory of keys at the
// end of each type. Of two entries with one key the one from the younger source counts; `version`
// is the clock of values (sync.md), and travels along.
// Thread: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::lsm {

// The directory of a type's keys; no column has this number.
inline constexpr triples::AttrId kKeyAttr{0xFFFF'FFFF};

// From here on (kKeyAttr aside) attributes of a row are not columns: they hold what merging must
// know of it (persist/stamps.h). No table in memory has them.
inline constexpr triples::AttrId kFirstHiddenAttr{0x8000'0000};
inline bool is_hidden_attr(triples::AttrId attr) {
  return attr >= kFirstHiddenAttr && attr != kKeyAttr;
}

// What the cell of a living row holds whose triple was removed: merging must know when. It reads as
// if there were none. Canonical JSON is never empty, so no value passes for it.
inline triples::Value removed_mark() { return triples::Value::json_of({}); }
inline bool is_removed_mark(triples::Value value) {
  return value.kind == triples::Kind::kJson && value.size == 0;
}

struct EntryKey {
  triples::TypeId type{};
  triples::AttrId attr{};
  triples::Slot slot = 0;  // column entries
  std::string_view key;    // key entries
  friend auto operator<=>(const EntryKey&, const EntryKey&) = default;
};

struct Entry {
  EntryKey key;
  triples::Value value;
  std::uint64_t version = 0;
};

}  // namespace tremula::lsm
