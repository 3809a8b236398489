// Set: the state of a SET cell: for each element and each site that added it, its newest add and
// whether that was taken away.
//
//   state   entry*, by element, then site number
//   entry   element (value_bytes.h: INT, TEXT or NULL) | meta (stamp.h), marked if taken away
//
//   ["a","c"]  ->  "a" added 5 of site 0;  "b" removed 7 of site 0;  "c" removed 5 of site 0,
//                                                                        added 9 of site 2
// An element is in while any of its adds stands. A removal names the adds that it saw, by their own
// stamps, so that an add which it didn't see stays.
// NULL as an element: the column was set to NULL; it shows only where no other element is in. Its
// removal alone says: written, and empty. The empty state is a cell that nobody has written; what
// DEFAULT it reads then is no part of the set.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crdt/stamp.h"
#include "core/triples/value.h"

namespace tremula::crdt {

// Appends the elements of an array, sorts all and keeps each once.
// Returns: false if it is no array of INT and TEXT.
// Borrowed: the arena, by the elements.
bool read_elements(triples::Value array, base::Arena& arena, std::vector<triples::Value>& elements);

struct SetEntry {
  triples::Value element;
  Meta meta;
  bool is_removed = false;
};

// Reads the entries of a state in order. At the end, or at bytes that are none, next() is false;
// only at the end is_complete() is true.
// Borrowed: the state, by the elements.
class SetReader {
 public:
  explicit SetReader(std::string_view state) : from_(state) {}
  bool next(SetEntry& entry);
  bool is_complete() const { return from_.empty() && !is_broken_; }
  std::size_t offset() const { return from_.offset(); }

 private:
  base::ByteReader from_;
  bool is_broken_ = false;
};

// Takes entries in: of one element and site the greater version wins, then the removal.
// Requires: of all of these, a state that these functions made; `incoming` by element, then site
//           number, as set_difference() makes it, no two of one place.
// Returns: how many changed the state.  Cost: O(size of the state + incoming), one allocation.
std::size_t merge_set(std::string& state, std::span<const SetEntry> incoming);
inline bool merge_set(std::string& state, const SetEntry& incoming) {
  return merge_set(state, std::span(&incoming, 1)) > 0;
}

// Sorted JSON; NULL; or kMissing if nobody has written the cell. Made in the arena.
triples::Value set_value(std::string_view state, base::Arena& arena);

// A local write as entries, in the order of the state: merge them, send them. None: it is there
// already.
// `seen` is the state that the writer saw, `now` the stamp of his transaction. `has_default`: the
// column has one, so that an explicit NULL is to be kept.
// Errors: type_mismatch, if `written` is neither NULL nor an array of INT and TEXT.
// Borrowed: `seen` and the arena, by the entries.
base::Result<void> set_difference(std::string_view seen, triples::Value written, bool has_default,
                                  const Meta& now, base::Arena& arena,
                                  std::vector<SetEntry>& entries);

// Whether the bytes are a state, in its one order.
bool is_set_state(std::string_view state);

}  // namespace tremula::crdt
