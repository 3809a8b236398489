#include "db/commit_pipeline.h"

#include "core/base/check.h"
#include "core/triples/catalog.h"
#include "db/query_pipeline.h"
#include "db/replicas.h"

namespace tremula::db {

namespace {

// Whether the table keeps an order by this column, in the catalog given.
bool is_indexed(const triples::Catalog& catalog, triples::TypeId type, triples::AttrId attr) {
  const triples::TableDef* table = catalog.find(type);
  if (table == nullptr || table->dropped) return false;
  const triples::ColumnDef* column = table->find_attr(attr);
  return column != nullptr && column->indexed && column->visible;
}

// INDEX clauses count from their commit on. A transaction that is rolled back has built none.
void follow_indexes(Engine& engine, const triples::Catalog& before, dataflow::IndexBuild build) {
  const triples::Catalog& after = engine.store.catalog();
  for (const auto& [type, table] : after.tables()) {
    for (const triples::ColumnDef& column : table.columns) {
      const bool was = is_indexed(before, type, column.attr);
      const bool is = is_indexed(after, type, column.attr);
      if (is && !was) engine.arrangements.declare_index(type, column.attr, build);
      if (was && !is) engine.arrangements.drop_index(type, column.attr);
    }
  }
}

// Gives the transaction in hand to the persister.
base::Result<void> log_commit(Engine& engine) {
  if (!engine.storage && !engine.sharing) return {};
  TREMULA_TRY(check_files(engine));
  if (!engine.sharing) {
    TREMULA_TRY_ASSIGN(const std::optional<std::uint64_t> version,
                       engine.storage->submit(engine.store));
    if (version) {
      TREMULA_ASSERT(*version == engine.commits + 1);
      return {};
    }
    TREMULA_TRY(engine.storage->share(engine));  // somebody else has come since
  }
  TREMULA_TRY(engine.sharing->submit(engine.commits + 1));
  engine.store.seal();
  return {};
}

void step(Engine& engine) {
  for (dataflow::View* view : engine.graph.step()) {
    engine.subscriptions.collect(*view, engine.commits);
  }
}

void settle(Engine& engine) {
  engine.graph.settle();
  engine.arrangements.settle();
  engine.store.settle();
  engine.store.set_version(engine.commits + 1);
}

// What another process committed is the transaction in hand: it is one commit here.
void take_in(Engine& engine) {
  std::optional<triples::Catalog> catalog_before;
  if (engine.store.catalog_changed()) catalog_before = engine.store.committed_catalog();
  engine.commits = engine.sharing->base() + engine.sharing->pending();
  if (engine.store.seal()) step(engine);
  settle(engine);
  engine.sharing->settled();
  if (catalog_before) follow_indexes(engine, *catalog_before, dataflow::IndexBuild::kNow);
}

// The log has gone on without this process: what it missed is one commit.
base::Result<void> start_again(Engine& engine) {
  TREMULA_TRY_ASSIGN(const persist::FollowedBase from, engine.sharing->find_restart());
  engine.store.set_version(from.version + engine.sharing->pending());
  TREMULA_TRY(engine.sharing->restart(from));
  take_in(engine);
  return {};
}

base::Result<Sharing::Taken> take_one(Engine& engine) {
  TREMULA_TRY_ASSIGN(const Sharing::Taken taken, engine.sharing->take_next());
  if (taken == Sharing::Taken::kForeign) take_in(engine);
  if (taken == Sharing::Taken::kLost) TREMULA_TRY(start_again(engine));
  return taken;
}

}  // namespace

bool may_catch_up(const Engine& engine) {
  return !engine.in_transaction && engine.readers == 0 && !engine.store.touched() &&
         !engine.subscriptions.is_delivering();
}

bool has_news(const Engine& engine) {
  if (engine.sharing) return engine.sharing->has_news();
  return engine.storage && engine.storage->is_shared();
}

base::Result<std::size_t> catch_up(Engine& engine) {
  std::size_t commits = 0;
  if (!may_catch_up(engine)) return commits;  // the descriptor stays readable
  if (engine.storage) engine.storage->clear_wake();
  if (!has_news(engine)) return commits;
  // A log that takes nothing any more, or not now, keeps nobody from reading: a commit says why.
  if (!engine.sharing && !engine.storage->share(engine).ok()) return commits;
  if (engine.sharing->failure().code != base::ErrorCode::kOk) return engine.sharing->failure();
  // As far as is known now: others may write as fast as this one takes in.
  const std::uint64_t until = engine.sharing->ordered();
  while (engine.sharing->base() < until) {
    TREMULA_TRY(check_files(engine));
    const Reading reading(engine);  // so that memory stays within its budget
    const auto taken = take_one(engine);
    if (!taken.ok()) {
      roll_back(engine);  // it may have begun
      return taken.error();
    }
    if (taken.value() == Sharing::Taken::kNothing) break;
    if (taken.value() != Sharing::Taken::kOwn) ++commits;
  }
  return commits;
}

base::Result<std::size_t> take_news(Engine& engine) {
  TREMULA_TRY_ASSIGN(const std::size_t commits, catch_up(engine));
  const Reading reading(engine);
  engine.subscriptions.deliver();
  return commits;
}

base::Result<bool> is_outdated(Engine& engine, const base::Error& error) {
  if (error.code != base::ErrorCode::kSchemaConflict || !engine.sharing) return false;
  const std::uint64_t before = engine.store.catalog_version();
  TREMULA_TRY(begin_call(engine));
  return engine.store.catalog_version() != before;
}

base::Result<void> commit_record(Engine& engine, std::string_view record) {
  std::optional<triples::Catalog> catalog_before;
  if (engine.store.catalog_changed()) catalog_before = engine.store.committed_catalog();
  engine.store.seal();
  TREMULA_TRY(check_files(engine));
  TREMULA_TRY_ASSIGN(const std::uint64_t version,
                     engine.storage->submit_merged(engine.store, record));
  TREMULA_ASSERT(version == engine.commits + 1);
  ++engine.commits;
  step(engine);
  settle(engine);
  if (catalog_before) follow_indexes(engine, *catalog_before, dataflow::IndexBuild::kNow);
  return {};
}

base::Result<bool> commit(Engine& engine) {
  if (!engine.store.touched()) return false;
  std::optional<triples::Catalog> catalog_before;
  if (engine.store.catalog_changed()) catalog_before = engine.store.committed_catalog();

  const bool changed = engine.store.seal();
  if (changed) {
    const auto logged = log_commit(engine);
    if (!logged.ok()) {
      roll_back(engine);
      return logged.error();
    }
    ++engine.commits;
    step(engine);
  }
  settle(engine);
  if (catalog_before) {
    follow_indexes(engine, *catalog_before, dataflow::IndexBuild::kNow);
    // The commit stands. What a failing disk keeps from coming to light comes at the next opening,
    // and whoever writes next hears of the disk.
    if (engine.storage && !engine.sharing) (void)adopt_merged(engine, Adopt::kMerged);
  }
  return changed;
}

base::Result<void> deliver(Engine& engine) {
  TREMULA_TRY(check_files(engine));  // else the patches may be wrong: nobody hears them
  const Reading reading(engine);
  engine.subscriptions.deliver();
  if (!engine.storage || !engine.storage->is_sync()) return {};
  return engine.storage->wait_durable(engine.commits);
}

void declare_indexes(Engine& engine) {
  follow_indexes(engine, triples::Catalog(), dataflow::IndexBuild::kWhenAsked);
}

void roll_back(Engine& engine) {
  if (!engine.store.touched()) return;
  engine.arrangements.rollback();  // before the rows, whose old keys it looks at
  engine.store.rollback();
}

void begin_statement(Engine& engine) { engine.store.begin_statement(); }

void undo_statement(Engine& engine) {
  if (engine.store.undo_statement()) engine.arrangements.refresh();
}

}  // namespace tremula::db
