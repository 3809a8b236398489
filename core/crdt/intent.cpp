#include "core/crdt/intent.h"

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/crdt/counter.h"
#include "core/crdt/set.h"
#include "core/triples/value_bytes.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

using triples::AttrId;
using triples::Fate;
using triples::Kind;
using triples::MergeRule;
using triples::Value;

namespace {

constexpr unsigned kKindBits = 2;
constexpr std::uint64_t kKindMask = (1U << kKindBits) - 1;
constexpr std::size_t kCellBytesMin = 3;  // attr, op, and one byte of an operand

bool read_values(std::string_view bytes, std::vector<Value>& values) {
  base::ByteReader from(bytes);
  while (!from.empty()) {
    if (!triples::read_value(from, values.emplace_back())) return false;
    const Kind kind = values.back().kind;
    if (kind != Kind::kInt && kind != Kind::kText && kind != Kind::kNull) return false;
  }
  return true;
}

bool read_operand(base::ByteReader& from, IntentCell& cell) {
  switch (cell.op) {
    case CellOp::kSet: return triples::read_value(from, cell.value);
    case CellOp::kMax:
    case CellOp::kMin: return triples::read_value(from, cell.value) && !cell.value.is_missing();
    case CellOp::kAdd: {
      std::int64_t difference = 0;
      if (!from.zigzag(difference) || !from.zigzag(cell.start)) return false;
      cell.value = Value::int_of(difference);
      return true;
    }
    case CellOp::kElements: {
      std::vector<Value> values;
      return from.sized(cell.added) && from.sized(cell.removed) &&
             read_values(cell.added, values) && read_values(cell.removed, values);
    }
  }
  return false;
}

bool read_cell(base::ByteReader& from, IntentCell& cell) {
  std::uint32_t attr = 0;
  std::uint8_t op = 0;
  if (!from.varint32(attr) || attr == static_cast<std::uint32_t>(triples::kRowAttr)) return false;
  if (!from.u8(op) || op > static_cast<std::uint8_t>(CellOp::kElements)) return false;
  cell = {};
  cell.attr = AttrId{attr};
  cell.op = static_cast<CellOp>(op);
  return read_operand(from, cell);
}

bool read_row(base::ByteReader& from, IntentRow& row) {
  std::uint32_t type = 0;
  std::uint64_t insert_and_kind = 0;
  std::uint64_t cells = 0;
  if (!from.varint32(type) || !from.varint(insert_and_kind)) return false;
  const std::uint64_t kind = insert_and_kind & kKindMask;
  row.type = triples::TypeId{type};
  row.kind = static_cast<IntentKind>(kind);
  row.own_insert = insert_and_kind >> kKindBits;
  if (!from.sized(row.key) || !from.varint(cells)) return false;
  if (row.kind >= IntentKind::kDelete && cells != 0) return false;
  if (row.kind == IntentKind::kMerge && (type != 0 || row.own_insert != 0)) return false;
  if (cells > from.left() / kCellBytesMin) return false;  // before anything is made that large
  row.cells.resize(static_cast<std::size_t>(cells));
  for (IntentCell& cell : row.cells) {
    if (!read_cell(from, cell)) return false;
  }
  return true;
}

bool is_before(Value a, Value b) { return triples::compare(a, b) < 0; }

// The elements of what a SET stores. NULL is one that shows only where there is no other.
std::vector<Value> elements_of(Value stored, base::Arena& arena) {
  std::vector<Value> elements;
  if (stored.is_null()) {
    elements.push_back(stored);
  } else if (!stored.is_missing() && !read_elements(stored, arena, elements)) {
    elements.clear();  // of another type: reads as nothing
  }
  return elements;
}

Value set_of(const std::vector<Value>& elements, base::Arena& arena) {
  std::string text = "[";
  for (const Value element : elements) {
    if (element.is_null()) continue;
    if (text.size() > 1) text += ',';
    triples::print_json(element, text);
  }
  if (text.size() == 1 && !elements.empty()) return Value::null();
  text += ']';
  return Value::json_of(arena.copy(text));
}

bool change_elements(RowImage& image, const IntentCell& cell) {
  base::Arena arena;
  std::vector<Value> added;
  std::vector<Value> removed;
  const bool is_read = read_values(cell.added, added) && read_values(cell.removed, removed);
  TREMULA_ASSERT(is_read);
  std::vector<Value> elements = elements_of(image.get(cell.attr), arena);
  std::erase_if(elements, [&](Value element) {
    return std::any_of(removed.begin(), removed.end(),
                       [&](Value gone) { return triples::identical(gone, element); });
  });
  elements.insert(elements.end(), added.begin(), added.end());
  std::sort(elements.begin(), elements.end(), is_before);
  elements.erase(std::unique(elements.begin(), elements.end(), triples::identical), elements.end());
  return image.set(cell.attr, set_of(elements, arena));
}

std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// Of equal values (1 and 1.0) the later written counts.
bool loses(CellOp op, Value written, Value stored) {
  if (written.is_null() || stored.is_null()) return written.is_null();
  const std::strong_ordering order = triples::compare(written, stored);
  return op == CellOp::kMax ? order < 0 : order > 0;
}

bool change_cell(RowImage& image, const IntentCell& cell) {
  switch (cell.op) {
    case CellOp::kSet: return image.set(cell.attr, cell.value);
    case CellOp::kMax:
    case CellOp::kMin: {
      const Value stored = image.get(cell.attr);
      if (!stored.is_missing() && loses(cell.op, cell.value, stored)) return false;
      return image.set(cell.attr, cell.value);
    }
    case CellOp::kAdd: {
      const Value stored = image.get(cell.attr);
      const std::int64_t before = stored.kind == Kind::kInt ? stored.integer : cell.start;
      return image.set(cell.attr, Value::int_of(wrapping_add(before, cell.value.integer)));
    }
    case CellOp::kElements: return change_elements(image, cell);
  }
  return false;
}

}  // namespace

