#include "core/crdt/counter.h"

#include "core/base/check.h"

namespace tremula::crdt {

namespace {

std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

}  // namespace

bool CounterReader::next(CounterEntry& entry) {
  if (from_.empty() || is_broken_) return false;
  bool mark = false;
  is_broken_ = !read_meta(from_, entry.meta, mark) || !from_.zigzag(entry.sum);
  return !is_broken_;
}

bool merge_counter(std::string& state, const CounterEntry& incoming) {
  CounterReader reader(state);
  CounterEntry entry;
  std::size_t begin = 0;
  std::size_t end = 0;  // [begin, end): what the incoming entry replaces
  for (; reader.next(entry); begin = end) {
    if (entry.meta.stamp.site > incoming.meta.stamp.site) break;
    end = reader.offset();
    if (entry.meta.stamp.site < incoming.meta.stamp.site) continue;
    if (entry.meta.stamp.version > incoming.meta.stamp.version) return false;
    if (entry.meta.stamp == incoming.meta.stamp && entry.sum >= incoming.sum) return false;
    break;
  }
  std::string bytes;
  put_meta(bytes, incoming.meta, false);
  base::put_zigzag(bytes, incoming.sum);
  state.replace(begin, end - begin, bytes);
  return true;
}

std::int64_t counter_value(std::string_view state, std::int64_t default_value) {
  std::int64_t value = default_value;
  CounterReader reader(state);
  for (CounterEntry entry; reader.next(entry);) value = wrapping_add(value, entry.sum);
  TREMULA_ASSERT(reader.is_complete());
  return value;
}

std::int64_t counter_difference(std::int64_t seen, std::int64_t written) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(written) -
                                   static_cast<std::uint64_t>(seen));
}

CounterEntry add_to_counter(std::string_view state, std::int64_t difference, const Meta& now) {
  CounterReader reader(state);
  for (CounterEntry entry; reader.next(entry);) {
    if (entry.meta.stamp.site == now.stamp.site) {
      return {now, wrapping_add(entry.sum, difference)};
    }
  }
  return {now, difference};
}

bool is_counter_state(std::string_view state) {
  CounterReader reader(state);
  CounterEntry entry;
  bool is_first = true;
  for (SiteNumber last{}; reader.next(entry); last = entry.meta.stamp.site, is_first = false) {
    if (!is_first && entry.meta.stamp.site <= last) return false;
  }
  return reader.is_complete();
}

}  // namespace tremula::crdt
