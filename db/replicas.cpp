#include "db/replicas.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "db/commit_pipeline.h"
#include "db/query_pipeline.h"
#include "persist/changes.h"
#include "persist/followed_base.h"
#include "persist/merging.h"
#include "persist/tree_catalog.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using persist::Merged;
using persist::MergeInto;
using persist::StampBook;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

namespace {

// What a merge asks of the tables.
class Tables {
 public:
  explicit Tables(Store& store) : store_(store) {}

  MergeInto ask() {
    return {.catalog = [](void* tables) -> const triples::Catalog& {
              return static_cast<Tables*>(tables)->store_.catalog();
            },
            .new_slot = [](void* tables,
                           TypeId type) { return static_cast<Tables*>(tables)->new_slot(type); },
            .undeclared =
                [](void* tables, TypeId type, std::string_view name) {
                  return static_cast<Tables*>(tables)->store_.undeclared_column(type, name);
                },
            .owner = this};
  }

 private:
  Slot new_slot(TypeId type) {
    Slot& next = next_slot_[type];
    next = std::max(next, store_.row_table(type).slot_end());
    return next++;
  }

  Store& store_;
  std::map<TypeId, Slot> next_slot_;
};

Result<void> apply_rows(Store& store, std::string_view record) {
  triples::CommitReader reader(record);
  triples::WrittenRow row;
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) return {};
    if (!persist::is_merged_type(row.type)) continue;
    if (store.apply(row)) continue;
    return Error{ErrorCode::kCorrupt, "the files don't fit the tables at table " +
                                          std::to_string(static_cast<std::uint32_t>(row.type)) +
                                          ", row " + std::to_string(row.slot)};
  }
}

using Resolve = std::function<Result<Merged>(std::uint64_t db_version, const lsm::LsmTree& tree,
                                             const MergeInto& into, StampBook& book)>;

// Resolves, writes and commits while nobody else writes.
Result<std::size_t> commit_resolved(Engine& engine, const Resolve& resolve) {
  std::size_t changes = 0;
  const auto visit = [&](lsm::LsmTree& tree, StampBook& book) -> Result<void> {
    Tables tables(engine.store);
    StampBook after = book;
    TREMULA_TRY_ASSIGN(Merged merged, resolve(engine.commits + 1, tree, tables.ask(), after));
    if (merged.changes == 0) return {};
    TREMULA_TRY(apply_rows(engine.store, merged.record));
    engine.store.note_stamped(after.stamped());
    engine.store.note_stamped(after.marked());
    TREMULA_TRY(commit_record(engine, merged.record));
    changes = merged.changes;
    book = std::move(after);
    return {};
  };
  begin_statement(engine);
  const auto done = engine.storage->with_base(visit);
  if (engine.store.touched()) roll_back(engine);
  if (!done.ok()) return done.error();
  return changes;
}

Result<void> expect_replica(const Engine& engine) {
  if (engine.storage) return {};
  return Error{ErrorCode::kUnsupported,
               "a database in memory is no replica; open a directory to merge with others"};
}

// --- Among other processes ---

bool is_shared(const Engine& engine) { return engine.sharing || engine.storage->is_shared(); }

// Takes in all that others committed: then own transactions are the newest.
Result<void> join_others(Engine& engine) {
  if (!may_catch_up(engine)) {
    return Error{ErrorCode::kUnsupported,
                 "changes and merge wait for others, who have this directory open, too: not inside "
                 "a transaction, a listener or a read"};
  }
  TREMULA_TRY(catch_up(engine));
  if (!engine.sharing) TREMULA_TRY(engine.storage->share(engine));
  return {};
}

// The host merges, and what comes of it comes as what others commit.
Result<std::size_t> submit_merge(Engine& engine, std::string_view text) {
  TREMULA_TRY_ASSIGN(const std::uint64_t number, engine.sharing->submit_merge(text));
  if (number == 0) return std::size_t{0};
  TREMULA_TRY(catch_up(engine));
  TREMULA_ASSERT(engine.sharing->taken_merge().number == number);
  return engine.sharing->taken_merge().changes;
}

