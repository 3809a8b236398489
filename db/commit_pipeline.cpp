#include "db/commit_pipeline.h"

#include "core/triples/catalog.h"

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
void follow_indexes(Engine& engine, const triples::Catalog& before) {
  const triples::Catalog& after = engine.store.catalog();
  for (const auto& [type, table] : after.tables()) {
    for (const triples::ColumnDef& column : table.columns) {
      const bool was = is_indexed(before, type, column.attr);
      const bool is = is_indexed(after, type, column.attr);
      if (is && !was) engine.arrangements.declare_index(type, column.attr);
      if (was && !is) engine.arrangements.drop_index(type, column.attr);
    }
  }
}

void settle(Engine& engine) {
  engine.graph.settle();
  engine.arrangements.settle();
  engine.store.settle();
}

}  // namespace

bool commit(Engine& engine) {
  if (!engine.store.touched()) return false;
  std::optional<triples::Catalog> catalog_before;
  if (engine.store.catalog_changed()) catalog_before = engine.store.committed_catalog();

  const bool changed = engine.store.seal();
  if (changed) {
    ++engine.commits;
    for (const dataflow::View* view : engine.graph.step()) {
      engine.subscriptions.collect(*view, engine.commits);
    }
  }
  settle(engine);
  if (catalog_before) follow_indexes(engine, *catalog_before);
  return changed;
}

void deliver(Engine& engine) { engine.subscriptions.deliver(); }

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
