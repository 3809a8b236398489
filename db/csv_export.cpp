#include "db/csv_export.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "db/json_text.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 18;

void append_text(std::string_view text, std::string& out) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// One field, from the JSON text of its value. Text of a JSON column keeps its quotes: without them
// it would be read as other JSON.
void append_field(const dataflow::Property& column, std::string_view json, std::string& out) {
  const bool is_json =
      column.kind == dataflow::PropertyKind::kValue && column.expr->type == triples::Type::kJson;
  if (json == "null") return;
  if (is_json || json.front() != '"') return append_text(json, out);
  std::string text;
  unescape_json_string(json, text);
  append_text(text, out);
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::size_t> export_csv(Engine& engine, const treeql::Export& to,
                               const treeql::Statement& statement, const Arguments& arguments,
                               const Progress& progress) {
  const auto failed = [&to] {
    return Error{ErrorCode::kIo, to.file + ": " + std::strerror(errno), to.file_span};
  };
  std::unique_ptr<std::FILE, CloseFile> file;
  std::string text;
  const auto flush = [&] {
    if (!file) file.reset(std::fopen(to.file.c_str(), "wb"));
    const bool written =
        file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
    text.clear();
    return written;
  };
  for (const std::string& name : to.column_names) {
    if (&name != &to.column_names.front()) text += ',';
    append_text(name, text);
  }
  text += '\n';

  std::size_t rows = 0;
  std::size_t rows_total = 0;
  bool written = true;
  const auto& properties = to.select.shape.properties;
  const auto add_row = [&](std::string_view row) {
    std::size_t at = 0;
    for_each_member(row, [&](std::string_view, std::string_view value) {
      if (at > 0) text += ',';
      append_field(properties[at++], value, text);
    });
    text += '\n';
    ++rows;
    if (text.size() < kFlushBytes) return true;
    if (progress) progress(rows, rows_total);
    written = flush();
    return written;
  };
  // The file is opened late: a select that fails leaves the old one as it was.
  TREMULA_TRY(for_each_row(engine, to.select, statement, arguments, add_row,
                           [&rows_total](std::size_t count) { rows_total = count; }));
  if (!written || !flush() || std::fflush(file.get()) != 0) return failed();
  return rows;
}

}  // namespace tremula::db
