#include "cli/printer.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/json_text.h"

namespace tremula::cli {
namespace {

void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// RFC 4180 as EXPORT writes it: NULL is an empty field, empty TEXT is "".
void add_csv_field(std::string& line, const Value& value) {
  if (value.is_null()) return;
  const std::string text = value.kind() == ValueKind::kText ? value.as_text() : value.to_json();
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

}  // namespace

std::optional<Mode> mode_named(std::string_view name) {
  if (name == "json") return Mode::kJson;
  if (name == "table") return Mode::kTable;
  if (name == "csv") return Mode::kCsv;
  return std::nullopt;
}

Mode default_mode() { return isatty(STDOUT_FILENO) ? Mode::kTable : Mode::kJson; }

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

void print_error(const Error& error) {
  std::fflush(stdout);
  std::fwrite(error.text.data(), 1, error.text.size(), stderr);
  if (!error.text.ends_with('\n')) std::fputc('\n', stderr);
}

Error command_error(ErrorCode code, std::string_view message) {
  Error error;
  error.code = code;
  error.message = message;
  error.text = "error: " + std::string(error_code_name(code)) + ": " + error.message;
  return error;
}

void Printer::line(std::string_view text) {
  write(text);
  write("\n");
}

void Printer::begin_rows(std::span<const std::string> columns) {
  if (mode_ == Mode::kTable) {
    table_.emplace(std::vector<std::string>(columns.begin(), columns.end()));
    lines_ = 0;
    stopped_ = false;
  }
  if (mode_ != Mode::kCsv) return;
  std::string header;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) header += ',';
    add_csv_field(header, columns[i]);
  }
  line(header);
}

void Printer::row(std::string_view row_json) {
  if (mode_ == Mode::kJson) return line(row_json);
  if (mode_ == Mode::kTable) {
    if (stopped_) return;
    table_->add_row(row_json);
    if (table_->wants_part()) print_part();
    return;
  }
  std::string fields;
  const Cells cells = cells_of(row_json);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) fields += ',';
    add_csv_field(fields, cells[i].second);
  }
  line(fields);
}

// The lines of SHOW come without their columns: each has them in itself.
void Printer::show(std::string_view row_json) {
  if (mode_ != Mode::kTable) return line(row_json);
  if (!table_) begin_rows({});
  row(row_json);
}

bool Printer::table_line(const std::string& text) {
  if (pager_ != nullptr && !pager_->line(text)) return false;
  if (pager_ == nullptr) line(text);
  ++lines_;
  return true;
}

void Printer::print_part() {
  if (stopped_) return;
  if (lines_ == 0 && pager_ != nullptr) pager_->begin();
  stopped_ = !table_->print_part(terminal_width(),
                                 [this](const std::string& text) { return table_line(text); });
  if (stopped_) stop_();
}

// Only of a table that was stopped in its last part is known how many rows it has.
void Printer::end_rows() {
  if (!table_) return;
  const bool is_last_part = !stopped_;
  print_part();
  const std::string rows = std::to_string(table_->row_count()) +
                           (table_->row_count() == 1 ? " row" : " rows");
  if (!stopped_) stopped_ = !table_line("(" + rows + ")");
  if (stopped_)
    line("(" + (is_last_part ? rows + ", " : "") + "stopped after " + std::to_string(lines_) +
         " lines)");
  table_.reset();
}

void Printer::take(const Output& output) {
  const bool is_row = output.kind == OutputKind::kRow || output.kind == OutputKind::kShow;
  if (!is_row || output.statement != statement_) end_rows();
  statement_ = output.statement;
  switch (output.kind) {
    case OutputKind::kColumns: return begin_rows(output.columns);
    case OutputKind::kRow: return row(output.text);
    case OutputKind::kError: return print_error(*output.error);
    case OutputKind::kSnapshot:
    case OutputKind::kPatch:
      return mode_ == Mode::kTable && take_live_ ? take_live_(output) : line(output.text);
    case OutputKind::kShow: return show(output.text);
    case OutputKind::kWrite:
    case OutputKind::kExplain:
      if (!output.text.empty()) line(output.text);
      return;
  }
}

void Printer::rows(const Rows& rows) {
  begin_rows(rows.columns());
  for (std::size_t i = 0; i < rows.size(); ++i) row(rows.json(i));
  end_rows();
}

bool Printer::finish() {
  end_rows();
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return true;
  print_error(
      command_error(ErrorCode::kIo, std::string("standard output: ") + std::strerror(errno)));
  return false;
}

}  // namespace tremula::cli
