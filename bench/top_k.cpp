// top_k. Claim: a LIMIT 50 costs the same in a group of 100 rows and of 100,000.
// Baselines: floor, an ordered set and the window's last row; sqlite3, running the query again.
//
//   touched    the row that is the last of the group goes to its front
//   untouched  a row behind the window stays behind it
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/engine.h"
#include "bench/support/items.h"

namespace tremula::bench {
namespace {

constexpr std::int64_t kWindow = 50;

struct Group {
  std::int64_t rows;
  std::string engine_name;
  bool full = false;
  std::unique_ptr<ItemEngine> engine = make_item_engine(engine_name);
  std::int64_t clock = 0;  // of the last commit

  Figure figure(std::string_view kind) const {
    return {"top_k", "limit50", std::string(kind), engine_name, rows};
  }
  std::size_t commits() const {
    if (!full) return 100;
    return engine_name == "sqlite3" ? (rows > 10'000 ? 20 : 200) : 10'000;
  }

  // Row ids are 1..rows by ascending val at first, so that the window holds the highest ids.
  void load() {
    std::vector<Item> items;
    for (std::int64_t id = 1; id <= rows; id++) items.push_back({id, 0, 1'000'000 + id});
    engine->load(items);
    engine->subscribe({ItemQuery::kTopK, 0, kWindow});
  }

  Item touching() { clock++; return {1 + clock % rows, 0, 10'000'000 + clock}; }
  Item passing_by() { clock++; return {1 + clock % (rows / 2), 0, 1'000'000 - clock}; }
};

void time_commits(Group& group, bool touched) {
  Samples samples;
  for (std::size_t i = 0; i < group.commits(); i++) {
    const Item item = touched ? group.touching() : group.passing_by();
    const Clock::time_point begin = Clock::now();
    const std::size_t heard = group.engine->set_val(item);
    samples.add(ns_since(begin));
    check(group.figure("check"), "hearers", std::to_string(heard), touched ? "1" : "0");
  }
  report(group.figure(touched ? "touched" : "untouched"), samples);
}

void check_rows(Group& group) {
  Group floor{group.rows, "floor", group.full};
  floor.load();
  for (std::size_t i = 0; i < group.commits(); i++) floor.engine->set_val(floor.passing_by());
  for (std::size_t i = 0; i < group.commits(); i++) floor.engine->set_val(floor.touching());
  std::string got;
  std::string wanted;
  for (const std::int64_t id : group.engine->ids(0)) got += std::to_string(id) + " ";
  for (const std::int64_t id : floor.engine->ids(0)) wanted += std::to_string(id) + " ";
  check(group.figure("check"), "window", got, wanted);
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  const std::vector<std::int64_t> sizes =
      options.full ? std::vector<std::int64_t>{100, 1000, 10'000, 100'000}
                   : std::vector<std::int64_t>{100, 1000};
  for (const std::string& engine : kEngines) {
    if (!options.wants_engine(engine)) continue;
    for (const std::int64_t rows : sizes) {
      apart([&] {
        Group group{rows, engine, options.full};
        group.load();
        time_commits(group, false);
        time_commits(group, true);
        if (engine == "tremula") check_rows(group);
      });
    }
  }
  return exit_status();
}
