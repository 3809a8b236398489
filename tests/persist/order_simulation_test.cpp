// Many seeds of OrderSimulation.
//
//   TREMULA_TEST_SCALE=10 persist_test -tc="order simulation*"    ten times as many seeds
//   TREMULA_TEST_SEED=4711 ...                                    that one alone
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tests/persist/order_simulation.h"

namespace tremula::persist_test {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 100;  // it has one thread
#elif defined(TREMULA_DEBUG_CHECKS)
constexpr std::uint64_t kSeeds = 1000;  // sanitizers take ten times as long
#else
constexpr std::uint64_t kSeeds = 10'000;
#endif
constexpr int kSteps = 300;

void add(OrderSimulationStats& sum, const OrderSimulationStats& one) {
  sum.commits += one.commits;
  sum.ordered += one.ordered;
  sum.known += one.known;
  sum.refused += one.refused;
  sum.takeovers += one.takeovers;
  sum.flushes += one.flushes;
  sum.without_effect += one.without_effect;
}

}  // namespace

TEST_CASE("order simulation: processes, delays and deaths at any step") {
  const char* const scale = std::getenv("TREMULA_TEST_SCALE");
  const char* const only = std::getenv("TREMULA_TEST_SEED");
  std::uint64_t first = 1;
  std::uint64_t end = kSeeds * (scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10)) + 1;
  if (only != nullptr) end = 1 + (first = std::strtoull(only, nullptr, 10));
  OrderSimulationStats sum;
  for (std::uint64_t seed = first; seed < end; ++seed) {
    CAPTURE(seed);
    OrderSimulation simulation(seed);
    simulation.run(kSteps);
    simulation.finish();
    add(sum, simulation.stats());
  }
  if (only != nullptr) return;
  // Each of these things did happen, and often enough to find something.
  const std::uint64_t seeds = end - first;
  CHECK(sum.commits > 30 * seeds);
  CHECK(sum.ordered > 20 * seeds);
  CHECK(sum.known > seeds);
  CHECK(sum.refused > seeds / 10);
  CHECK(sum.takeovers > seeds);
  CHECK(sum.flushes > seeds / 2);
  CHECK(sum.without_effect > seeds / 2);
}

}  // namespace tremula::persist_test
