#include "core/lsm/column_block.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/bytes.h"
#include "core/lsm/packed_ints.h"
#include "core/triples/utf8.h"

namespace tremula::lsm {
namespace {

using triples::Kind;
using triples::Value;

constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kMissing) + 1;

base::Error damaged(const char* what) { return {base::ErrorCode::kCorrupt, what}; }

bool has_length(Kind kind) { return kind >= Kind::kText && kind <= Kind::kJson; }

// The parts of a block before any value is made.
struct Parts {
  PackedInts slots;
  PackedInts kinds;
  PackedInts versions;
  std::array<std::size_t, kKinds> count_of{};  // entries by kind
  PackedInts integers;
  PackedInts booleans;
  std::string_view reals;
  PackedInts lengths;
  std::string_view bytes;
  bool is_ascii = false;  // all the bytes

  std::size_t count(Kind kind) const { return count_of[static_cast<std::size_t>(kind)]; }
};

bool count_kinds(std::size_t entries, Parts& parts) {
  if (parts.kinds.all_equal()) {
    if (static_cast<std::uint64_t>(parts.kinds.base()) >= kKinds) return false;
    parts.count_of[static_cast<std::size_t>(parts.kinds.base())] = entries;
    return true;
  }
  bool good = true;
  parts.kinds.for_each([&](std::int64_t kind) {
    if (static_cast<std::uint64_t>(kind) < kKinds) {
      ++parts.count_of[static_cast<std::size_t>(kind)];
    } else {
      good = false;
    }
  });
  return good;
}

base::Result<Parts> split(base::ByteReader rest) {
  Parts parts;
  std::uint64_t entries = 0;
  if (!rest.varint(entries) || entries == 0 || entries > kBlockEntriesMax)
    return damaged("the number of entries is out of range");
  if (!parts.slots.take(entries, rest)) return damaged("the slots are cut off");
  if (!parts.kinds.take(entries, rest)) return damaged("the kinds are cut off");
  if (!count_kinds(entries, parts)) return damaged("a kind that is none");
  if (!parts.versions.take(entries, rest)) return damaged("the versions are cut off");
  if (!parts.integers.take(parts.count(Kind::kInt), rest))
    return damaged("the integers are cut off");
  if (!parts.booleans.take(parts.count(Kind::kBool), rest))
    return damaged("the booleans are cut off");
  if (!rest.bytes(parts.count(Kind::kReal) * sizeof(double), parts.reals))
    return damaged("the reals are cut off");
  const std::size_t texts =
      parts.count(Kind::kText) + parts.count(Kind::kBytes) + parts.count(Kind::kJson);
  if (!parts.lengths.take(texts, rest)) return damaged("the lengths are cut off");
  const std::uint64_t left = rest.left();
  std::uint64_t length_sum = 0;
  bool good = true;
  parts.lengths.for_each([&](std::int64_t length) {
    good &= static_cast<std::uint64_t>(length) <= left;
    length_sum += static_cast<std::uint64_t>(length);
  });
  if (!good || length_sum != left) return damaged("the lengths do not fit the bytes");
  parts.bytes = rest.rest();
  parts.is_ascii = triples::is_ascii(parts.bytes);
  return parts;
}

bool fill_slots(const PackedInts& slots, std::vector<triples::Slot>& out) {
  out.resize(slots.size());
  triples::Slot* to = out.data();
  std::int64_t last = -1;
  bool good = true;
  slots.for_each([&](std::int64_t slot) {
    good &= slot > last;
    last = slot;
    *to++ = static_cast<triples::Slot>(slot);
  });
  return good && last < static_cast<std::int64_t>(triples::kNoSlot);
}

Value text_value(Kind kind, const char* data, std::int64_t length, bool is_ascii) {
  Value value;
  value.kind = kind;
  value.size = static_cast<std::uint32_t>(length);
  value.is_ascii = is_ascii;
  value.data = data;
  return value;
}

bool real_value(std::string_view reals, std::size_t index, Value& value) {
  const std::uint64_t bits = base::load_u64(reals.data() + index * sizeof(double));
  value = Value::real(std::bit_cast<double>(bits));
  return value.kind == Kind::kReal && std::bit_cast<std::uint64_t>(value.number) == bits;
}

// All entries are of one kind: a straight loop.
bool fill_alike(Kind kind, const Parts& parts, Value* to) {
  bool good = true;
  if (kind == Kind::kInt) {
    parts.integers.for_each([&](std::int64_t number) { *to++ = Value::int_of(number); });
  } else if (kind == Kind::kBool) {
    parts.booleans.for_each([&](std::int64_t number) {
      good &= number == 0 || number == 1;
      *to++ = Value::boolean_of(number == 1);
    });
  } else if (kind == Kind::kReal) {
    for (std::size_t i = 0; i < parts.kinds.size(); ++i) good &= real_value(parts.reals, i, *to++);
  } else if (has_length(kind)) {
    const char* data = parts.bytes.data();
    parts.lengths.for_each([&](std::int64_t length) {
      *to++ = text_value(kind, data, length, parts.is_ascii);
      data += length;
    });
  } else {
    Value empty;
    empty.kind = kind;
    std::fill_n(to, parts.kinds.size(), empty);
  }
  return good;
}

// Each payload goes to the next entry of its kind.
bool fill_mixed(const Parts& parts, std::vector<Value>& values) {
  bool good = true;
  std::size_t at = 0;
  parts.kinds.for_each([&](std::int64_t kind) { values[at++].kind = static_cast<Kind>(kind); });
  const auto next_of = [&](auto is_of_kind) -> Value& {
    while (!is_of_kind(values[at].kind)) ++at;
    return values[at++];
  };
  const auto is = [](Kind wanted) { return [wanted](Kind kind) { return kind == wanted; }; };
  at = 0;
  parts.integers.for_each([&](std::int64_t number) { next_of(is(Kind::kInt)).integer = number; });
  at = 0;
  parts.booleans.for_each([&](std::int64_t number) {
    good &= number == 0 || number == 1;
    next_of(is(Kind::kBool)) = Value::boolean_of(number == 1);
  });
  at = 0;
  for (std::size_t i = 0; i < parts.count(Kind::kReal); ++i)
    good &= real_value(parts.reals, i, next_of(is(Kind::kReal)));
  at = 0;
  const char* data = parts.bytes.data();
  parts.lengths.for_each([&](std::int64_t length) {
    Value& value = next_of(has_length);
    value = text_value(value.kind, data, length, parts.is_ascii);
    data += length;
  });
  return good;
}

}  // namespace

