#include "core/dataflow/accumulator.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"

namespace tremula::dataflow {
namespace {

using triples::Kind;
using triples::Value;

// Values stand in an OrderTree as (encoded value + row key, mark). Encodings of 1 and 1.0 are
// equal, so the mark says REAL in its first bit; the others count equal entries, as rows without
// row keys make them.
constexpr RowId kRealMark = 0x8000'0000;
constexpr RowId kCountMask = 0x7FFF'FFFF;

RowId real_mark(Value value) { return value.kind == Kind::kReal ? kRealMark : 0; }

// Equal by compare, but of the kind that the mark says.
Value in_marked_kind(Value value, RowId mark) {
  const bool real = (mark & kRealMark) != 0;
  if (value.kind == Kind::kInt && real) return Value::real(static_cast<double>(value.integer));
  if (value.kind == Kind::kReal && !real) {
    return Value::int_of(static_cast<std::int64_t>(value.number));
  }
  return value;
}

// A value's encoding, and behind it the row key.
struct PlacedKey {
  std::string bytes;
  std::size_t value_bytes = 0;

  PlacedKey(Value value, std::string_view row_key) {
    triples::encode_ordered(value, bytes);
    value_bytes = bytes.size();
    bytes += row_key;
  }
  std::string_view value() const { return std::string_view(bytes).substr(0, value_bytes); }
};

// The first row of an encoded value, or the end. No encoding is the beginning of another, so that
// entries that begin with it are of this value.
OrderTree::Cursor first_of(const OrderTree& tree, std::string_view encoded) {
  const OrderTree::Cursor first = tree.lower_bound(encoded);
  return first.valid() && first.key().starts_with(encoded) ? first : OrderTree::Cursor();
}

// The entry with exactly this key and kind.
OrderTree::Cursor find_counted(const OrderTree& tree, std::string_view key, RowId real) {
  const OrderTree::Cursor found = tree.lower_bound(key, real);
  const bool same = found.valid() && found.key() == key && (found.row() & kRealMark) == real;
  return same ? found : OrderTree::Cursor();
}

void change_counted(OrderTree& tree, std::string_view key, RowId real, int sign) {
  const OrderTree::Cursor found = find_counted(tree, key, real);
  TREMULA_ASSERT(found.valid() || sign > 0);
  const RowId before = found.valid() ? found.row() & kCountMask : 0;
  const RowId after = sign > 0 ? before + 1 : before - 1;
  TREMULA_ASSERT(after <= kCountMask);
  if (before > 0) tree.erase(key, real | before);
  if (after > 0) tree.insert(key, real | after);
}

}  // namespace

// The texts of group_concat: rows by number, and their order.
struct Accumulator::Texts {
  struct Row {
    std::string bytes;  // separator, then text
    std::size_t separator_bytes = 0;
  };

  void add(Row row, std::string_view row_key, const PlacedKey* value);
  void retract(const Row& row, std::string_view row_key, const PlacedKey* value);
  RowId find(const OrderTree& tree, std::string_view key, const Row& row) const;
  Value joined(base::Arena& arena) const;
  std::size_t memory_bytes() const;

