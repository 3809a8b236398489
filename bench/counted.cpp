// counted. What bench/instructions.sh counts instructions in: commits of one case on Tremula, those
// that touch a result and those that don't in a function each, told apart by the floor.
// Alone it checks that as many listeners hear as the floor's do.
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/engine.h"

// Names that a profiler is told; no other code of the engine may be put into them.
extern "C" {
__attribute__((noinline)) std::size_t commit_untouched(tremula::bench::Engine& engine,
                                                       const tremula::bench::Transaction& tx) {
  const std::size_t heard = engine.apply(tx);
  asm volatile("");  // keeps the call from becoming a jump
  return heard;
}
__attribute__((noinline)) std::size_t commit_touched(tremula::bench::Engine& engine,
                                                     const tremula::bench::Transaction& tx) {
  const std::size_t heard = engine.apply(tx);
  asm volatile("" ::: "memory");
  return heard;
}
}

namespace tremula::bench {
namespace {

void run(const Options& options, const std::string& name, std::size_t count) {
  const std::unique_ptr<Engine> floor = make_floor_engine();
  const std::unique_ptr<Engine> engine = make_tremula_engine();
  const std::vector<Transaction> transactions = generate(options.size, engine->sink(), count);
  generate(options.size, floor->sink(), 0);
  for (Engine* each : {floor.get(), engine.get()}) {
    each->loaded();
    each->watch(name);
  }
  const Figure figure{"counted", name, "check", "tremula", options.size.issues};
  std::size_t commits[2] = {0, 0};
  for (std::size_t i = 0; i < count; i++) {
    const std::size_t wanted = floor->apply(transactions[i]);
    // What making room costs stays out.
    const bool counted = i >= count / 10;
    const std::size_t heard = !counted      ? engine->apply(transactions[i])
                              : wanted == 0 ? commit_untouched(*engine, transactions[i])
                                            : commit_touched(*engine, transactions[i]);
    if (counted) commits[wanted == 0 ? 0 : 1]++;
    check(figure, "hearers of transaction " + std::to_string(i + 1), std::to_string(heard),
          std::to_string(wanted));
  }
  for (const int touched : {0, 1})
    report(
        {"counted", name, touched == 0 ? "untouched" : "touched", "tremula", options.size.issues},
        "commits", static_cast<double>(commits[touched]), "transactions");
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  Options options = read_options(argc, argv);
  if (options.full && options.size.issues > 10'000) options.size = size_of("10k");
  for (const std::string name : {"none", "q1", "q2", "q3", "q4", "q5"})
    if (options.wants(name)) run(options, name, options.full ? 4000 : 300);
  return exit_status();
}
