// OneShot: a select of one table's rows, without groups, DISTINCT or sub-selects, run as often as
// asked. Nothing is kept between runs but the plan, and no instance is made.
//
//   Select -lowering, once-> access, conditions, order, shape       parameters -> rows found ->
//   sorted by order and key, of a LIMIT only as many as it takes -> printed
//
// Access is by key, by an index that is there, by several of these (OR, IN), else by scan.
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

namespace tremula::dataflow {

class OneShot {
 public:
  // Null: the select is not of this kind.
  // Requires: tables and store outlive it; the select needn't.
  static std::unique_ptr<OneShot> make(const Select& select, TableSource& tables,
                                       ArrangementStore& store);

  // Calls `row` with the JSON text of each row on the new side, in order, until it returns false.
  // Errors: limit_range, as Graph::open.
  base::Result<void> for_each_json(std::span<const triples::Value> parameters,
                                   const std::function<bool(std::string_view)>& row);
  // The same as Graph::run.
  base::Result<void> for_each_value(std::span<const triples::Value> parameters,
                                    const Graph::RowVisitor& row);

 private:
  OneShot(TableSource& tables, ArrangementStore& store) : tables_(tables), store_(store) {}

  base::Result<void> find(std::span<const triples::Value> parameters);
  bool find_by(const BindStep& step, std::vector<triples::Slot>& out);
  void find_all(std::vector<triples::Slot>& out) const;
  void sort(std::size_t offset, std::size_t limit);
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
  std::vector<triples::Slot> slots_;
  std::vector<std::pair<std::string, triples::Slot>> sorted_;
  std::string key_;
};

}  // namespace tremula::dataflow
