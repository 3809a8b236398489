#include "core/crdt/set.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/triples/value_bytes.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

namespace {

using triples::Kind;
using triples::Value;

bool is_element(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kText || kind == Kind::kNull;
}

bool is_before(Value a, Value b) { return triples::compare(a, b) < 0; }

std::strong_ordering compare_places(const SetEntry& a, const SetEntry& b) {
  const std::strong_ordering order = triples::compare(a.element, b.element);
  return order != 0 ? order : a.meta.stamp.site <=> b.meta.stamp.site;
}

// Returns: whether `incoming` takes the place of `stored`, an entry of the same element and site.
bool wins(const SetEntry& incoming, const SetEntry& stored) {
  if (incoming.meta.stamp.version != stored.meta.stamp.version) {
    return incoming.meta.stamp.version > stored.meta.stamp.version;
  }
  return incoming.is_removed && !stored.is_removed;
}

void put_entry(std::string& out, const SetEntry& entry) {
  triples::put_value(out, entry.element);
  put_meta(out, entry.meta, entry.is_removed);
}

// The end of the array's element that begins at `at`, in canonical JSON.
std::size_t end_of_element(std::string_view text, std::size_t at) {
  if (text[at] != '"') return std::min(text.find_first_of(",]", at), text.size());
  for (++at; text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

}  // namespace

bool read_elements(Value array, base::Arena& arena, std::vector<Value>& elements) {
  if (array.kind != Kind::kJson || array.view()[0] != '[') return false;
  const std::string_view text = array.view();
  for (std::size_t at = 1; at + 1 < text.size();) {
    if (text[at] == '[' || text[at] == '{') return false;
    const std::size_t end = end_of_element(text, at);
    Value element;
    if (!triples::parse_json(text.substr(at, end - at), arena, element)) return false;
    if (element.kind != Kind::kInt && element.kind != Kind::kText) return false;
    elements.push_back(element);
    at = end + 1;
  }
  std::sort(elements.begin(), elements.end(), is_before);
  const auto is_same = [](Value a, Value b) { return triples::identical(a, b); };
  elements.erase(std::unique(elements.begin(), elements.end(), is_same), elements.end());
  return true;
}

bool SetReader::next(SetEntry& entry) {
  if (from_.empty() || is_broken_) return false;
  is_broken_ = !triples::read_value(from_, entry.element) || !is_element(entry.element.kind) ||
               !read_meta(from_, entry.meta, entry.is_removed);
  return !is_broken_;
}

std::size_t merge_set(std::string& state, std::span<const SetEntry> incoming) {
  std::string merged;
  std::size_t changes = 0;
  const auto put_front = [&] {
    put_entry(merged, incoming.front());
    incoming = incoming.subspan(1);
    ++changes;
  };
  SetReader reader(state);
  SetEntry entry;
  for (std::size_t begin = 0; reader.next(entry); begin = reader.offset()) {
    while (!incoming.empty() && compare_places(incoming.front(), entry) < 0) put_front();
    if (!incoming.empty() && compare_places(incoming.front(), entry) == 0) {
      if (wins(incoming.front(), entry)) {
        put_front();
        continue;
      }
      incoming = incoming.subspan(1);
    }
    merged.append(state, begin, reader.offset() - begin);
  }
  TREMULA_ASSERT(reader.is_complete());
  while (!incoming.empty()) put_front();
  if (changes > 0) state = std::move(merged);
  return changes;
}

Value set_value(std::string_view state, base::Arena& arena) {
  if (state.empty()) return Value::missing();
  std::string text = "[";
  SetEntry entry;
  Value last;
  bool is_null = false;
  SetReader reader(state);
  while (reader.next(entry)) {
    if (entry.is_removed) continue;
    if (entry.element.is_null()) {
      is_null = true;
      continue;
    }
    if (triples::identical(entry.element, last)) continue;
    last = entry.element;
    if (text.size() > 1) text += ',';
    triples::print_json(entry.element, text);
  }
  TREMULA_ASSERT(reader.is_complete());
  if (is_null && text.size() == 1) return Value::null();
  text += ']';
  return Value::json_of(arena.copy(text));
}

base::Result<void> set_difference(std::string_view seen, Value written, bool has_default,
                                  const Meta& now, base::Arena& arena,
                                  std::vector<SetEntry>& entries) {
  std::vector<Value> wanted;
  if (written.is_null()) {
    wanted.push_back(written);
  } else if (!read_elements(written, arena, wanted)) {
    return base::Error{base::ErrorCode::kTypeMismatch,
                       "a SET takes an array of INT and TEXT, or NULL"};
  }
  if (seen.empty() && written.is_null() && !has_default) return {};
  const std::size_t before = entries.size();
  if (seen.empty() && wanted.empty()) entries.push_back({Value::null(), now, true});
  // Both sides are sorted: walk them together.
  std::size_t at = 0;
  bool is_in = false;  // wanted[at] is in by an entry that was passed
  SetEntry entry;
  for (SetReader reader(seen); reader.next(entry);) {
    for (; at < wanted.size() && is_before(wanted[at], entry.element); ++at, is_in = false) {
      if (!is_in) entries.push_back({wanted[at], now, false});
    }
    if (entry.is_removed) continue;
    if (at < wanted.size() && triples::identical(wanted[at], entry.element)) {
      is_in = true;
    } else {
      entry.is_removed = true;
      entry.meta.position = now.position;
      entries.push_back(entry);
    }
  }
  for (; at < wanted.size(); ++at, is_in = false) {
    if (!is_in) entries.push_back({wanted[at], now, false});
  }
  // A NULL that doesn't show may stay: the same value is no change.
  const auto is_null = [](const SetEntry& made) { return made.element.is_null(); };
  const auto begin = entries.begin() + static_cast<std::ptrdiff_t>(before);
  if (!wanted.empty() && !written.is_null() && std::all_of(begin, entries.end(), is_null)) {
    entries.resize(before);
  }
  return {};
}

bool is_set_state(std::string_view state) {
  SetReader reader(state);
  SetEntry entry;
  SetEntry last;
  bool is_first = true;
  for (; reader.next(entry); last = entry, is_first = false) {
    if (!is_first && compare_places(last, entry) >= 0) return false;
  }
  return reader.is_complete();
}

}  // namespace tremula::crdt
