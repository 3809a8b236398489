// fan_out. Claim: a commit costs the subscriptions that it touches, not those that exist.
// Baselines: floor, the same structures by hand; sqlite3, running every subscribed query again.
//
// untouched: n subscriptions of one shape with different constants, and commits beside them:
//   equality  each a group of its own, commits in another      top_k  likewise, ordered and limited
//   range     each an interval of its own, commits below them
//   behind    100 groups, each with all limits from 1 on, commits in them behind every window
// touched: commits that change some of the n:
//   one       the first alone, the others as in equality
//   limits    all: of one group, each with a limit of its own  same   all: equal ones
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/engine.h"
#include "bench/support/items.h"

namespace tremula::bench {
namespace {

constexpr std::int64_t kBehindGroups = 100;

enum class Hearers : std::uint8_t { kNone, kFirst, kAll };

// What grows, and what is done to it.
struct Shape {
  std::string name;
  Hearers hearers = Hearers::kNone;
  std::vector<Item> items;
  // Subscription `index`, and commit `index`.
  ItemSubscription (*subscription)(std::size_t index);
  Item (*commit)(std::size_t index);
};

std::vector<Item> grouped(std::int64_t groups, std::int64_t rows, std::int64_t rows_of_first) {
  std::vector<Item> items;
  std::int64_t id = 0;
  for (std::int64_t grp = 0; grp < groups; grp++) {
    const std::int64_t count = grp == 0 ? rows_of_first : rows;
    for (std::int64_t i = 0; i < count; i++) items.push_back({++id, grp, 1'000'000 + i});
  }
  return items;
}

// Commits among the hundred rows of group 0.
Item beside(std::size_t index) {
  const auto i = static_cast<std::int64_t>(index);
  return {1 + i % 100, 0, 2'000'000 + i};
}

// Rows of `kBehindGroups` groups whose first ten rows by val stay behind all windows.
Item behind(std::size_t index) {
  const auto i = static_cast<std::int64_t>(index);
  return {1 + i % kBehindGroups * 1100 + i / kBehindGroups % 10, 0, i};
}

// The last of 1,100 rows goes first: it enters every window or moves in it.
Item to_front(std::size_t index) {
  const auto i = static_cast<std::int64_t>(index);
  return {1 + i % 1100, 0, 2'000'000 + i};
}

std::vector<Shape> shapes(bool full) {
  const std::int64_t groups = full ? 100'001 : 101;
  return {
      {"equality", Hearers::kNone, grouped(groups, 2, 100),
       [](std::size_t i) {
         return ItemSubscription{ItemQuery::kEquality, 1 + static_cast<std::int64_t>(i), 0};
       },
       beside},
      {"top_k", Hearers::kNone, grouped(groups, 2, 100),
       [](std::size_t i) {
         return ItemSubscription{ItemQuery::kTopK, 1 + static_cast<std::int64_t>(i), 50};
       },
       beside},
      {"range", Hearers::kNone, grouped(1, 0, 1000),
       [](std::size_t i) {
         const std::int64_t lo = 100'000'000 + 10 * static_cast<std::int64_t>(i);
         return ItemSubscription{ItemQuery::kRange, lo, lo + 10};
       },
       beside},
      {"behind", Hearers::kNone, grouped(kBehindGroups, 1100, 1100),
       [](std::size_t i) {
         const auto k = static_cast<std::int64_t>(i);
         return ItemSubscription{ItemQuery::kTopK, k % kBehindGroups, 1 + k / kBehindGroups};
       },
       behind},
      {"one", Hearers::kFirst, grouped(groups, 2, 100),
       [](std::size_t i) {
         return ItemSubscription{ItemQuery::kTopK, static_cast<std::int64_t>(i), 50};
       },
       beside},
      {"limits", Hearers::kAll, grouped(1, 0, 1100),
       [](std::size_t i) {
         return ItemSubscription{ItemQuery::kTopK, 0, 1 + static_cast<std::int64_t>(i % 1000)};
       },
       to_front},
      {"same", Hearers::kAll, grouped(1, 0, 1100),
       [](std::size_t) { return ItemSubscription{ItemQuery::kTopK, 0, 50}; }, to_front},
  };
}

std::vector<std::size_t> levels(const Shape& shape, const std::string& engine, bool full) {
  if (!full) return {10, 100};
  if (engine == "sqlite3") return {10, 100};  // linear: the next level says nothing new
  if (shape.hearers == Hearers::kAll) return {1, 10, 100, 1000};
  if (shape.name == "behind") return {100, 1000, 10'000, 100'000};  // all its groups are watched
  return {10, 100, 1000, 10'000, 100'000};
}

struct Grower {
  const Shape& shape;
  std::string engine_name;
  bool full = false;
  std::unique_ptr<ItemEngine> engine = make_item_engine(engine_name);
  std::size_t subscriptions = 0;
  std::size_t commits = 0;