void ColumnBlockBuilder::add(triples::Slot slot, Value value, std::uint64_t version) {
  slots_.push_back(slot);
  kinds_.push_back(static_cast<std::int64_t>(value.kind));
  versions_.push_back(static_cast<std::int64_t>(version));
  switch (value.kind) {
    case Kind::kInt: integers_.push_back(value.integer); break;
    case Kind::kBool: booleans_.push_back(value.boolean ? 1 : 0); break;
    case Kind::kReal: reals_.push_back(value.number); break;
    case Kind::kText:
    case Kind::kBytes:
    case Kind::kJson:
      lengths_.push_back(value.size);
      bytes_.append(value.data, value.size);
      break;
    case Kind::kNull:
    case Kind::kMissing: break;
  }
}

void ColumnBlockBuilder::finish(std::string& out) {
  base::put_varint(out, entries());
  for (std::vector<std::int64_t>* part : {&slots_, &kinds_, &versions_, &integers_, &booleans_}) {
    append_packed(*part, out);
    part->clear();
  }
  for (const double number : reals_) base::put_u64(out, std::bit_cast<std::uint64_t>(number));
  reals_.clear();
  append_packed(lengths_, out);
  lengths_.clear();
  out += bytes_;
  bytes_.clear();
}

base::Result<void> decode_column_block(std::size_t begin, SstBlock& block) {
  TREMULA_ASSERT(begin + kPackedSlack <= block.bytes.size());
  const std::string_view bytes(block.bytes.data() + begin,
                               block.bytes.size() - begin - kPackedSlack);
  const auto split_parts = split(base::ByteReader(bytes));
  if (!split_parts.ok()) return split_parts.error();
  const Parts& parts = split_parts.value();
  if (!fill_slots(parts.slots, block.slots)) return damaged("the slots do not ascend");
  block.versions.resize(parts.versions.size());
  std::uint64_t* version_to = block.versions.data();
  parts.versions.for_each(
      [&](std::int64_t version) { *version_to++ = static_cast<std::uint64_t>(version); });
  block.values.resize(parts.kinds.size());
  const bool good = parts.kinds.all_equal() ? fill_alike(static_cast<Kind>(parts.kinds.base()),
                                                         parts, block.values.data())
                                            : fill_mixed(parts, block.values);
  if (!good) return damaged("a value that is none of its kind");
  // Numbers stand in the values; the bytes are not needed any more.
  if (parts.bytes.empty() && parts.lengths.size() == 0) {
    std::string().swap(block.bytes);  // shrink_to_fit() does nothing without exceptions
  }
  return {};
}

base::Result<std::optional<triples::Slot>> mark_slots(std::string_view bytes, std::size_t entries,
                                                      std::vector<std::uint8_t>& living) {
  base::ByteReader rest(bytes);
  std::uint64_t count = 0;
  PackedInts slots;
  PackedInts kinds;
  if (!rest.varint(count) || count != entries) return damaged("holds another number of entries");
  if (!slots.take(count, rest) || !kinds.take(count, rest)) return std::optional<triples::Slot>();
  std::vector<triples::Slot> places;
  if (!fill_slots(slots, places)) return damaged("the slots do not ascend");
  if (living.size() <= places.back()) living.resize(std::size_t{places.back()} + 1, 0);
  constexpr auto kTombstone = static_cast<std::int64_t>(Kind::kMissing);
  const triples::Slot first = places.front();
  if (kinds.all_equal() && places.back() - first + 1 == places.size()) {
    std::fill_n(living.begin() + first, places.size(), kinds.base() == kTombstone ? 0 : 1);
  } else {
    const triples::Slot* at = places.data();
    kinds.for_each([&](std::int64_t kind) { living[*at++] = kind == kTombstone ? 0 : 1; });
  }
  return std::optional<triples::Slot>(first);
}

}  // namespace tremula::lsm
