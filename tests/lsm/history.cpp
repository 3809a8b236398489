#include "tests/lsm/history.h"

#include <algorithm>

#include "tests/lsm/sst_support.h"

namespace tremula::lsm::testing {

using namespace tremula::triples;

Value History::value() {
  switch (below(6)) {
    case 0: return Value::null();
    case 1: return Value::boolean_of(chance(50));
    case 2: return Value::real(static_cast<double>(below(1000)) / 8);
    case 3:
      text_.assign(below(options_.text_bytes + 1), static_cast<char>('a' + below(26)));
      return Value::text_of(text_);
    default: return Value::int_of(static_cast<std::int64_t>(below(100'000)) - 1000);
  }
}

void History::note(const EntryKey& key, Value value) {
  const Place place{key.type, key.attr, key.slot, std::string(key.key)};
  if (value.is_missing()) {
    entries_.erase(place);
  } else {
    entries_[place] = testing::show(Entry{key, value, version_});
  }
}

std::string_view History::commit() {
  ++version_;
  writer_.clear();
  std::map<TypeId, std::set<Slot>> written;
  for (std::size_t i = 1 + below(options_.rows_of_commit); i > 0; --i) {
    const TypeId type{1 + static_cast<std::uint32_t>(below(options_.types))};
    write_row(type, written[type]);
  }
  for (const auto& [type, slot] : freed_) tables_[type].free_slots.push_back(slot);
  freed_.clear();
  return writer_.view();
}

void History::write_row(TypeId type, std::set<Slot>& written) {
  Table& table = tables_[type];
  const std::string key = "k" + std::to_string(below(options_.keys));
  const auto found = table.keys.find(key);
  if (found == table.keys.end() || found->second == kNoSlot) {
    insert(type, key, written);
    return;
  }
  const Slot slot = found->second;
  if (!written.insert(slot).second) return;
  if (chance(60)) {
    update(type, slot);
    return;
  }
  erase(type, slot);
  // The same key at once in another slot.
  if (chance(10)) insert(type, key, written);
}

void History::insert(TypeId type, const std::string& key, std::set<Slot>& written) {
  Table& table = tables_[type];
  Slot slot = table.next_slot;
  if (!table.free_slots.empty() && chance(80)) {
    slot = table.free_slots.back();
    table.free_slots.pop_back();
  } else {
    table.next_slot += 1 + static_cast<Slot>(below(3));
  }
  written.insert(slot);
  Row& row = table.rows[slot];
  row = {key, {}};
  for (std::uint32_t attr = 1; attr <= options_.attrs; ++attr)
    if (chance(80)) row.attrs.insert(AttrId{attr});
  writer_.begin_row(type, slot, Fate::kInserted, key, row.attrs.size());
  for (const AttrId attr : row.attrs) {
    const Value written_value = value();
    writer_.cell(attr, written_value);
    note({type, attr, slot, {}}, written_value);
  }
  table.keys[key] = slot;
  note({type, kRowAttr, slot, {}}, Value::bytes_of(key));
  note({type, kKeyAttr, 0, key}, Value::int_of(slot));
}

void History::update(TypeId type, Slot slot) {
  Row& row = tables_[type].rows[slot];
  std::vector<AttrId> attrs;
  for (std::uint32_t attr = 1; attr <= options_.attrs; ++attr)
    if (chance(40)) attrs.push_back(AttrId{attr});
  if (chance(30)) std::reverse(attrs.begin(), attrs.end());
  writer_.begin_row(type, slot, Fate::kUpdated, row.key, attrs.size());
  for (const AttrId attr : attrs) {
    const bool removes = chance(25);
    const Value written = removes ? Value::missing() : value();
    writer_.cell(attr, written);
    note({type, attr, slot, {}}, written);
    if (removes) {
      row.attrs.erase(attr);
    } else {
      row.attrs.insert(attr);
    }
  }
}

void History::erase(TypeId type, Slot slot) {
  Table& table = tables_[type];
  const Row row = table.rows[slot];
  writer_.begin_row(type, slot, Fate::kDeleted, row.key, 0);
  for (const AttrId attr : row.attrs) note({type, attr, slot, {}}, Value::missing());
  note({type, kRowAttr, slot, {}}, Value::missing());
  note({type, kKeyAttr, 0, row.key}, Value::null());
  table.rows.erase(slot);
  table.keys[row.key] = kNoSlot;
  freed_.emplace_back(type, slot);
}

std::string History::show() const {
  std::string text;
  for (const auto& [place, line] : entries_) text += line + "\n";
  return text;
}

std::string History::show(TypeId type, AttrId attr) const {
  std::string text;
  for (const auto& [place, line] : entries_)
    if (place.type == type && place.attr == attr) text += line + "\n";
  return text;
}

Slot History::find(TypeId type, const std::string& key) const {
  const auto table = tables_.find(type);
  if (table == tables_.end()) return kNoSlot;
  const auto found = table->second.keys.find(key);
  return found == table->second.keys.end() ? kNoSlot : found->second;
}

std::vector<std::string> History::all_keys(TypeId type) const {
  std::vector<std::string> keys;
  const auto table = tables_.find(type);
  if (table == tables_.end()) return keys;
  for (const auto& [key, slot] : table->second.keys) keys.push_back(key);
  return keys;
}

void Overlay::add(const Entry& entry) {
  const std::pair place{std::pair{entry.key.type, entry.key.attr},
                        std::pair{entry.key.slot, std::string(entry.key.key)}};
  if (entry.value.is_missing()) {
    lines_.erase(place);
  } else {
    lines_[place] = testing::show(entry);
  }
}

std::string Overlay::show() const {
  std::string text;
  for (const auto& [place, line] : lines_) text += line + "\n";
  return text;
}

}  // namespace tremula::lsm::testing
