#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/lsm/key_head.h"
#include "core/lsm/memtable.h"
#include "core/lsm/memtable_rows.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::Fate;
using triples::kRowAttr;
using triples::Slot;
using triples::TypeId;
using triples::Value;

namespace {

constexpr std::uint32_t kNoCell = 0xFFFF'FFFF;  // the row itself, or a tombstone

struct CellRef {
  std::uint32_t line = 0;
  std::uint32_t cell = kNoCell;
};

struct KeyRef {
  std::string_view key;
  Value value;
  std::uint64_t version = 0;
  std::uint64_t order = 0;
};

// A line or a key by the number that it sorts by.
struct Ranked {
  std::uint64_t rank = 0;
  std::uint32_t index = 0;
};

// By rank, what was before stays before: a byte at a time, those alone that differ.
void sort_ranked(std::vector<Ranked>& items) {
  std::uint64_t all_set = ~std::uint64_t{0};
  std::uint64_t some_set = 0;
  bool is_sorted = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    all_set &= items[i].rank;
    some_set |= items[i].rank;
    is_sorted = is_sorted && (i == 0 || items[i - 1].rank <= items[i].rank);
  }
  if (is_sorted) return;
  std::vector<Ranked> sorted(items.size());
  for (unsigned shift = 0; shift < 64; shift += 8) {
    if (((all_set ^ some_set) >> shift & 255) == 0) continue;
    std::array<std::uint32_t, 257> begins{};
    for (const Ranked& item : items) ++begins[(item.rank >> shift & 255) + 1];
    for (std::size_t digit = 1; digit < begins.size(); ++digit) begins[digit] += begins[digit - 1];
    for (const Ranked& item : items) sorted[begins[item.rank >> shift & 255]++] = item;
    items.swap(sorted);
  }
}

}  // namespace

struct MemtableCursor::State {
  struct Column {
    AttrId attr{};
    std::vector<CellRef> refs;  // ascending slots
  };

  const Memtable::State* from = nullptr;
  AttrsOfType attrs;
  std::uint64_t since = 0;
  std::vector<std::uint32_t> lines;                 // by type and slot
  std::vector<std::uint32_t> wiped;                 // lines too, the same order
  std::vector<Memtable::State::DeadKey> dead_keys;  // by type

  // --- The type in hand ---
  std::size_t lines_begin = 0;  // its part of `lines`
  std::size_t lines_end = 0;
  std::size_t wiped_begin = 0;  // and so on
  std::size_t wiped_end = 0;
  std::size_t dead_begin = 0;
  std::size_t dead_end = 0;
  TypeId type{};
  std::vector<Column> columns;  // by attr
  std::vector<KeyRef> keys;
  std::vector<Ranked> key_order;
  std::size_t column = 0;  // in hand; columns.size(): the keys
  std::size_t at = 0;      // in the column or the keys

  // What comes next.
  enum class Step : std::uint8_t { kSortLines, kBeginType, kColumns, kGatherKeys, kKeys, kEnd };
  Step step = Step::kSortLines;

  bool counts(const MemtableLine& line) const;
  void sort_lines();
  void begin_type();
  void put_column(std::vector<Entry>& out, std::size_t most);
  void put_keys(std::vector<Entry>& out, std::size_t most);
  void gather_cells(std::size_t begin);
  void gather_tombstones(std::size_t begin);
  void gather_keys();
  void sort_equal_heads();
  Entry entry_of(AttrId attr, CellRef ref) const;
};

bool MemtableCursor::State::counts(const MemtableLine& line) const {
  return since == 0 || line.version > since ||
         std::any_of(line.cell, line.cell + line.cells,
                     [this](const MemtableCell& cell) { return cell.version > since; });
}

