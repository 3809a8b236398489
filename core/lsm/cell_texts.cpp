#include "core/lsm/cell_texts.h"

#include <algorithm>
#include <cstring>

#include "core/triples/utf8.h"

namespace tremula::lsm {

using triples::Value;

std::size_t CellTexts::bytes_of(Value value) {
  if (!owned(value)) return 0;
  return std::max<std::size_t>(32, (std::size_t{value.size} + 8 + 15) / 16 * 16);
}

Value CellTexts::copy(Value value) {
  if (!value.has_bytes()) return value;
  value.kept_by_chunk = false;
  if (value.size == 0) {
    value.data = "";
    return value;
  }
  char* copy = new char[value.size];
  std::memcpy(copy, value.data, value.size);
  value.data = copy;
  value.is_ascii = triples::is_ascii(value.view());
  bytes_ += bytes_of(value);
  return value;
}

void CellTexts::free_text(Value value) {
  bytes_ -= bytes_of(value);
  delete[] value.data;
}

}  // namespace tremula::lsm
