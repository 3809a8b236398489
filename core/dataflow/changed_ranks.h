// ChangedRanks: where every row of an order stood and stands, from the places of the rows that a
// step changed: the others keep their order among themselves.
//
//   old   a X b c      X at 1            the others by number:  a 0, b 1, c 2
//   new   a b Y c X    Y at 2, X at 4    on the new side:       a 0, b 1, c 3
//
// Thread: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/triples/ids.h"

namespace tremula::dataflow {

class ChangedRanks {
 public:
  using Row = std::uint32_t;
  struct Place {
    std::uint32_t at = 0;
    Row row = 0;
  };

  void clear() {
    for (auto& places : places_) places.clear();
  }
  // A changed row's place on a side.
  void add(triples::Side side, std::uint32_t at, Row row) { of(side).push_back({at, row}); }
  // Call once all were added.
  void sort() {
    for (auto& places : places_)
      std::sort(places.begin(), places.end(),
                [](const Place& a, const Place& b) { return a.at < b.at; });
  }

  // How many unchanged rows stand before `at`.
  std::size_t unchanged_before(std::size_t at, triples::Side side) const {
    return at - static_cast<std::size_t>(first_from(at, side) - of(side).begin());
  }
  // Where the unchanged row of this number stands.
  std::size_t place_of_unchanged(std::size_t number, triples::Side side) const {
    const auto& places = of(side);
    std::size_t low = 0;
    for (std::size_t high = places.size(); low < high;) {
      const std::size_t middle = low + (high - low) / 2;
      if (places[middle].at - middle <= number)
        low = middle + 1;
      else
        high = middle;
    }
    return number + low;
  }
  // The changed row at this place, or null.
  const Place* changed_at(std::size_t at, triples::Side side) const {
    const auto found = first_from(at, side);
    return found != of(side).end() && found->at == at ? &*found : nullptr;
  }
  // The least place of a changed row, on either side; the greatest number if there is none.
  std::size_t least() const {
    std::size_t least = ~std::size_t{0};
    for (const auto& places : places_)
      if (!places.empty()) least = std::min<std::size_t>(least, places.front().at);
    return least;
  }

 private:
  using Places = std::vector<Place>;
  Places& of(triples::Side side) { return places_[side == triples::Side::kNew]; }
  const Places& of(triples::Side side) const { return places_[side == triples::Side::kNew]; }
  Places::const_iterator first_from(std::size_t at, triples::Side side) const {
    return std::partition_point(of(side).begin(), of(side).end(),
                                [at](const Place& p) { return p.at < at; });
  }
  Places places_[2];
};

}  // namespace tremula::dataflow
