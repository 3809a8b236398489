// CellTexts: the texts that cells own, one by one, and how many bytes they take.
//
// Thread: the writer thread alone.
#pragma once

#include <cstddef>

#include "core/triples/value.h"

namespace tremula::lsm {

class CellTexts {
 public:
  // Whether the cell that holds the value must release() it.
  static bool owned(triples::Value value) {
    return value.has_bytes() && value.size > 0 && !value.kept_by_chunk;
  }
  // The value with bytes of its own.
  triples::Value copy(triples::Value value);
  // Frees its bytes, if it owns any.
  void release(triples::Value value) {
    if (owned(value)) free_text(value);
  }
  std::size_t bytes() const { return bytes_; }
  // What the allocator takes for it, near enough for the books.
  static std::size_t bytes_of(triples::Value value);

 private:
  void free_text(triples::Value value);
  std::size_t bytes_ = 0;
};

}  // namespace tremula::lsm