void MemtableCursor::State::sort_lines() {
  std::vector<Ranked> order;
  if (since == 0) order.reserve(from->lines.size());
  for (std::uint32_t line = 0; line < from->lines.size(); ++line) {
    if (!counts(from->lines[line])) continue;
    order.push_back({line_id(from->lines[line].type, from->lines[line].slot), line});
  }
  sort_ranked(order);
  lines.reserve(order.size());
  for (const Ranked& item : order) {
    lines.push_back(item.index);
    if (from->lines[item.index].was_wiped) wiped.push_back(item.index);
  }
  std::copy_if(from->dead_keys.begin(), from->dead_keys.end(), std::back_inserter(dead_keys),
               [this](const auto& dead) { return since == 0 || dead.version > since; });
  std::stable_sort(dead_keys.begin(), dead_keys.end(),
                   [](const auto& a, const auto& b) { return a.type < b.type; });
  step = Step::kBeginType;
}

// Goes on to the next type, or to the end.
void MemtableCursor::State::begin_type() {
  lines_begin = lines_end;
  wiped_begin = wiped_end;
  dead_begin = dead_end;
  columns.clear();
  column = 0;
  at = 0;
  if (lines_begin == lines.size()) {
    step = Step::kEnd;
    return;
  }
  type = from->lines[lines[lines_begin]].type;
  const auto is_of_type = [this](std::uint32_t line) { return from->lines[line].type == type; };
  while (lines_end < lines.size() && is_of_type(lines[lines_end])) ++lines_end;
  while (wiped_end < wiped.size() && is_of_type(wiped[wiped_end])) ++wiped_end;
  while (dead_end < dead_keys.size() && dead_keys[dead_end].type == type) ++dead_end;
  gather_cells(lines_begin);
  gather_tombstones(wiped_begin);
  std::sort(columns.begin(), columns.end(),
            [](const Column& a, const Column& b) { return a.attr < b.attr; });
  step = Step::kColumns;
}

void MemtableCursor::State::gather_cells(std::size_t begin) {
  base::FlatMap<AttrId, std::uint32_t> column_of;
  const auto find_column = [&](AttrId attr) -> std::uint32_t {
    const auto [index, is_new] = column_of.insert(attr, static_cast<std::uint32_t>(columns.size()));
    if (is_new) columns.push_back({attr, {}});
    return *index;
  };
  for (std::size_t i = begin; i < lines_end; ++i) {
    const MemtableLine& line = from->lines[lines[i]];
    if (line.fate == Fate::kInserted || line.was_wiped)
      columns[find_column(kRowAttr)].refs.push_back({lines[i], kNoCell});
    // Rows of one table have their columns in one order: the next is most likely the next here.
    std::size_t hint = 0;
    for (std::uint32_t cell = 0; cell < line.cells; ++cell) {
      if (line.is_fresh && line.cell[cell].value.is_missing()) continue;
      const AttrId attr = line.cell[cell].attr;
      if (hint >= columns.size() || columns[hint].attr != attr) hint = find_column(attr);
      columns[hint++].refs.push_back({lines[i], cell});
    }
  }
}

// What the files have of the deleted rows and the memtable doesn't.
void MemtableCursor::State::gather_tombstones(std::size_t begin) {
  if (begin == wiped_end) return;
  for (const AttrId attr : attrs(type)) {
    if (attr == kRowAttr || attr == kKeyAttr) continue;
    auto found = std::find_if(columns.begin(), columns.end(),
                              [&](const Column& column) { return column.attr == attr; });
    if (found == columns.end()) found = columns.insert(found, Column{attr, {}});
    std::vector<CellRef>& refs = found->refs;
    const auto cells = static_cast<std::ptrdiff_t>(refs.size());
    for (std::size_t i = begin; i < wiped_end; ++i) {
      const MemtableLine& line = from->lines[wiped[i]];
      const bool has_cell =
          std::any_of(line.cell, line.cell + line.cells,
                      [&](const MemtableCell& cell) { return cell.attr == attr; });
      if (!has_cell) refs.push_back({wiped[i], kNoCell});
    }
    std::inplace_merge(refs.begin(), refs.begin() + cells, refs.end(),
                       [this](const CellRef& a, const CellRef& b) {
                         return from->lines[a.line].slot < from->lines[b.line].slot;
                       });
  }
}

