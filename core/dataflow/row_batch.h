// RowBatch: expressions over the rows of a batch of one table at once.
//
//   list_batch -> rows (offsets) -filter by conjuncts-> rows -evaluate(argument)-> values by offset
//
// It computes what evaluate() does row by row: operators that are common in loops of their own, the
// others by evaluate() over the values of their arguments. CASE alone goes row by row, for what a
// branch guards against must not be computed.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/dataflow/program.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

// Some rows of the batch: slot - first of each, ascending.
using BatchRows = std::span<const std::uint8_t>;

// A value for each of them.
struct BatchValues {
  const triples::Value* values = nullptr;
  unsigned stride = 1;  // 0: one for all
  const triples::Value& operator[](std::size_t offset) const { return values[offset * stride]; }
};

class RowBatch {
 public:
  // Borrowed: all of them. The arena may be cleared before begin().
  RowBatch(const triples::Relation& relation, const triples::Value* parameters, base::Arena& arena);

  // Whether the node is computed without reading rows one by one.
  static bool is_read_at_once(const Node& node);

  // Goes to the batch of `first`; what was given out for the one before is void.
  void begin(triples::Slot first);
  // Forgets what it holds of the table: rows may be dropped then.
  void rest();
  triples::Slot first() const { return first_; }
  // All rows of the batch.
  BatchRows rows();
  // Those of `rows` that the node is TRUE for.  Borrowed: until begin(), or the arena is cleared.
  BatchRows filter(const Node& node, BatchRows rows);
  // The node's values for `rows`.  Borrowed: the same.
  BatchValues evaluate(const Node& node, BatchRows rows);

 private:
  struct Column {
    std::unique_ptr<triples::ColumnReader> reader;
    triples::Slot first = triples::kNoSlot;  // of the batch that was read
    const triples::Value* values = nullptr;
  };

  BatchValues read(triples::ColumnIndex column);
  BatchValues evaluate_logic(const Node& node, BatchRows rows);
  BatchValues evaluate_each(const Node& node, BatchRows rows);
  BatchValues evaluate_rows(const Node& node, BatchRows rows);
  BatchValues lengths(BatchValues texts, BatchRows rows);
  const Node& over_parameters(const Node& node);
  RowContext context() const;
  triples::Value* take_values();
  std::uint8_t* take_rows();

  const triples::Relation& relation_;
  const triples::Relation* const relations_[1];
  const triples::Value* parameters_;
  base::Arena& arena_;
  triples::Slot first_ = 0;
  std::vector<Column> columns_;
  // Operators whose arguments are parameters instead, by the node.
  std::vector<std::pair<const Node*, std::unique_ptr<Node>>> over_parameters_;
};

}  // namespace tremula::dataflow
