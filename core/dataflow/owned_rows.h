// OwnedRows: a relation whose rows an operator keeps: groups, distinct rows, derived tables.
//
// The first touch of a row in a step keeps its values for the old side. Slots that are empty on
// both sides are reused.
// Thread: the writer thread alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/flat_map.h"
#include "core/dataflow/accumulator.h"
#include "core/dataflow/relation_index.h"
#include "core/dataflow/template.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

class OwnedRows : public triples::Relation {
 public:
  struct Row {
    std::vector<triples::OwnedValue> values;
    std::vector<triples::OwnedValue> old_values;  // while touched
    bool in_old = false;
    bool in_new = false;
    bool touched = false;
    virtual ~Row() = default;
  };

  triples::Slot slot_end() const override { return static_cast<triples::Slot>(rows_.size()); }
  bool exists(triples::Slot slot, triples::Side side) const override;
  triples::Value read(triples::Slot slot, triples::ColumnIndex column,
                      triples::Side side) const override;
  std::string_view key(triples::Slot) const override { return {}; }
  std::size_t row_count(triples::Side side) const override;
  std::span<const triples::RowChange> changes() const override { return changes_; }
  std::span<const triples::Slot> write_log() const override { return touched_; }

  Row& row(triples::Slot slot) { return *rows_[slot]; }
  // Keeps the row's old side, once a step. The caller then sets values and in_new.
  Row& touch(triples::Slot slot);
  const std::vector<triples::Slot>& touched() const { return touched_; }
  // Fills changes().
  void finish();
  virtual void settle();
  virtual std::size_t memory_bytes() const;  // with this object

 protected:
  triples::Slot add(std::unique_ptr<Row> row);
  virtual void remove(triples::Slot slot) = 0;  // gone on both sides

  std::vector<std::unique_ptr<Row>> rows_;
  std::vector<triples::Slot> free_;

 private:
  std::vector<triples::Slot> touched_;
  std::vector<triples::RowChange> changes_;
};

// Groups by key; also the rows of DISTINCT, which are groups by all their values without
// aggregates.
class GroupTable final : public OwnedRows {
 public:
  struct Group final : Row {
    std::string key;
    std::int64_t members = 0;
    std::vector<Accumulator> accumulators;  // of the aggregates, then one for each first value
    std::vector<triples::Slot> dependents;  // the row that each dependent column is read from
  };

  // `firsts`: how many of the key values are those of the group's first row.
  GroupTable(const std::vector<CoreAggregate>& aggregates, std::size_t dependents,
             std::size_t firsts)
      : aggregates_(aggregates), dependents_(dependents), firsts_(firsts) {}

  // The group of a key, made if there is none; touched.
  triples::Slot touch_group(std::string_view key, std::span<const triples::Value> values);
  // The relations that an expression over the groups reads.
  const triples::Relation* const* as_relations() const { return self_; }
  Group& group(triples::Slot slot) { return static_cast<Group&>(row(slot)); }
  std::size_t memory_bytes() const override;

 private:
  void remove(triples::Slot slot) override;
  const std::vector<CoreAggregate>& aggregates_;
  const std::size_t dependents_;
  const std::size_t firsts_;
  const triples::Relation* const self_[1] = {this};
  base::FlatMap<std::string, triples::Slot> slots_;
};

// The rows of a derived table, by the row of the select inside.
class DerivedRelation final : public OwnedRows {
 public:
  explicit DerivedRelation() : indexes_(std::make_unique<RelationIndexes>(*this)) {}
  // The slot of an inner row, made if there is none; touched.
  triples::Slot touch_row(RowId inner);
  RelationIndexes& indexes() { return *indexes_; }
  void settle() override;

 private:
  struct Inner final : Row {
    RowId inner = 0;
  };
  void remove(triples::Slot slot) override;
  base::FlatMap<RowId, triples::Slot> slots_;
  std::unique_ptr<RelationIndexes> indexes_;
};

}  // namespace tremula::dataflow
