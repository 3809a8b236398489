// The state behind a Session: an open BEGIN, and the subscriptions that were given names.
//
//   script -Script-> statement -> transaction of its own, or of the open BEGIN -> outputs, in the
//       contract's order
//
// Thread: takes the engine's mutex statement by statement; holds it while BEGIN is open.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "db/engine.h"
#include "db/statements.h"
#include "tremula/database.h"

namespace tremula {

struct Session::State {
 public:
  State(db::Engine& on, OutputSink to) : engine_(on), sink_(std::move(to)) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<RunResult> run(std::string_view script, NamedValues parameters);
  bool in_transaction() const { return begun_; }
  Result<std::string> result_of(std::string_view subscription,
                                std::size_t rows_max = ~std::size_t{0}) const;
  Result<std::size_t> row_count_of(std::string_view subscription) const;
  std::vector<std::string> subscriptions() const;
  void on_progress(Progress progress) { progress_ = std::move(progress); }
  void interrupt() { interrupted_ = true; }

 private:
  struct Named {
    std::string name;
    std::string query;
    std::unique_ptr<db::Listening> listening;
  };
  using Done = base::Result<void>;

  Done execute(const treeql::Statement& statement, NamedValues parameters);
  Done run_body(const treeql::Statement& statement, const db::Arguments& arguments);
  Done write(const treeql::Statement& statement, const db::Arguments& arguments);
  Done control(treeql::Transaction what, const treeql::Statement& statement);
  Done select(const treeql::Query& query, const treeql::Statement& statement,
              const db::Arguments& arguments);
  Done subscribe(const treeql::Subscribe& subscribe, const treeql::Statement& statement,
                 const db::Arguments& arguments);
  Done unsubscribe(const treeql::Unsubscribe& unsubscribe);
  Done explain_live(const treeql::ExplainLive& explain);
  Done show(treeql::Show what);
  Done export_rows(const treeql::Export& to, const treeql::Statement& statement,
                   const db::Arguments& arguments);
  Done maintain(treeql::Maintenance what);
  Done commit_begun();
  void end_begun();
  void emit(OutputKind kind, std::string_view text, std::string_view subscription = {});
  const Named* find(std::string_view name) const;
  Result<const db::Listening*> listening_of(std::string_view subscription) const;

  db::Engine& engine_;
  OutputSink sink_;
  Progress progress_;
  std::atomic<bool> interrupted_ = false;
  std::vector<Named> named_;  // in the order in which they were made
  bool begun_ = false;
  std::unique_lock<std::recursive_mutex> begun_lock_;
  std::size_t statement_ = 0;
};

}  // namespace tremula
