#include "core/dataflow/parameters.h"

#include <algorithm>

#include "core/base/flat_map.h"

namespace tremula::dataflow {

using triples::Kind;
using triples::Value;

namespace {

std::uint64_t hash_value(Value v) {
  const auto kind = static_cast<std::uint64_t>(v.kind);
  switch (v.kind) {
    case Kind::kNull:
    case Kind::kMissing: return base::hash_int(kind);
    case Kind::kBool: return base::hash_combine(kind, v.boolean ? 1 : 0);
    case Kind::kInt:
    case Kind::kReal: return base::hash_combine(kind, static_cast<std::uint64_t>(v.integer));
    default: return base::hash_combine(kind, base::hash_bytes(v.view()));
  }
}

}  // namespace

std::uint64_t hash_vector(std::span<const Value> values) {
  std::uint64_t hash = values.size();
  for (const Value& v : values) hash = base::hash_combine(hash, hash_value(v));
  return base::hash_int(hash);
}

bool same_vector(std::span<const Value> a, std::span<const Value> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!identical(a[i], b[i])) return false;
  return true;
}

std::size_t tail_bytes(std::span<const Value> values) {
  std::size_t bytes = values.size() * sizeof(Value);
  for (const Value& v : values)
    if (v.has_bytes()) bytes += v.size;
  return bytes;
}

void fill_tail(std::span<const Value> values, Value* tail) {
  char* at = reinterpret_cast<char*>(tail + values.size());
  for (const Value& v : values) {
    Value* made = ::new (tail++) Value(v);
    if (!v.has_bytes()) continue;
    std::copy(v.data, v.data + v.size, at);
    made->data = at;
    at += v.size;
  }
}

}  // namespace tremula::dataflow
