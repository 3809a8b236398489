#include "core/triples/value_text.h"

#include "core/triples/value_ops.h"

namespace tremula::triples {

ValueText::ValueText(Value value) {
  switch (value.kind) {
    case Kind::kNull:
    case Kind::kMissing: is_null_ = true; break;
    case Kind::kBool: view_ = value.boolean ? "true" : "false"; break;
    case Kind::kInt:
      is_local_ = true;
      view_ = {buffer_, format_int(value.integer, buffer_)};
      break;
    case Kind::kReal:
      is_local_ = true;
      view_ = {buffer_, format_real(value.number, buffer_)};
      break;
    case Kind::kBytes:
      is_null_ = find_invalid_utf8(value.view()) != std::string_view::npos;
      [[fallthrough]];
    case Kind::kText:
    case Kind::kJson: view_ = value.view(); break;
  }
}

}  // namespace tremula::triples
