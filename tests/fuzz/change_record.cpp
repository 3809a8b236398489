// Fuzzes what merging reads: lines of changes, and the bytes of its states. Any bytes are an error,
// or something that can be written again and reads as itself.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/crdt/change_record.h"
#include "core/crdt/counter.h"
#include "core/crdt/row_stamps.h"
#include "core/crdt/set.h"

using namespace tremula;
using namespace tremula::crdt;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// Returns: the line printed again, or "" if it is none.
std::string reprinted(std::string_view line) {
  base::Arena arena;
  ChangeLine read;
  const auto result = parse_change(line, 1, arena, read);
  std::string text;
  if (!result.ok()) {
    require(result.error().code == base::ErrorCode::kCorrupt && !result.error().message.empty());
  } else if (read.is_end) {
    print_end(read.end, text);
  } else {
    print_change(read.record, text);
  }
  return text;
}

void try_states(std::string_view bytes) {
  if (is_counter_state(bytes)) {
    std::string state(bytes);
    const CounterEntry more = add_to_counter(state, 1, Meta{{Version{1}, SiteNumber{3}}, {}});
    merge_counter(state, more);
    require(is_counter_state(state));
    (void)counter_value(state, 0);
  }
  if (is_set_state(bytes)) {
    base::Arena arena;
    std::string state(bytes);
    std::vector<SetEntry> entries;
    require(set_difference(bytes, triples::Value::null(), true, Meta{}, arena, entries).ok());
    merge_set(state, entries);
    require(is_set_state(state));
    (void)set_value(state, arena);
  }
  RowStampsReader reader(bytes);
  RowState row;
  if (reader.row(row)) {
    for (CellStamp cell; reader.next(cell);) {
    }
  }
  Register stored;
  Position position;
  (void)read_register(bytes, stored, position);
  if (auto sites = Sites::from_bytes(bytes); sites.ok()) {
    require(sites.value().to_bytes() == bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string once = reprinted(bytes);
  if (!once.empty()) require(reprinted(once) == once);
  try_states(bytes);
  return 0;
}
