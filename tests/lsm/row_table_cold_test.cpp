// Tables whose rows are in files: what is dropped comes back, what is not flushed is never dropped.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/lsm/cold_source.h"
#include "core/lsm/row_table.h"

namespace {

using namespace tremula::triples;
using tremula::base::Error;
using tremula::base::ErrorCode;
using tremula::base::Result;
using tremula::lsm::ColdSource;
using tremula::lsm::RowTable;

constexpr int kColumns = 4;
constexpr std::size_t kEverything = std::size_t{1} << 40;

struct Row {
  std::string key;
  std::vector<OwnedValue> cells;
};

// Files, as far as a table can tell.
class FakeFiles final : public ColdSource {
 public:
  std::vector<AttrId> attrs() override {
    std::vector<AttrId> attrs;
    for (std::uint32_t i = 0; i < kColumns; ++i) attrs.push_back(AttrId{i + 1});
    return attrs;
  }
  Result<std::vector<std::uint8_t>> rows() override {
    std::vector<std::uint8_t> living;
    for (const auto& [slot, row] : rows_) {
      living.resize(slot, 0);
      living.push_back(1);
    }
    return living;
  }
  Result<void> cells(AttrId attr, Slot begin, Slot end, const CellVisitor& visit) override {
    if (broken_) return Error{ErrorCode::kIo, "the disk is gone"};
    for (auto row = rows_.lower_bound(begin); row != rows_.end() && row->first < end; ++row) {
      if (attr == kRowAttr) {
        visit(row->first, Value::bytes_of(row->second.key));
        continue;
      }
      const Value value = row->second.cells[static_cast<std::size_t>(attr) - 1].value();
      if (!value.is_missing()) visit(row->first, value);
    }
    return {};
  }
  Result<Slot> find(std::string_view key) override {
    for (const auto& [slot, row] : rows_) {
      if (row.key == key) return slot;
    }
    return kNoSlot;
  }
  void flush(std::map<Slot, Row> rows) { rows_ = std::move(rows); }
  void break_down() { broken_ = true; }

 private:
  std::map<Slot, Row> rows_;
  bool broken_ = false;
};

class ColdModel {
 public:
  explicit ColdModel(std::uint32_t seed) : rng_(seed) { reopen(); }

  void run(int transactions) {
    for (int i = 0; i < transactions; ++i) {
      CAPTURE(i);
      transaction();
      if (below(3) == 0) flush();
      if (below(3) == 0) table_->drop_cold(below(2) == 0 ? 5000 : kEverything, flushed_);
      if (below(5) == 0) check();
      if (below(20) == 0) {
        flush();
        reopen();
      }
    }
    check();
    table_->check_invariants();
  }

 private:
  std::size_t below(std::size_t bound) { return rng_() % bound; }

  void reopen() {
    table_ = std::make_unique<RowTable>(TypeId{7});
    REQUIRE(table_->attach(files_).ok());
    REQUIRE(table_->row_count(Side::kNew) == rows_.size());
  }

  void flush() {
    std::map<Slot, Row> rows;
    for (const auto& [key, cells] : rows_) rows[table_->find(key)] = {key, cells};
    files_.flush(std::move(rows));
    flushed_ = version_;
  }

  void transaction() {
    table_->set_version(++version_);
    const std::map<std::string, std::vector<OwnedValue>> before = rows_;
    for (std::size_t writes = 1 + below(40); writes > 0; --writes) write();
    table_->seal();
    if (below(4) == 0) {
      table_->rollback();
      rows_ = before;
      --version_;
    } else {
      table_->settle();
    }
  }

  void write() {
    std::string key = "key " + std::to_string(below(1500));
    if (below(4) == 0) key += " that does not fit into a cell";
    const bool is_there = rows_.count(key) != 0;
    REQUIRE((table_->find(key) != kNoSlot && table_->exists(table_->find(key), Side::kNew)) ==
            is_there);
    if (is_there && below(3) == 0) {
      table_->erase(table_->find(key));
      rows_.erase(key);
      return;
    }
    const Slot slot = is_there ? table_->find(key) : table_->insert(key);
    if (!is_there) rows_[key].assign(kColumns, OwnedValue(Value::missing()));
    for (std::size_t i = below(3); i > 0; --i) {
      const auto column = static_cast<std::uint32_t>(below(kColumns));
      const OwnedValue value = some_value();
      table_->write(slot, table_->column(AttrId{column + 1}), value.value());
      rows_[key][column] = value;
    }
  }

