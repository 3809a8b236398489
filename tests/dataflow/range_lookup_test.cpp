// Range lookup: whatever meets the bounds stands in one of the pieces, which are apart and ascend.
#include "core/dataflow/range_lookup.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"

namespace tremula::test {
namespace {

using dataflow::find_ranges;
using dataflow::KeyRange;
using dataflow::Node;
using dataflow::RangeBound;
using triples::OwnedValue;
using triples::Value;
using Random = std::mt19937;

std::string some_text(Random& random, std::string_view letters, std::size_t most) {
  std::string text(random() % (most + 1), ' ');
  for (char& c : text) c = letters[random() % letters.size()];
  return text;
}

// Of few letters, so that patterns match; `text` keeps the bytes.
Value some_value(Random& random, std::string& text) {
  static constexpr std::string_view kLetters("aAbB1\x00\xC3\xA9", 8);
  switch (random() % 6) {
    case 0: return Value::int_of(static_cast<std::int64_t>(random() % 20));
    case 1: return Value::real(static_cast<double>(random() % 20) / 2);
    case 2: text = some_text(random, "ab1", 3); return Value::bytes_of(text);
    default: text = some_text(random, kLetters, 5); return Value::text_of(text);
  }
}

struct Bounds {
  std::vector<Node> values;
  std::vector<RangeBound> bounds;
};

Bounds some_bounds(Random& random) {
  Bounds made;
  made.values.resize(1 + random() % 3);
  for (Node& node : made.values) {
    RangeBound bound;
    bound.value = &node;
    std::string text;
    switch (random() % 4) {
      case 0:
        bound.form = RangeBound::Form::kLike;
        text = some_text(random, "aAbB1", 5) + (random() % 4 == 0 ? "_" : "%");
        node.literal = OwnedValue(Value::text_of(text));
        break;
      case 1:
        bound.form = RangeBound::Form::kGlob;
        text = some_text(random, "aAbB1", 3) + (random() % 4 == 0 ? "[ab]*" : "*");
        node.literal = OwnedValue(Value::text_of(text));
        break;
      default:
        bound.lower = random() % 2 == 0;
        bound.strict = random() % 2 == 0;
        node.literal = OwnedValue(some_value(random, text));
    }
    made.bounds.push_back(bound);
  }
  return made;
}

bool meets(Value value, const RangeBound& bound) {
  const Value edge = bound.value->literal.value();
  switch (bound.form) {
    case RangeBound::Form::kLike: return triples::like(value, edge, Value::null()).is_true();
    case RangeBound::Form::kGlob: return triples::glob(value, edge).is_true();
    case RangeBound::Form::kCompare: break;
  }
  const Value low = bound.lower ? edge : value;
  const Value high = bound.lower ? value : edge;
  return (bound.strict ? triples::less(low, high) : triples::less_equal(low, high)).is_true();
}

}  // namespace

TEST_CASE("range lookup: what meets all bounds is in a piece") {
  Random random(7);
  int met = 0;
  for (int i = 0; i < 3'000; ++i) {
    const Bounds bounds = some_bounds(random);
    std::vector<KeyRange> pieces;
    const bool narrows = find_ranges(bounds.bounds, {}, pieces);
    for (std::size_t p = 0; p < pieces.size(); ++p) {
      REQUIRE(pieces[p].lower < pieces[p].upper);
      if (p > 0) REQUIRE(pieces[p - 1].upper <= pieces[p].lower);
    }
    for (int n = 0; n < 40 && narrows; ++n) {
      std::string text;
      const Value value = some_value(random, text);
      bool meets_all = true;
      for (const RangeBound& bound : bounds.bounds) meets_all = meets_all && meets(value, bound);
      if (!meets_all) continue;
      ++met;
      std::string key;
      triples::encode_ordered(value, key);
      bool is_in = false;
      for (const KeyRange& piece : pieces)
        is_in = is_in || (key >= piece.lower && key < piece.upper);
      CHECK(is_in);
    }
  }
  CHECK(met > 1'000);  // or it would say nothing
}

TEST_CASE("range lookup: a pattern without a beginning narrows nothing, NULL is met by nothing") {
  Node pattern;
  RangeBound bound;
  bound.value = &pattern;
  bound.form = RangeBound::Form::kLike;
  std::vector<KeyRange> pieces;
  pattern.literal = OwnedValue(Value::text_of("%a"));
  CHECK(!find_ranges({bound}, {}, pieces));
  pattern.literal = OwnedValue(Value::null());
  CHECK(find_ranges({bound}, {}, pieces));
  CHECK(pieces.empty());
  pattern.literal = OwnedValue(Value::text_of("abcd%"));
  CHECK(find_ranges({bound}, {}, pieces));
  CHECK(pieces.size() == 10);  // eight cases of three letters, and what is no TEXT on both sides
}

}  // namespace tremula::test
