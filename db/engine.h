// Engine: one open database. All that the face, the pipelines and the statements work on.
//
//   Store (tables, catalog) <- ArrangementStore (their orders) <- Graph (live selects) ->
//       Subscriptions (listeners)
//
// Thread: whoever holds `mutex`; it is recursive, so that listeners may call in again.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

#include "core/dataflow/graph.h"
#include "db/store.h"
#include "db/subscriptions.h"

namespace tremula::db {

// What ends when its database does: the handles of the face that were given out.
class Handle {
 public:
  virtual ~Handle() = default;
  virtual void database_ended() = 0;
};

struct Engine {
  explicit Engine(KeyGenerator keys)
      : store(keys), arrangements(store), graph(store, arrangements) {}

  std::recursive_mutex mutex;
  Store store;
  dataflow::ArrangementStore arrangements;
  dataflow::Graph graph;
  Subscriptions subscriptions;  // ends before the graph that its views live in
  std::unordered_set<Handle*> handles;
  std::uint64_t commits = 0;    // that changed something
  bool in_transaction = false;  // a BEGIN or a transact() is open
};

}  // namespace tremula::db
