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

#include "core/dataflow/graph.h"
#include "db/store.h"
#include "db/subscriptions.h"

namespace tremula::db {

// What ends when its database does: the handles of the face that were given out.
class Handle {
 public:
  virtual ~Handle() = default;
  virtual void database_ended() = 0;

 private:
  friend class Handles;
  Handle* next_ = nullptr;
  Handle** link_ = nullptr;  // what points to this one
};

// The handles of one database: a list through themselves, for there may be very many.
class Handles {
 public:
  void add(Handle& handle) {
    handle.next_ = first_;
    handle.link_ = &first_;
    if (first_ != nullptr) first_->link_ = &handle.next_;
    first_ = &handle;
  }
  void remove(Handle& handle) {
    *handle.link_ = handle.next_;
    if (handle.next_ != nullptr) handle.next_->link_ = handle.link_;
  }
  // Tells all that the database ends; none is in the list then.
  void end_all() {
    while (Handle* handle = first_) {
      remove(*handle);
      handle->database_ended();
    }
  }

 private:
  Handle* first_ = nullptr;
};

struct Engine {
  explicit Engine(KeyGenerator keys)
      : store(keys), arrangements(store), graph(store, arrangements) {}

  std::recursive_mutex mutex;
  Store store;
  dataflow::ArrangementStore arrangements;
  dataflow::Graph graph;
  Subscriptions subscriptions;  // ends before the graph that its views live in
  Handles handles;
  std::uint64_t commits = 0;    // that changed something
  bool in_transaction = false;  // a BEGIN or a transact() is open
};

}  // namespace tremula::db