  OwnedValue some_value() {
    switch (below(5)) {
      case 0: return OwnedValue(Value::missing());
      case 1: return OwnedValue(Value::null());
      case 2: return OwnedValue(Value::int_of(static_cast<std::int64_t>(below(1000))));
      case 3: return OwnedValue(Value::text_of(""));
      default: return OwnedValue(Value::text_of(std::string(below(60), 't')));
    }
  }

  void check() {
    REQUIRE(table_->row_count(Side::kNew) == rows_.size());
    for (const auto& [key, cells] : rows_) {
      CAPTURE(key);
      const Slot slot = table_->find(key);
      REQUIRE(slot != kNoSlot);
      REQUIRE(table_->exists(slot, Side::kNew));
      REQUIRE(table_->key(slot) == key);
      for (std::uint32_t i = 0; i < kColumns; ++i) {
        const Value value = table_->stored(slot, table_->column(AttrId{i + 1}));
        REQUIRE(identical(value, cells[i].value()));
      }
    }
    REQUIRE(table_->load_error().code == ErrorCode::kOk);
  }

  std::mt19937 rng_;
  FakeFiles files_;
  std::unique_ptr<RowTable> table_;
  std::map<std::string, std::vector<OwnedValue>> rows_;
  std::uint64_t version_ = 0;
  std::uint64_t flushed_ = 0;
};

}  // namespace

TEST_CASE("cold row table: any history reads as in memory") {
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    ColdModel(seed).run(120);
  }
}

TEST_CASE("cold row table: attaching loads nothing, reading a row loads its chunks alone") {
  FakeFiles files;
  std::map<Slot, Row> rows;
  for (Slot slot = 0; slot < 5000; ++slot) {
    rows[slot] = {"k" + std::to_string(slot),
                  std::vector<OwnedValue>(kColumns, OwnedValue(Value::int_of(slot)))};
  }
  files.flush(rows);
  RowTable table(TypeId{1});
  REQUIRE(table.attach(files).ok());
  CHECK(table.loads() == 0);
  const Slot slot = table.find("k4321");
  CHECK(slot == 4321);
  CHECK(table.stored(slot, table.column(AttrId{2})).integer == 4321);
  CHECK(table.loads() == 2);
  const std::size_t bytes = table.memory_bytes();
  table.drop_cold(kEverything, 0);  // used ones are spared once
  CHECK(table.drop_cold(kEverything, 0) + table.memory_bytes() <= bytes);
  CHECK(table.memory_bytes() < bytes);
}

TEST_CASE("cold row table: a log is replayed over the files") {
  FakeFiles files;
  files.flush({{0, {"a", std::vector<OwnedValue>(kColumns, OwnedValue(Value::int_of(1)))}},
               {7, {"b", std::vector<OwnedValue>(kColumns, OwnedValue(Value::int_of(2)))}}});
  RowTable table(TypeId{1});
  REQUIRE(table.attach(files).ok());
  table.set_version(1);
  table.erase(table.find("a"));
  table.settle();
  table.set_version(2);
  table.insert_at("c", 300);
  table.insert_at("d", 0);
  table.settle();
  CHECK(table.find("a") == kNoSlot);
  CHECK(table.find("c") == 300);
  CHECK(table.find("d") == 0);
  CHECK(table.stored(0, table.column(AttrId{1})).is_missing());
  CHECK(table.row_count(Side::kNew) == 3);
  const Slot next = table.insert("e");
  CHECK(next != 0);
  CHECK(next != 7);
  CHECK(next < 300);  // the slots between are free
  table.settle();
  table.check_invariants();
}

TEST_CASE("cold row table: a chunk that can't be loaded is an error that stays") {
  FakeFiles files;
  files.flush({{0, {"a", std::vector<OwnedValue>(kColumns, OwnedValue(Value::int_of(1)))}}});
  RowTable table(TypeId{1});
  REQUIRE(table.attach(files).ok());
  files.break_down();
  CHECK(table.load_error().code == ErrorCode::kOk);
  CHECK(table.stored(0, table.column(AttrId{1})).is_missing());
  CHECK(table.load_error().code == ErrorCode::kIo);
}
