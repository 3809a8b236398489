#include "core/dataflow/route_index.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_text.h"

namespace tremula::dataflow {

using triples::Value;

namespace {

// Least of all bytes behind `bytes`.
std::string behind(std::string bytes) {
  bytes += '\0';
  return bytes;
}

std::string encoded(Value value) {
  std::string bytes;
  triples::encode_ordered(value, bytes);
  return bytes;
}

// All values but NULL.
Interval all_values() { return {behind(encoded(Value::null())), "\xFF"}; }

// What begins as the pattern must in the letters that LIKE compares by: one byte each, and no
// wildcards.
Interval like_interval(Value pattern) {
  const triples::ValueText text(pattern);
  if (text.is_null()) return {};
  std::string prefix = encoded(Value::text_of(""));
  prefix.resize(1);  // the mark of a text alone
  for (const char c : text.view()) {
    if (c == '%' || c == '_' || c <= '\0' || c > '\x7E') break;
    prefix += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  std::string end = triples::prefix_end(prefix);
  return {std::move(prefix), std::move(end)};
}

Interval bound_interval(const RouteBound& bound, Value parameter) {
  if (bound.kind == RouteBound::Kind::kLike) return like_interval(parameter);
  if (parameter.is_null()) return {};
  Interval interval = all_values();
  std::string bytes = encoded(parameter);
  switch (bound.kind) {
    case RouteBound::Kind::kFrom: interval.lower = std::move(bytes); break;
    case RouteBound::Kind::kBehind: interval.lower = behind(std::move(bytes)); break;
    case RouteBound::Kind::kBelow: interval.upper = std::move(bytes); break;
    default: interval.upper = behind(std::move(bytes)); break;
  }
  return interval;
}

// As LIKE sees it.
void encode_folded(Value value, std::string& out) {
  const triples::ValueText text(value);
  if (text.is_null()) {
    triples::encode_ordered(Value::null(), out);
    return;
  }
  const std::size_t begin = out.size();
  triples::encode_ordered(Value::text_of(text.view()), out);
  for (std::size_t i = begin + 1; i < out.size(); ++i)
    if (out[i] >= 'A' && out[i] <= 'Z') out[i] = static_cast<char>(out[i] + ('a' - 'A'));
}

}  // namespace

void RouteValues::read(const RouteKey& route, const RowContext& row) {
  key.clear();
  point.clear();
  for (const Node* node : route.of_row) triples::encode_ordered(evaluate(*node, row), key);
  if (!route.has_range()) return;
  const Value value = evaluate(*route.range, row);
  if (route.folded)
    encode_folded(value, point);
  else
    triples::encode_ordered(value, point);
}

std::string RouteIndex::key_of(std::span<const Value> parameters) const {
  std::string key;
  for (const std::uint32_t p : route_.parameters) triples::encode_ordered(parameters[p], key);
  return key;
}

Interval RouteIndex::interval_of(std::span<const Value> parameters) const {
  Interval all = all_values();
  for (const RouteBound& bound : route_.bounds) {
    Interval one = bound_interval(bound, parameters[bound.parameter]);
    if (one.lower > all.lower) all.lower = std::move(one.lower);
    if (one.upper < all.upper) all.upper = std::move(one.upper);
  }
  return all;
}

void RouteIndex::insert(std::span<const Value> parameters, CoreInstance* instance) {
  const std::string key = key_of(parameters);
  if (!route_.has_range()) {
    lists_[key].push_back(instance);
    return;
  }
  Interval interval = interval_of(parameters);
  if (!interval.empty()) trees_[key].insert(std::move(interval), instance);
}

void RouteIndex::erase(std::span<const Value> parameters, const CoreInstance* instance) {
  const std::string key = key_of(parameters);
  if (!route_.has_range()) {
    std::vector<CoreInstance*>* list = lists_.find(key);
    TREMULA_ASSERT(list != nullptr);
    std::erase(*list, instance);
    if (list->empty()) lists_.erase(key);
    return;
  }
  const Interval interval = interval_of(parameters);
  if (interval.empty()) return;
  IntervalTree* tree = trees_.find(key);
  TREMULA_ASSERT(tree != nullptr);
  tree->erase(interval, instance);
  if (tree->empty()) trees_.erase(key);
}

}  // namespace tremula::dataflow