  Figure figure(std::string_view kind) const {
    return {"fan_out", shape.name, std::string(kind), engine_name,
            static_cast<std::int64_t>(subscriptions)};
  }

  std::string_view kind() const {
    return shape.hearers == Hearers::kNone ? "untouched" : "touched";
  }

  // Subscribes until there are `count`.
  void grow(std::size_t count) {
    Samples one_more;
    const std::int64_t before = resident_bytes();
    const std::size_t had = subscriptions;
    for (; subscriptions < count; subscriptions++) {
      const Clock::time_point begin = Clock::now();
      engine->subscribe(shape.subscription(subscriptions));
      one_more.add(ns_since(begin));
    }
    report(figure("next"), one_more);
    if (engine_name == "sqlite3" || count - had < 1000) return;
    const auto grown = static_cast<double>(resident_bytes() - before);
    report(figure("memory"), "each", grown / static_cast<double>(count - had), "bytes");
  }

  double commit() {
    Samples samples;
    const std::size_t count = full ? (engine_name == "sqlite3" ? 200 : 5000) : 100;
    const std::size_t wanted = shape.hearers == Hearers::kNone    ? 0
                               : shape.hearers == Hearers::kFirst ? 1
                                                                  : subscriptions;
    for (std::size_t i = 0; i < count; i++) {
      const Item item = shape.commit(commits++);
      const Clock::time_point begin = Clock::now();
      const std::size_t heard = engine->set_val(item);
      samples.add(ns_since(begin));
      check(figure("check"), "hearers", std::to_string(heard), std::to_string(wanted));
    }
    report(figure(kind()), samples);
    return samples.percentile_us(50);
  }
};

std::string joined(const std::vector<std::int64_t>& ids) {
  std::string text;
  for (const std::int64_t id : ids) text += std::to_string(id) + " ";
  return text;
}

// The floor after the same commits must hold the same rows.
void check_rows(Grower& grower) {
  if (grower.engine_name == "floor") return;
  Grower floor{grower.shape, "floor", grower.full};
  floor.engine->load(grower.shape.items);
  for (std::size_t i = 0; i < grower.commits; i++) floor.engine->set_val(grower.shape.commit(i));
  std::size_t there = 0;
  for (const std::size_t index : {std::size_t{0}, grower.subscriptions - 1}) {
    floor.engine->subscribe(grower.shape.subscription(index));
    check(grower.figure("check"), "rows of subscription " + std::to_string(index),
          joined(grower.engine->ids(index)), joined(floor.engine->ids(there++)));
  }
}

void run(const Shape& shape, const std::string& engine, bool full) {
  Grower grower{shape, engine, full};
  grower.engine->load(shape.items);
  const std::vector<std::size_t> counts = levels(shape, engine, full);
  double first_us = 0;
  double last_us = 0;
  for (const std::size_t count : counts) {
    grower.grow(count);
    last_us = grower.commit();
    if (count == counts.front()) first_us = last_us;
  }
  check_rows(grower);
  if (shape.hearers != Hearers::kAll) {
    report(grower.figure(grower.kind()), "growth", first_us > 0 ? last_us / first_us : 0, "x");
    return;
  }
  const auto more = static_cast<double>(counts.back() - counts.front());
  report(grower.figure(grower.kind()), "each", (last_us - first_us) * 1000 / more, "ns");
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  for (const Shape& shape : shapes(options.full)) {
    if (!options.wants(shape.name)) continue;
    for (const std::string& engine : kEngines) {
      if (!options.wants_engine(engine)) continue;
      apart([&] { run(shape, engine, options.full); });
    }
  }
  return exit_status();
}
