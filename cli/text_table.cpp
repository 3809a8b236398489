#include "cli/text_table.h"

#include <wchar.h>

#include <algorithm>
#include <numeric>

#include "cli/json_text.h"
#include "core/triples/utf8.h"

namespace tremula::cli {
namespace {

constexpr std::size_t kGap = 2;        // between columns
constexpr std::size_t kNarrowest = 4;  // a column is never shortened below this
constexpr std::size_t kIndent = 2;
constexpr const char* kInverse = "\033[7m";
constexpr const char* kPlain = "\033[0m";

std::size_t point_width(std::uint32_t point) {
  const int width = wcwidth(static_cast<wchar_t>(point));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

bool is_nested(const Value& value) { return value.kind() == ValueKind::kJson; }

bool is_array_of_objects(std::string_view json) {
  if (!json.starts_with("[{")) return false;
  const auto elements = elements_of(json);
  return std::all_of(elements.begin(), elements.end(),
                     [](std::string_view element) { return element.starts_with('{'); });
}

}  // namespace

std::size_t display_width(std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (plain) return text.size();
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();)
    width += point_width(triples::read_code_point(text, at));
  return width;
}

std::string display_text(const Value& value) {
  if (value.is_null()) return "NULL";
  if (value.kind() != ValueKind::kText) return value.to_json();
  const std::string& text = value.as_text();
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7F;
  });
  return plain ? text : value.to_json();
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t used = 1;  // of the …
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size(); end = at) {
    used += point_width(triples::read_code_point(text, at));
    if (used > width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

struct TextTable::Shape {
  struct Column {
    std::string name;
    std::size_t width = 0;
    bool number = false;           // its first value is one
    bool filled = false;           // it had a value
    bool scalar = false;           // it stands in the row's line, in one row at least
    std::unique_ptr<Shape> inner;  // it holds objects, in one row at least
  };
  std::vector<Column> columns;

  Column& column(std::size_t hint, std::string_view name) {
    if (hint < columns.size() && columns[hint].name == name) return columns[hint];
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [name](const Column& column) { return column.name == name; });
    if (found != columns.end()) return *found;
    Column& added = columns.emplace_back();
    added.name = name;
    added.width = display_width(name);
    return added;
  }

  void take(std::string_view object) {
    std::size_t at = 0;
    for (const auto& [name, value] : cells_of(object)) {
      Column& into = column(at++, name);
      if (is_nested(value)) {
        into.filled = true;
        take_nested(into, value.as_text());
        continue;
      }
      const bool number = value.kind() == ValueKind::kInt || value.kind() == ValueKind::kReal;
      if (!value.is_null()) {
        if (!into.filled) into.number = number;
        into.filled = true;
        into.scalar = true;
      }
      into.width = std::max(into.width, display_width(display_text(value)));
    }
  }

  static void take_nested(Column& into, std::string_view json) {
    if (json.starts_with('{')) {
      if (!into.inner) into.inner = std::make_unique<Shape>();
      into.inner->take(json);
    } else if (is_array_of_objects(json)) {
      if (!into.inner) into.inner = std::make_unique<Shape>();
      for (const std::string_view element : elements_of(json)) into.inner->take(element);
    }
  }

  // Whether a column stands in the line of its row. One that only ever was NULL does, too.
  static bool in_line(const Column& column) { return column.scalar || !column.filled; }
};

namespace {

using Shape = TextTable::Shape;

// Prints the rows of one array.
class RowPrinter {
 public:
  RowPrinter(const Shape& shape, std::size_t indent, std::size_t width_max,
             const TextTable::LineSink& line)
      : shape_(shape), indent_(indent), width_max_(width_max), line_(line) {
    fit();
  }

  bool head() {
    if (width_.empty()) return true;
    begin_line();
    for (std::size_t i = 0; i < shape_.columns.size(); ++i)
      add_cell(i, shape_.columns[i].name, shape_.columns[i].number, false);
    if (!end_line()) return false;
    begin_line();
    for (std::size_t i = 0; i < shape_.columns.size(); ++i)
      add_cell(i, std::string(width_of(i), '-'), false, false);
    return end_line();
  }

  // `number`: of the row, from 1, said where its line would be empty.
  bool row(std::string_view object, const ChangeMark* mark, std::size_t number) {
    const Cells cells = cells_of(object);
    begin_line();
    std::vector<const std::pair<std::string, Value>*> below;
    if (width_.empty()) text_ += "#" + std::to_string(number);
    for (std::size_t i = 0; i < shape_.columns.size(); ++i) {
      const auto* cell = find(cells, i);
      const bool in_line = Shape::in_line(shape_.columns[i]);
      if (cell != nullptr && (!in_line || is_nested(cell->second))) {
        below.push_back(cell);
        cell = nullptr;
      }
      if (cell == nullptr) {
        add_cell(i, "", false, false);
        continue;
      }
      const ValueKind kind = cell->second.kind();
      add_cell(i, display_text(cell->second), kind == ValueKind::kInt || kind == ValueKind::kReal,
               is_marked(mark, cell->first));
    }
    if (!end_line()) return false;
    for (const auto* cell : below)
      if (!nested(*cell, mark)) return false;
    return true;
  }

 private:
  static bool is_marked(const ChangeMark* mark, std::string_view member) {
    if (mark == nullptr) return false;
    const ChangeMark* below = mark->at(member);
    return mark->whole || (below != nullptr && below->whole);
  }

  const std::pair<std::string, Value>* find(const Cells& cells, std::size_t column) const {
    const std::string& name = shape_.columns[column].name;
    if (column < cells.size() && cells[column].first == name) return &cells[column];
    const auto found = std::find_if(cells.begin(), cells.end(),
                                    [&name](const auto& cell) { return cell.first == name; });
    return found == cells.end() ? nullptr : &*found;
  }

  // Shortens the widest columns until a line fits.
  void fit() {
    place_.resize(shape_.columns.size());
    for (std::size_t i = 0; i < shape_.columns.size(); ++i) {
      if (!Shape::in_line(shape_.columns[i])) continue;
      place_[i] = width_.size();
      width_.push_back(shape_.columns[i].width);
    }
    if (width_max_ == 0 || width_.empty()) return;
    std::size_t total =
        std::accumulate(width_.begin(), width_.end(), indent_ + kGap * (width_.size() - 1));
    while (total > width_max_) {
      const auto widest = std::max_element(width_.begin(), width_.end());
      if (*widest <= kNarrowest) break;
      const std::size_t less =
          std::min(total - width_max_, std::max<std::size_t>((*widest - kNarrowest) / 8, 1));
      *widest -= less;
      total -= less;
    }
  }

  std::size_t width_of(std::size_t column) const {
    return Shape::in_line(shape_.columns[column]) ? width_[place_[column]] : 0;
  }

  void begin_line() {
    text_.assign(indent_, ' ');
    end_ = text_.size();
  }

  void add_cell(std::size_t column, const std::string& cell, bool to_the_right, bool marked) {
    if (!Shape::in_line(shape_.columns[column])) return;
    const std::size_t width = width_[place_[column]];
    if (place_[column] > 0) text_.append(kGap, ' ');
    const std::string shown = shorten(cell, width);
    const std::size_t used = display_width(shown);
    const std::size_t blanks = width > used ? width - used : 0;
    if (to_the_right) text_.append(blanks, ' ');
    if (marked) text_ += kInverse;
    text_ += shown.empty() && marked ? " " : shown;
    if (marked) text_ += kPlain;
    if (!shown.empty() || marked) end_ = text_.size();
    if (!to_the_right) text_.append(blanks, ' ');
  }

  bool end_line() {
    if (width_.empty()) end_ = text_.size();
    text_.resize(end_);
    return line_(text_);
  }

  bool nested(const std::pair<std::string, Value>& cell, const ChangeMark* mark) {
    const auto& [name, value] = cell;
    const ChangeMark whole{.whole = true, .elements = {}, .members = {}};
    const ChangeMark* below = mark == nullptr ? nullptr : mark->whole ? &whole : mark->at(name);
    const bool marked = below != nullptr && below->whole;
    const std::string text = is_nested(value) ? value.as_text() : display_text(value);
    const std::string label = std::string(indent_ + kIndent, ' ') + name + ":";
    const bool table = text.starts_with('{') || is_array_of_objects(text);
    if (!table) return leaf(label, text, is_nested(value), below);
    if (!line_(marked ? kInverse + label + kPlain : label)) return false;
    const auto column = std::find_if(shape_.columns.begin(), shape_.columns.end(),
                                     [&](const auto& other) { return other.name == name; });
    RowPrinter inner(*column->inner, indent_ + 2 * kIndent, width_max_, line_);
    if (!inner.head()) return false;
    if (text.starts_with('{')) return inner.row(text, below, 1);
    const auto elements = elements_of(text);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const ChangeMark* of_row = below == nullptr ? nullptr : below->whole ? below : below->at(i);
      if (!inner.row(elements[i], of_row, i + 1)) return false;
    }
    return true;
  }

  // A scalar, or an array of scalars, behind its name.
  bool leaf(const std::string& label, const std::string& text, bool array, const ChangeMark* mark) {
    std::string line = label + (array && text == "[]" ? " none" : "");
    const bool whole = mark != nullptr && mark->whole;
    const auto add = [&](const std::string& value, bool marked, bool first) {
      const std::string piece = (first ? " " : ", ");
      const std::size_t used = display_width(label);  // a line's own bound is the terminal's
      const std::size_t room = width_max_ > used + 2 ? width_max_ - used - 2 : 0;
      line += piece + (marked ? kInverse : "") +
              (width_max_ == 0 ? value : shorten(value, std::max(room, kNarrowest))) +
              (marked ? kPlain : "");
    };
    if (!array) {
      add(text, whole, true);
      return line_(line);
    }
    const auto elements = elements_of(text);
    std::size_t width = display_width(label);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Cells one = cells_of("{\"v\":" + std::string(elements[i]) + "}");
      const std::string shown = display_text(one.front().second);
      width += display_width(shown) + 2;
      if (width_max_ != 0 && i > 0 && width + 2 > width_max_) {
        line += ", …";
        break;
      }
      const ChangeMark* of_one = mark == nullptr ? nullptr : mark->at(i);
      add(shown, whole || (of_one != nullptr && of_one->whole), i == 0);
    }
    return line_(line);
  }

  const Shape& shape_;
  const std::size_t indent_;
  const std::size_t width_max_;
  const TextTable::LineSink& line_;
  std::vector<std::size_t> width_;  // of the columns that stand in the line
  std::vector<std::size_t> place_;  // of a column among them
  std::string text_;                // the line in hand
  std::size_t end_ = 0;             // of what isn't padding
};

}  // namespace

