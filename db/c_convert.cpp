// Values across the C face's border.
#include <cstdlib>
#include <new>

#include "db/c_face.h"

namespace tremula::c_face {

ValueView view_of(const tremula_value& value) {
  const bool has_text = value.kind >= TREMULA_KIND_TEXT;
  if (has_text && value.text.data == nullptr && value.text.size != 0)
    throw Misused("a value whose text is a null pointer");
  const std::string_view text(value.text.size == 0 ? "" : value.text.data,
                              has_text ? value.text.size : 0);
  switch (value.kind) {
    case TREMULA_KIND_NULL: return {};
    case TREMULA_KIND_BOOL: return value.integer != 0;
    case TREMULA_KIND_INT: return value.integer;
    case TREMULA_KIND_REAL: return value.real;
    case TREMULA_KIND_TEXT: return text;
    case TREMULA_KIND_BYTES: return ValueView::bytes(text);
    case TREMULA_KIND_JSON: return ValueView::json(text);
    default: break;
  }
  throw Misused("a value of kind " + std::to_string(value.kind) + ", which there is not");
}

std::vector<NamedValue> named_of(const tremula_named* named, std::size_t count) {
  if (named == nullptr && count != 0) throw Misused("values that are a null pointer");
  std::vector<NamedValue> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (named[i].name == nullptr) throw Misused("a value whose name is a null pointer");
    values.push_back({named[i].name, view_of(named[i].value)});
  }
  return values;
}

std::vector<ValueView> key_of(const tremula_value* key, std::size_t count) {
  if (key == nullptr && count != 0) throw Misused("a key that is a null pointer");
  std::vector<ValueView> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) values.push_back(view_of(key[i]));
  return values;
}

tremula_text text_for(std::string_view text) {
  return {text.empty() ? "" : text.data(), text.size()};
}

tremula_value value_for(const Value& value) {
  tremula_value out = tremula_null_value();
  out.kind = static_cast<std::int32_t>(value.kind());
  switch (value.kind()) {
    case ValueKind::kNull: break;
    case ValueKind::kBool: out.integer = value.as_bool() ? 1 : 0; break;
    case ValueKind::kInt: out.integer = value.as_int(); break;
    case ValueKind::kReal: out.real = value.as_real(); break;
    default: out.text = text_for(value.as_text()); break;
  }
  return out;
}
static_assert(static_cast<int>(ValueKind::kJson) == TREMULA_KIND_JSON);
static_assert(static_cast<int>(ValueKind::kText) == TREMULA_KIND_TEXT);

char* copy_for(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

}  // namespace tremula::c_face

namespace {

tremula_value text_value(std::int32_t kind, const char* data, std::size_t size) {
  tremula_value value = tremula_null_value();
  value.kind = kind;
  value.text = {data, size};
  return value;
}

}  // namespace

tremula_value tremula_null_value(void) {
  return {TREMULA_KIND_NULL, 0, 0, 0.0, tremula_text{nullptr, 0}};
}

tremula_value tremula_bool_value(int32_t value) {
  return {TREMULA_KIND_BOOL, 0, value != 0 ? 1 : 0, 0.0, tremula_text{nullptr, 0}};
}

tremula_value tremula_int_value(int64_t value) {
  return {TREMULA_KIND_INT, 0, value, 0.0, tremula_text{nullptr, 0}};
}

tremula_value tremula_real_value(double value) {
  return {TREMULA_KIND_REAL, 0, 0, value, tremula_text{nullptr, 0}};
}

tremula_value tremula_text_value(const char* text) {
  return text == nullptr ? tremula_null_value()
                         : text_value(TREMULA_KIND_TEXT, text, std::strlen(text));
}

tremula_value tremula_bytes_value(const void* data, size_t size) {
  return text_value(TREMULA_KIND_BYTES, static_cast<const char*>(data), size);
}

tremula_value tremula_json_value(const char* json) {
  return json == nullptr ? tremula_null_value()
                         : text_value(TREMULA_KIND_JSON, json, std::strlen(json));
}

void tremula_free(void* memory) { std::free(memory); }