// --- Bytes ---

void IntentWriter::begin_row(triples::TypeId type, IntentKind kind, std::uint64_t own_insert,
                             std::string_view key, std::size_t cells) {
  TREMULA_ASSERT(kind < IntentKind::kDelete || cells == 0);
  base::put_varint(bytes_, static_cast<std::uint32_t>(type));
  base::put_varint(bytes_, own_insert << kKindBits | static_cast<std::uint64_t>(kind));
  base::put_sized(bytes_, key);
  base::put_varint(bytes_, cells);
}

void IntentWriter::begin_cell(AttrId attr, CellOp op) {
  base::put_varint(bytes_, static_cast<std::uint32_t>(attr));
  base::put_u8(bytes_, static_cast<std::uint8_t>(op));
}

void IntentWriter::set(AttrId attr, Value value) {
  begin_cell(attr, CellOp::kSet);
  triples::put_value(bytes_, value);
}

void IntentWriter::max(AttrId attr, Value value) {
  begin_cell(attr, CellOp::kMax);
  triples::put_value(bytes_, value.is_missing() ? Value::null() : value);
}

void IntentWriter::min(AttrId attr, Value value) {
  begin_cell(attr, CellOp::kMin);
  triples::put_value(bytes_, value.is_missing() ? Value::null() : value);
}

void IntentWriter::add(AttrId attr, std::int64_t difference, std::int64_t start) {
  begin_cell(attr, CellOp::kAdd);
  base::put_zigzag(bytes_, difference);
  base::put_zigzag(bytes_, start);
}

void IntentWriter::elements(AttrId attr, std::string_view added, std::string_view removed) {
  begin_cell(attr, CellOp::kElements);
  base::put_sized(bytes_, added);
  base::put_sized(bytes_, removed);
}

