// What subscriptions take, by the engine's own accounts, and that they give it back.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include "tests/db/support.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <malloc.h>
#define TREMULA_SEES_HEAP 1
#endif

namespace tremula::test {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kMany = 4000;
#else
constexpr int kMany = 100'000;
#endif

constexpr std::string_view kEquality = "SELECT { i.id, i.title } FROM item AS i WHERE i.grp = $a";
constexpr std::string_view kRange =
    "SELECT { i.id, i.title } FROM item AS i WHERE i.val >= $a AND i.val < $b";
constexpr std::string_view kTopK =
    "SELECT { i.id, i.val } FROM item AS i WHERE i.grp = $a ORDER BY i.val DESC LIMIT $b";
constexpr std::string_view kTree =
    "SELECT { i.id, notes: [SELECT n.text FROM note AS n WHERE n.item = i.id ORDER BY n.id LIMIT "
    "2] } FROM item AS i WHERE i.grp = $a AND i.id <> $b";

// `groups` groups of two items, each with a note.
Database with_items(int groups) {
  auto db = Database::in_memory();
  db.run(
        "TABLE item = 1 (id INT = 1 KEY, grp INT = 2 INDEX, val INT = 3 INDEX, title TEXT = 4);"
        "TABLE note = 2 (id INT = 1 KEY, item INT = 2 INDEX, text TEXT = 3);")
      .value();
  db.transact([&](Transaction& tx) {
      for (int i = 0; i < 2 * groups; ++i) {
        tx.insert("item", {{"id", i}, {"grp", i / 2}, {"val", i}, {"title", "an item"}});
        tx.insert("note", {{"id", i}, {"item", i}, {"text", "a note"}});
      }
    }).value();
  return db;
}

std::int64_t stat(Database& db, std::string_view name) {
  const std::string head = R"({"stat":")" + std::string(name) + R"(","value":)";
  for (const std::string& line : db.run("SHOW STATS", {}).value().lines)
    if (line.starts_with(head)) return std::stoll(line.substr(head.size()));
  FAIL("no such stat: " << name);
  return 0;
}

// What live queries take: their graph, who listens, the indexes that they asked for.
std::int64_t live_bytes(Database& db) {
  return stat(db, "graph_bytes") + stat(db, "subscription_bytes") + stat(db, "arrangement_bytes");
}

#ifdef TREMULA_SEES_HEAP
std::int64_t heap_bytes() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
}
#endif

Subscription subscribe(Database& db, std::string_view select, int a, int b) {
  const NamedValue all[] = {{"a", a}, {"b", b}};
  const std::size_t used = select == kEquality ? 1 : 2;
  return db.subscribe(select, std::span<const NamedValue>(all, used), [](const Delta&) {}).value();
}

// What each of many more subscriptions takes, of which `select` is the shape.
void check_bytes_each(std::string_view select, std::int64_t rows, int a_step, int b_step,
                      std::int64_t bar) {
  CAPTURE(select);
  constexpr int kCount = 4000;
  Database db = with_items(kCount + 2);
  std::vector<Subscription> held;
  held.reserve(kCount + 2);
  // The second of a shape may make an index that all others share.
  for (int i = 0; i < 2; ++i) held.push_back(subscribe(db, select, i * a_step, 1 + i * b_step));
  const std::int64_t before = live_bytes(db);
#ifdef TREMULA_SEES_HEAP
  const std::int64_t heap_before = heap_bytes();
#endif
  for (int i = 2; i < kCount + 2; ++i)
    held.push_back(subscribe(db, select, i * a_step, 1 + i * b_step));
#ifdef TREMULA_SEES_HEAP
  const std::int64_t heap_each = (heap_bytes() - heap_before) / kCount;
#endif
  const std::int64_t each = (live_bytes(db) - before) / kCount;
  CHECK(static_cast<std::int64_t>(held.back().row_count()) == rows);
  CHECK(each <= bar);
#ifdef TREMULA_SEES_HEAP
  CAPTURE(each);
  CAPTURE(heap_each);
  // Accounts don't know what the heap adds to each piece.
  CHECK(heap_each >= each * 9 / 10);
  CHECK(heap_each <= each * 13 / 10 + 32);
#endif
}

}  // namespace

TEST_CASE("a further subscription of a shape that exists takes little, and is counted truly") {
  check_bytes_each(kEquality, 2, 1, 0, 440);
  check_bytes_each(kTopK, 2, 1, 1, 470);
  check_bytes_each(kRange, 1, 1, 1, 500);
}

TEST_CASE("what equal subscriptions share is counted once") {
  Database db = with_items(10);
  std::vector<Subscription> held;
  held.push_back(subscribe(db, kTopK, 1, 2));
  const std::int64_t graph = stat(db, "graph_bytes"), listeners = stat(db, "subscription_bytes");
  for (int i = 0; i < 100; ++i) held.push_back(subscribe(db, kTopK, 1, 2));
  CHECK(stat(db, "graph_bytes") == graph);
  CHECK(stat(db, "subscription_bytes") > listeners);
  CHECK(stat(db, "instances") == 2);
}

TEST_CASE("very many subscriptions, opened and closed in a stream of commits, leave no memory") {
  Database db = with_items(1000);
  std::mt19937 random(7);
  const auto open = [&](int i) {
    switch (i % 4) {
      case 0: return subscribe(db, kEquality, i % 3000, 0);
      case 1: return subscribe(db, kRange, i, i + 10);
      case 2: return subscribe(db, kTopK, i % 1000, 1 + i / 1000);
      default: return subscribe(db, kTree, i % 1000, i / 1000);
    }
  };
  const auto commit = [&] {
    const int id = static_cast<int>(random() % 2000), val = static_cast<int>(random() % 4000);
    db.transact([&](Transaction& tx) { tx.update("item", id, {{"val", val}}); }).value();
  };
  std::vector<Subscription> kept;  // of each shape some stay
  for (int i = 0; i < 2000; ++i) kept.push_back(open(i));
  for (int i = 0; i < 50; ++i) commit();
  const std::int64_t before = live_bytes(db), instances = stat(db, "instances");
  {
    std::vector<Subscription> many;
    for (int i = 0; i < kMany; ++i) {
      many.push_back(open(i));
      if (i % 1000 == 0) commit();
    }
    CHECK(stat(db, "subscriptions") == kMany + 2000);
    std::shuffle(many.begin(), many.end(), random);
    for (std::size_t i = 0; i < many.size(); ++i) {
      many[i].end();
      if (i % 1000 == 0) commit();
    }
  }
  CHECK(stat(db, "subscriptions") == 2000);
  CHECK(stat(db, "instances") == instances);
  CHECK(live_bytes(db) <= before + before / 20);
  for (Subscription& one : kept) one.end();
  CHECK(stat(db, "instances") == 0);
  CHECK(stat(db, "templates") == 0);
}

}  // namespace tremula::test
