// Fuzzes the reader of commit records: any bytes are an error or rows that can be written again.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/triples/commit_record.h"

using namespace tremula::triples;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CommitReader reader({reinterpret_cast<const char*>(data), size});
  CommitWriter writer;
  WrittenRow row;
  std::size_t rows = 0;
  for (;; ++rows) {
    const auto more = reader.next(row);
    if (!more.ok()) return 0;
    if (!more.value()) break;
    writer.begin_row(row.type, row.slot, row.fate, row.key, row.cells.size());
    for (const WrittenCell& cell : row.cells) writer.cell(cell.attr, cell.value);
  }
  CommitReader again(writer.view());
  std::size_t rows_again = 0;
  for (;; ++rows_again) {
    const auto more = again.next(row);
    if (!more.ok()) __builtin_trap();
    if (!more.value()) break;
  }
  if (rows_again != rows) __builtin_trap();
  return 0;
}