void IntentWriter::write(AttrId attr, MergeRule rule, Value seen, Value written,
                         std::int64_t start) {
  switch (rule) {
    case MergeRule::kLww: return set(attr, written);
    case MergeRule::kMax: return max(attr, written);
    case MergeRule::kMin: return min(attr, written);
    case MergeRule::kCounter: {
      const auto count = [&](Value value) {
        return value.kind == Kind::kInt ? value.integer : start;
      };
      return add(attr, counter_difference(count(seen), count(written)), start);
    }
    case MergeRule::kSet: break;
  }
  arena_.clear();
  const std::vector<Value> before = elements_of(seen, arena_);
  const std::vector<Value> after = elements_of(written, arena_);
  const auto put_without = [](const std::vector<Value>& all, const std::vector<Value>& without) {
    std::string bytes;
    for (const Value element : all) {
      const bool is_in = std::any_of(without.begin(), without.end(), [&](Value other) {
        return triples::identical(other, element);
      });
      if (!is_in) triples::put_value(bytes, element);
    }
    return bytes;
  };
  elements(attr, put_without(after, before), put_without(before, after));
}

base::Result<bool> IntentReader::next(IntentRow& row) {
  if (rest_.empty()) return false;
  base::ByteReader from(rest_);
  if (!read_row(from, row)) {
    const std::size_t offset = whole_ - rest_.size() + from.offset();
    return base::Error{base::ErrorCode::kCorrupt,
                       "intents are broken at their byte " + std::to_string(offset)};
  }
  rest_ = from.rest();
  return true;
}

std::string encode_submission(const Submission& submission) {
  std::string bytes;
  base::put_varint(bytes, submission.seen);
  base::put_varint(bytes, submission.acknowledged);
  bytes += submission.intents;
  return bytes;
}

base::Result<Submission> decode_submission(std::string_view bytes) {
  base::ByteReader from(bytes);
  Submission submission;
  if (!from.varint(submission.seen) || !from.varint(submission.acknowledged)) {
    return base::Error{base::ErrorCode::kCorrupt,
                       "a submission is broken at its byte " + std::to_string(from.offset())};
  }
  submission.intents = from.rest();
  return submission;
}

// --- Images ---

Value RowImage::get(AttrId attr) const {
  const auto at =
      std::lower_bound(cells_.begin(), cells_.end(), attr,
                       [](const Cell& cell, AttrId wanted) { return cell.attr < wanted; });
  return at != cells_.end() && at->attr == attr ? at->value.value() : Value::missing();
}

bool RowImage::set(AttrId attr, Value value) {
  const auto at =
      std::lower_bound(cells_.begin(), cells_.end(), attr,
                       [](const Cell& cell, AttrId wanted) { return cell.attr < wanted; });
  const bool is_stored = at != cells_.end() && at->attr == attr;
  if (value.is_missing()) {
    if (is_stored) cells_.erase(at);
    return is_stored;
  }
  if (!is_stored) {
    cells_.insert(at, {attr, triples::OwnedValue(value)});
    return true;
  }
  if (triples::identical(at->value.value(), value)) return false;
  at->value = triples::OwnedValue(value);
  return true;
}

bool rebase(RowImage& image, const IntentRow& row, const Ground& ground) {
  if (row.kind == IntentKind::kMerge) return false;
  if (row.kind == IntentKind::kPut) {
    const bool begins = !image.is_alive;
    if (begins) {
      image.is_alive = true;
      image.birth = ground.now;
      image.clear_cells();
    }
    bool changed = begins;
    for (const IntentCell& cell : row.cells) changed = change_cell(image, cell) || changed;
    return changed;
  }
  // Somebody deleted the row that the writer saw; what may live there now is another one.
  if (!image.is_alive || image.birth > std::max(ground.seen, ground.own_insert)) return false;
  if (row.kind == IntentKind::kDelete) {
    image.is_alive = false;
    image.clear_cells();
    return true;
  }
  bool changed = false;
  for (const IntentCell& cell : row.cells) changed = change_cell(image, cell) || changed;
  return changed;
}

void apply_effect(RowImage& image, const triples::WrittenRow& row, std::uint64_t version) {
  if (row.fate != Fate::kUpdated) {
    image.is_alive = row.fate == Fate::kInserted;
    image.birth = version;
    image.clear_cells();
  }
  for (const triples::WrittenCell& cell : row.cells) image.set(cell.attr, cell.value);
}

}  // namespace tremula::crdt
