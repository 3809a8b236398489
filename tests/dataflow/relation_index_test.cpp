// RelationIndex: both sides against all rows of the table, through random transactions.
#include "core/dataflow/relation_index.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/lsm/row_table.h"
#include "core/triples/key_encoding.h"

using tremula::dataflow::RelationIndex;
using tremula::dataflow::RelationIndexes;
using tremula::lsm::RowTable;
using tremula::triples::ColumnIndex;
using tremula::triples::Side;
using tremula::triples::Slot;
using tremula::triples::Value;

namespace {

using Rng = std::mt19937_64;

constexpr ColumnIndex kColumns = 2;

std::string encoded(std::initializer_list<Value> values) {
  std::string key;
  for (const Value& value : values) tremula::triples::encode_ordered(value, key);
  return key;
}

struct World {
  RowTable table{static_cast<tremula::triples::TypeId>(7)};
  Rng rng;
  std::uint64_t values;
  std::uint64_t rows;

  World(std::uint64_t seed, std::uint64_t value_count, std::uint64_t row_count)
      : rng(seed), values(value_count), rows(row_count) {
    for (ColumnIndex c = 0; c < kColumns; ++c)
      table.column(static_cast<tremula::triples::AttrId>(c + 1));
  }

  // Half of the keys are long texts.
  Value value(std::uint64_t number) const {
    static const std::string text = "a text that is too long to stand in its group: ";
    static std::vector<std::string> texts;
    while (texts.size() <= number) texts.push_back(text + std::to_string(texts.size()));
    return number % 2 == 0 ? Value::int_of(static_cast<std::int64_t>(number))
                           : Value::text_of(texts[number]);
  }

  void write_some(std::uint64_t writes) {
    for (; writes > 0; --writes) {
      const std::string key = encoded({Value::int_of(static_cast<std::int64_t>(rng() % rows))});
      Slot slot = table.find(key);
      const bool is_there = slot != tremula::triples::kNoSlot && table.exists(slot, Side::kNew);
      if (is_there && rng() % 4 == 0) {
        table.erase(slot);
        continue;
      }
      if (!is_there) slot = table.insert(key);
      for (ColumnIndex c = 0; c < kColumns; ++c)
        if (rng() % 2 == 0) table.write(slot, c, value(rng() % values));
    }
  }

  std::multiset<Slot> expected(const std::vector<ColumnIndex>& columns, const std::string& key,
                               Side side) const {
    std::multiset<Slot> slots;
    for (Slot slot = 0; slot < table.slot_end(); ++slot) {
      if (!table.exists(slot, side)) continue;
      std::string own;
      for (ColumnIndex c : columns) own += encoded({table.read(slot, c, side)});
      if (own == key) slots.insert(slot);
    }
    return slots;
  }

  void check_key(const RelationIndex& index, const std::string& key) {
    for (Side side : {Side::kOld, Side::kNew}) {
      std::multiset<Slot> found;
      index.for_each(key, side, [&](Slot slot) {
        found.insert(slot);
        return true;
      });
      REQUIRE(found == expected(index.columns(), key, side));
    }
    REQUIRE(index.count(key) == expected(index.columns(), key, Side::kNew).size());
  }

  void check(const RelationIndex& index) {
    index.check_invariants();
    for (int i = 0; i < 6; ++i) {
      std::string key = encoded({i == 0 ? Value::null() : value(rng() % values)});
      if (index.columns().size() == 2) key += encoded({value(rng() % values)});
      check_key(index, key);
    }
  }
};

void refresh_sealed(RelationIndexes& all) {
  tremula::dataflow::RelationMoves moves;
  all.refresh_sealed(moves);
  moves.make();
}

void run(std::uint64_t seed, std::uint64_t values, std::uint64_t rows) {
  CAPTURE(seed);
  World world(seed, values, rows);
  world.write_some(rows / 2);
  RelationIndexes all(world.table);
  // Born in the middle of a transaction.
  const std::shared_ptr<RelationIndex> kept[] = {all.exact({0}), all.exact({0, 1})};
  RelationIndex* const indexes[] = {kept[0].get(), kept[1].get()};
  for (int step = 0; step < 120; ++step) {
    CAPTURE(step);
    const std::uint64_t statements = world.rng() % 4;
    for (std::uint64_t s = 0; s < statements; ++s) {
      world.table.begin_statement();
      world.write_some(step % 5 == 0 ? world.rng() % rows : world.rng() % 5);
      if (world.rng() % 3 == 0) world.table.undo_statement();
      if (world.rng() % 3 != 0) continue;
      all.refresh();
      for (RelationIndex* index : indexes) world.check(*index);
    }
    if (world.rng() % 4 == 0) {
      all.rollback();
      world.table.rollback();
    } else {
      world.table.seal();
      refresh_sealed(all);
      for (RelationIndex* index : indexes) world.check(*index);
      all.settle();
      world.table.settle();
    }
    for (RelationIndex* index : indexes) world.check(*index);
  }
}

}  // namespace

TEST_CASE("relation index: both sides are those of the table, in groups of any size") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    run(seed, 2, 400);
    run(seed, 40, 400);
    run(seed, 1000, 60);
  }
}

TEST_CASE("relation index: a key that nothing has any more is forgotten") {
  World world(1, 10, 10);
  RelationIndexes all(world.table);
  const std::shared_ptr<RelationIndex> kept = all.exact({0});
  RelationIndex& index = *kept;
  const std::size_t before = index.memory_bytes();
  for (int i = 0; i < 1000; ++i) {
    const Slot slot = world.table.insert(encoded({Value::int_of(1)}));
    world.table.write(slot, 0, Value::int_of(i));
    all.refresh();
    world.table.write(slot, 0, Value::int_of(-i - 1));  // the first one was seen, and left again
    world.table.seal();
    refresh_sealed(all);
    all.settle();
    world.table.settle();
    world.table.erase(slot);
    world.table.seal();
    refresh_sealed(all);
    all.settle();
    world.table.settle();
    index.check_invariants();
  }
  CHECK(index.memory_bytes() < before + 1000);
}
