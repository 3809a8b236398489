#include "core/triples/value.h"

#include <cstring>

namespace tremula::triples {

bool identical(Value a, Value b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kNull:
    case Kind::kMissing: return true;
    case Kind::kBool: return a.boolean == b.boolean;
    case Kind::kInt: return a.integer == b.integer;
    case Kind::kReal: return a.number == b.number;
    case Kind::kText:
    case Kind::kBytes:
    case Kind::kJson: break;
  }
  return a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0);
}

}  // namespace tremula::triples
