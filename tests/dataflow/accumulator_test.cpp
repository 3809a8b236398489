// Accumulators against the same aggregate computed anew from the rows that are in.
#include "core/dataflow/accumulator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/triples/value_ops.h"

using namespace tremula::dataflow;
using tremula::base::Arena;
using tremula::triples::compare;
using tremula::triples::identical;
using tremula::triples::Kind;
using tremula::triples::OwnedValue;
using tremula::triples::Type;
using tremula::triples::Value;

namespace {

using Rng = std::mt19937_64;

constexpr AggregateKind kKinds[] = {
    AggregateKind::kCountAll, AggregateKind::kCount, AggregateKind::kSum,
    AggregateKind::kAvg,      AggregateKind::kMin,   AggregateKind::kMax,
    AggregateKind::kTotal,    AggregateKind::kGroupConcat};

struct Row {
  OwnedValue argument;
  OwnedValue separator;
};
using Rows = std::map<std::string, Row>;  // by row key

bool sums(AggregateKind kind) {
  return kind == AggregateKind::kSum || kind == AggregateKind::kAvg ||
         kind == AggregateKind::kTotal;
}

// The rows that count, in their order.
std::vector<Row> counted_rows(AggregateKind kind, bool distinct, const Rows& rows) {
  std::vector<Row> counted;
  for (const auto& [key, row] : rows) {
    const Value value = row.argument.value();
    if (value.is_null() && kind != AggregateKind::kCountAll) continue;
    if (sums(kind) && !value.is_number()) continue;
    const bool seen = std::any_of(counted.begin(), counted.end(), [&](const Row& before) {
      return compare(before.argument.value(), value) == 0;
    });
    if (!distinct || !seen) counted.push_back(row);
  }
  return counted;
}

Value joined(const std::vector<Row>& rows, std::string& text) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Value separator = rows[i].separator.value();
    if (i > 0 && !separator.is_null()) tremula::triples::print_text(separator, text);
    tremula::triples::print_text(rows[i].argument.value(), text);
  }
  return rows.empty() ? Value::null() : Value::text_of(text);
}

// Of values whose sums doubles hold exactly.
Value summed(AggregateKind kind, const std::vector<Row>& rows) {
  double real_sum = 0;
  std::int64_t int_sum = 0;
  bool all_int = true;
  for (const Row& row : rows) {
    const Value value = row.argument.value();
    if (value.kind == Kind::kInt) {
      int_sum += value.integer;
    } else {
      all_int = false;
      real_sum += value.number;
    }
  }
  const double total = real_sum + static_cast<double>(int_sum);
  if (kind == AggregateKind::kTotal) return Value::real(total);
  if (rows.empty()) return Value::null();
  if (kind == AggregateKind::kAvg) return Value::real(total / static_cast<double>(rows.size()));
  return all_int ? Value::int_of(int_sum) : Value::real(total);
}

Value expected(AggregateKind kind, bool distinct, const Rows& rows, std::string& text) {
  const std::vector<Row> counted = counted_rows(kind, distinct, rows);
  if (sums(kind)) return summed(kind, counted);
  if (kind == AggregateKind::kGroupConcat) return joined(counted, text);
  if (kind != AggregateKind::kMin && kind != AggregateKind::kMax) {
    return Value::int_of(static_cast<std::int64_t>(counted.size()));
  }
  OwnedValue best;
  for (const Row& row : counted) {
    const auto order = compare(row.argument.value(), best.value());
    const bool better = kind == AggregateKind::kMin ? order < 0 : order > 0;
    if (best.value().is_null() || better) best = row.argument;
  }
  if (best.value().has_bytes()) {
    text = best.value().view();
    Value value = best.value();
    value.data = text.data();
    return value;
  }
  return best.value();
}

std::string random_text(Rng& rng) {
  std::string text(rng() % 8 == 0 ? 40 : 0, 'l');
  for (std::size_t i = rng() % 3; i > 0; --i) text.push_back("a\0b"[rng() % 3]);
  return text;
}

OwnedValue random_value(Rng& rng, AggregateKind kind, bool ints_only) {
  const std::int64_t small = static_cast<std::int64_t>(rng() % 7) - 3;
  if (ints_only) return OwnedValue(rng() % 6 == 0 ? Value::null() : Value::int_of(small));
  const std::string text = random_text(rng);
  const std::int64_t huge = (std::int64_t{1} << 60) + small;
  switch (rng() % 10) {
    case 0: return OwnedValue();
    case 1: return OwnedValue(Value::boolean_of(small > 0));
    case 2: return OwnedValue(Value::text_of(text));
    case 3: return OwnedValue(Value::bytes_of(text));
    case 4: return OwnedValue(Value::json_of(small > 0 ? "[1]" : "{\"a\":1}"));
    case 5: return OwnedValue(Value::real(static_cast<double>(small) / 4));
    case 6:
      if (sums(kind)) break;
      return OwnedValue(small > 0 ? Value::int_of(huge) : Value::real(0x1p60));
    case 7: return OwnedValue(Value::real(static_cast<double>(small)));
    default: break;
  }
  return OwnedValue(Value::int_of(small));
}

OwnedValue random_separator(Rng& rng) {
  switch (rng() % 5) {
    case 0: return OwnedValue();
    case 1: return OwnedValue(Value::int_of(7));
    case 2: return OwnedValue(Value::text_of("; a long separator; "));
    default: return OwnedValue(Value::text_of(","));
  }
}

