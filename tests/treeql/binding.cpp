#include "tests/treeql/binding.h"

#include "core/triples/value_ops.h"
#include "tests/treeql/plan_check.h"
#include "tests/treeql/plan_text.h"

namespace tremula::treeql {
namespace {

constexpr const char* kSchema = R"(
TABLE Artist = 1 ( ArtistId INT = 1 KEY, Name TEXT = 2 );
TABLE Album = 2 (
  AlbumId INT = 1 KEY, Title TEXT = 2 NOT NULL, ArtistId INT = 3 INDEX REF Artist,
  Plays INT = 4 COUNTER DEFAULT 0
) STRICT;
TABLE PlaylistTrack = 11 ( PlaylistId INT = 1, TrackId INT = 2, Note TEXT = 3,
                           KEY (PlaylistId, TrackId) );
TABLE Note = 12 ( Body TEXT = 1 );
TABLE Thing = 13 ( Id INT = 1 KEY, B BOOL = 2, I INT = 3, R REAL = 4, T TEXT = 5, Y BYTES = 6,
                   J JSON = 7 );
)";

triples::Catalog make_catalog() {
  triples::Catalog catalog;
  Script script = Script::open(kSchema).value();
  while (true) {
    std::optional<Statement> statement = script.next(catalog).value();
    if (!statement) break;
    triples::TableDef table = std::get<DeclareTable>(statement->body).table;
    if (table.name == "Note") {
      triples::ColumnDef mood;
      mood.name = "mood";
      mood.attr = triples::AttrId{triples::kMaxDeclaredNumber + 1};
      mood.declared = false;
      table.columns.push_back(mood);
    }
    catalog.put(table);
  }
  return catalog;
}

std::string error_line(const base::Error& error, const std::string& source) {
  const std::string shown = format_error(error, source);
  return shown.substr(7, shown.find('\n') - 7);  // without "error: "
}

std::string column_text(const triples::ColumnDef& column) {
  std::string text = column.name + " " + std::string(triples::type_name(column.type)) + "=" +
                     std::to_string(static_cast<std::uint32_t>(column.attr));
  if (column.key_position >= 0) text += " key" + std::to_string(column.key_position);
  if (column.not_null) text += " notnull";
  if (column.default_value) {
    text += " default ";
    triples::print_json(column.default_value->value(), text);
  }
  if (column.indexed) text += " index";
  if (!column.references.empty()) text += " ref " + column.references;
  if (column.merge_given) {
    text += " rule" + std::to_string(static_cast<unsigned>(column.merge));
  }
  return text;
}

}  // namespace

const triples::Catalog& test_catalog() {
  static const triples::Catalog catalog = make_catalog();
  return catalog;
}

std::string bound(const std::string& text) {
  auto script = Script::open(text);
  if (!script.ok()) return error_line(script.error(), text);
  std::string result;
  while (true) {
    auto statement = script.value().next(test_catalog());
    if (!statement.ok()) {
      result += (result.empty() ? "" : "\n") + error_line(statement.error(), text);
      continue;
    }
    if (!statement.value()) return result;
    const std::string problem = plan_problem(*statement.value());
    result += (result.empty() ? "" : "\n") + problem + plan_text(*statement.value());
  }
}

std::string failure(const std::string& text) {
  auto script = Script::open(text);
  if (!script.ok()) return format_error(script.error(), text);
  while (true) {
    auto statement = script.value().next(test_catalog());
    if (!statement.ok()) return format_error(statement.error(), text);
    if (!statement.value()) return "";
  }
}

std::string declared(const std::string& text) {
  auto script = Script::open(text);
  if (!script.ok()) return error_line(script.error(), text);
  auto statement = script.value().next(test_catalog());
  if (!statement.ok()) return error_line(statement.error(), text);
  const triples::TableDef& table = std::get<DeclareTable>(statement.value()->body).table;
  std::string result = table.name + "=" + std::to_string(static_cast<std::uint32_t>(table.type));
  if (table.strict) result += " strict";
  if (table.generated_key) result += " generated";
  for (const triples::ColumnDef& column : table.columns) result += ", " + column_text(column);
  for (const auto& [first, last] : table.reserved) {
    result += ", reserved " + std::to_string(first) + "-" + std::to_string(last);
  }
  return result;
}

}  // namespace tremula::treeql
