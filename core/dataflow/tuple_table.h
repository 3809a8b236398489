// TupleTable: rows of several sources as one number each.
//
//   slots  [ 7 2 | 7 3 | free, next | 9 2 ]     number * width
//
// A few tuples are found by looking at all, many by a hash table of their numbers.
// Thread: the writer thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/flat_map.h"
#include "core/dataflow/order_tree.h"
#include "core/triples/ids.h"

namespace tremula::dataflow {

class TupleTable {
 public:
  // Requires: at least two sources, of which the first is always bound.
  explicit TupleTable(std::size_t width) : width_(static_cast<std::uint32_t>(width)) {}

  // The number of a tuple, given if it has none.
  RowId intern(const triples::Slot* tuple);
  // Borrowed: until the next intern() or release().
  const triples::Slot* tuple(RowId row) const { return slots_.get() + std::size_t{row} * width_; }
  // Takes the number back, if it was not taken already.
  void release(RowId row);
  std::size_t memory_bytes() const;  // with this object

 private:
  struct Ref {
    struct Lookup {
      const TupleTable* table = nullptr;
      const triples::Slot* tuple = nullptr;
      RowId row = 0;  // to be put in
    };
    struct Hash {
      using Lookup = Ref::Lookup;
      static constexpr bool kDense = true;
      std::uint64_t operator()(const Lookup& key) const {
        return base::hash_bytes(key.table->bytes(key.tuple));
      }
    };
    explicit Ref(const Lookup& key) : row(key.row) {}
    bool operator==(const Lookup& key) const {
      return key.table->bytes(key.table->tuple(row)) == key.table->bytes(key.tuple);
    }
    RowId row;
  };
  using Refs = base::FlatSet<Ref, Ref::Hash>;

  std::string_view bytes(const triples::Slot* tuple) const {
    return {reinterpret_cast<const char*>(tuple), width_ * sizeof(triples::Slot)};
  }
  triples::Slot* at(RowId row) { return slots_.get() + std::size_t{row} * width_; }
  bool is_free(RowId row) const { return *tuple(row) == triples::kNoSlot; }
  bool find(const triples::Slot* tuple, RowId& row) const;
  RowId take_number();
  void grow();

  static constexpr std::uint32_t kFewMax = 16;
  static constexpr RowId kNone = ~RowId{0};
  const std::uint32_t width_;
  std::uint32_t capacity_ = 0;
  std::uint32_t end_ = 0;  // numbers given so far
  std::uint32_t used_ = 0;
  RowId free_ = kNone;  // the first one; the next stands in its second slot
  std::unique_ptr<triples::Slot[]> slots_;
  std::unique_ptr<Refs> refs_;  // once there were more than a few
};

}  // namespace tremula::dataflow
