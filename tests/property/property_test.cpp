// Random schemas, queries and writes: every live result, kept by its patches, is what the same
// SELECT
// prints afresh, and what SQLite says.
//
//   TREMULA_TEST_SCALE=10 property_test    ten times as many seeds
//   TREMULA_TEST_SEED=77 property_test     this seed alone, in child processes; survives crashes
//   TREMULA_TEST_DUMP=77 property_test     prints the script of a seed and runs nothing
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/property/apart.h"
#include "tests/property/scenario.h"

namespace tremula::property {
namespace {

constexpr std::uint64_t kSeeds = 800;

volatile std::uint64_t running_seed = 0;

extern "C" void tell_seed(int signal) {
  char text[] = "property test: crashed at TREMULA_TEST_SEED=00000000000000000000\n";
  std::uint64_t seed = running_seed;
  for (std::size_t at = sizeof text - 3; seed > 0; --at, seed /= 10) {
    text[at] = static_cast<char>('0' + seed % 10);
  }
  if (write(2, text, sizeof text - 1) < 0) _exit(3);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

const char* setting(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

std::string report(std::uint64_t seed, const Scenario& scenario, const Failure& failure) {
  const Scenario small = shrink(scenario, [&](const Scenario& candidate) {
    return run_apart(candidate).kind == failure.kind;
  });
  const Failure last = run_apart(small);
  std::string text = "seed " + std::to_string(seed) + ", " + failure.kind + "\n";
  text += "---- shrunk script\n" + small.script() + "---- " + last.kind + "\n" + last.detail + "\n";
  return text;
}

TEST_CASE("property: live results kept by patches, fresh selects and SQLite agree") {
  if (setting("TREMULA_TEST_DUMP") != nullptr) {
    const std::uint64_t seed = std::strtoull(setting("TREMULA_TEST_DUMP"), nullptr, 10);
    std::fputs(make_scenario(seed).script().c_str(), stdout);
    return;
  }
  if (const char* one = setting("TREMULA_TEST_SEED"); one != nullptr) {
    const std::uint64_t seed = std::strtoull(one, nullptr, 10);
    const Scenario scenario = make_scenario(seed);
    const Failure failure = run_apart(scenario);
    if (failure) FAIL(report(seed, scenario, failure));
    return;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) std::signal(signal, tell_seed);
  const char* scale = setting("TREMULA_TEST_SCALE");
  const double factor = scale == nullptr ? 1 : std::strtod(scale, nullptr);
  const auto seeds = static_cast<std::uint64_t>(static_cast<double>(kSeeds) * factor);
  Tally tally;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    running_seed = seed;
    const Scenario scenario = make_scenario(seed);
    const Failure failure = run_scenario(scenario, tally);
    if (failure) FAIL(report(seed, scenario, failure));
  }
  MESSAGE(tally.commits, " commits, ", tally.live, " live results, ", tally.patches, " patches, ",
          tally.selects, " selects compared with SQLite");
  CHECK(tally.live > static_cast<long>(150 * seeds));
  CHECK(tally.patches > static_cast<long>(20 * seeds));
}

}  // namespace
}  // namespace tremula::property
