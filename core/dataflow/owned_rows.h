// OwnedRows: a relation whose rows an operator keeps: groups, distinct rows, derived tables.
//
//   rows  [ row | values ... | accumulators ... | dependents ... | key ]    each in one piece
//
// The first touch of a row in a step keeps its values for the old side, in the step's scratch.
// Slots that are empty on both sides are reused.
// Thread: the writer thread alone.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/flat_map.h"
#include "core/dataflow/accumulator.h"
#include "core/dataflow/relation_index.h"
#include "core/dataflow/template.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

// A Value with its own bytes, in the size of one. They stay where they are when it moves.
class HeldValue {
 public:
  HeldValue() = default;
  explicit HeldValue(triples::Value value) { set(value); }
  ~HeldValue() { forget(); }
  HeldValue(HeldValue&& other) noexcept : value_(std::exchange(other.value_, {})) {}
  HeldValue& operator=(HeldValue&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }

  triples::Value value() const { return value_; }
  void set(triples::Value value) {
    if (value.has_bytes()) value.data = copy(value.view());
    forget();
    value_ = value;
  }
  std::size_t memory_bytes() const { return value_.has_bytes() ? value_.size : 0; }

 private:
  static char* copy(std::string_view bytes) {
    char* made = new char[bytes.size()];
    bytes.copy(made, bytes.size());
    return made;
  }
  void forget() {
    if (value_.has_bytes()) delete[] value_.data;
  }
  triples::Value value_;
};

// What a step needs of the rows that it touches.
struct TouchedRows {
  std::vector<triples::Slot> slots;
  std::vector<HeldValue> old_values;  // of those that were there
  std::vector<triples::RowChange> changes;

  void clear();
};

class OwnedRows : public triples::Relation {
 public:
  struct Row {
    static constexpr std::uint32_t kUntouched = ~std::uint32_t{0};
    std::uint32_t old_at = kUntouched;  // where its old values begin
    bool in_old = false;
    bool in_new = false;
  };
  using Values = std::span<HeldValue>;

  OwnedRows(const OwnedRows&) = delete;
  OwnedRows& operator=(const OwnedRows&) = delete;

  triples::Slot slot_end() const override { return end_; }
  bool exists(triples::Slot slot, triples::Side side) const override;
  triples::Value read(triples::Slot slot, triples::ColumnIndex column,
                      triples::Side side) const override;
  std::string_view key(triples::Slot) const override { return {}; }
  std::size_t row_count(triples::Side side) const override;
  std::span<const triples::RowChange> changes() const override;
  std::span<const triples::Slot> write_log() const override;

  // Where the touched rows are noted from now on, until settle().
  void begin_step(TouchedRows& touched) { touched_ = &touched; }
  Row& row(triples::Slot slot) { return *at(slot); }
  Values values(triples::Slot slot) const { return values_of(*at(slot)); }
  // Keeps the row's old side, once a step. The caller then sets values and in_new.
  // Requires: begin_step().
  Row& touch(triples::Slot slot);
  bool is_touched(triples::Slot slot) const { return at(slot)->old_at != Row::kUntouched; }
  // Whether a row that is there on both sides has the values that it had.  Requires: it is touched.
  bool same_values(triples::Slot slot) const;
  const std::vector<triples::Slot>& touched() const { return touched_->slots; }
  // Fills changes().
  void finish();
  virtual void settle();
  virtual std::size_t memory_bytes() const;  // with this object

 protected:
  OwnedRows(std::size_t row_bytes, std::size_t value_count)
      : row_bytes_(static_cast<std::uint16_t>(row_bytes)),
        value_count_(static_cast<std::uint16_t>(value_count)) {
    TREMULA_ASSERT(value_count_ == value_count);
  }
  Row* at(triples::Slot slot) const {
    const Word word = words()[slot];
    return (word & 1) != 0 ? nullptr : reinterpret_cast<Row*>(word);
  }
  Values values_of(const Row& row) const {
    auto* bytes = reinterpret_cast<char*>(const_cast<Row*>(&row));
    return {reinterpret_cast<HeldValue*>(bytes + row_bytes_), value_count_};
  }
  std::size_t value_count() const { return value_count_; }
  triples::Slot add(Row& row);
  void destroy_all();
  virtual void remove(triples::Slot slot) = 0;  // gone on both sides
  virtual void destroy(Row& row) const = 0;     // gives its memory back

