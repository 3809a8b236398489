// OrderEntries against std::sort, over keys that differ early, late, or not at all.
#include "core/dataflow/order_entries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

using tremula::dataflow::OrderEntries;
using tremula::dataflow::RowId;

namespace {

using Rng = std::mt19937_64;
using Entry = std::pair<std::string, RowId>;

std::string random_key(Rng& rng, std::uint64_t kind) {
  std::string key(kind % 4 * 5, '\x7f');  // what all begin with
  for (std::size_t i = rng() % 10; i > 0; --i)
    key += static_cast<char>(kind < 4 ? rng() : rng() % 2);
  return key;
}

}  // namespace

TEST_CASE("order entries: sorted as by std::sort, few and many, however they come") {
  for (const std::size_t count : {0, 1, 2, 100, 127, 128, 129, 1000, 20'000}) {
    for (std::uint64_t kind = 0; kind < 8; ++kind) {
      CAPTURE(count);
      CAPTURE(kind);
      Rng rng(count + kind);
      std::vector<Entry> expected;
      for (std::size_t i = 0; i < count; ++i)
        expected.emplace_back(random_key(rng, kind), static_cast<RowId>(rng()));
      OrderEntries entries;
      entries.reserve(count / 2, count);
      for (const Entry& e : expected) entries.add(e.first, e.second);
      std::sort(expected.begin(), expected.end());
      for (int again = 0; again < 2; ++again) {
        entries.sort();
        REQUIRE(entries.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
          REQUIRE(entries.key(i) == expected[i].first);
          REQUIRE(entries.row(i) == expected[i].second);
        }
      }
    }
  }
}
