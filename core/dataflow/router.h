// Router: from the changed rows of a commit to the instances that they may concern.
//
//   instances -insert-> a RouteIndex for each table that they read     changes -route()-> touch()
//
// Thread: the writer thread alone.
#pragma once

#include <memory>

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
  RouteShared shared_;
  base::FlatMap<triples::TypeId, std::unique_ptr<RouteIndex>> tables_;
};

}  // namespace tremula::dataflow
