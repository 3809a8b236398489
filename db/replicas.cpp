#include "db/replicas.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "db/commit_pipeline.h"
#include "db/query_pipeline.h"
#include "persist/changes.h"
#include "persist/merging.h"

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
  if (engine.sharing || (engine.storage && engine.storage->is_shared())) {
    return Error{ErrorCode::kUnsupported,
                 "other processes have opened this directory, too; close them to merge"};
  }
  if (engine.storage) return {};
  return Error{ErrorCode::kUnsupported,
               "a database in memory is no replica; open a directory to merge with others"};
}

}  // namespace

Result<void> tell_changes(Engine& engine, std::uint64_t since, std::string& text) {
  TREMULA_TRY(expect_replica(engine));
  TREMULA_TRY(check_files(engine));
  TREMULA_TRY(adopt_merged(engine, Adopt::kAll));
  TREMULA_TRY(engine.storage->wait_durable(engine.commits));
  return engine.storage->with_base([&](lsm::LsmTree& tree, StampBook& book) {
    return persist::print_changes(since, engine.commits, tree, engine.store.committed_catalog(),
                                  book, [&](std::string_view line) { text += line; });
  });
}

Result<std::size_t> merge_changes(Engine& engine, std::string_view text) {
  TREMULA_TRY(expect_replica(engine));
  base::Arena arena;
  TREMULA_TRY_ASSIGN(const persist::ChangeFile file, persist::read_change_file(text, arena));
  return commit_resolved(engine, [&](std::uint64_t db_version, const lsm::LsmTree& tree,
                                     const MergeInto& into, StampBook& book) {
    return persist::merge_records(file, db_version, tree, into, book);
  });
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
