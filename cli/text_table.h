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
  // Gives the lines of the table: head and rows; the cells that `marks` names are shown inverse.
  // width_max: of a line, 0 for no bound; too wide columns are shortened, the widest first.
  // Returns: false if the sink did.
  bool print_rows(std::size_t width_max, const ChangeMark& marks, const LineSink& line) const;

  // A long table goes in parts, so that it is never held whole: the rows since the last part, below
  // the head if it is the first one or has more columns. Columns only get wider from part to part.
  bool print_part(std::size_t width_max, const LineSink& line);
  // Whether so many rows wait that they should go as a part.
  bool wants_part() const { return rows_.size() > kPartBytes || ends_.size() >= kPartRows; }
  std::size_t row_count() const { return rows_gone_ + ends_.size(); }

  // The columns of one array of the tree, over all rows that have it.
  struct Shape;

 private:
  static constexpr std::size_t kPartRows = 10'000;
  static constexpr std::size_t kPartBytes = std::size_t{1} << 20;

  std::string_view row(std::size_t index) const;

  std::unique_ptr<Shape> shape_;
  std::string rows_;               // JSON, one after the other: cut into cells when printed
  std::vector<std::size_t> ends_;  // of each row
  std::size_t rows_gone_ = 0;      // with earlier parts
  std::size_t columns_told_ = 0;   // by their heads
  bool has_begun_ = false;
};

}  // namespace tremula::cli
