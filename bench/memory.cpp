// memory. Claim: the tracker's tables with their indexes fit in 200 MiB at N = 100k, and watching
// q1 to q5 adds little.
// Baselines: sqlite3 in memory; floor, its maps.
//
// Each engine runs in a process of its own, and rows are made one at a time, so that resident
// memory is the engine's and the program's alone.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
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

// Returns: whether the engine's own process found everything right.
bool measure_apart(const Options& options, const std::string& name) {
  const pid_t child = fork();
  if (child == 0) {
    measure(options, name);
    std::exit(exit_status());
  }
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  bool right = true;
  for (const std::string& engine : kEngines) {
    if (options.wants_engine(engine)) right = measure_apart(options, engine) && right;
  }
  return right ? 0 : 1;
}
