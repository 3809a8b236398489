// TextTable: rows in aligned columns, for a person at a terminal.
//
//    AlbumId  Title
//   --------  -----------
//          1  For Those…        numbers to the right, what is too wide ends with …
//   (1 row)
//
// Thread: values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tremula/tremula.h"

namespace tremula::cli {

// How many columns of a terminal `text` takes.  Requires: setlocale() was called.
std::size_t display_width(std::string_view text);

// A value as one line of text: TEXT as it is, NULL as `NULL`, the rest (and TEXT with control
// characters) as in JSON.
std::string display_text(const Value& value);

// The first `width` terminal columns of `text`, the last one … if something is left out.
std::string shorten(std::string_view text, std::size_t width);

class TextTable {
 public:
  // Columns that are empty take their names from the first row.
  explicit TextTable(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  // Requires: a JSON object as the database prints it, with the table's columns.
  void add_row(std::string_view row_json);
  // The lines of the table, each ended by '\n'.
  // width_max: of a line, 0 for no bound; too wide columns are shortened, the widest first.
  std::string text(std::size_t width_max) const;
  std::size_t row_count() const { return rows_.size(); }

 private:
  struct Cell {
    std::string text;
    bool to_the_right = false;
  };
  std::vector<std::size_t> widths(std::size_t width_max) const;

  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tremula::cli
