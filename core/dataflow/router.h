// Router: from the changed rows of a commit to the instances that they may concern.
//
//   instances -insert-> a RouteIndex for each table that they read     changes -route()-> touch()
//
// Where each parameter of a core equals a column of the row, as in `grp = $0 AND kind = $1`, the
// row tells the instance's vector: it is found in the core's directory, and stands in no index.
// That is one more look for each such core, so a table has a few of them, the others are indexed.
// Thread: the writer thread alone.
#pragma once

#include <memory>
#include <vector>

#include "core/dataflow/lowering.h"
#include "core/dataflow/route_index.h"

namespace tremula::dataflow {

// All routes of a graph, by table.
class Router {
 public:
  Router(TableSource& tables, ArrangementStore::Impl& indexes, base::Arena& arena)
      : shared_(tables, indexes, arena) {}

  // Requires: of erase(): it was inserted.
  void insert(CoreInstance& instance);
  void erase(CoreInstance& instance);
  // Touches the instances that the sealed changes of all tables may concern.
  void route(TemplateRegistry& registry);
  std::size_t memory_bytes() const;

 private:
  // A core whose instances rows of its source find by their values.
  struct Direct {
    const Core* core = nullptr;
    std::uint32_t source = 0;
    std::vector<triples::ColumnIndex> columns;  // by parameter
  };
  struct Table {
    std::vector<Direct> direct;
    std::unique_ptr<RouteIndex> index;  // null: nobody stands in it
  };

  static bool is_direct(const Table& table, const CoreInstance& instance, std::uint32_t source);
  static void add_direct(Table& table, const Core& core, std::uint32_t source);
  static void touch_direct(const Direct& direct, const triples::RowChange& change);

  RouteShared shared_;
  base::FlatMap<triples::TypeId, std::unique_ptr<Table>> tables_;
};

}  // namespace tremula::dataflow
