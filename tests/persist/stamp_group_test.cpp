// What merging knows of a transaction is the same, whatever others went into the log with it.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "core/base/arena.h"
#include "core/triples/key_encoding.h"
#include "persist/changes.h"
#include "persist/memory_file_system.h"
#include "persist/merging.h"
#include "persist/persister.h"
#include "tests/property/rng.h"

namespace tremula::persist {
namespace {

using property::Rng;
using triples::AttrId;
using triples::Fate;
using triples::Value;

constexpr triples::TypeId kTable{1};

// K INT = 1 KEY, N INT = 2, C INT = 3 COUNTER.
triples::Catalog one_table() {
  triples::TableDef table;
  table.name = "T";
  table.type = kTable;
  const auto column = [&](const char* name, std::uint32_t number) -> triples::ColumnDef& {
    triples::ColumnDef& made = table.columns.emplace_back();
    made.name = name;
    made.attr = AttrId{number};
    made.type = triples::Type::kInt;
    return made;
  };
  column("K", 1).key_position = 0;
  column("N", 2);
  column("C", 3).merge = triples::MergeRule::kCounter;
  triples::Catalog catalog;
  catalog.put(std::move(table));
  return catalog;
}

// A persister that is stepped by hand, with one table of rows that are written here and merged.
class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed), catalog_(std::make_shared<const triples::Catalog>(one_table())) {
    persister_ = Persister::open(files_, "db", {}).value();
    persister_->set_catalog(catalog_);
  }

  // Every `steps_each` transactions go into the log together.  Returns: all changes.
  std::string run(int steps_each) {
    merge();  // from now on all that is written wants stamps, as far as it may meet a merged row
    for (int i = 1; i <= 40; ++i) {
      random_.chance(35) ? merge() : write(i);
      if (i % steps_each == 0) (void)persister_->step();
    }
    return changes();
  }

 private:
  void write(int number) {
    const int key = random_.below(kKeys);
    Row& row = rows_[key];
    const bool dies = row.is_alive && random_.chance(40);
    triples::CommitWriter writer;
    if (!row.is_alive) row.slot = next_slot_++;
    const Fate fate = dies ? Fate::kDeleted : row.is_alive ? Fate::kUpdated : Fate::kInserted;
    std::string encoded;
    triples::encode_ordered(Value::int_of(key), encoded);
    const std::size_t cells = dies ? 0 : row.is_alive ? 2 : 3;
    writer.begin_row(kTable, row.slot, fate, encoded, cells);
    if (!dies && !row.is_alive) {
      writer.cell(AttrId{1}, Value::int_of(key));
      row.counter = 0;
    }
    if (!dies) {
      writer.cell(AttrId{2}, Value::int_of(number));
      writer.cell(AttrId{3}, Value::int_of(++row.counter));
    }
    row.is_alive = !dies;
    REQUIRE(persister_->submit(writer.view(), true).ok());
  }
  // A row of another replica, in a life of its own, as a transaction that brings its stamps.
  void merge() {
    const std::string key = std::to_string(random_.below(kKeys));
    const std::string life = std::to_string(random_.between(1, 6));
    const std::string at = std::to_string(random_.between(1, 60));
    const auto record = [&](const std::string& what) {
      return "{\"table\":1,\"key\":[" + key + "]," + what + ",\"cl\":" + life +
             ",\"version\":" + at +
             ",\"site\":\"00112233445566778899aabbccddeeff\",\"db_version\":1,\"seq\":0}\n";
    };
    std::string text = record("\"column\":null,\"value\":null");
    if (std::stoi(life) % 2 == 1) {
      text += record("\"column\":2,\"value\":" + at);
      text += record("\"column\":3,\"rule\":\"COUNTER\",\"value\":" + at);
    }
    REQUIRE(persister_->with_base([&](lsm::LsmTree& tree, StampBook& book) -> base::Result<void> {
      base::Arena arena;
      TREMULA_TRY_ASSIGN(const ChangeFile file, read_change_file(text, arena));
      MergeInto into;
      into.owner = this;
      into.catalog = [](void* owner) -> const triples::Catalog& {
        return *static_cast<History*>(owner)->catalog_;
      };
      into.new_slot = [](void* owner, triples::TypeId) {
        return static_cast<History*>(owner)->next_slot_++;
      };
      const std::uint64_t version = persister_->status().submitted + 1;
      TREMULA_TRY_ASSIGN(const Merged merged, merge_records(file, version, tree, into, book));
      if (merged.changes == 0) return {};
      take(merged.record);
      TREMULA_TRY(persister_->submit(merged.record));
      return {};
    }).ok());
  }
  // What the tables have after a merge.
  void take(std::string_view record) {
    triples::CommitReader reader(record);
    for (triples::WrittenRow written; reader.next(written).value();) {
      if (written.type != kTable) continue;
      for (int key = 0; key < kKeys; ++key) {
        std::string encoded;
        triples::encode_ordered(Value::int_of(key), encoded);
        if (encoded != written.key) continue;
        Row& row = rows_[key];
        row.slot = written.slot;
        row.is_alive = written.fate != Fate::kDeleted;
        if (written.fate == Fate::kInserted) row.counter = 0;
        for (const triples::WrittenCell& cell : written.cells) {
          if (cell.attr == AttrId{3}) row.counter = cell.value.integer;
        }
      }
    }
  }
  // Without the name of this replica.
  std::string changes() {
    std::string text;
    const std::uint64_t last = persister_->status().submitted;
    const auto told = persister_->with_base([&](lsm::LsmTree& tree, StampBook& book) {
      return print_changes(0, last, tree, *catalog_, book, [&](std::string_view line) {
        std::string own(line);
        const std::size_t at = own.find("\"site\":\"");
        if (at != std::string::npos && own.find("00112233") == std::string::npos)
          own.erase(at, own.find('"', at + 8) - at + 1);
        text += own;
      });
    });
    if (!told.ok()) FAIL(told.error().message);
    return text;
  }

  static constexpr int kKeys = 4;
  struct Row {
    bool is_alive = false;
    triples::Slot slot = triples::kNoSlot;
    std::int64_t counter = 0;
  };
  Rng random_;
  MemoryFileSystem files_;
  std::shared_ptr<const triples::Catalog> catalog_;
  std::unique_ptr<Persister> persister_;
  std::map<int, Row> rows_;
  triples::Slot next_slot_ = 0;
};

}  // namespace

TEST_CASE("stamping: transactions that go into the log together are told as if each went alone") {
  int later_lives = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    const std::string alone = History(seed).run(1);
    later_lives += alone.find("\"cl\":3") != std::string::npos ? 1 : 0;
    CHECK(History(seed).run(3) == alone);
    CHECK(History(seed).run(40) == alone);
  }
  CHECK(later_lives > 10);
}

}  // namespace tremula::persist
