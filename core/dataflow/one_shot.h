// OneShot: a select of one table's rows, or of aggregates over all of them, without GROUP BY,
// DISTINCT or sub-selects, run as often as asked. Nothing is kept between runs but the plan, and no
// instance is made.
//
//   Select -lowering, once-> access, conditions, order, shape       parameters -> rows found ->
//   sorted by order and key, of a LIMIT only as many as it takes -> printed
//                                                        or: rows found -> accumulators -> printed
//
// Access is by key, by an index that is there, by several of these (OR, IN), else by scan, which
// goes batch by batch (row_batch.h).
// Thread: the writer thread alone.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/dataflow/lowering.h"
#include "core/dataflow/owned_rows.h"
#include "core/dataflow/row_batch.h"

namespace tremula::dataflow {

class OneShot {
 public:
  // Null: the select is not of this kind.
  // Requires: tables and store outlive it; the select needn't.
  static std::unique_ptr<OneShot> make(const Select& select, TableSource& tables,
                                       ArrangementStore& store);

  // Called now and then while rows are looked at, when nothing of a table is in hand: what tables
  // have loaded may be dropped then.
  // Returns: whether to go on; else no more rows are found, and what is told means nothing.
  using Rest = std::function<bool()>;
  // Calls `row` with the JSON text of each row on the new side, in order, until it returns false.
  // Errors: limit_range, as Graph::open.
  // `count`, if there is one, is told before how many rows there are.
  base::Result<void> for_each_json(std::span<const triples::Value> parameters,
                                   const std::function<bool(std::string_view)>& row,
                                   const Rest& rest = {},
                                   const std::function<void(std::size_t)>& count = {});
  // The same as Graph::run.
  base::Result<void> for_each_value(std::span<const triples::Value> parameters,
                                    const Graph::RowVisitor& row);

 private:
  OneShot(TableSource& tables, ArrangementStore& store) : tables_(tables), store_(store) {}

  // What of the result, in its order, is asked for.
  struct Window {
    std::size_t offset = 0;
    std::size_t limit = ~std::size_t{0};
  };
  base::Result<Window> begin(std::span<const triples::Value> parameters);
  base::Result<void> find(std::span<const triples::Value> parameters, const Rest& rest);
  bool find_by(const BindStep& step, std::vector<triples::Slot>& out);
  bool find_by_range(const BindStep& step, std::vector<triples::Slot>& out);
  // Finds the rows by the access. Returns: false if that is a scan.
  bool find_by_access();
  // Calls `visit` with the context of each row found that the conditions hold for.
  template <typename Visit>
  void visit_found(const Rest& rest, Visit visit);
  // Calls `visit` with each batch of the table and the rows in it that the conditions hold for.
  template <typename Visit>
  void visit_batches(const Rest& rest, Visit visit);
  // Returns: whether the one row of the result is asked for.
  base::Result<bool> aggregate(std::span<const triples::Value> parameters, const Rest& rest,
                               GroupTable& groups);
  void contribute(const CoreAggregate& to, const RowContext& row, Accumulator& accumulator);
  void contribute(const CoreAggregate& to, RowBatch& batch, BatchRows rows,
                  Accumulator& accumulator);
  RowContext group_context(const triples::Relation* const* groups) const;
  void find_top(Window window, const Rest& rest);
  void sort(Window window, const Rest& rest);
  void key_of(triples::Slot slot, std::string& out) const;
  RowContext context(const triples::Slot& slot) const;

  TableSource& tables_;
  ArrangementStore& store_;
  TemplateRegistry registry_;
  Lowered lowered_;  // after the registry, which it leaves when it ends
  const triples::Relation* relation_ = nullptr;
  mutable base::Arena arena_;
  // Of the run in hand.
  std::vector<triples::Value> values_;
  std::vector<triples::Slot> found_;  // by the access
  std::vector<triples::Slot> slots_;
  std::vector<std::pair<std::string, triples::Slot>> sorted_;
  std::string key_;
};

}  // namespace tremula::dataflow
