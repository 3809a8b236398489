// Counter: the state of a COUNTER cell: one sum per site, the newest that is known.
//
//   state   entry*, by site number          entry   meta (stamp.h) | zigzag varint sum
//   value   DEFAULT or 0, and all sums, wrapping at 64 bits
//
// Only its own site makes a sum greater or smaller, and sends it whole, so that a record that comes
// twice or late counts once. The empty state is a cell that nobody has written.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/crdt/stamp.h"

namespace tremula::crdt {

struct CounterEntry {
  Meta meta;
  std::int64_t sum = 0;
};

// Reads the entries of a state in order. At the end, or at bytes that are none, next() is false;
// only at the end is_complete() is true.
class CounterReader {
 public:
  explicit CounterReader(std::string_view state) : from_(state) {}
  bool next(CounterEntry& entry);
  bool is_complete() const { return from_.empty() && !is_broken_; }
  std::size_t offset() const { return from_.offset(); }

 private:
  base::ByteReader from_;
  bool is_broken_ = false;
};

// Takes one site's sum in: the greater version wins, then the greater sum.
// Requires: of all of these, a state that these functions made.
// Returns: whether the state changed.  Cost: O(sites).
bool merge_counter(std::string& state, const CounterEntry& incoming);

std::int64_t counter_value(std::string_view state, std::int64_t default_value);

// A local write as the difference to what the writer saw; 0: there is nothing to record.
std::int64_t counter_difference(std::int64_t seen, std::int64_t written);

// The entry that adds `difference` to the sum of the site that `now` names: merge it, send it.
CounterEntry add_to_counter(std::string_view state, std::int64_t difference, const Meta& now);

// Whether the bytes are a state, in its one order.
bool is_counter_state(std::string_view state);

}  // namespace tremula::crdt
