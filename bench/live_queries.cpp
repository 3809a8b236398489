// live_queries. Claim: a commit costs a few microseconds whatever is subscribed, and its listeners
// have heard by then.
// Baselines: floor, the same queries by hand; sqlite3, running them again.
//
// A transaction is timed from the call to its return, when every listener has heard. Those that
// touch a result and those that don't are told apart by what the floor's listeners heard.
#include <algorithm>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/engine.h"

namespace tremula::bench {
namespace {

const std::vector<std::string> kCases = {"none", "q1", "q2",      "q3",
                                         "q4",   "q5", "subs100", "subs1000"};

struct Run {
  const Options& options;
  std::string name;  // the case
  std::string engine;
  std::size_t transactions;
  // By transaction: how many of the floor's listeners heard of it.
  const std::vector<std::size_t>& heard;

  Figure figure(std::string_view kind) const {
    return {"live_queries", name, std::string(kind), engine, options.size.issues};
  }
};

// What each transaction does to a case's results, by the floor.
std::vector<std::size_t> hearers(const Size& size, std::string_view name, std::size_t count) {
  std::unique_ptr<Engine> floor = make_floor_engine();
  const std::vector<Transaction> transactions = generate(size, floor->sink(), count);
  floor->loaded();
  floor->watch(name);
  std::vector<std::size_t> heard;
  for (const Transaction& tx : transactions) heard.push_back(floor->apply(tx));
  return heard;
}

void check_result(const Run& run, Engine& engine, std::size_t transactions) {
  if (run.name == "none" || run.name.starts_with("subs")) return;
  if (std::count(std::begin(kCheckpoints), std::end(kCheckpoints), transactions) == 0) return;
  check(run.figure("check"), "the result after " + std::to_string(transactions),
        engine.checksum(run.name), expected(run.options.size, run.name, transactions));
}

void time_subscribing(const Run& run, Engine& engine) {
  const Clock::time_point begin = Clock::now();
  engine.watch(run.name);
  const std::int64_t first = ns_since(begin);
  if (run.name == "none" || run.engine == "floor") return;
  report(run.figure("first"), "time", static_cast<double>(first) / 1e6, "ms");
  if (run.name.starts_with("subs")) return;
  const Clock::time_point again = Clock::now();
  engine.watch_another(run.name);
  report(run.figure("next"), "time", static_cast<double>(ns_since(again)) / 1e6, "ms");
}

void time_transactions(const Run& run, Engine& engine, const std::vector<Transaction>& all) {
  Samples untouched;
  Samples touched;
  // Running queries again is so slow that a part has to do; it is the same mix of transactions.
  const bool again = run.engine == "sqlite3";
  const std::int64_t patience_ns = run.options.full ? 5'000'000'000 : 300'000'000;
  std::int64_t spent_ns = 0;
  for (std::size_t i = 0; i < run.transactions; i++) {
    if (again && spent_ns > patience_ns) break;
    const Clock::time_point begin = Clock::now();
    const std::size_t heard = engine.apply(all[i]);
    const std::int64_t ns = ns_since(begin);
    spent_ns += ns;
    (run.heard[i] > 0 ? touched : untouched).add(ns);
    if (heard != run.heard[i]) {
      check(run.figure("check"), "hearers of transaction " + std::to_string(i + 1),
            std::to_string(heard), std::to_string(run.heard[i]));
    }
    check_result(run, engine, i + 1);
  }
  report(run.figure("untouched"), untouched);
  report(run.figure("touched"), touched);
}

void run_engine(const Run& run) {
  std::unique_ptr<Engine> engine = make_engine(run.engine);
  const std::vector<Transaction> transactions =
      generate(run.options.size, engine->sink(), run.transactions);
  engine->loaded();
  sweep_heap();
  time_subscribing(run, *engine);
  check_result(run, *engine, 0);
  time_transactions(run, *engine, transactions);
}

void run_case(const Options& options, const std::string& name) {
  const std::size_t count = options.full ? 20000 : 1000;
  const std::vector<std::size_t> heard =
      counted_apart(count, [&] { return hearers(options.size, name, count); });
  for (const std::string& engine_name : kEngines) {
    if (!options.wants_engine(engine_name)) continue;
    apart([&] { run_engine({options, name, engine_name, count, heard}); });
  }
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  for (const std::string& name : kCases) {
    if (options.wants(name)) run_case(options, name);
  }
  return exit_status();
}
