// The small numbers that everything speaks in. Each is its own type, so that none passes for
// another.
#pragma once

#include <cstdint>

namespace tremula::triples {

// A table's number, 1 to 536870911 (as in protobuf); the catalog's own tables stand above that.
enum class TypeId : std::uint32_t {};
// A column's number in its table, 1 to 536870911; undeclared columns of lax tables get numbers
// above that, one per name. 0 is the row's own triple.
enum class AttrId : std::uint32_t {};

inline constexpr std::uint32_t kMaxDeclaredNumber = 536'870'911;
inline constexpr AttrId kRowAttr{0};
// The generated key of a table without KEY, read as the column `id`.
inline constexpr AttrId kGeneratedIdAttr{0x7FFF'FFFF};
inline constexpr TypeId kCatalogTableType{0x4000'0001};   // tremula_table
inline constexpr TypeId kCatalogColumnType{0x4000'0002};  // tremula_column
// Rows beside the tables, which no query can name: more of the catalog (core/lsm/catalog_rows.h),
// and what a directory keeps about itself.
inline constexpr TypeId kHiddenTableType{0x4000'0003};
inline constexpr TypeId kHiddenColumnType{0x4000'0004};
inline constexpr TypeId kTickType{0x4000'0005};     // the key generator's last tick
inline constexpr TypeId kProcessType{0x4000'0006};  // the last transaction of each process
// What merging keeps (persist/stamp_book.h).
inline constexpr TypeId kSiteType{0x4000'0010};
inline constexpr TypeId kClockType{0x4000'0011};
inline constexpr TypeId kMarkedType{0x4000'0012};
inline constexpr TypeId kGraveType{0x4000'0013};

// The place of a row in its relation: dense, reused only after the step in which its row went is
// settled.
using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = 0xFFFF'FFFF;

// The place of a column in its relation: dense, never reused.
using ColumnIndex = std::uint32_t;

// The state before or after the transaction in hand. Outside one both answer the same.
enum class Side : std::uint8_t { kOld, kNew };

// Which columns of a row differ between the sides: bit min(column, 63).
using ColumnMask = std::uint64_t;
inline constexpr ColumnMask kAllColumns = ~ColumnMask{0};
inline ColumnMask column_bit(ColumnIndex column) {
  return ColumnMask{1} << (column < 63 ? column : 63);
}

}  // namespace tremula::triples
