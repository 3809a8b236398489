// TextTable: rows in aligned columns, for a person at a terminal; trees below their rows.
//
//   AlbumId  Title
//   -------  -----------
//         1  For Those…        numbers to the right, what is too wide ends with …
//     tracks:
//       TrackId  Name
//       -------  ---------
//             6  Evil Walks    what a row holds, indented below it
//     awards: none
//   (1 row)
//
// Thread: values.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/change_marks.h"
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
  // A line without its newline.  Returns: false if no more are wanted.
  using LineSink = std::function<bool(const std::string& line)>;

  // Columns that are not named here follow them, named by the rows that have them.
  explicit TextTable(std::vector<std::string> columns);
  ~TextTable();
  TextTable(TextTable&&) noexcept;
  TextTable& operator=(TextTable&&) noexcept;

  // Requires: a JSON object as the database prints it.
  void add_row(std::string_view row_json);
  // Gives the lines of the table: head, rows, how many rows there are.
  // width_max: of a line, 0 for no bound; too wide columns are shortened, the widest first.
  // Returns: false if the sink did.
  bool print(std::size_t width_max, const LineSink& line) const;
  // The same without the last line; the cells that `marks` names for the rows are shown inverse.
  bool print_rows(std::size_t width_max, const ChangeMark& marks, const LineSink& line) const;
  std::size_t row_count() const { return ends_.size(); }

  // The columns of one array of the tree, over all rows that have it.
  struct Shape;

 private:
  std::string_view row(std::size_t index) const;

  std::unique_ptr<Shape> shape_;
  std::string rows_;               // JSON, one after the other: cut into cells when printed
  std::vector<std::size_t> ends_;  // of each row
};

}  // namespace tremula::cli
