// memory. Claim: the tracker's tables with their indexes fit in 200 MiB at N = 100k, and watching
// q1 to q5 adds little.
// Baselines: sqlite3 in memory; floor, its maps.
//
// Each engine runs apart, and rows are made one at a time, so that resident memory is the engine's
// and the program's alone.
#include <string>

#include "bench/support/bench.h"
#include "bench/support/engine.h"

namespace tremula::bench {
namespace {

void measure(const Options& options, const std::string& name) {
  const std::int64_t before = resident_bytes();
  std::unique_ptr<Engine> engine = make_engine(name);
  generate(options.size, engine->sink(), 0);
  engine->loaded();
  const Figure figure{"memory", "tables", "memory", name, options.size.issues};
  constexpr double kMiB = 1 << 20;
  report(figure, "resident", static_cast<double>(resident_bytes()) / kMiB, "MiB");
  report(figure, "grown", static_cast<double>(resident_bytes() - before) / kMiB, "MiB");
  engine->watch("q5");
  check(figure, "q5", engine->checksum("q5"), expected(options.size, "q5", 0));
  const Figure watched{"memory", "q5", "memory", name, options.size.issues};
  report(watched, "resident", static_cast<double>(resident_bytes()) / kMiB, "MiB");
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  for (const std::string& engine : kEngines) {
    if (options.wants_engine(engine)) apart([&] { measure(options, engine); });
  }
  return exit_status();
}
