// What stands behind the handles of the face: the engine, and states that are told when it ends.
//
// Thread: with the engine's mutex.
#pragma once

#include <string>

#include "core/dataflow/one_shot.h"
#include "db/engine.h"
#include "lang/treeql/statement.h"
#include "tremula/database.h"

namespace tremula {

struct Database::Core : db::Engine {
  using Engine::Engine;
};

struct Subscription::State final : db::Listening {
  using Listening::Listening;
};

struct Statement::State final : db::Handle {
  State(db::Engine& on, std::string statement_text) : engine(&on), text(std::move(statement_text)) {
    engine->handles.add(*this);
  }
  ~State() override;
  void database_ended() override { engine = nullptr; }
  // Binds the text to the catalog that stands, unless it is bound to it.
  base::Result<void> rebind();

  db::Engine* engine;  // null: the database ended
  std::string text;
  treeql::Statement bound;
  std::uint64_t catalog_version = 0;
  // How `bound` is run, if it is a plain SELECT. Shared with a run in hand, whose visitor may
  // have the statement bound anew.
  std::shared_ptr<dataflow::OneShot> plan;
};

struct Transaction::Core {
  explicit Core(db::Engine& on) : engine(on) {}
  // The object that transact() lends.
  static Transaction lend(Core& core) { return Transaction(core); }

  db::Engine& engine;
  base::Arena arena;            // of one call
  std::vector<db::Cell> cells;  // of one call
};

namespace db {

// One SELECT with its arguments, as rows.
base::Result<Rows> collect_rows(Engine& engine, const treeql::Statement& statement,
                                NamedValues parameters);
// The same of a prepared statement.  Requires: it is bound.
base::Result<Rows> collect_rows(Statement::State& state, NamedValues parameters);

}  // namespace db
}  // namespace tremula
