// What views hold is shared, and given back when they end, also in the middle of a stream.
#include <doctest/doctest.h>

#include <string>

#include "tests/dataflow/operator_harness.h"

using tremula::dataflow::GraphStats;
using tremula::dataflow::OperatorHarness;
using tremula::dataflow::random_writes;
using tremula::dataflow::Rng;

namespace {

std::string text_of(const GraphStats& stats) {
  return "views " + std::to_string(stats.views) + ", templates " + std::to_string(stats.templates) +
         ", instances " + std::to_string(stats.instances);
}

constexpr const char* kNothing = "views 0, templates 0, instances 0";

}  // namespace

TEST_CASE("release: a view that ends gives back its templates and instances") {
  for (const char* select :
       {"SELECT k FROM a", "SELECT k FROM a WHERE n IN (SELECT m FROM b) ORDER BY m LIMIT 2",
        "SELECT { k, l: [SELECT { k, c: (SELECT count(*) FROM c WHERE c.n = b.k) } FROM b WHERE "
        "b.n = a.n] } FROM a",
        "SELECT d.n FROM (SELECT n, count(*) AS c FROM a GROUP BY n) AS d LEFT JOIN b ON b.n = d.c",
        "SELECT n, count(*) AS c FROM a GROUP BY n HAVING EXISTS (SELECT 1 FROM b WHERE b.n = "
        "a.n)"}) {
    CAPTURE(select);
    OperatorHarness release;
    release.commit("+a1(1,1) +a2(2,2) +b1(1,1) +b2(1,2) +c1(1)");
    release.open(select);
    CHECK(release.stats().views == 1);
    CHECK(release.stats().instances > 0);
    release.commit("a1(2) -a2 +a3(1,1) b2(2)");
    release.close(0);
    CHECK(text_of(release.stats()) == kNothing);
    release.commit("a1(1) -b1");  // nobody hears
  }
}

TEST_CASE("release: children go with the last row that asks for them") {
  OperatorHarness release(
      {"SELECT { k, l: [SELECT k FROM b WHERE b.n = a.n] } FROM a WHERE m = 1"});
  const std::string empty = text_of(release.stats());
  release.commit("+a1(1,1) +a2(1,1) +a3(2,1)");
  const std::size_t held = release.stats().instances;
  release.commit("-a1");  // a2 asks for the same
  CHECK(release.stats().instances == held);
  release.commit("-a2");
  CHECK(release.stats().instances < held);
  release.commit("a3(1)");  // another child in place of its own
  CHECK(release.stats().instances < held);
  release.commit("a3(.,2)");
  CHECK(text_of(release.stats()) == empty);
}

TEST_CASE("release: equal shapes share their template, equal selects their instance") {
  OperatorHarness release({"SELECT k FROM a WHERE n = 1 ORDER BY m LIMIT 2"});
  release.commit("+a1(1) +a2(2)");
  const GraphStats one = release.stats();
  release.open("SELECT k FROM a WHERE n = 1 ORDER BY m LIMIT 2");
  CHECK(release.stats().templates == one.templates);
  CHECK(release.stats().instances == one.instances);
  release.open("SELECT k FROM a WHERE n = 2 ORDER BY m LIMIT 2");
  CHECK(release.stats().templates == one.templates);
  CHECK(release.stats().instances > one.instances);
  CHECK(release.commit("a1(.,5,x) a2(1)") == "+0=2 | +0=2 | -0");
  release.close(0);
  CHECK(release.stats().templates == one.templates);
  CHECK(release.commit("a1(2)") == "-1 | +0=1");
  release.close(2);
  CHECK(release.stats().instances == one.instances);
  release.close(1);
  CHECK(text_of(release.stats()) == kNothing);
}

TEST_CASE("release: views open and close between the commits of a stream") {
  const std::vector<std::string> selects = {
      "SELECT k FROM a WHERE n = 1",
      "SELECT k FROM a WHERE n = 2",
      "SELECT k, t FROM a WHERE n = 2 ORDER BY m LIMIT 2",
      "SELECT k, t FROM a WHERE n = 2 ORDER BY m LIMIT 3 OFFSET 1",
      "SELECT { k, l: [SELECT k FROM b WHERE b.n = a.n] } FROM a",
      "SELECT { k, l: [SELECT { k, t } FROM b WHERE b.n = a.n ORDER BY m LIMIT 1] } FROM a WHERE n "
      "> 0",
      "SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.n)",
      "SELECT k FROM b WHERE n IN (SELECT m FROM a)",
      "SELECT n, count(*) AS c FROM a GROUP BY n",
      "SELECT n, count(*) AS c FROM a GROUP BY n HAVING max(m) > 1",
      "SELECT a.k AS x, b.k AS y FROM a LEFT JOIN b ON b.n = a.n",
      "SELECT d.n FROM (SELECT n, k FROM a ORDER BY k LIMIT 3) AS d WHERE d.k > 1"};
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    OperatorHarness release;
    std::vector<std::size_t> open;
    for (int i = 0; i < 15 && release.lawful(); ++i) {
      if (rng.chance(10)) release.roll_back(random_writes(rng, "ab"));
      if (open.size() < 6 && rng.chance(60)) {
        open.push_back(release.view_count());
        release.open(rng.pick(selects));
      }
      if (!open.empty() && rng.chance(35)) {
        const auto at = open.begin() + rng.below(static_cast<int>(open.size()));
        if (rng.chance(30)) release.write(random_writes(rng, "ab"));  // in the middle
        release.close(*at);
        open.erase(at);
      }
      release.commit(random_writes(rng, "ab"));
    }
    for (std::size_t view : open) release.close(view);
    REQUIRE(text_of(release.stats()) == kNothing);
  }
}