 private:
  using Word = std::uintptr_t;  // a row; or twice the next free slot, and 1
  Word* words() { return capacity_ > 1 ? many_ : &one_; }
  const Word* words() const { return capacity_ > 1 ? many_ : &one_; }
  void grow();

  // By slot: of one slot in the table itself.
  union {
    Word one_ = 0;
    Word* many_;
  };
  triples::Slot end_ = 0;
  triples::Slot capacity_ = 1;
  TouchedRows* touched_ = nullptr;
  triples::Slot free_ = triples::kNoSlot;
  const std::uint16_t row_bytes_;  // before the values
  const std::uint16_t value_count_;
};

// Groups by key; also the rows of DISTINCT, which are groups by all their values without
// aggregates.
class GroupTable final : public OwnedRows {
 public:
  struct Group : Row {
    std::int64_t members = 0;
    std::uint32_t key_size = 0;
  };

  // `keys`: how many values the key has; `firsts`: how many of them are those of the group's first
  // row.
  GroupTable(const std::vector<CoreAggregate>& aggregates, std::size_t keys, std::size_t dependents,
             std::size_t firsts);
  ~GroupTable() override { destroy_all(); }

  // The group of a key, made if there is none; touched.
  triples::Slot touch_group(std::string_view key, std::span<const triples::Value> values);
  // The relations that an expression over the groups reads.
  const triples::Relation* const* as_relations() const { return self_; }
  Group& group(triples::Slot slot) { return static_cast<Group&>(row(slot)); }
  std::string_view key_of(triples::Slot slot) const;
  // Of the aggregates, then one for each first value.
  std::span<Accumulator> accumulators(triples::Slot slot) const;
  // The row that each dependent column is read from.
  std::span<triples::Slot> dependents(triples::Slot slot) const;
  std::size_t memory_bytes() const override;

 private:
  struct Ref {
    struct Lookup {
      const GroupTable* table = nullptr;
      std::string_view key;
      triples::Slot slot = 0;  // to be put in
    };
    struct Hash {
      using Lookup = Ref::Lookup;
      static constexpr bool kDense = true;
      std::uint64_t operator()(const Lookup& lookup) const { return base::hash_bytes(lookup.key); }
    };
    explicit Ref(const Lookup& lookup) : slot(lookup.slot) {}
    bool operator==(const Lookup& lookup) const { return lookup.table->key_of(slot) == lookup.key; }
    triples::Slot slot;
  };
  using Refs = base::FlatSet<Ref, Ref::Hash>;

  Accumulator* accumulators_of(const Row& row) const {
    return reinterpret_cast<Accumulator*>(values_of(row).data() + value_count());
  }
  triples::Slot* dependents_of(const Row& row) const {
    return reinterpret_cast<triples::Slot*>(accumulators_of(row) + accumulator_count_);
  }
  triples::Slot find(std::string_view key) const;
  Group& make(std::string_view key, std::span<const triples::Value> values) const;
  void remove(triples::Slot slot) override;
  void destroy(Row& row) const override;

  static constexpr std::size_t kFewMax = 4;
  const triples::Relation* const self_[1] = {this};
  const std::vector<CoreAggregate>& aggregates_;
  std::unique_ptr<Refs> refs_;  // once there were more than a few
  const std::uint16_t accumulator_count_;
  const std::uint16_t dependent_count_;
};

// The rows of a derived table, by the row of the select inside.
class DerivedRelation final : public OwnedRows {
 public:
  explicit DerivedRelation(std::size_t columns)
      : OwnedRows(sizeof(Inner), columns), indexes_(std::make_unique<RelationIndexes>(*this)) {}
  ~DerivedRelation() override { destroy_all(); }
  // The slot of an inner row, made if there is none; touched.
  triples::Slot touch_row(RowId inner);
  RelationIndexes& indexes() { return *indexes_; }
  void settle() override;
  std::size_t memory_bytes() const override;

 private:
  struct alignas(HeldValue) Inner : Row {
    RowId inner = 0;
  };
  void remove(triples::Slot slot) override;
  void destroy(Row& row) const override;
  base::FlatMap<RowId, triples::Slot> slots_;
  std::unique_ptr<RelationIndexes> indexes_;
};

}  // namespace tremula::dataflow
