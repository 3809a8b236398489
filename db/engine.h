// Engine: one open database. All that the face, the pipelines and the statements work on.
//
//   Storage (files) <- Store (tables, catalog) <- ArrangementStore (their orders) <-
//       Graph (live selects) -> Subscriptions (listeners)
//
// Thread: whoever holds `mutex`; it is recursive, so that listeners may call in again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/dataflow/graph.h"
#include "db/handle.h"
#include "db/known_selects.h"
#include "db/sharing.h"
#include "db/storage.h"
#include "db/store.h"
#include "db/subscriptions.h"

namespace tremula::db {

struct Engine {
  explicit Engine(KeyGenerator keys)
      : store(keys), arrangements(store), graph(store, arrangements) {}

  std::recursive_mutex mutex;
  std::unique_ptr<Storage> storage;  // null: in memory; ends after the tables that read from it
  Store store;
  std::unique_ptr<Sharing> sharing;  // null: nobody else writes here
  dataflow::ArrangementStore arrangements;
  dataflow::Graph graph;
  KnownSelects known_selects;
  Subscriptions subscriptions;  // ends before the graph that its views live in
  Handles handles;
  // That changed something: the version of the database; of a shared one with what is pending.
  std::uint64_t commits = 0;
  bool in_transaction = false;  // a BEGIN or a transact() is open
  // Set while a statement runs that may be ended halfway: it ends when the flag is true.
  const std::atomic<bool>* interrupt = nullptr;
  bool is_interrupted() const { return interrupt != nullptr && *interrupt; }
  int readers = 0;  // calls under way that may hold values of tables
  // The most that a select held at once beside the tables: groups, orders, rows (SHOW STATS).
  std::size_t statement_bytes_max = 0;
  // When memory was last held against its budget.
  std::size_t loads_when_trimmed = 0;
  std::uint64_t commits_when_trimmed = 0;
};

// A call that reads tables: nothing that it may hold is dropped while it lives. The end of the last
// one drops what the memory budget doesn't allow.
class Reading {
 public:
  explicit Reading(Engine& engine) : engine_(engine) { ++engine_.readers; }
  ~Reading() {
    if (--engine_.readers == 0 && engine_.storage) trim_memory(engine_);
  }
  // What a scan may call when nothing of a table is in its hand: it drops what the budget doesn't
  // allow, unless somebody else may hold something.  Returns: false if the statement was ended.
  std::function<bool()> rest() const {
    if (engine_.readers != 1 || !engine_.storage) {
      if (engine_.interrupt == nullptr) return {};
      return [&engine = engine_] { return !engine.is_interrupted(); };
    }
    return [&engine = engine_] {
      trim_memory(engine);
      return !engine.is_interrupted();
    };
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  // Nothing happens inside a transaction.
  static void trim_memory(Engine& engine);
  Engine& engine_;
};

}  // namespace tremula::db