// Rows enter and leave at random, with fewer and fewer, then more again.
void check_kind(AggregateKind kind, bool distinct, bool ints_only, std::uint64_t seed) {
  Rng rng(seed);
  Rows rows;
  Accumulator accumulator(kind, distinct);
  const bool keyed = !ints_only || kind == AggregateKind::kGroupConcat;
  const auto contribution = [keyed](const std::pair<const std::string, Row>& row) {
    return Contribution{row.second.argument.value(), row.second.separator.value(),
                        keyed ? std::string_view(row.first) : std::string_view()};
  };
  for (int step = 0; step < 400; ++step) {
    CAPTURE(step);
    const bool grow = step / 100 % 2 == 0;
    if (rows.empty() || rng() % 10 < (grow ? 7u : 3u)) {
      const auto [row, added] =
          rows.try_emplace(random_text(rng) + std::to_string(rng() % 1000),
                           Row{random_value(rng, kind, ints_only), random_separator(rng)});
      if (added) accumulator.add(contribution(*row));
    } else {
      const auto row = std::next(rows.begin(), static_cast<long>(rng() % rows.size()));
      accumulator.retract(contribution(*row));
      rows.erase(row);
    }
    if (step % 100 == 99 && rng() % 2 == 0) {
      for (const auto& row : rows) accumulator.retract(contribution(row));
      rows.clear();
    }
    Arena arena;
    std::string text;
    const Value is = accumulator.value(arena);
    REQUIRE(identical(is, expected(kind, distinct, rows, text)));
  }
}

Contribution of(Value value, std::string_view key) {
  return {value, Value::text_of(","), key};
}

Aggregate aggregate_of(Type type) {
  Aggregate aggregate;
  aggregate.argument = std::make_unique<Expr>();
  aggregate.argument->type = type;
  return aggregate;
}

}  // namespace

TEST_CASE("accumulator: every aggregate is that of the rows that are in") {
  for (const AggregateKind kind : kKinds) {
    for (const bool distinct : {false, true}) {
      if (kind == AggregateKind::kCountAll && distinct) continue;
      for (const bool ints_only : {false, true}) {
        for (std::uint64_t seed = 1; seed <= 8; ++seed) {
          CAPTURE(static_cast<int>(kind));
          CAPTURE(distinct);
          CAPTURE(ints_only);
          CAPTURE(seed);
          check_kind(kind, distinct, ints_only, seed);
        }
      }
    }
  }
}

TEST_CASE("accumulator: of 1 and 1.0 the first row by its key gives the value") {
  Arena arena;
  for (const AggregateKind kind : {AggregateKind::kMin, AggregateKind::kMax}) {
    Accumulator accumulator(kind, false);
    accumulator.add(of(Value::int_of(1), "b"));
    CHECK(identical(accumulator.value(arena), Value::int_of(1)));
    accumulator.add(of(Value::real(1), "a"));
    CHECK(identical(accumulator.value(arena), Value::real(1)));
    accumulator.retract(of(Value::real(1), "a"));
    CHECK(identical(accumulator.value(arena), Value::int_of(1)));
  }
  Accumulator sum(AggregateKind::kSum, true);
  sum.add(of(Value::int_of(1), "b"));
  sum.add(of(Value::int_of(2), "c"));
  CHECK(identical(sum.value(arena), Value::int_of(3)));
  sum.add(of(Value::real(1), "a"));
  CHECK(identical(sum.value(arena), Value::real(3)));
}

TEST_CASE("accumulator: group_concat prints a separator before each row but the first") {
  Arena arena;
  Accumulator texts(AggregateKind::kGroupConcat, false);
  CHECK(texts.value(arena).is_null());
  texts.add({Value::text_of(""), Value::text_of(";"), "1"});
  CHECK(identical(texts.value(arena), Value::text_of("")));
  texts.add({Value::text_of("a"), Value::null(), "2"});
  texts.add({Value::null(), Value::text_of("|"), "3"});
  texts.add({Value::real(2), Value::text_of("-"), "4"});
  CHECK(texts.value(arena).view() == "a-2.0");
  texts.retract({Value::text_of(""), Value::text_of(";"), "1"});
  texts.retract({Value::text_of("a"), Value::null(), "2"});
  CHECK(texts.value(arena).view() == "2.0");
}

TEST_CASE("accumulator: a row key is asked for only where it can decide") {
  using Kind = AggregateKind;
  const auto needs = [](Kind kind, bool distinct, Type type) {
    return Accumulator::needs_row_key(kind, distinct, aggregate_of(type));
  };
  CHECK(!Accumulator::needs_row_key(Kind::kCountAll, false, Aggregate()));
  CHECK(needs(Kind::kGroupConcat, false, Type::kInt));
  CHECK(needs(Kind::kMin, false, Type::kAny));
  CHECK(needs(Kind::kMax, true, Type::kJson));
  CHECK(!needs(Kind::kMin, false, Type::kInt));
  CHECK(!needs(Kind::kSum, false, Type::kAny));
  CHECK(needs(Kind::kSum, true, Type::kAny));
  CHECK(!needs(Kind::kSum, true, Type::kReal));
  CHECK(!needs(Kind::kCount, true, Type::kAny));
}

TEST_CASE("accumulator: hundreds of thousands of groups are cheap") {
  Accumulator count(AggregateKind::kCount, false);
  count.add(of(Value::int_of(1), {}));
  CHECK(count.memory_bytes() <= 64);
  Accumulator least(AggregateKind::kMin, false);
  least.add(of(Value::int_of(1), {}));
  CHECK(least.memory_bytes() <= 256);
}