// Undeclared columns that the file is the first to name take their numbers before it is merged.
Result<void> number_columns(Engine& engine, const persist::ChangeFile& file) {
  begin_statement(engine);
  for (const crdt::ChangeRecord& record : file.records) {
    const triples::TableDef* table = engine.store.catalog().find(record.table);
    const bool takes_names = table != nullptr && !table->strict && !table->dropped;
    if (record.column_name.empty() || !takes_names) continue;
    if (record.rule != triples::MergeRule::kLww) continue;
    if (table->find_column(record.column_name) != nullptr) continue;
    engine.store.undeclared_column(record.table, record.column_name);
  }
  TREMULA_TRY(commit(engine));
  return {};
}

Result<std::size_t> merge_shared(Engine& engine, std::string_view text,
                                 const persist::ChangeFile& file) {
  TREMULA_TRY(join_others(engine));
  TREMULA_TRY(number_columns(engine, file));
  if (file.records.empty()) return std::size_t{0};
  return submit_merge(engine, text);
}

// Nobody is held up: the directory is read as another process would.
Result<void> tell_shared_changes(Engine& engine, std::uint64_t since, std::string& text) {
  TREMULA_TRY(join_others(engine));
  TREMULA_TRY(submit_merge(engine, {}));
  TREMULA_TRY(engine.storage->sync(engine.commits));
  TREMULA_TRY(engine.storage->wait_durable(engine.commits));
  TREMULA_TRY_ASSIGN(const persist::FollowedBase base, engine.storage->read_base());
  TREMULA_TRY_ASSIGN(const StampBook book, StampBook::load(*base.tree, base.tree->state().site));
  TREMULA_TRY_ASSIGN(const triples::Catalog catalog, persist::read_tree_catalog(*base.tree));
  return persist::print_changes(since, base.version, *base.tree, catalog, book,
                                [&](std::string_view line) { text += line; });
}

// Others have come since it was asked.
bool has_others_now(const Engine& engine, const Error& error) {
  return error.code == ErrorCode::kLocked && engine.storage->is_shared();
}

}  // namespace

Result<void> tell_changes(Engine& engine, std::uint64_t since, std::string& text) {
  TREMULA_TRY(expect_replica(engine));
  TREMULA_TRY(check_files(engine));
  if (is_shared(engine)) return tell_shared_changes(engine, since, text);
  TREMULA_TRY(adopt_merged(engine, Adopt::kAll));
  TREMULA_TRY(engine.storage->wait_durable(engine.commits));
  const auto told =
      engine.storage->with_base([&](lsm::LsmTree& tree, StampBook& book) -> Result<void> {
        if (engine.storage->is_shared()) return Error{ErrorCode::kLocked, "shared"};
        return persist::print_changes(since, engine.commits, tree, engine.store.committed_catalog(),
                                      book, [&](std::string_view line) { text += line; });
      });
  if (told.ok() || !has_others_now(engine, told.error())) return told;
  text.clear();
  return tell_shared_changes(engine, since, text);
}

Result<std::size_t> merge_changes(Engine& engine, std::string_view text) {
  TREMULA_TRY(expect_replica(engine));
  base::Arena arena;
  TREMULA_TRY_ASSIGN(const persist::ChangeFile file, persist::read_change_file(text, arena));
  if (is_shared(engine)) return merge_shared(engine, text, file);
  const auto merged = commit_resolved(
      engine,
      [&](std::uint64_t db_version, const lsm::LsmTree& tree, const MergeInto& into,
          StampBook& book) { return persist::merge_records(file, db_version, tree, into, book); });
  if (merged.ok() || !has_others_now(engine, merged.error())) return merged;
  return merge_shared(engine, text, file);
}

Result<void> adopt_merged(Engine& engine, Adopt what) {
  std::vector<TypeId> types;
  for (const auto& [type, table] : engine.store.committed_catalog().tables()) {
    const auto is_adopted = [&table = table](const triples::ColumnDef& column) {
      return !column.declared && table.find_column(column.name) != nullptr;
    };
    const bool may_adopt = engine.store.is_stamped(type) ||
                           (what == Adopt::kAll &&
                            std::any_of(table.columns.begin(), table.columns.end(), is_adopted));
    if (!table.read_only && may_adopt) types.push_back(type);
  }
  if (types.empty() || engine.storage->is_shared()) return {};
  const auto adopted =
      commit_resolved(engine, [&](std::uint64_t db_version, const lsm::LsmTree& tree,
                                  const MergeInto& into, StampBook& book) {
        return persist::adopt_records(types, what, db_version, tree, into, book);
      });
  if (!adopted.ok()) return adopted.error();
  return {};
}

}  // namespace tremula::db