  std::vector<Row> rows;
  std::vector<RowId> unused;
  OrderTree order;   // (row key, number): the rows that are printed
  OrderTree values;  // DISTINCT: (value + row key, number): all rows
};

void Accumulator::Texts::add(Row row, std::string_view row_key, const PlacedKey* value) {
  RowId number = static_cast<RowId>(rows.size());
  if (unused.empty()) {
    rows.push_back(std::move(row));
  } else {
    number = unused.back();
    unused.pop_back();
    rows[number] = std::move(row);
  }
  if (value != nullptr) {
    const OrderTree::Cursor first = first_of(values, value->value());
    const bool is_first = !first.valid() || value->bytes < first.key();
    if (is_first && first.valid()) {
      order.erase(first.key().substr(value->value_bytes), first.row());
    }
    values.insert(value->bytes, number);
    if (!is_first) return;
  }
  order.insert(row_key, number);
}

void Accumulator::Texts::retract(const Row& row, std::string_view row_key, const PlacedKey* value) {
  RowId number = 0;
  if (value == nullptr) {
    number = find(order, row_key, row);
    order.erase(row_key, number);
  } else {
    number = find(values, value->bytes, row);
    values.erase(value->bytes, number);
    if (order.erase(row_key, number)) {  // it was the first of its value
      const OrderTree::Cursor next = first_of(values, value->value());
      if (next.valid()) order.insert(next.key().substr(value->value_bytes), next.row());
    }
  }
  rows[number] = Row();
  unused.push_back(number);
}

// The number of a row with this key and these bytes: in the middle of a step a row that enters may
// have the key of one that leaves.
RowId Accumulator::Texts::find(const OrderTree& tree, std::string_view key, const Row& row) const {
  OrderTree::Cursor at = tree.lower_bound(key);
  for (; at.valid() && at.key() == key; at.next()) {
    const Row& found = rows[at.row()];
    if (found.bytes == row.bytes && found.separator_bytes == row.separator_bytes) return at.row();
  }
  TREMULA_ASSERT(!"retracted what was not there");
  return 0;
}

Value Accumulator::Texts::joined(base::Arena& arena) const {
  if (order.size() == 0) return Value::null();
  // The first row's separator stands before nothing, so it is left out.
  const std::size_t left_out = rows[order.begin().row()].separator_bytes;
  std::size_t size = 0;
  for (OrderTree::Cursor at = order.begin(); at.valid(); at.next()) {
    size += rows[at.row()].bytes.size();
  }
  size -= left_out;
  TREMULA_ASSERT(size <= 0xFFFF'FFFF);
  char* text = arena.allocate(size);
  char* end = text;
  std::size_t from = left_out;
  for (OrderTree::Cursor at = order.begin(); at.valid(); at.next()) {
    const std::string& bytes = rows[at.row()].bytes;
    end += bytes.copy(end, bytes.size() - from, from);
    from = 0;
  }
  return Value::text_of({text, size});
}

std::size_t Accumulator::Texts::memory_bytes() const {
  std::size_t bytes = sizeof(Texts) - 2 * sizeof(OrderTree) + order.memory_bytes() +
                      values.memory_bytes() + rows.capacity() * sizeof(Row) +
                      unused.capacity() * sizeof(RowId);
  for (const Row& row : rows) {
    if (row.bytes.capacity() > std::string().capacity()) bytes += row.bytes.capacity() + 1;
  }
  return bytes;
}

// The least and the greatest value are the same with DISTINCT.
Accumulator::Accumulator(AggregateKind kind, bool distinct)
    : kind_(kind),
      distinct_(distinct && kind != AggregateKind::kMin && kind != AggregateKind::kMax) {}

Accumulator::~Accumulator() {
  if (sums()) delete sum_;
  if (concats())
    delete texts_;
  else
    delete values_;
}

bool Accumulator::needs_row_key(AggregateKind kind, bool distinct, const Aggregate& aggregate) {
  if (kind == AggregateKind::kGroupConcat) return true;
  if (aggregate.argument == nullptr) return false;
  // Only where INT and REAL may meet, the kind of equal values is in doubt. avg and total are REAL
  // whatever it is.
  const triples::Type type = aggregate.argument->type;
  if (type != triples::Type::kAny && type != triples::Type::kJson) return false;
  return kind == AggregateKind::kMin || kind == AggregateKind::kMax ||
         (kind == AggregateKind::kSum && distinct);
}

void Accumulator::add(const Contribution& row) { change(row, 1); }

void Accumulator::retract(const Contribution& row) { change(row, -1); }

void Accumulator::change(const Contribution& row, int sign) {
  switch (kind_) {
    case AggregateKind::kCountAll: return count_value(row.argument, sign);
    case AggregateKind::kCount:
      if (row.argument.is_null()) return;
      break;
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
    case AggregateKind::kTotal:
      if (!row.argument.is_number()) return;
      break;
    case AggregateKind::kMin:
    case AggregateKind::kMax: {
      if (row.argument.is_null()) return;
      if (values_ == nullptr) values_ = new OrderTree;
      const PlacedKey key(row.argument, row.row_key);
      return change_counted(*values_, key.bytes, real_mark(row.argument), sign);
    }
    case AggregateKind::kGroupConcat: return change_text(row, sign);
  }
  if (distinct_) {
    change_distinct(row, sign);
  } else {
    count_value(row.argument, sign);
  }
}

void Accumulator::add_batch(BatchValues arguments, BatchRows rows) {
  TREMULA_ASSERT(kind_ != AggregateKind::kGroupConcat);
  if (kind_ == AggregateKind::kCountAll) {
    count_ += static_cast<std::int64_t>(rows.size());
  } else if (kind_ == AggregateKind::kMin || kind_ == AggregateKind::kMax) {
    add_extreme(arguments, rows);
  } else if (distinct_) {
    for (const std::uint8_t row : rows) change({arguments[row], {}, {}}, 1);
  } else if (kind_ == AggregateKind::kCount) {
    for (const std::uint8_t row : rows) count_ += arguments[row].is_null() ? 0 : 1;
  } else {
    add_numbers(arguments, rows);
  }
}

void Accumulator::add_numbers(BatchValues arguments, BatchRows rows) {
  __int128 sum = 0;
  std::int64_t count = 0;
  for (const std::uint8_t row : rows) {
    const Value& value = arguments[row];
    if (value.kind == Kind::kInt) {
      sum += value.integer;
      ++count;
    } else if (value.kind == Kind::kReal) {
      if (sum_ == nullptr) sum_ = new ExactSum;
      sum_->add(value, 1);
    }
  }
  if (count == 0) return;
  if (sum_ == nullptr) sum_ = new ExactSum;
  sum_->add_ints(sum, count);
}

// Of those that are equal the first of INTs, as values_ orders them.
void Accumulator::add_extreme(BatchValues arguments, BatchRows rows) {
  const bool least = kind_ == AggregateKind::kMin;
  const Value* best = nullptr;
  for (const std::uint8_t row : rows) {
    const Value& value = arguments[row];
    if (value.is_null()) continue;
    if (best != nullptr) {
      const auto order = triples::compare(value, *best);
      const bool is_better = order == 0 ? value.kind < best->kind : (order < 0) == least;
      if (!is_better) continue;
    }
    best = &value;
  }
  if (best != nullptr) change({*best, {}, {}}, 1);
}

// A value counts once, as the first of its rows has it.
void Accumulator::change_distinct(const Contribution& row, int sign) {
  if (values_ == nullptr) values_ = new OrderTree;
  const bool keyed = kind_ == AggregateKind::kSum;
  const PlacedKey key(row.argument, keyed ? row.row_key : std::string_view());
  const OrderTree::Cursor before = first_of(*values_, key.value());
  const bool was_there = before.valid();
  const RowId mark_before = was_there ? before.row() & kRealMark : 0;
  change_counted(*values_, key.bytes, real_mark(row.argument), sign);
  const OrderTree::Cursor after = first_of(*values_, key.value());
  const bool is_there = after.valid();
  const RowId mark_after = is_there ? after.row() & kRealMark : 0;
  if (was_there && is_there && mark_before == mark_after) return;
  if (was_there) count_value(in_marked_kind(row.argument, mark_before), -1);
  if (is_there) count_value(in_marked_kind(row.argument, mark_after), 1);
}

void Accumulator::count_value(Value value, int sign) {
  if (kind_ == AggregateKind::kCountAll || kind_ == AggregateKind::kCount) {
    count_ += sign;
    TREMULA_ASSERT(count_ >= 0);
    return;
  }
  if (sum_ == nullptr) sum_ = new ExactSum;
  sum_->add(value, sign);
  TREMULA_ASSERT(sum_->count() >= 0);
}

void Accumulator::change_text(const Contribution& row, int sign) {
  if (row.argument.is_null()) return;
  if (texts_ == nullptr) texts_ = new Texts;
  Texts::Row text;
  if (!row.separator.is_null()) triples::print_text(row.separator, text.bytes);
  text.separator_bytes = text.bytes.size();
  triples::print_text(row.argument, text.bytes);
  std::optional<PlacedKey> value;
  if (distinct_) value.emplace(row.argument, row.row_key);
  const PlacedKey* placed = value ? &*value : nullptr;
  if (sign > 0) {
    texts_->add(std::move(text), row.row_key, placed);
  } else {
    texts_->retract(text, row.row_key, placed);
  }
}

Value Accumulator::least_or_greatest(base::Arena& arena) const {
  if (values_ == nullptr || values_->size() == 0) return Value::null();
  std::string scratch;
  OrderTree::Cursor at = values_->begin();
  if (kind_ == AggregateKind::kMax) {
    at = values_->last();
    std::string_view behind = at.key();
    triples::decode_ordered(behind, scratch);
    at = first_of(*values_, at.key().substr(0, at.key().size() - behind.size()));
  }
  std::string_view bytes = at.key();
  Value value = triples::decode_ordered(bytes, scratch);
  if (value.has_bytes()) value.data = arena.copy(value.view()).data();
  return in_marked_kind(value, at.row());
}

Value Accumulator::value(base::Arena& arena) const {
  switch (kind_) {
    case AggregateKind::kCountAll:
    case AggregateKind::kCount: return Value::int_of(count_);
    case AggregateKind::kSum: return sum_ == nullptr ? Value::null() : sum_->sum();
    case AggregateKind::kAvg: return sum_ == nullptr ? Value::null() : sum_->avg();
    case AggregateKind::kTotal: return sum_ == nullptr ? Value::real(0) : sum_->total();
    case AggregateKind::kMin:
    case AggregateKind::kMax: return least_or_greatest(arena);
    case AggregateKind::kGroupConcat:
      return texts_ == nullptr ? Value::null() : texts_->joined(arena);
  }
  return Value::null();
}

std::size_t Accumulator::memory_bytes() const {
  std::size_t bytes = sizeof(Accumulator);
  if (sums() && sum_ != nullptr) bytes += sum_->memory_bytes();
  if (concats() && texts_ != nullptr) bytes += texts_->memory_bytes();
  if (!concats() && values_ != nullptr) bytes += values_->memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
