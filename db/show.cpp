#include <string>

#include "core/triples/value_ops.h"
#include "db/json_text.h"
#include "db/statements.h"

namespace tremula::db {

void show_tables(Engine& engine, const LineVisitor& line) {
  std::string text;
  for (const auto& [type, table] : engine.store.catalog().tables()) {
    if (table.dropped || table.read_only) continue;
    text = "{";
    begin_member(text, "table");
    triples::print_json_string(table.name, text);
    begin_member(text, "number");
    text += std::to_string(static_cast<std::uint32_t>(type));
    begin_member(text, "strict");
    text += table.strict ? "true" : "false";
    begin_member(text, "rows");
    text += std::to_string(engine.store.row_table(type).row_count(triples::Side::kNew));
    text += '}';
    line(text);
  }
}

void show_stats(Engine& engine, const LineVisitor& line) {
  const auto show = [&line](std::string_view name, std::size_t value) {
    std::string text = "{";
    begin_member(text, "stat");
    triples::print_json_string(name, text);
    begin_member(text, "value");
    text += std::to_string(value);
    text += '}';
    line(text);
  };
  const dataflow::GraphStats graph = engine.graph.stats();
  show("commits", engine.commits);
  show("subscriptions", engine.subscriptions.size());
  show("views", graph.views);
  show("templates", graph.templates);
  show("instances", graph.instances);
  show("table_bytes", engine.store.memory_bytes());
  show("arrangement_bytes", engine.arrangements.memory_bytes());
  show("graph_bytes", graph.bytes);
  show("subscription_bytes", engine.subscriptions.memory_bytes());
  show("statement_bytes_max", engine.statement_bytes_max);
  if (!engine.storage) return;
  const persist::PersisterStatus status = engine.storage->status();
  show("host", engine.storage->is_host() ? 1 : 0);
  show("pending", engine.sharing ? engine.sharing->pending() : 0);
  show("ordered", status.ordered);
  show("durable", status.durable);
  show("queue_bytes", status.queue_bytes);
  show("waits_for_room", status.waits_for_room);
  show("syncs", status.syncs);
  show("log_bytes", status.log_bytes);
  show("memtable_bytes", status.lsm.memtable_bytes);
  for (std::size_t level = 0; level < status.lsm.files_per_level.size(); ++level) {
    show("files_level_" + std::to_string(level), status.lsm.files_per_level[level]);
    show("bytes_level_" + std::to_string(level), status.lsm.bytes_per_level[level]);
  }
  show("file_bytes", status.lsm.bytes);
  show("file_triples", status.lsm.entries);
  show("file_tombstones", status.lsm.tombstones);
  if (status.lsm.column_bytes > 0)
    show("space_amplification_percent", status.lsm.bytes * 100 / status.lsm.column_bytes);
  show("pinned_files", status.lsm.pinned.size());
  for (const auto& [name, bytes] : status.lsm.pinned) show("pinned " + name, bytes);
  show("block_cache_bytes", engine.store.cache_bytes());
  show("loads", engine.store.loads());
}

}  // namespace tremula::db