void MemtableCursor::State::gather_keys() {
  keys.clear();
  for (std::size_t i = lines_begin; i < lines_end; ++i) {
    const MemtableLine& line = from->lines[lines[i]];
    if (line.fate == Fate::kUpdated) continue;
    const Value value = line.fate == Fate::kInserted ? Value::int_of(line.slot) : Value::null();
    keys.push_back({line.key, value, line.version, line.order});
  }
  for (std::size_t i = dead_begin; i < dead_end; ++i) {
    const auto& dead = dead_keys[i];
    keys.push_back({dead.key, Value::null(), dead.version, dead.order});
  }
  key_order.clear();
  for (std::uint32_t i = 0; i < keys.size(); ++i) key_order.push_back({key_head(keys[i].key), i});
  sort_ranked(key_order);
  sort_equal_heads();
  at = 0;
  step = Step::kKeys;
}

// Those whose first bytes are alike by all of them; of equal keys the youngest stays.
void MemtableCursor::State::sort_equal_heads() {
  const auto before = [this](const Ranked& a, const Ranked& b) {
    const int order = keys[a.index].key.compare(keys[b.index].key);
    return order != 0 ? order < 0 : keys[a.index].order > keys[b.index].order;
  };
  for (auto begin = key_order.begin(); begin != key_order.end();) {
    auto end = begin + 1;
    while (end != key_order.end() && end->rank == begin->rank) ++end;
    if (end - begin > 1) std::sort(begin, end, before);
    begin = end;
  }
  const auto end =
      std::unique(key_order.begin(), key_order.end(), [this](const Ranked& a, const Ranked& b) {
        return a.rank == b.rank && keys[a.index].key == keys[b.index].key;
      });
  key_order.erase(end, key_order.end());
}

Entry MemtableCursor::State::entry_of(AttrId attr, CellRef ref) const {
  const MemtableLine& line = from->lines[ref.line];
  const EntryKey key{type, attr, line.slot, {}};
  if (ref.cell != kNoCell) return {key, line.cell[ref.cell].value, line.cell[ref.cell].version};
  const bool is_living_row = attr == kRowAttr && line.fate == Fate::kInserted;
  return {key, is_living_row ? Value::bytes_of(line.key) : Value::missing(), line.version};
}

void MemtableCursor::State::put_column(std::vector<Entry>& out, std::size_t most) {
  if (column == columns.size()) {
    step = Step::kGatherKeys;
    return;
  }
  const Column& from_column = columns[column];
  while (at < from_column.refs.size() && out.size() < most)
    out.push_back(entry_of(from_column.attr, from_column.refs[at++]));
  if (at < from_column.refs.size()) return;
  ++column;
  at = 0;
}

void MemtableCursor::State::put_keys(std::vector<Entry>& out, std::size_t most) {
  for (; at < key_order.size() && out.size() < most; ++at) {
    const KeyRef& key = keys[key_order[at].index];
    out.push_back({{type, kKeyAttr, 0, key.key}, key.value, key.version});
  }
  if (at == key_order.size()) step = Step::kBeginType;
}

MemtableCursor::MemtableCursor(const Memtable& memtable, const AttrsOfType& attrs,
                               std::uint64_t since)
    : state_(std::make_unique<State>()) {
  state_->since = since;
  state_->from = memtable.state_.get();
  state_->attrs = attrs;
}

MemtableCursor::~MemtableCursor() = default;

bool MemtableCursor::next(std::vector<Entry>& out, std::size_t most) {
  out.clear();
  switch (state_->step) {
    case State::Step::kSortLines: state_->sort_lines(); break;
    case State::Step::kBeginType: state_->begin_type(); break;
    case State::Step::kColumns: state_->put_column(out, most); break;
    case State::Step::kGatherKeys: state_->gather_keys(); break;
    case State::Step::kKeys: state_->put_keys(out, most); break;
    case State::Step::kEnd: return false;
  }
  return true;
}

}  // namespace tremula::lsm