TextTable::TextTable(std::vector<std::string> columns) : shape_(std::make_unique<Shape>()) {
  for (std::size_t i = 0; i < columns.size(); ++i) shape_->column(i, columns[i]);
}
TextTable::~TextTable() = default;
TextTable::TextTable(TextTable&&) noexcept = default;
TextTable& TextTable::operator=(TextTable&&) noexcept = default;

void TextTable::add_row(std::string_view row_json) {
  shape_->take(row_json);
  rows_ += row_json;
  ends_.push_back(rows_.size());
}

std::string_view TextTable::row(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(rows_).substr(begin, ends_[index] - begin);
}

bool TextTable::print_rows(std::size_t width_max, const ChangeMark& marks,
                           const LineSink& line) const {
  RowPrinter printer(*shape_, 0, width_max, line);
  if (!shape_->columns.empty() && !printer.head()) return false;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const ChangeMark* mark = marks.whole ? &marks : marks.at(i);
    if (!printer.row(row(i), mark, i + 1)) return false;
  }
  return true;
}

bool TextTable::print_part(std::size_t width_max, const LineSink& line) {
  RowPrinter printer(*shape_, 0, width_max, line);
  if (!has_begun_ || columns_told_ < shape_->columns.size()) {
    if (!shape_->columns.empty() && !printer.head()) return false;
    columns_told_ = shape_->columns.size();
    has_begun_ = true;
  }
  for (std::size_t i = 0; i < ends_.size(); ++i)
    if (!printer.row(row(i), nullptr, rows_gone_ + i + 1)) return false;
  rows_gone_ += ends_.size();
  rows_.clear();
  ends_.clear();
  return true;
}

}  // namespace tremula::cli
